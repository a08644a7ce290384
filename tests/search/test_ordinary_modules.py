"""What Lightning users write works in `run_search`, or ends in one line; test_suite.py has whole modules."""

import re
from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import (
    EarlyStopping,
    LearningRateFinder,
    LearningRateMonitor,
    RichProgressBar,
    TQDMProgressBar,
)

from autoact import ActivationSearch, apply, run_search
from autoact.errors import ConfigurationError, DataError, SearchFailedError
from autoact.tracking import LayerLogger
from autoact.training.fit import silent_trainer
from tests.search import ordinary
from tests.search.ordinary import Masked, Plain, loader, loaders, missing

SPACE = ["relu", "tanh"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*(num_workers|log_every_n_steps|isinstance.treespec|TF32)"),
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor"),  # by Dynamo, of its own doing
]


@pytest.fixture
def searched(tmp_path: Path) -> Callable[..., Any]:
    """Return a function that searches with a budget of 2."""

    def run(model: Any, data: Any = None, **settings: Any) -> Any:
        defaults = {"trainer": {"max_epochs": 2, "accelerator": "cpu"}, "budget": 2, "seeds": 2}
        given = {**defaults, "selection_seeds": 1, "space": SPACE, "quiet": True, **settings}
        return run_search(model, data or loaders(), out=tmp_path / "run", **given)

    return run


def states(result: Any) -> set[str]:
    assert not [training.error for training in result.trainings if training.error]
    return {training.state for training in result.trainings}


def test_manual_optimization_is_searched_without_a_mixture(searched):
    result = searched(ordinary.Manual)
    assert states(result) == {"finished"}
    assert "one-shot" not in {training.phase for training in result.trainings}
    assert "no mixture is trained first" in result.plan.describe()
    assert "optimizes manually" in result.plan.describe()


def test_a_search_without_a_mixture_is_resumed_without_one(searched, tmp_path):
    first = searched(ordinary.Manual)
    (tmp_path / "run" / "report.json").unlink()
    again = searched(ordinary.Manual, resume=True)
    assert [t.label for t in again.trainings] == [t.label for t in first.trainings]


def test_trainings_of_unknown_length_compare_fixed_activations(searched, monkeypatch):
    twentieths = count()  # of a second, whenever Lightning looks: after each batch
    clock = SimpleNamespace(monotonic=lambda: next(twentieths) / 20)
    monkeypatch.setattr("lightning.pytorch.callbacks.timer.time", clock)
    length = {"max_epochs": -1, "max_time": {"seconds": 1}, "accelerator": "cpu"}
    result = searched(Plain, trainer=length, budget=1)
    assert states(result) <= {"finished", "diverged"}
    assert "length of a training is unknown" in result.plan.describe()


def test_data_modules_find_a_trainer_in_setup(searched):
    assert states(searched(Plain, ordinary.TrainerInSetup)) == {"finished"}


@pytest.mark.parametrize(
    "callbacks",
    [
        [EarlyStopping("val_loss")],
        [LearningRateMonitor(), TQDMProgressBar()],
        [RichProgressBar()],
    ],
    ids=lambda callbacks: type(callbacks[0]).__name__,
)
def test_the_usual_callbacks_work(searched, callbacks):
    trainer = {"max_epochs": 2, "accelerator": "cpu", "callbacks": callbacks}
    assert states(searched(Plain, trainer=trainer)) == {"finished"}


def test_early_stopping_of_a_value_that_is_never_logged_fails_at_once(searched, tmp_path):
    trainer = {"max_epochs": 2, "accelerator": "cpu", "callbacks": [EarlyStopping("val_los")]}
    with pytest.raises(SearchFailedError, match=r"cannot be trained.*`val_los` which is not available"):
        searched(Plain, trainer=trainer)
    assert not (tmp_path / "run").exists()


