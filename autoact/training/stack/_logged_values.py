"""Logged values of a stack: what Lightning would make of `self.log`, for every network at once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Number
from typing import Any, Literal

import torch
from lightning.pytorch.utilities.data import extract_batch_size
from torch import Tensor

from autoact.training.stack._member import NotPlain

Stage = Literal["training", "validation"]
Metrics = dict[str, Tensor]  # (N,), by name

_REDUCTIONS = {"mean": "mean", "avg": "mean", "sum": "sum", "max": "max", "min": "min"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """One call of `self.log`.

    Attributes:
        name: Of the value.
        value: A number for each network, (N,); inside of vmap, ().
        on_step: Whether its last value counts.
        on_epoch: Whether it is reduced over an epoch.
        reduction: How.
        batch_size: Given by the user, or None.
        indexed: Whether the name gets the number of the loader.
    """

    name: str
    value: Tensor
    on_step: bool
    on_epoch: bool
    reduction: str
    batch_size: int | None
    indexed: bool


def catcher(stage: Stage, into: list[Logged]) -> Callable[..., None]:
    """Return what takes the place of `LightningModule.log` in a step.

    Args:
        stage: Decides what `on_step` and `on_epoch` are by default.
        into: Gets the calls.

    Raises:
        NotPlain: Called with a `torchmetrics.Metric`, or more than one number.

    Example:
        >>> calls = []
        >>> catcher("validation", calls)("val_loss", 0.5)
        >>> calls[0].value, calls[0].on_epoch
        (tensor(0.5000), True)
    """

    def log(
        name: str,
        value: Any,
        prog_bar: bool = False,
        logger: bool | None = None,
        on_step: bool | None = None,
        on_epoch: bool | None = None,
        reduce_fx: Any = "mean",
        enable_graph: bool = False,
        sync_dist: bool = False,
        sync_dist_group: Any = None,
        add_dataloader_idx: bool = True,
        batch_size: int | None = None,
        metric_attribute: str | None = None,
        rank_zero_only: bool = False,
    ) -> None:
        reduction = _REDUCTIONS.get(str(getattr(reduce_fx, "__name__", reduce_fx)).lower())
        if reduction is None:
            raise NotPlain(f"logs {name!r} with a reduction of its own")
        into.append(
            Logged(
                name=name,
                value=_scalar(name, value),
                on_step=stage == "training" if on_step is None else on_step,
                on_epoch=stage == "validation" if on_epoch is None else on_epoch,
                reduction=reduction,
                batch_size=batch_size,
                indexed=add_dataloader_idx,
            )
        )

    return log


def _scalar(name: str, value: Any) -> Tensor:
    if isinstance(value, Number):
        value = torch.tensor(value, dtype=torch.get_default_dtype())
    if not isinstance(value, Tensor) or value.numel() != 1:
        raise NotPlain(f"logs {name!r}, which is not one number")
    value = value.detach().squeeze()
    return value if value.dtype in (torch.float32, torch.float64) else value.float()


class _Sum:
    """Values of one name over an epoch."""

    def __init__(self, logged: Logged) -> None:
        self.logged = logged
        self.total: Tensor | None = None
        self.weight = 0

    def add(self, value: Tensor, batch_size: int) -> None:
        reduction, before = self.logged.reduction, self.total
        self.logged = replace(self.logged, value=value)
        self.weight += batch_size
        if reduction == "mean":
            value = value * batch_size
        if before is None:
            self.total = value
        elif reduction in ("mean", "sum"):
            self.total = before + value
        else:
            self.total = torch.maximum(before, value) if reduction == "max" else torch.minimum(before, value)

    def over_epoch(self) -> Tensor:
        assert self.total is not None
        return self.total / self.weight if self.logged.reduction == "mean" else self.total


class Results:
    """What the steps of one epoch logged.

    Args:
        stage: Of the steps.

    Example:
        >>> results = Results("validation")
        >>> calls = []
        >>> for loss in (0.5, 0.25):
        ...     catcher("validation", calls)("val_loss", loss)
        >>> results.add(calls[:1], torch.zeros(3, 1))
        >>> results.add(calls[1:], torch.zeros(1, 1))
        >>> results.of_epoch()
        {'val_loss': tensor(0.4375)}
    """

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._sums: dict[tuple[str, int | None], _Sum] = {}

    def add(self, calls: Sequence[Logged], batch: Any, loader: int | None = None) -> None:
        """Add what one step logged.

        Args:
            calls: In their order.
            batch: Of one network, whose size weighs the values.
            loader: Number of the loader, None if there is one only.
        """
        size: int | None = None
        for each in calls:
            key = each.name, loader if each.indexed else None
            found = self._sums.setdefault(key, _Sum(each))
            used = each.batch_size
            if used is None and each.on_epoch and each.reduction == "mean":
                size = used = extract_batch_size(batch) if size is None else size
            found.add(each.value, used or 1)

    def of_step(self) -> Metrics:
        """Return what a training step leaves in the metrics."""
        found: Metrics = {}
        for key, each in self._sums.items():
            if each.logged.on_step and self.stage == "training":
                found |= _named(key, each.logged, "step", each.logged.value)
        return found

    def of_epoch(self) -> Metrics:
        """Return what an epoch leaves in the metrics."""
        found: Metrics = {}
        for key, each in self._sums.items():
            if each.logged.on_epoch:
                found |= _named(key, each.logged, "epoch", each.over_epoch())
        return found


def _named(key: tuple[str, int | None], logged: Logged, when: str, value: Tensor) -> Metrics:
    name, loader = key
    ending = "" if loader is None else f"/dataloader_idx_{loader}"
    forked = {f"{name}_{when}{ending}": value} if logged.on_step and logged.on_epoch else {}
    return {f"{name}{ending}": value, **forked}


def of_member(metrics: Mapping[str, Tensor], member: int) -> dict[str, float]:
    """Return the metrics of one network.

    Args:
        metrics: (N,) or (), by name.
        member: Number of the network.

    Example:
        >>> of_member({"val_loss": torch.tensor([0.5, 0.25])}, 1)
        {'val_loss': 0.25}
    """
    return {name: float(value[member] if value.dim() else value) for name, value in metrics.items()}
