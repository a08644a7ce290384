"""Doubtful batches, tried: whether loss and gradients of a fresh model stay finite on them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer, seed_everything
from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from autoact.errors import AutoActError, DataError, in_one_line
from autoact.training._compat import restored_randomness, silence
from autoact.training.data import DataParts, DoubtfulBatch
from autoact.training.fit._laid_out import silent_trainer

_ONE_EPOCH: Mapping[str, Any] = {
    "callbacks": None,
    "max_epochs": 1,
    "min_epochs": None,
    "max_steps": -1,
    "min_steps": None,
    "limit_train_batches": 1.0,
    "limit_val_batches": 1,  # for schedules that wait for its value
    "overfit_batches": 0.0,
    "val_check_interval": 1.0,
    "check_val_every_n_epoch": 1,
    "accumulate_grad_batches": 1,
}
_SCALED = (16, "16", "16-mixed")  # overflowing gradients are part of how this works


def require_finite(
    make_module: Callable[[], LightningModule],
    parts: DataParts,
    doubtful: Sequence[DoubtfulBatch],
    trainer: Mapping[str, Any],
    seed: int = 0,
) -> None:
    """Refuse training data with values that are no numbers, unless a model's loss leaves them out.

    A fresh model does one training step on each batch, from the same weights: gradients are looked at and
    set to zero.

    Args:
        make_module: Makes the model.
        parts: The data.
        doubtful: What `check` found; batches without content are passed over.
        trainer: The user's arguments of the Trainer.
        seed: Of the model.

    Raises:
        DataError: Loss or gradients are NaN or infinite on one of them, or the model raises there.

    Example:
        >>> import torch
        >>> from autoact.training.tasks import DigitsData, DigitsModel
        >>> from autoact.training.data import split
        >>> rows = torch.full((2, 64), torch.nan), torch.tensor([1, 2])
        >>> batch = DoubtfulBatch(part="training", batch=0, values=128, total=128, content=rows)
        >>> require_finite(DigitsModel, split(DigitsData), [batch], {"max_epochs": 1, "accelerator": "cpu"})
        Traceback (most recent call last):
            ...
        autoact.errors.DataError: ... in batch 0 (of 128 there), and the model's loss is nan there. Remove ...
    """
    judge = _Judge([batch for batch in doubtful if batch.content is not None])
    if not judge.batches:
        return
    fit = partial(_fit, make_module, parts, trainer, seed)
    with restored_randomness(), silence():
        try:
            fit(judge)
        except AutoActError:
            raise
        except Exception as error:
            if judge.batch is None or _raises_anyway(fit, judge.batch):
                raise
            raise judge.batch.refused(f"the model raises there: {in_one_line(error)}") from error


def _fit(
    make_module: Callable[[], LightningModule],
    parts: DataParts,
    trainer: Mapping[str, Any],
    seed: int,
    judge: "_Judge",
) -> None:
    """Train on the batches of a judge."""
    settings = {**trainer, **_ONE_EPOCH}
    if settings.get("precision") in _SCALED:
        settings["precision"] = "bf16-mixed"
    batches: Any = [batch.content for batch in judge.batches]
    loader: DataLoader[Any] = DataLoader(batches, batch_size=None, collate_fn=_as_it_is)
    seed_everything(seed, workers=True, verbose=False)
    opened, module = parts.open(), make_module()
    with opened.given("training", module, loader) as arguments:
        silent_trainer(settings, callbacks=[judge]).fit(module, **arguments)


def _raises_anyway(fit: Callable[["_Judge"], None], batch: DoubtfulBatch) -> bool:
    """Tell whether a model raises on a batch whose values are all numbers by now."""
    filled = apply_to_collection(batch.content, Tensor, _filled)
    try:
        fit(_Judge([replace(batch, content=filled)]))
    except AutoActError:
        return False
    except Exception:  # the user's code
        return True
    return False


def _filled(tensor: Tensor) -> Tensor:
    return tensor.nan_to_num(0.0, 0.0, 0.0)


def _as_it_is(batch: Any) -> Any:
    return batch


class _Judge(Callback):
    """Raise where loss or gradients are no numbers; keep the weights.

    Attributes:
        batches: The batches of the training.
        batch: The one whose step is being done.
    """

    def __init__(self, batches: Sequence[DoubtfulBatch]) -> None:
        self.batches = batches
        self.batch: DoubtfulBatch | None = None

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self.batch = self.batches[batch_idx]

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        if not loss.isfinite().all():
            raise self._refused(f"the model's loss is {loss.detach().sum().item()} there")

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer
    ) -> None:
        self._look(pl_module)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._look(pl_module)  # at what a manual optimization leaves for later
        self.batch = None

    def _look(self, module: LightningModule) -> None:
        for name, parameter in module.named_parameters():
            gradient = parameter.grad
            if gradient is None:
                continue
            values = gradient.coalesce().values() if gradient.is_sparse else gradient
            if not values.isfinite().all():
                raise self._refused(f"the gradient of {name} is not finite there, though the loss is")
            gradient.zero_()

    def _refused(self, why: str) -> DataError:
        assert self.batch is not None, "losses are of batches"
        return self.batch.refused(why)
