"""Quick hooks: what a user's hooks see is what Lightning shows them, and a training has less around it."""

import sys
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from types import FrameType
from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.profilers import SimpleProfiler
from torch import Tensor
from torch.utils.data import DataLoader

from autoact.training import train
from autoact.training._compat_hooks import IDLE, quick_hooks
from autoact.training.fit import _train
from autoact.training.tasks import DigitsData, DigitsModel
from tests.training.models import LENGTH, Regression, rows

Seen = list[tuple[str, str, str | None]]
OF_STEPS = {
    "on_train_batch_start",
    "on_train_batch_end",
    "on_before_backward",
    "on_after_backward",
    "on_before_optimizer_step",
    "on_before_zero_grad",
    "on_validation_batch_start",
    "on_validation_batch_end",
}


def pair() -> tuple[DataLoader[Any], DataLoader[Any]]:
    return DataLoader(rows(96), batch_size=16, shuffle=True), DataLoader(rows(32, seed=1), batch_size=16)


def watched(base: Any, names: set[str], seen: Seen) -> Any:
    """Return a class with hooks that note what they see, and then do what they did."""

    def noting(name: str) -> Callable[..., Any]:
        def hook(self: Any, *args: Any, **kwargs: Any) -> Any:
            module = self if isinstance(self, L.LightningModule) else self._module or args[1]
            seen.append((type(self).__name__, name, module._current_fx_name))
            return getattr(base, name)(self, *args, **kwargs)

        return hook

    return type(f"Watched{base.__name__}", (base,), {name: noting(name) for name in names})


class Talking(Regression):
    """Logs in steps and hooks, by step and by epoch."""

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        loss = self.loss(batch)
        self.log("loss", loss, on_step=True, on_epoch=True, prog_bar=True)
        self.log("count", batch_idx, reduce_fx="max", on_epoch=True)
        return loss

    def on_train_epoch_end(self) -> None:
        self.log("last", self.trainer.callback_metrics["loss_step"])


class Watcher(L.Callback):
    _module: Any = None


def hooks_of(base: Any) -> set[str]:
    ours = {"on_load_checkpoint", "on_save_checkpoint", "on_exception"}
    return {name for name in IDLE[base] if "predict" not in name and "test" not in name} - ours


def fitted(quick: bool, names: Callable[[Any], set[str]], make_trainer: Callable[..., L.Trainer]) -> Any:
    """Return what hooks saw in a training, what was logged, and the weights."""
    seen: Seen = []
    torch.manual_seed(3)
    module = watched(Talking, names(L.LightningModule) - {"on_train_epoch_end"}, seen)()
    callbacks = [watched(Watcher, names(L.Callback), seen)(), Watcher()]
    loaders = pair()
    trainer = make_trainer(*callbacks)
    with quick_hooks() if quick else nullcontext():
        trainer.fit(module, *loaders)
    logged = {name: value.item() for name, value in trainer.callback_metrics.items()}
    return seen, logged, [parameter.tolist() for parameter in module.parameters()]


@pytest.mark.parametrize(
    "names",
    [hooks_of, lambda base: set(), lambda base: {"on_after_backward", "on_validation_start"}],
    ids=["all hooks", "no hooks", "two hooks"],
)
def test_hooks_are_called_in_the_same_order_under_the_same_names(
    names: Callable[[Any], set[str]], make_trainer: Callable[..., L.Trainer]
) -> None:
    plain, quick = (fitted(way, names, make_trainer) for way in (False, True))
    assert quick == plain
    assert {name for _, name, _ in plain[0]} >= names(L.Callback) - {
        "on_sanity_check_start",
        "on_sanity_check_end",
    }


def test_hooks_that_are_set_on_objects_are_called(make_trainer: Callable[..., L.Trainer]) -> None:
    called: Counter[str] = Counter()
    module, callback = Regression(), L.Callback()
    vars(module)["on_train_batch_end"] = lambda *args: called.update(["module"])
    vars(callback)["on_train_batch_end"] = lambda *args: called.update(["callback"])
    with quick_hooks():
        make_trainer(callback, max_epochs=1).fit(module, *pair())
    assert called == {"module": 6, "callback": 6}


def test_a_profiler_sees_all_hooks(make_trainer: Callable[..., L.Trainer]) -> None:
    def recorded(quick: bool) -> dict[str, int]:
        profiler = SimpleProfiler()
        with quick_hooks() if quick else nullcontext():
            make_trainer(Watcher(), max_epochs=1, profiler=profiler).fit(Talking(), *pair())
        return {action: len(times) for action, times in profiler.recorded_durations.items()}

    assert recorded(quick=True) == recorded(quick=False)


def calls(action: Callable[[], object]) -> Counter[Any]:
    """Return how often each function of Python is called."""
    found: Counter[Any] = Counter()

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            found[frame.f_code] += 1

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        action()
    finally:
        sys.setprofile(before)
    return found


def test_what_nobody_has_written_is_not_called(make_trainer: Callable[..., L.Trainer]) -> None:
    def action() -> None:
        loaders = pair()
        make_trainer(max_epochs=2).fit(Talking(), *loaders)

    plain = calls(action)
    with quick_hooks():
        quick = calls(action)
    for base in (L.LightningModule, L.Callback):
        assert set(IDLE[base]) >= OF_STEPS
    idle = [IDLE[L.LightningModule][name].__code__ for name in OF_STEPS]
    assert all(plain[code] for code in idle)
    assert not any(quick[code] for code in idle)
    # about 0.6 in lightning 2.6: where it is more, another version calls hooks in another way
    assert quick.total() < 0.7 * plain.total()


def test_nothing_stays_behind(make_trainer: Callable[..., L.Trainer]) -> None:
    from lightning.pytorch.trainer import call

    before = dict(vars(call))
    with pytest.raises(KeyError), quick_hooks():
        assert vars(call) != before
        raise KeyError
    assert vars(call) == before


@pytest.mark.parametrize("kind", ["digits", "logging", "a mixture", "a data module with hooks"])
def test_trainings_measure_the_same_bit_by_bit(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def measured() -> Any:
        loaders = (
            DataLoader(rows(96), batch_size=16, shuffle=True),
            DataLoader(rows(32, seed=1), batch_size=16),
        )
        data: Any
        model, data = {"digits": (DigitsModel, DigitsData)}.get(kind, (Talking, loaders))
        data = Moving if kind == "a data module with hooks" else data
        space = ["relu", "tanh"] if kind == "a mixture" else None
        found = train(model, data, seed=2, monitor="val_loss", trainer=LENGTH, space=space, comparison=True)
        return found.curve, found.steps_at, found.comparison, found.metrics, found.mixture

    quick = measured()
    monkeypatch.setattr(_train, "quick_hooks", nullcontext)
    monkeypatch.setattr(_train, "whole_batches", nullcontext)
    assert repr(quick) == repr(measured())


class Moving(L.LightningDataModule):
    """Changes batches on their way to the device."""

    def train_dataloader(self) -> DataLoader[Any]:
        return pair()[0]

    def val_dataloader(self) -> DataLoader[Any]:
        return pair()[1]

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        return [batch[0] * 2, batch[1]]
