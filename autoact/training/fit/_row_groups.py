"""Row groups: the monitored value on groups of the comparison rows, where it is a mean over rows.

What `validation_step` logs is read batch by batch. Where batches are few, or have no values of their own,
they are validated again in parts, each of rows taken at random. The weighted mean over groups has to be the
value of the whole, else it is no mean over rows and groups say nothing of it.
"""

import math
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, fields, is_dataclass
from functools import partial, wraps
from itertools import pairwise
from typing import Any

import torch
from lightning.fabric.utilities import move_data_to_device
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.data import extract_batch_size
from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor
from torchmetrics import Metric

from autoact.records import RowGroups
from autoact.training._compat import replaced

LEAST = 8  # groups: the 95 % interval is then a fifth wider than with many
_ENOUGH = 16  # batches that need not be divided
_PARTS = 32  # in all, into which fewer are divided: the interval is 4 % wider than with many
_MOST = 64  # groups that are kept; of more batches, neighbors are taken together
_BYTES = 2**28  # of batches that are kept to be divided
_RELATIVE = 1e-4  # what the mean over groups may differ by: sums of float32 in another order
_SAMPLED = 256  # numbers of each tensor of a batch that tell whether it is the same


@dataclass
class _Values:
    """Values that are logged, by batch or by part of one.

    Attributes:
        logged: Value and weight of each call of log.
        ends: How many of these there were at each end.
        rows: Rows of the batch or part that is validated now; None between them.
    """

    logged: list[tuple[Tensor, float]] = field(default_factory=list)
    ends: list[int] = field(default_factory=lambda: [0])
    rows: Callable[[], int] | None = None

    @property
    def count(self) -> int:
        return len(self.ends) - 1

    def keep(self, value: Any, weight: float | None) -> None:
        if self.rows is not None:
            found = torch.as_tensor(value).detach()
            self.logged.append((found, self.rows() if weight is None else weight))

    def end(self) -> None:
        self.rows = None
        self.ends.append(len(self.logged))

    def groups(self) -> list[tuple[float, float]]:
        """Return value and weight of groups; none if nothing was logged."""
        found = [(float(value), float(weight)) for value, weight in self.logged]
        most = min(self.count, _MOST) if found else 0
        bounds = [self.ends[n * self.count // most] for n in range(most + 1)] if most else []
        return [_mean(found[start:end]) for start, end in pairwise(bounds)]


class RowWatch:
    """Watch what one validation logs of a value, on groups of its rows.

    Args:
        module: A trained module that nobody needs afterwards: its metric objects and hooks are used again.
        monitor: Name of the value.

    Example:
        >>> RowWatch(LightningModule(), "val_loss").groups(0.5).unknown
        'val_loss has no values by batch'
    """

    def __init__(self, module: LightningModule, monitor: str) -> None:
        base = monitor.partition("/dataloader_idx_")[0]
        self.module, self.names = module, (base, base.removesuffix("_epoch"))
        self._whole, self._parts = _Values(), _Values()
        self._step, self._log = module.validation_step, module.log
        self._batches: list[Any] = []
        self._bytes = self._data = 0
        self._several = False
        self._error: str | None = None

    def watching(self) -> AbstractContextManager[None]:
        """Watch a validation; once it has ended, validate its batches in parts where that tells more."""
        ended = self.module.on_validation_end

        @wraps(ended)
        def end() -> None:
            ended()
            if not self._several and (self._whole.count < _ENOUGH or not self._whole.logged):
                self._divide()

        return replaced(
            self.module,
            validation_step=wraps(self._step)(partial(self._watched)),
            log=wraps(self._log)(partial(self._logged)),
            on_validation_end=end,
        )

    def _watched(self, batch: Any, *more: Any) -> Any:
        self._several |= len(more) > 1
        self._data = zlib.crc32(_sample(batch), self._data)
        self._bytes += sum(tensor.nbytes for tensor in _tensors(batch))
        if self._bytes <= _BYTES:
            self._batches.append(move_data_to_device(batch, torch.device("cpu")))
        self._whole.rows = partial(extract_batch_size, batch)
        found = self._step(batch, *more)
        self._whole.end()
        return found

    def _logged(self, name: str, value: Any, *more: Any, **settings: Any) -> None:
        self._log(name, value, *more, **settings)
        if name in self.names and not isinstance(value, Metric):  # which has no value of the batch alone
            self._whole.keep(value, settings.get("batch_size"))

    def _divide(self) -> None:
        """Validate the batches in parts, each a validation of its own; nothing is logged."""
        if len(self._batches) < self._whole.count or not self._batches:
            return
        try:
            with replaced(self.module, log=self._logged_by_part):
                for seed, batch in enumerate(self._batches):
                    self._validate_parts(batch, seed)
        except Exception as error:  # the user's code, on a part of a batch
            said = f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"
            self._error = f"validating a part of a batch raised {said}"

    def _validate_parts(self, batch: Any, seed: int) -> None:
        module = self.module
        for part, rows in _divided(batch, math.ceil(_PARTS / len(self._batches)), seed):
            for metric in (each for each in module.modules() if isinstance(each, Metric)):
                metric.reset()
            self._parts.rows = partial(int, rows)
            module.on_validation_epoch_start()
            with module.trainer.precision_plugin.val_step_context():
                self._step(move_data_to_device(part, module.device), seed)
            if not self._whole.logged:
                module.on_validation_epoch_end()
            self._parts.end()

    def _logged_by_part(self, name: str, value: Any, *_: Any, **settings: Any) -> None:
        if name in self.names:
            found = value.compute() if isinstance(value, Metric) else value
            self._parts.keep(found, settings.get("batch_size"))

    def groups(self, value: float) -> RowGroups:
        """Return the value by groups of rows, or why there is none.

        Args:
            value: That of the whole validation.
        """
        if self._several:
            return RowGroups(unknown="there are several comparison loaders")
        divided, whole = self._checked(self._parts, value), self._checked(self._whole, value)
        if divided.unknown is None or (whole.unknown is not None and self._parts.logged):
            return divided
        if whole.unknown is not None and self._error is not None:
            return RowGroups(unknown=self._error)
        return whole

    def _checked(self, values: _Values, value: float) -> RowGroups:
        groups = values.groups()
        if not groups:
            return RowGroups(unknown=f"{self.names[0]} has no values by batch")
        if len(groups) < LEAST:
            return RowGroups(unknown=f"there are only {len(groups)} batches or rows")
        mean, _ = _mean(groups)
        if not math.isclose(mean, value, rel_tol=_RELATIVE):
            found_instead = f"by groups of rows it is {mean:.6g} instead of {value:.6g}"
            return RowGroups(unknown=f"{self.names[0]} is no mean over rows: {found_instead}")
        found, weights = zip(*groups, strict=True)
        return RowGroups(values=found, weights=weights, data=self._data)


def _mean(found: list[tuple[float, float]]) -> tuple[float, float]:
    """Return the weighted mean of values, and its weight; 0 of nothing."""
    weight = sum(weight for _, weight in found)
    return (sum(value * weight for value, weight in found) / weight if weight else 0.0), weight


def _divided(batch: Any, parts: int, seed: int) -> Iterator[tuple[Any, int]]:
    """Yield parts of a batch, its rows taken at random but always the same, and their numbers of rows.

    Where its tensors are not all as long, the batch is the only part.
    """
    lengths = {tensor.shape[0] if tensor.ndim else 0 for tensor in _tensors(batch)}
    rows = lengths.pop() if len(lengths) == 1 else 0
    if rows < 2 or parts < 2:
        yield batch, rows or extract_batch_size(batch)
        return
    order = torch.randperm(rows, generator=torch.Generator().manual_seed(seed))
    for chosen in order.tensor_split(min(parts, rows)):

        def part(tensor: Tensor, chosen: Tensor = chosen) -> Tensor:
            return tensor[chosen.to(tensor.device)]

        yield apply_to_collection(batch, Tensor, part), len(chosen)


def _sample(batch: Any) -> bytes:
    """Return some numbers of a batch, spread over all of it."""
    found = []
    for tensor in _tensors(batch):
        if tensor.layout == torch.strided and not tensor.is_complex():
            step = max(1, tensor.numel() // _SAMPLED)
            found.append(tensor.detach().flatten()[::step].cpu().double().numpy().tobytes())
    return b"".join(found)


def _tensors(batch: Any) -> Iterator[Tensor]:
    if isinstance(batch, Tensor):
        yield batch
    elif isinstance(batch, Mapping | list | tuple):
        for part in batch.values() if isinstance(batch, Mapping) else batch:
            yield from _tensors(part)
    elif is_dataclass(batch):
        yield from _tensors([getattr(batch, field.name) for field in fields(batch)])
