"""A configuration is checked as a whole before anything runs, and says where it is wrong."""

import pickle
import re
from pathlib import Path

import pytest
import torch

from autoact.errors import AutoActError, ConfigurationError
from autoact.training.configuration import Component, load_configuration


def edit(folder: Path, old: str, new: str) -> Path:
    file = folder / "config.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    return file


def test_a_configuration_gives_model_data_trainer_space_and_search(user_folder: Path) -> None:
    found = load_configuration(user_folder / "config.yaml")
    model = found.model()
    assert found.data is not None
    assert (model.width, model.lr, found.data().batch_size) == (8, 1e-4, 4)
    assert found.trainer == {"max_epochs": 3}
    assert found.space.candidates == ("relu", "tanh")
    assert found.search == {"monitor": "val_loss", "budget": 5}


def test_every_call_makes_a_fresh_model_and_nested_classes(user_folder: Path) -> None:
    file = edit(
        user_folder, "width: 8", "width: 8\n    head: {class_path: torch.nn.ELU, init_args: {alpha: 0.5}}"
    )
    make = load_configuration(file).model
    first, second = make(), pickle.loads(pickle.dumps(make))()
    assert first is not second
    assert first.head is not second.head
    assert (type(second.head).__name__, second.head.alpha) == ("ELU", 0.5)


def test_callbacks_of_the_trainer_are_made(user_folder: Path) -> None:
    entry = "max_epochs: 3\n  callbacks:\n    - class_path: lightning.pytorch.callbacks.LearningRateMonitor"
    trainer = load_configuration(edit(user_folder, "max_epochs: 3", entry)).trainer
    assert [type(callback).__name__ for callback in trainer["callbacks"]] == ["LearningRateMonitor"]


def test_a_space_may_be_a_file_beside_the_configuration(user_folder: Path) -> None:
    (user_folder / "mine.yaml").write_text("version: 1\nname: mine\ncandidates: [sin, tanh]\n")
    found = load_configuration(edit(user_folder, "[relu, tanh]", "mine.yaml"))
    assert (found.space.name, found.space.candidates) == ("mine", ("sin", "tanh"))


def test_what_lightning_cli_leaves_empty_is_ignored(user_folder: Path) -> None:
    file = edit(user_folder, "trainer:", "ckpt_path: null\nseed_everything: true\ntrainer:")
    assert load_configuration(file).trainer == {"max_epochs": 3}