class Rated(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.lr = 1e-2


def test_nothing_is_printed_under_quiet(searched, capfd):
    tuner = LearningRateFinder(num_training_steps=3)
    searched(Rated, trainer={"max_epochs": 2, "accelerator": "cpu", "callbacks": [tuner]}, budget=1)
    assert capfd.readouterr() == ("", "")


def test_the_assignment_of_a_compiled_model_fits_the_model_itself(searched):
    result = searched(ordinary.CompiledInSetup)
    assert list(result.assignment) == ["net._orig_mod.1"]
    assert torch.is_tensor(apply(Plain(), result.assignment).net(torch.ones(1, 2)))


class Late(Plain):
    """Makes its layers in setup, and gives them what was chosen, as `apply` advises."""

    def __init__(self) -> None:
        L.LightningModule.__init__(self)

    def setup(self, stage: str) -> None:
        self.net = ordinary.layers()
        apply(self, {"net.1": "tanh"})


def test_layers_made_in_setup_take_an_assignment_there(tmp_path):
    module = Late()
    made = silent_trainer({"max_epochs": 1, "accelerator": "cpu"}, root=str(tmp_path))
    made.fit(module, *loaders()[:2])
    made.validate(module, loaders()[1], verbose=False)
    assert isinstance(module.net[1], torch.nn.Tanh)


@pytest.mark.parametrize(
    ("data", "monitor"),
    [
        (ordinary.TwoValidations, "val_loss/dataloader_idx_0"),
        (ordinary.TwoValidations, "val_loss/dataloader_idx_1"),
        (ordinary.TwoTests, "val_loss"),
        ((loader(64), loader(16), [loader(16), loader(16)]), "val_loss"),
    ],
)
def test_validation_and_test_loaders_may_differ_in_number(searched, data, monitor):
    result = searched(Plain, data, monitor=monitor)
    assert states(result) == {"finished"}
    assert all(value > 0 for value in result.report["confirmation"]["comparison"])


class NamedLoaders(Plain):
    def validation_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        self.log(f"loss_{dataloader_idx}", self.step(batch), add_dataloader_idx=False)


def test_a_value_that_the_comparison_will_not_log_fails_before_the_budget(searched, tmp_path):
    two = [loader(16), loader(16)]
    with pytest.raises(ConfigurationError, match=r"'loss_1' was never logged in the comparison.*loss_0"):
        searched(NamedLoaders, (loader(64), two, loader(16)), monitor="loss_1")
    assert not (tmp_path / "run").exists()


def test_a_model_that_only_fails_when_changed_is_told_apart(searched):
    with pytest.raises(
        SearchFailedError,
        match=r"As it is the model trains; with searched activations it does not: AssertionError: no ReLU"
        r" \(.*ordinary.py, line \d+\)",
    ):
        searched(ordinary.OnlyReLU)


def test_what_the_mixture_logs_is_rehearsed_before_the_budget(searched, tmp_path, monkeypatch):
    def fail(self, path, layer, x):
        raise ValueError("this layer cannot be measured")

    monkeypatch.setattr(LayerLogger, "see", fail)
    with pytest.raises(SearchFailedError, match=r"with searched activations it does not:.* be measured"):
        searched(Plain)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("devices", "said"),
    [
        ({"devices": -1}, "devices is -1; give a number of devices"),
        ({"strategy": "ddp"}, "strategy is 'ddp', but each training has 1 device"),
        ({"num_nodes": 2}, "num_nodes is 2, but a training of a search is on one machine"),
    ],
    ids=str,
)
def test_devices_that_a_training_cannot_have_are_refused_in_a_line(searched, devices, said):
    with pytest.raises(ConfigurationError, match=said):
        searched(Plain, trainer={"max_epochs": 2, **devices})


@pytest.mark.parametrize("test", [(), (missing(16, 2),)], ids=len)
def test_targets_that_are_missing_are_left_to_the_loss_with_a_warning(searched, test):
    data = (missing(64, shuffle=True), missing(16, 1), *test)
    with pytest.warns(UserWarning, match="NaN or infinite") as warned:
        result = searched(Masked, data)
    assert states(result) == {"finished"}
    assert "one-shot" in {training.phase for training in result.trainings}
    (said,) = [str(each.message) for each in warned if "NaN" in str(each.message)]
    assert re.fullmatch(
        r"The training data hold \d+ values that are NaN or infinite in batch 0 \(of 16 there\), and others "
        r"in 3 more batches\. The selection data hold \d values that are NaN or infinite in batch 0 \(of "
        r"(16|8) there\)\. Still finite with them: loss and gradients, val_loss\. The search leaves them in, "
        r"and the model decides what they count\.",
        said,
    )


def test_the_warning_speaks_of_what_was_tried(searched):
    finite = r"there\)\. Still finite with them: {}\. The search"
    with pytest.warns(UserWarning, match=f"^The training data .* {finite.format('loss and gradients')}"):
        searched(Masked, (missing(16), loader(16, 1), loader(16, 2)), dry_run=True)
    with pytest.warns(UserWarning, match=f"^The selection data .* {finite.format('val_loss')}"):
        searched(Masked, (loader(16), missing(16, 1), loader(16, 2)), dry_run=True)


def test_a_resumed_search_does_not_warn_again(searched, tmp_path):
    data = (missing(64), missing(16, 1), missing(16, 2))
    with pytest.warns(UserWarning, match="NaN or infinite"):
        first = searched(Masked, data)
    (tmp_path / "run" / "report.json").unlink()
    assert searched(Masked, data, resume=True).verdict == first.verdict


@pytest.mark.parametrize(
    ("model", "data", "why"),
    [
        (Plain, (missing(64), missing(16), loader(16)), "training data .* the model's loss is nan there"),
        (Plain, (loader(64), missing(16), loader(16)), "selection data .* val_loss is nan in the validation"),
    ],
)
def test_targets_that_the_loss_does_not_leave_out_are_refused(searched, tmp_path, model, data, why):
    with pytest.raises(DataError, match=f"{why}\\. Remove or fill such rows .*, or leave them out of the"):
        searched(model, data)
    assert not (tmp_path / "run").exists()


def test_the_callback_takes_targets_that_are_missing(tmp_path):
    callback, module = ActivationSearch(SPACE), Masked()
    made = silent_trainer({"max_epochs": 2, "accelerator": "cpu"}, callbacks=[callback], root=str(tmp_path))
    made.fit(module, missing(64), missing(16, 1))
    assert callback.assignment
    assert made.callback_metrics["val_loss"].isfinite()
