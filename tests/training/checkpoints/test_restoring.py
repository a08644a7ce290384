import subprocess
import sys
from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import EMAWeightAveraging, ModelCheckpoint
from lightning.pytorch.strategies import SingleDeviceStrategy
from torch import nn

from autoact import apply, convert, load_weights
from autoact.conversion import KEY
from autoact.errors import ConversionError
from autoact.spaces import Choice
from tests.training.models import Hyper, OneObject, Regression

CHOSEN = {"net.1": "gelu", "net.3": "prelu"}
X = torch.linspace(-2, 2, 21).reshape(7, 3)


def fixed(model: Any) -> list[str]:
    return [type(model.net[index]).__name__ for index in (1, 3)]


@pytest.fixture
def saved(loaders, make_trainer, tmp_path):
    """A trained model with chosen activations, and its checkpoint."""
    model = apply(Hyper(), CHOSEN)
    trainer = make_trainer(max_epochs=1)
    trainer.fit(model, *loaders)
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    return model, tmp_path / "model.ckpt"


def test_load_from_checkpoint_restores_them(saved):
    model, path = saved
    loaded = Hyper.load_from_checkpoint(path)
    assert fixed(loaded) == ["GELU", "PReLU"]
    assert torch.equal(loaded.net(X), model.net(X))
    assert "_instantiator" not in torch.load(path, weights_only=True)["hyper_parameters"]


def test_what_was_restored_is_saved_again(saved, loaders, make_trainer, tmp_path):
    _, path = saved
    loaded = Hyper.load_from_checkpoint(path)
    keep = ModelCheckpoint(tmp_path / "again", save_last=True, save_weights_only=True)
    make_trainer(keep, max_epochs=1, enable_checkpointing=True).fit(loaded, *loaders)
    again = Hyper.load_from_checkpoint(tmp_path / "again" / "last.ckpt")
    assert fixed(again) == ["GELU", "PReLU"]
    assert torch.equal(again.net(X), loaded.net(X))


@pytest.mark.parametrize("make", [Hyper, lambda: apply(Hyper(), CHOSEN)])
def test_a_resumed_training_goes_on_with_them(saved, loaders, make_trainer, make):
    _, path = saved
    model = make()
    trainer = make_trainer(max_epochs=2)
    trainer.fit(model, *loaders, ckpt_path=path)
    assert fixed(model) == ["GELU", "PReLU"]
    assert model.net[3].weight in trainer.optimizers[0].state


def test_a_resumed_training_of_another_choice_is_refused(saved, loaders, make_trainer):
    _, path = saved
    model = apply(Hyper(), {"net.1": "tanh"})
    with pytest.raises(ConversionError, match=r"net\.1 is tanh, but the weights are of gelu"):
        make_trainer(max_epochs=2).fit(model, *loaders, ckpt_path=path)


def test_a_validation_of_a_checkpoint_uses_them(saved, loaders, make_trainer):
    model, path = saved
    trainer = make_trainer()
    (right,) = trainer.validate(model, loaders[1], verbose=False)
    (found,) = make_trainer().validate(Hyper(), loaders[1], ckpt_path=path, verbose=False)
    assert found == right


def test_a_strategy_that_loads_too_late_says_so(saved, loaders, make_trainer):
    class AfterSetup(SingleDeviceStrategy):
        restore_checkpoint_after_setup = True

    _, path = saved
    model = Hyper()
    with pytest.raises(ConversionError, match=r"net\.1, net\.3, and AfterSetup loads after"):
        make_trainer(max_epochs=2, strategy=AfterSetup("cpu"), accelerator="auto").fit(
            model, *loaders, ckpt_path=path
        )
    assert fixed(model) == ["ReLU", "ReLU"]


def test_settings_saved_as_one_object_and_a_choice_that_needs_nothing(loaders, make_trainer, tmp_path):
    for chosen, kind in ({"net.1": "tanh"}, "Tanh"), ({"net.1": "relu"}, "ReLU"):
        trainer = make_trainer(max_epochs=1)
        trainer.fit(apply(OneObject({"width": 5}), chosen), *loaders)
        trainer.save_checkpoint(tmp_path / "model.ckpt")
        loaded = OneObject.load_from_checkpoint(tmp_path / "model.ckpt")
        assert fixed(loaded) == [kind, "ReLU"]
        state = torch.load(tmp_path / "model.ckpt", weights_only=True)["state_dict"]
        assert (KEY in state) == (kind == "Tanh")


def test_activations_applied_in_the_constructor_need_nothing_more(loaders, make_trainer, tmp_path):
    class Own(Regression):
        def __init__(self) -> None:
            super().__init__()
            apply(self.net, {"1": "gelu"})

    trainer = make_trainer(max_epochs=1)
    trainer.fit(Own(), *loaders)
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    assert fixed(Own.load_from_checkpoint(tmp_path / "model.ckpt")) == ["GELU", "ReLU"]


@pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`, callbacks")
def test_averages_of_lightning_keep_them(loaders, make_trainer, tmp_path):
    model = apply(Hyper(), CHOSEN)
    keep = ModelCheckpoint(tmp_path, save_last=True)
    average = EMAWeightAveraging(decay=0.9, use_buffers=True)
    make_trainer(average, keep, max_epochs=2, enable_checkpointing=True).fit(model, *loaders)
    assert fixed(Hyper.load_from_checkpoint(tmp_path / "last.ckpt")) == ["GELU", "PReLU"]
    resumed = Hyper()
    average = EMAWeightAveraging(decay=0.9, use_buffers=True)
    trainer = make_trainer(average, max_epochs=3)
    trainer.fit(apply(resumed, CHOSEN), *loaders, ckpt_path=tmp_path / "last.ckpt")
    assert trainer.current_epoch == 3


def test_load_weights_restores_them(saved, tmp_path):
    model, path = saved
    torch.save(model.state_dict(), tmp_path / "state.pt")
    for source in (path, tmp_path / "state.pt", model):
        plain = Hyper()
        found = load_weights(plain, source)
        assert (found.activations, found.new, found.dropped) == (("net.1", "net.3"), {}, {})
        assert torch.equal(plain.net(X), model.net(X))
        assert "activations of the weights put in: net.1, net.3" in str(found)
        assert load_weights(plain, source).activations == ()


def test_load_weights_takes_original_weights_both_ways():
    original, model = Hyper(), apply(Hyper(), CHOSEN)
    found = load_weights(model, original)
    assert found.new == {"net.3.weight": (1,)}
    assert torch.equal(model.net[0].weight, original.net[0].weight)
    assert fixed(model) == ["GELU", "PReLU"]


def test_load_weights_refuses_another_choice_and_changes_nothing():
    model = apply(Hyper(), {"net.1": "tanh"})
    with pytest.raises(ConversionError, match=r"net\.1 is tanh, but the weights are of gelu"):
        load_weights(model, apply(Hyper(), CHOSEN))
    plain = Hyper(width=9)
    with pytest.raises(ConversionError, match="of another shape"):
        load_weights(plain, apply(Hyper(), CHOSEN))
    assert fixed(plain) == ["ReLU", "ReLU"]


def test_weights_with_a_choice_start_a_search_from_it():
    model = apply(Hyper(), {"net.1": "gelu", "net.3": "gelu"})
    searched = convert(apply(Hyper(), {"net.1": "gelu", "net.3": "gelu"}), ["gelu", "tanh"])
    load_weights(searched, model)
    torch.testing.assert_close(searched.net(X), model.net(X), rtol=1e-6, atol=1e-6)
    with pytest.raises(ConversionError, match=r"is converted: net\.1 is relu, but the weights are of gelu"):
        load_weights(convert(Hyper(), ["relu", "gelu"]), model)


def test_values_per_channel_come_along():
    slopes = (
        Choice("leaky_relu", {"negative_slope": 0.3}),
        Choice("swish", {"beta": tuple(i / 4 for i in range(1, 9))}),
    )
    model = apply(Hyper(), {"net.1": slopes[0], "net.3": slopes[1]})
    plain = Hyper()
    load_weights(plain, model)
    assert torch.equal(plain.net(X), model.net(X))


class Extra(nn.Module):
    """State of another type, and what neural operators put into theirs."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
        self.extra = {"seen": 0}

    def get_extra_state(self) -> Any:
        return self.extra

    def set_extra_state(self, state: Any) -> None:
        self.extra = state

    def state_dict(self, *args: Any, **options: Any) -> Any:
        state = super().state_dict(*args, **options)
        state["_metadata"] = {"width": 4}
        return state

    def load_state_dict(self, state: Any, strict: bool = True, assign: bool = False) -> Any:
        return super().load_state_dict({k: v for k, v in state.items() if k != "_metadata"}, strict, assign)


def test_other_extra_state_loads_both_ways(tmp_path):
    original = Extra()
    original.extra = {"seen": 3}
    torch.save(original.state_dict(), tmp_path / "state.pt")
    for source in (original, original.state_dict(), tmp_path / "state.pt"):
        model = convert(Extra(), ["relu", "tanh"])
        load_weights(model, source)
        assert model.extra == {"seen": 3}
        back = Extra()
        load_weights(back, model)
        assert back.extra == {"seen": 3}
    chosen = Extra()
    load_weights(chosen, apply(original, {"net.1": "tanh"}))
    assert isinstance(chosen.net[1], nn.Tanh)


USER = """
import sys
{before}
import lightning as L
import torch
from torch import nn
{after}

class Model(L.LightningModule):
    def __init__(self, width=8):
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential(
            nn.Linear(3, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1)
        )

try:
    print(type(Model.load_from_checkpoint({path!r}).net[1]).__name__)
except RuntimeError as error:
    print("refused", {key!r} in str(error))
assert "autoact.training" not in sys.modules or {before!r} != "sys.modules['autoact'] = None"
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "after", "result"),
    [
        ("import autoact", "", "GELU"),
        ("", "import autoact", "GELU"),
        ("sys.modules['autoact'] = None", "", "refused True"),
    ],
)
def test_another_process_needs_no_more_than_import_autoact(saved, before, after, result):
    program = USER.format(before=before, after=after, path=str(saved[1]), key=KEY)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    assert done.stdout.strip() == result, done.stderr


def test_modules_without_a_choice_load_as_ever(loaders, make_trainer, tmp_path):
    trainer = make_trainer(max_epochs=1)
    trainer.fit(Hyper(), *loaders)
    trainer.save_checkpoint(tmp_path / "plain.ckpt")
    assert fixed(Hyper.load_from_checkpoint(tmp_path / "plain.ckpt")) == ["ReLU", "ReLU"]
    assert isinstance(Hyper(), L.LightningModule)
