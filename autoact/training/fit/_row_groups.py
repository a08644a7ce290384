"""Row groups: the monitored value on groups of the comparison rows, where it is a mean over rows.

What `validation_step` logs is read batch by batch. Where batches are few, or have no values of their own,
they are validated again in parts, each of rows taken at random; batches of a `GroupBatchSampler` stay whole.
The weighted mean over groups has to be the value of the whole, else it is no mean over rows and groups say
nothing of it.
"""

import math
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
from torch.utils import _pytree as pytree
from torchmetrics import Metric

from autoact.errors import in_one_line
from autoact.records import RowGroups
from autoact.training._compat import replaced

LEAST = 8  # groups: the 95 % interval is then a fifth wider than with many
LEAST_GIVEN = 4  # groups that are more than batches: with fewer, noise is called an effect too often
_ENOUGH = 16  # batches that need not be divided
_PARTS = 32  # in all, into which fewer are divided: the interval is 4 % wider than with many
_MOST = 64  # groups that are kept; of more batches, neighbors are taken together
MOST_BYTES = 2**28  # of batches that are kept
_RELATIVE = 1e-4  # what the mean over groups may differ by: sums of float32 in another order
_SAMPLED = 256  # numbers of each tensor of a batch that tell whether it is the same


@dataclass
class LoggedValues:
    """Values that are logged, by batch or by part of one.

    Attributes:
        logged: Value, (N,) for N networks, and weight of each call of log.
        ends: How many of these there were at each end.
        rows: Rows of the batch or part that is validated now; None between them.
    """

    logged: list[tuple[Tensor, float]] = field(default_factory=list)
    ends: list[int] = field(default_factory=lambda: [0])
    rows: Callable[[], int] | None = None

    @property
    def count(self) -> int:
        """How many batches or parts there were."""
        return len(self.ends) - 1

    def add(self, calls: Iterable[tuple[Any, float | None]], rows: Callable[[], int]) -> None:
        """Keep all that is logged of one batch or part: values, and weights where they are given."""
        self.rows = rows
        for value, weight in calls:
            self.keep(value, weight)
        self.end()

    def keep(self, value: Any, weight: float | None) -> None:
        """Keep a value that is logged of a batch or part."""
        if self.rows is not None:
            found = torch.as_tensor(value).detach().reshape(-1)
            self.logged.append((found, self.rows() if weight is None else weight))

    def end(self) -> None:
        """End a batch or part."""
        self.rows = None
        self.ends.append(len(self.logged))

    def groups(self, member: int) -> list[tuple[float, float]]:
        """Return value and weight of groups, for one network; none if nothing was logged."""
        found = [
            (float(value[member if len(value) > 1 else 0]), float(weight)) for value, weight in self.logged
        ]
        most = min(self.count, _MOST) if found else 0
        bounds = [self.ends[n * self.count // most] for n in range(most + 1)] if most else []
        return [_mean(found[start:end]) for start, end in pairwise(bounds)]


class RowValues:
    """Values of one name that a validation logs, by batch and by part of a batch, and groups made of them.

    Networks that are validated at once log tensors with a number for each.

    Args:
        monitor: Name of the value.

    Attributes:
        names: Under which it is logged.
        whole: What batches log.
        parts: What parts of batches log.
        error: Why not all parts logged, None if they did.

    Example:
        >>> values = RowValues("val_loss")
        >>> for number in range(16):
        ...     values.whole.add([(torch.tensor([0.0, float(number)]), None)], lambda: 10)
        >>> values.wants_parts(Batches()), values.groups(7.5, Batches(), member=1).values[:3]
        (False, (0.0, 1.0, 2.0))
    """

    def __init__(self, monitor: str) -> None:
        base = monitor.partition("/dataloader_idx_")[0]
        self.names = (base, base.removesuffix("_epoch"))
        self.whole, self.parts = LoggedValues(), LoggedValues()
        self.error: str | None = None

    def wants_parts(self, batches: "Batches") -> bool:
        """Tell whether parts of the batches tell more than the batches.

        Args:
            batches: The rows.
        """
        return not self.whole.logged or (self.whole.count < _ENOUGH and not batches.grouped)

    def groups(self, value: float, batches: "Batches", member: int = 0) -> RowGroups:
        """Return the value by groups of rows, or why there is none.

        Args:
            value: That of the whole validation.
            batches: Its rows.
            member: Number of the network.
        """
        divided = self._checked(self.parts, value, batches, member)
        whole = self._checked(self.whole, value, batches, member)
        if divided.unknown is None or (whole.unknown is not None and self.parts.logged):
            return divided
        if whole.unknown is not None and self.error is not None:
            return RowGroups(unknown=self.error)
        return whole

    def _checked(self, values: LoggedValues, value: float, batches: "Batches", member: int) -> RowGroups:
        groups = values.groups(member)
        if not groups:
            return RowGroups(unknown=f"{self.names[0]} has no values by batch")
        if len(groups) < (LEAST_GIVEN if batches.grouped else LEAST):
            what = "groups of rows" if batches.grouped else "batches or rows"
            return RowGroups(unknown=f"there are only {len(groups)} {what}")
        mean, _ = _mean(groups)
        if not math.isclose(mean, value, rel_tol=_RELATIVE):
            found_instead = f"by groups of rows it is {mean:.6g} instead of {value:.6g}"
            return RowGroups(unknown=f"{self.names[0]} is no mean over rows: {found_instead}")
        found, weights = zip(*groups, strict=True)
        return RowGroups(values=found, weights=weights, data=batches.data, grouped=batches.grouped)


class Batches:
    """Batches of a validation, copied into the processor's memory as long as they are not too large together.

    Args:
        like: Batches of another validation: what is equal to these is kept once.

    Attributes:
        kept: The batches.
        data: Checksum of them all.
        nbytes: Of them all.
        several: Whether they come from several loaders.
        grouped: Whether each holds whole groups of rows, and is no mere part of them all.
        plain: Whether they are tensors, numbers and names in torch's own containers: nobody can change these.

    Example:
        >>> first = Batches()
        >>> second = Batches(first.kept)
        >>> for batches in (first, second):
        ...     batches.add([torch.arange(6)], 0)
        >>> second.shares(first), sorted({rows for _, _, rows in second.parts()})
        (True, [1])
    """

    def __init__(self, like: Sequence[Any] = ()) -> None:
        self.kept: list[Any] = []
        self.count = self.data = self.nbytes = 0
        self.several, self.grouped, self.plain = False, False, True
        self._like = like

    def add(self, batch: Any, *more: Any) -> None:
        """Keep a batch.

        Args:
            batch: The batch.
            more: What `validation_step` gets besides: the number of the batch, and that of the loader.
        """
        self.several |= len(more) > 1
        self.count += 1
        self.data = zlib.crc32(_sample(batch), self.data)
        self.nbytes += nbytes(batch)
        if self.nbytes <= MOST_BYTES:
            self.kept.append(self._own(batch))

    def _own(self, batch: Any) -> Any:
        leaves, spec = pytree.tree_flatten(batch)
        self.plain &= all(isinstance(leaf, Tensor | int | float | str | None) for leaf in leaves)
        with torch.inference_mode(False):  # such tensors would be of no use outside of Lightning
            own = [_copied(leaf) for leaf in leaves]
        if len(self.kept) < len(self._like):
            others, like = pytree.tree_flatten(self._like[len(self.kept)])
            if like == spec and all(map(_equal, own, others)):
                return self._like[len(self.kept)]
        return pytree.tree_unflatten(own, spec)

    def shares(self, other: "Batches") -> bool:
        """Tell whether all batches are those of another validation."""
        same = zip(self.kept, other.kept, strict=False)
        return len(self.kept) == len(other.kept) and all(one is another for one, another in same)

    @property
    def complete(self) -> bool:
        """Whether all are kept, and there are any."""
        return len(self.kept) == self.count > 0

    def parts(self) -> Iterator[tuple[int, Any, int]]:
        """Yield parts of the batches: number of the batch, rows taken at random, and how many."""
        parts = 1 if self.grouped else math.ceil(_PARTS / len(self.kept))
        for number, batch in enumerate(self.kept):
            for part, rows in _divided(batch, parts, number):
                yield number, part, rows


class RowWatch:
    """Watch what one validation logs of a value, on groups of its rows.

    Args:
        module: A trained module that nobody needs afterwards: its metric objects and hooks are used again.
        monitor: Name of the value.

    Attributes:
        batches: That are validated.

    Example:
        >>> RowWatch(LightningModule(), "val_loss").groups(0.5).unknown
        'val_loss has no values by batch'
    """

    def __init__(self, module: LightningModule, monitor: str) -> None:
        self.module = module
        self._values, self.batches = RowValues(monitor), Batches()
        self._step, self._log = module.validation_step, module.log
        self._numbered = True

    def watching(self) -> AbstractContextManager[None]:
        """Watch a validation; once it has ended, validate its batches in parts where that tells more."""
        ended = self.module.on_validation_end

        @wraps(ended)
        def end() -> None:
            ended()
            batches = self.batches
            if not batches.several and self._values.wants_parts(batches) and batches.complete:
                self._divide()

        return replaced(
            self.module,
            validation_step=wraps(self._step)(partial(self._watched)),
            log=wraps(self._log)(partial(self._logged)),
            on_validation_end=end,
        )

    def _watched(self, batch: Any, *more: Any) -> Any:
        self.batches.add(batch, *more)
        self._numbered = bool(more)
        self._values.whole.rows = partial(extract_batch_size, batch)
        found = self._step(batch, *more)
        self._values.whole.end()
        return found

    def _logged(self, name: str, value: Any, *more: Any, **settings: Any) -> None:
        self._log(name, value, *more, **settings)
        if name in self._values.names and not isinstance(value, Metric):  # which has none of the batch alone
            self._values.whole.keep(value, settings.get("batch_size"))

    def _divide(self) -> None:
        """Validate the batches in parts, each a validation of its own; nothing is logged."""
        try:
            with replaced(self.module, log=self._logged_by_part):
                for number, part, rows in self.batches.parts():
                    self._validate_part(part, rows, *((number,) if self._numbered else ()))
        except Exception as error:  # the user's code, on a part of a batch
            self._values.error = f"validating a part of a batch raised {in_one_line(error)}"

    def _validate_part(self, part: Any, rows: int, *more: int) -> None:
        module, values = self.module, self._values
        for metric in (each for each in module.modules() if isinstance(each, Metric)):
            metric.reset()
        values.parts.rows = partial(int, rows)
        module.on_validation_epoch_start()
        with module.trainer.precision_plugin.val_step_context():
            self._step(move_data_to_device(part, module.device), *more)
        if not values.whole.logged:
            module.on_validation_epoch_end()
        values.parts.end()

    def _logged_by_part(self, name: str, value: Any, *_: Any, **settings: Any) -> None:
        if name in self._values.names:
            found = value.compute() if isinstance(value, Metric) else value
            self._values.parts.keep(found, settings.get("batch_size"))

    def groups(self, value: float) -> RowGroups:
        """Return the value by groups of rows, or why there is none.

        Args:
            value: That of the whole validation.
        """
        if self.batches.several:
            return RowGroups(unknown="there are several comparison loaders")
        return self._values.groups(value, self.batches)


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


def nbytes(batch: Any) -> int:
    """Return the size of the tensors of a batch.

    Example:
        >>> nbytes({"x": [torch.zeros(3), torch.zeros(2)]})
        20
    """
    return sum(tensor.nbytes for tensor in _tensors(batch))


def _copied(value: Any) -> Any:
    cpu = torch.device("cpu")
    is_tensor = isinstance(value, Tensor)
    return value.detach().to(cpu, copy=True) if is_tensor else move_data_to_device(value, cpu)


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    return type(one) is type(other) and bool(one == other)


def _tensors(batch: Any) -> Iterator[Tensor]:
    if isinstance(batch, Tensor):
        yield batch
    elif isinstance(batch, Mapping | list | tuple):
        for part in batch.values() if isinstance(batch, Mapping) else batch:
            yield from _tensors(part)
    elif is_dataclass(batch):
        yield from _tensors([getattr(batch, field.name) for field in fields(batch)])
