import copy
import importlib
import pickle
import subprocess
import sys
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.core.saving import _load_state

from autoact import auto_layers, convert, finalize
from autoact.errors import ConversionError
from autoact.training import ActivationSearch, remember
from tests.training.models import OneObject, Regression

SPACE = ["relu", "tanh", "elu"]
# Lightning itself cannot load what is made in setup, which it does not call then
loadable = pytest.mark.parametrize("any_module", ["Regression", "Hyper", "Late"], indirect=True)


@pytest.fixture
def saved(any_module, loaders, make_trainer, tmp_path):
    """A trained model and its checkpoint."""
    model = any_module()
    trainer = make_trainer(ActivationSearch(SPACE))
    trainer.fit(model, *loaders)
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    return model, tmp_path / "model.ckpt"


@loadable
def test_the_users_own_class_loads_the_converted_model(saved, any_module):
    model, path = saved
    loaded = any_module.load_from_checkpoint(path)
    assert type(loaded) is any_module
    assert list(auto_layers(loaded)) == ["net.1", "net.3"]
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name
    x = torch.randn(7, 3)
    assert torch.equal(model.net(x), loaded.net(x))


@loadable
def test_the_file_holds_plain_types_only(saved, any_module):
    _, path = saved
    assert "autoact_recipe" in torch.load(path, weights_only=True)
    assert any_module.load_from_checkpoint(path, weights_only=True).net is not None


@pytest.mark.parametrize("any_module", ["Hyper"], indirect=True)
def test_arguments_can_still_be_given(saved, any_module):
    _, path = saved
    with pytest.raises(RuntimeError, match="size mismatch"):
        any_module.load_from_checkpoint(path, width=4)


@pytest.mark.slow
@loadable
def test_a_loaded_model_can_be_saved_and_loaded_again(saved, any_module, loaders, make_trainer, tmp_path):
    _, path = saved
    loaded = any_module.load_from_checkpoint(path)
    trainer = make_trainer(max_epochs=1)
    trainer.fit(loaded, *loaders)
    trainer.save_checkpoint(tmp_path / "again.ckpt")
    again = any_module.load_from_checkpoint(tmp_path / "again.ckpt")
    assert list(auto_layers(again)) == ["net.1", "net.3"]


def test_weights_only_checkpoints_carry_the_conversion_too(module, loaders, make_trainer, tmp_path):
    keep = ModelCheckpoint(tmp_path, save_weights_only=True, filename="weights")
    make_trainer(ActivationSearch(SPACE), keep, enable_checkpointing=True).fit(module(), *loaders)
    assert list(auto_layers(module.load_from_checkpoint(tmp_path / "weights.ckpt"))) == ["net.1", "net.3"]


def test_a_remembering_model_copies_and_pickles(module):
    model = module()
    convert(model, SPACE)
    remember(model)
    remember(model)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        checkpoint: dict[str, Any] = {}
        other.on_save_checkpoint(checkpoint)
        assert list(checkpoint["autoact_recipe"]["layers"]) == ["net.1", "net.3"]
        assert other.__dict__["on_save_checkpoint"].args[0] is other


def test_hooks_of_the_user_still_run(module, loaders, make_trainer, tmp_path):
    class Hooked(Regression):
        def on_save_checkpoint(self, checkpoint):
            checkpoint["mine"] = 3

        def on_load_checkpoint(self, checkpoint):
            self.found = checkpoint["mine"]

    trainer = make_trainer(ActivationSearch(SPACE), max_epochs=1)
    trainer.fit(Hooked(), *loaders)
    trainer.save_checkpoint(tmp_path / "hooked.ckpt")
    assert Hooked.load_from_checkpoint(tmp_path / "hooked.ckpt").found == 3


def test_settings_saved_as_one_object_come_back_as_one(loaders, make_trainer, tmp_path):
    trainer = make_trainer(ActivationSearch(SPACE), max_epochs=1)
    trainer.fit(OneObject({"width": 5}), *loaders)
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    loaded = OneObject.load_from_checkpoint(tmp_path / "model.ckpt")
    assert loaded.net[0].out_features == 5
    assert list(auto_layers(loaded)) == ["net.1", "net.3"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of jsonargparse, for how Lightning calls it
def test_a_module_of_lightning_cli_is_made_its_way(module):
    hyper_parameters: dict[str, Any] = {
        "_instantiator": "lightning.pytorch.cli.instantiate_module",
        "width": 5,
    }
    model = module(width=5)
    convert(model, SPACE)
    remember(model)
    checkpoint = {"hyper_parameters": hyper_parameters, "state_dict": model.state_dict()}
    model.on_save_checkpoint(checkpoint)
    loaded: Any = _load_state(module, checkpoint)
    assert list(auto_layers(loaded)) == ["net.1", "net.3"]
    assert hyper_parameters["_instantiator"].startswith("lightning")


def test_resuming_with_another_space_says_so(module, loaders, make_trainer, tmp_path):
    trainer = make_trainer(ActivationSearch(SPACE), max_epochs=1)
    trainer.fit(module(), *loaders)
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    with pytest.raises(ConversionError, match=r"converted differently.*search space"):
        make_trainer(ActivationSearch(["relu", "silu"])).fit(
            module(), *loaders, ckpt_path=tmp_path / "model.ckpt"
        )


LOAD = """
import sys
import autoact.training
sys.path.insert(0, {folder!r})
from user_model import Model
model = Model.load_from_checkpoint({path!r})
print(type(model).__name__, type(model.net[1]).__name__, model.width)
"""

USER = """
import lightning as L
import torch
from torch import nn

class Model(L.LightningModule):
    def __init__(self, width):
        super().__init__()
        self.save_hyperparameters()
        self.width = width
        self.net = nn.Sequential(nn.Linear(3, width), nn.ReLU(), nn.Linear(width, 1))

    def training_step(self, batch, batch_idx):
        return nn.functional.mse_loss(self.net(batch[0]), batch[1])

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)
"""


@pytest.mark.slow
def test_another_process_loads_it(loaders, make_trainer, tmp_path, monkeypatch):
    (tmp_path / "user_model.py").write_text(USER)
    monkeypatch.syspath_prepend(tmp_path)
    user = importlib.import_module("user_model")
    trainer = make_trainer(ActivationSearch(SPACE), max_epochs=1)
    trainer.fit(user.Model(width=5), loaders[0])
    path = tmp_path / "model.ckpt"
    trainer.save_checkpoint(path)
    program = LOAD.format(folder=str(tmp_path), path=str(path))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    assert done.stdout.split() == ["Model", "AutoActivation", "5"], done.stderr


@pytest.mark.parametrize("any_module", ["Regression"], indirect=True)
@pytest.mark.filterwarnings("ignore::autoact.nn.DoubtfulChoiceWarning")
def test_a_finalized_module_carries_nothing(saved, any_module, loaders, make_trainer, tmp_path):
    model, _ = saved
    finalize(model)
    assert b"autoact" not in pickle.dumps(model)
    trainer = make_trainer()
    trainer.fit(model, *loaders)
    trainer.save_checkpoint(tmp_path / "plain.ckpt")
    assert "autoact_recipe" not in torch.load(tmp_path / "plain.ckpt", weights_only=True)
    assert not auto_layers(any_module.load_from_checkpoint(tmp_path / "plain.ckpt"))
