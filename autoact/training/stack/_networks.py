"""Networks of a stack: parameters, buffers and batches of all members, and their steps as one computation."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.signature_utils import is_param_in_hook_signature
from torch import Tensor
from torch.utils import _pytree as pytree

from autoact.conversion.surroundings import evaluating
from autoact.training._compat import batched_kernels
from autoact.training._compat_vmap import holding, places, vmapped
from autoact.training.stack._logged_values import Logged, Stage, catcher
from autoact.training.stack._member import NotStackable
from autoact.training.stack.rows import RowActivations, RowDropout

State = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class StackedBatch:
    """A batch whose tensors can be vmapped.

    Attributes:
        tensors: Leaves; with a first dimension of networks where `dims` is 0.
        dims: 0 or None for each.
        structure: From which `of` makes a batch again.
        first: The batch of the first network's seed.
    """

    tensors: list[Tensor]
    dims: list[int | None]
    structure: tuple[list[Any], Any]
    first: Any

    def of(self, tensors: Sequence[Tensor]) -> Any:
        """Return the batch of one network, with its tensors in place of the stacked ones."""
        leaves, spec = self.structure
        given = iter(tensors)
        return pytree.tree_unflatten(
            [next(given) if isinstance(leaf, Tensor) else leaf for leaf in leaves], spec
        )


def stacked(batches: Sequence[Any], rows: Tensor | None) -> StackedBatch:
    """Put the batches of several seeds together.

    Args:
        batches: One for each seed.
        rows: Number of its seed for each network; None if every network has its own.

    Raises:
        NotStackable: They differ in more than the values of tensors.

    Example:
        >>> found = stacked([torch.zeros(2), torch.ones(2)], torch.tensor([0, 1, 1]))
        >>> found.tensors[0].sum(1), found.dims
        (tensor([0., 2., 2.]), [0])
    """
    flat = [pytree.tree_flatten(batch) for batch in batches]
    leaves, spec = flat[0]
    if len(batches) == 1:
        tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
        return StackedBatch(tensors, [None] * len(tensors), (leaves, spec), batches[0])
    if any(other != spec for _, other in flat):
        raise NotStackable("the batches of two seeds differ in their form")
    tensors, dims = list[Tensor](), list[int | None]()
    for each in zip(*(own for own, _ in flat), strict=True):
        if not isinstance(each[0], Tensor):
            _require_equal(each)
            continue
        if any(other.shape != each[0].shape or other.dtype != each[0].dtype for other in each):
            raise NotStackable("the batches of two seeds differ in size")
        shared = all(torch.equal(each[0], other) for other in each[1:])
        dims.append(None if shared else 0)
        tensors.append(each[0] if shared else _rows(torch.stack(each), rows))
    return StackedBatch(tensors, dims, (leaves, spec), batches[0])


def _rows(tensor: Tensor, rows: Tensor | None) -> Tensor:
    return tensor if rows is None else tensor.index_select(0, rows)


def _require_equal(values: Sequence[Any]) -> None:
    kind = type(values[0])
    if kind not in (int, float, str, bool, type(None)) or any(value != values[0] for value in values):
        raise NotStackable(f"the batches hold a {kind.__name__} that differs from seed to seed")


class Networks:
    """State of a stack, and its steps.

    Args:
        shape: A module whose layers that differ are `RowActivations` and `RowDropout`; its state is not used.
        states: For each member the state that it begins with, by the names of the shape; what a
            `RowActivations` holds may be missing.
        changing: Names of buffers that steps may change; others that all have in common are kept once.
    """

    def __init__(self, shape: LightningModule, states: Sequence[State], changing: set[str]) -> None:
        self.shape, self.size = shape, len(states)
        self._places = places(shape)
        self._numbered = {name: takes_number(shape, name) for name in ("training_step", "validation_step")}
        own = {
            f"{path}.{name}"
            for path, layer in shape.named_modules()
            if isinstance(layer, RowActivations | RowDropout)
            for name, _ in (*layer.named_parameters(), *layer.named_buffers())
        }
        self.parameters: dict[str, Tensor] = {}
        for name, parameter in shape.named_parameters():
            rows = [parameter if name in own else state[name] for state in states]
            whole = torch.stack([row.detach() for row in rows])
            self.parameters[name] = whole.requires_grad_(parameter.requires_grad)
        self.buffers: dict[str, Tensor] = {}
        self._shared: dict[str, Tensor] = {}
        for name, buffer in shape.named_buffers():
            rows = [buffer if name in own else state[name] for state in states]
            if name not in own and name not in changing and _all_equal(rows):
                self._shared[name] = rows[0].clone()
            else:
                self.buffers[name] = torch.stack(rows)

    def row(self, member: int) -> dict[str, Tensor]:
        """Return the state of one member, by the names of the shape; no copies."""
        stacked = {**self.parameters, **self.buffers}
        return {**self._shared, **{name: tensor.detach()[member] for name, tensor in stacked.items()}}

    def gradients(self, member: int) -> dict[str, Tensor]:
        """Return the gradients of one member, by the names of the shape."""
        return {name: p.grad[member] for name, p in self.parameters.items() if p.grad is not None}

    def finite(self) -> Tensor:
        """Return which members have finite parameters, (N,)."""
        flags = [tensor.detach().isfinite().flatten(1).all(1) for tensor in self.parameters.values()]
        return torch.stack(flags).all(0)

    def training_step(self, batch: StackedBatch, number: int) -> tuple[Tensor, list[Logged]]:
        """Return the loss of every member, (N,), with its graph, and what they logged."""
        arguments = (number,) if self._numbered["training_step"] else ()
        return self._run("training", batch, arguments)

    @torch.no_grad()
    def validation_step(self, batch: StackedBatch, number: int, loader: int | None) -> list[Logged]:
        """Return what every member logged."""
        arguments = (number,) if self._numbered["validation_step"] else ()
        with evaluating(self.shape):
            return self._run("validation", batch, (*arguments, *([] if loader is None else [loader])))[1]

    def _run(
        self, stage: Stage, batch: StackedBatch, arguments: tuple[Any, ...]
    ) -> tuple[Tensor, list[Logged]]:
        calls, step = list[Logged](), getattr(self.shape, f"{stage}_step")
        with caught(self.shape, stage, calls), batched_kernels(), vmapped(self.size) as level:
            stacks = {**self.parameters, **self.buffers}
            own = {name: level.inside(tensor) for name, tensor in stacks.items()}
            tensors = [
                tensor if dim is None else level.inside(tensor)
                for tensor, dim in zip(batch.tensors, batch.dims, strict=True)
            ]
            with holding(self._places, {**self._shared, **own}):
                returned = step(batch.of(tensors), *arguments)
            loss = level.outside(loss_of(returned) if stage == "training" else torch.zeros(()))
            return loss, [replace(call, value=level.outside(call.value)) for call in calls]


def _all_equal(rows: Sequence[Tensor]) -> bool:
    distinct = {id(row): row for row in rows}.values()
    return all(torch.equal(rows[0], row) for row in distinct)


def takes_number(module: LightningModule, step: str) -> bool:
    """Tell whether a step takes the number of the batch."""
    return is_param_in_hook_signature(getattr(module, step), "batch_idx", min_args=2)


def loss_of(returned: Any) -> Tensor:
    """Return the loss among what a training step returned.

    Raises:
        TypeError: There is none.
    """
    loss = returned.get("loss") if isinstance(returned, Mapping) else returned
    if not isinstance(loss, Tensor):
        raise TypeError(f"training_step returned {type(returned).__name__}, not a loss")
    return loss


@contextmanager
def caught(module: LightningModule, stage: Stage, calls: list[Logged]) -> Iterator[None]:
    """Catch what a module logs.

    Args:
        module: The module.
        stage: Of its step.
        calls: Gets the calls of `self.log`.
    """
    module.__dict__["log"] = catcher(stage, calls)
    try:
        yield
    finally:
        del module.__dict__["log"]