def test_optimizer_and_scheduler_of_lightning_cli_are_used(user_folder: Path) -> None:
    beside = (
        "optimizer: {class_path: torch.optim.SGD, init_args: {lr: 0.5, momentum: 0.9}}\n"
        "lr_scheduler: {class_path: torch.optim.lr_scheduler.StepLR, init_args: {step_size: 3}}\ntrainer:"
    )
    make = load_configuration(edit(user_folder, "trainer:", beside)).model
    module = pickle.loads(pickle.dumps(make))()
    module.layer = torch.nn.Linear(2, 2)
    (optimizer,), (scheduler,) = module.configure_optimizers()
    assert (type(optimizer), optimizer.defaults["momentum"]) == (torch.optim.SGD, 0.9)
    assert (scheduler.step_size, scheduler.get_last_lr()) == (3, [0.5])
    assert optimizer.param_groups[0]["params"] == list(module.parameters())


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("trainer:\n", "trianer:\n", "line 7, trianer: unknown key 'trianer'; allowed: model, data, trainer"),
        (
            "trainer:\n  max_epochs: 3\n",
            "",
            "the key 'trainer' is missing; give arguments of lightning.Trainer",
        ),
        (
            "width: 8",
            "widht: 8",
            "line 4, model.init_args.widht: unknown key 'widht'; allowed: width, lr, head. Did",
        ),
        ("width: 8", "width: wide", "line 4, model.init_args.width: got 'wide'. Expected a int"),
        ("    width: 8\n", "", "model.init_args: the following arguments are required: width"),
        (".Model", ".Modle", "line 2, model.class_path: module user_"),
        (".Model", ".Data", "is not a LightningModule; give a class that derives from it."),
        ("init_args", "init_arg", "unknown key 'init_arg'; allowed: class_path, init_args. Did you mean"),
        ("max_epochs: 3", "max_epoch: 3", "line 8, trainer.max_epoch: unknown key 'max_epoch'"),
        ("max_epochs: 3", "max_epochs: few", "line 8, trainer.max_epochs: got 'few'. Expected a int"),
        (
            "[relu, tanh]",
            "[relu, tanhh]",
            "line 9, space[1]: No activation named 'tanhh'. Did you mean 'tanh'?",
        ),
        ("[relu, tanh]", "physix", "line 9, space: No search space named 'physix'"),
        ("[relu, tanh]", "[]", "line 9, space: Candidates are a list of at least one"),
        ("[relu, tanh]", "''", "line 9, space: No search space named ''"),
        ("[relu, tanh]", "false", "line 9, space: A search space is a name"),
        (
            "[relu, tanh]",
            "{candidate: [relu]}",
            "line 9, space.candidate: unknown key 'candidate'; allowed: version",
        ),
        ("budget", "buget", "line 12, search.buget: unknown key 'buget'; allowed: monitor, mode, budget"),
        (
            "trainer:",
            "optimizer: {lr: 1}\ntrainer:",
            "line 7, optimizer.lr: unknown key 'lr'; allowed: class_path, init_args",
        ),
        (
            "trainer:",
            "optimizer: {class_path: torch.optim.Adam, init_args: {lrr: 1}}\ntrainer:",
            "line 7, optimizer.init_args.lrr: unknown key 'lrr'; allowed: lr",
        ),
        ("trainer:", "optimizer: torch.nn.Linear\ntrainer:", "torch.nn.Linear is not a Optimizer"),
        (
            "trainer:",
            "lr_scheduler: torch.optim.lr_scheduler.ConstantLR\ntrainer:",
            "line 7, lr_scheduler: a scheduler needs the optimizer that it schedules",
        ),
        ("trainer:", "ckpt_path: a.ckpt\ntrainer:", "line 7, ckpt_path: ckpt_path is not used here"),
    ],
)
def test_a_mistake_is_named_with_file_line_and_remedy(
    user_folder: Path, old: str, new: str, said: str
) -> None:
    file = edit(user_folder, old, new)
    with pytest.raises(AutoActError, match=re.escape(said)) as caught:
        load_configuration(file, ("monitor", "mode", "budget"))
    assert str(caught.value).startswith(str(file))
    assert "\n" not in str(caught.value)


def test_an_empty_or_missing_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("")
    with pytest.raises(ConfigurationError, match="expected the keys model, data and trainer"):
        load_configuration(tmp_path / "config.yaml")
    with pytest.raises(ConfigurationError, match="Cannot read"):
        load_configuration(tmp_path / "nothing.yaml")


def test_what_a_constructor_raises_is_told_with_its_place(user_folder: Path) -> None:
    module = next(user_folder.glob("user_*.py")).stem
    make = Component(class_path=f"{module}.Broken", folders=(str(user_folder),))
    with pytest.raises(
        ConfigurationError, match=r"cannot be made: no such file: weights.bin \(.*user_.*line 18\)"
    ):
        make()


def test_a_missing_module_is_told_with_the_folders() -> None:
    with pytest.raises(ConfigurationError, match=r"No module named 'nowhere'; looked in /some/folder"):
        Component(class_path="nowhere.Model", folders=("/some/folder",))()


def test_the_module_that_was_meant_is_named(tmp_path: Path) -> None:
    (tmp_path / "my_models.py").touch()
    with pytest.raises(ConfigurationError, match=r"No module named 'mymodels'.*Did you mean 'my_models'\?"):
        Component(class_path="mymodels.Net", folders=(str(tmp_path),))()
