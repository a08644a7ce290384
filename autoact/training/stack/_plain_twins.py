"""Plain twins of members of a stack: ordinary modules that say what a plain training would do."""

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor, nn
from torch.optim import Optimizer

from autoact import conversion
from autoact.conversion.surroundings import evaluating
from autoact.spaces import Assignment
from autoact.training.data import random_state
from autoact.training.stack._logged_values import Logged
from autoact.training.stack._member import NotStackable
from autoact.training.stack._networks import State, caught, loss_of, takes_number
from autoact.training.stack.rows import RowActivations, recorded_dropouts

_RELATIVE, _ABSOLUTE = 1e-4, 1e-5  # the latter of the scale of what is compared
_NOISE = 1e-2  # share of the largest gradient below which its sign, all that Adam looks at, may be rounding
_TORCH_OWN = {"_parameters", "_buffers", "_modules", "_trainer", "training", "log"}


class Held(Protocol):
    """Networks of a stack, as far as twins ask for their state."""

    shape: LightningModule

    def row(self, member: int) -> dict[str, Tensor]:
        """Return the state of one member."""

    def gradients(self, member: int) -> dict[str, Tensor]:
        """Return the gradients of one member."""


class Twin:
    """One member as an ordinary module.

    Args:
        module: A fresh module of the member's seed; it is copied.
        assignment: Of the member.
        member: Its number in the stack.
        trainer: What the module finds as its Trainer.
    """

    def __init__(
        self, module: LightningModule, assignment: Assignment | None, member: int, trainer: Trainer
    ) -> None:
        self.module = copy.deepcopy(module)
        if assignment is not None:
            conversion.apply(self.module, assignment)
        self.module.trainer = trainer
        self.member = member
        self._optimizer: Optimizer | None = None

    @torch.no_grad()
    def load(self, networks: Held) -> None:
        """Take over the state of the member."""
        row = networks.row(self.member)
        for name, tensor in (*self.module.named_parameters(), *self.module.named_buffers()):
            tensor.copy_(self._counterpart(name, row, networks.shape))

    def _counterpart(self, name: str, row: State, shape: nn.Module) -> Tensor:
        if name in row and name.rpartition(".")[0] not in _places(shape):
            return row[name]
        path = name.rpartition(".")[0]
        layer = shape.get_submodule(path)
        assert isinstance(layer, RowActivations)
        return row[f"{path}.{layer.slope_of(self.member)}"]

    def rehearse(self, batch: Any) -> tuple[set[str], bool]:
        """Do a training step, and forget it.

        Returns:
            Names of the buffers that it changes; whether it has dropout.

        Raises:
            NotStackable: The step draws other random numbers, or changes more than buffers.
        """
        before = {name: buffer.clone() for name, buffer in self.module.named_buffers()}
        drawn, held = _draws(), attributes(self.module)
        with recorded_dropouts(self.module) as masks:
            self._differentiate(batch, 0)
        after = _draws()
        torch.set_rng_state(drawn[2])
        for mask in masks:
            mask()
        if not _same_draws((*drawn[:2], torch.get_rng_state(), drawn[3]), after):
            raise NotStackable("training_step draws random numbers")
        torch.set_rng_state(drawn[2])
        if changed := differing(held, attributes(self.module)):
            raise NotStackable(f"training_step changes {changed}")
        now = dict(self.module.named_buffers())
        return {name for name, buffer in before.items() if not _same(buffer, now[name])}, bool(masks)

    def _differentiate(self, batch: Any, number: int) -> tuple[Tensor, list[Logged]]:
        calls = list[Logged]()
        self.module.zero_grad()
        arguments = (batch, number) if takes_number(self.module, "training_step") else (batch,)
        with caught(self.module, "training", calls):
            loss = loss_of(self.module.training_step(*arguments))
        loss.backward()
        return loss.detach(), calls

    def step(
        self, batch: Any, number: int, clipped: tuple[float, str] | None, optimizer: Optimizer
    ) -> "PlainStep":
        """Do a training step as a bare loop does.

        Args:
            batch: For this member.
            number: Of the batch.
            clipped: Limit of the gradient, and by what.
            optimizer: A twin of this.

        Returns:
            What it led to.
        """
        loss, calls = self._differentiate(batch, number)
        trained = [p for group in optimizer.param_groups for p in group["params"]]
        if clipped is not None:
            by_norm = clipped[1] == "norm"
            function = torch.nn.utils.clip_grad_norm_ if by_norm else torch.nn.utils.clip_grad_value_
            function(trained, clipped[0])
        optimizer.step()
        return PlainStep(loss, calls)

    def optimizer_like(self, optimizer: Optimizer, module: LightningModule) -> Optimizer:
        """Return an optimizer for this module with the groups that one has for another module.

        Args:
            optimizer: Of the other module, before its first step.
            module: The other module.
        """
        own = dict(self.module.named_parameters())
        names = {id(parameter): name for name, parameter in module.named_parameters()}
        groups = [
            {**group, "params": [own[names[id(p)]] for p in group["params"] if names.get(id(p)) in own]}
            for group in optimizer.param_groups
        ]
        kind: Any = type(optimizer)
        made: Optimizer = kind(groups)
        for parameter, state in optimizer.state.items():
            twin = own.get(names.get(id(parameter), ""))
            if twin is not None:
                made.state[twin] = copy.deepcopy(state)
        return made

    def differs(
        self, networks: Held, step: "PlainStep", loss: Tensor, logged: Sequence[Logged]
    ) -> str | None:
        """Return where the stack differs after a step that both did from one state; None where nowhere."""
        row, member, shape = networks.row(self.member), self.member, networks.shape
        if not _close(step.loss, loss[member]) or not self.logs_alike(step.calls, logged):
            return "in the value of training_step"
        named = dict(self.module.named_parameters())
        gradients = {name: p.grad for name, p in named.items() if p.grad is not None}
        stacked_row = networks.gradients(member)
        largest = max((float(g.abs().max()) for g in gradients.values() if g.numel()), default=0.0)
        for name, gradient in gradients.items():
            other = self._counterpart(name, stacked_row, shape)
            if not _close(gradient, other, largest):
                return f"in the gradient of {name}"
            counts = gradient.abs() > _NOISE * largest
            if not _close(named[name].detach()[counts], self._counterpart(name, row, shape)[counts]):
                return f"in {name}"
        for name, buffer in self.module.named_buffers():
            if not _close(buffer, self._counterpart(name, row, shape)):
                return f"in {name}"
        return None

    @torch.no_grad()
    def validate(self, batch: Any, number: int, loader: int | None) -> tuple[list[Logged], bool]:
        """Return what one validation step logs, and whether it changes more than that."""
        calls, held, drawn = list[Logged](), attributes(self.module), _draws()
        buffers = {name: buffer.clone() for name, buffer in self.module.named_buffers()}
        arguments = [number] if takes_number(self.module, "validation_step") else []
        with caught(self.module, "validation", calls), evaluating(self.module):
            self.module.validation_step(batch, *arguments, *([] if loader is None else [loader]))
        changed = bool(differing(held, attributes(self.module))) or not _same_draws(drawn, _draws())
        now = dict(self.module.named_buffers())
        return calls, changed or any(not _same(each, now[name]) for name, each in buffers.items())

    def logs_alike(self, calls: Sequence[Logged], stacked: Sequence[Logged]) -> bool:
        """Tell whether the member logs in the stack what it logs here."""
        return len(calls) == len(stacked) and all(
            own.name == other.name
            and _close(own.value, other.value[self.member] if other.value.dim() else other.value)
            for own, other in zip(calls, stacked, strict=True)
        )


@dataclass(frozen=True, slots=True)
class PlainStep:
    """Loss of a plain training step, and what it logged."""

    loss: Tensor
    calls: list[Logged]


def _places(shape: nn.Module) -> set[str]:
    return {path for path, layer in shape.named_modules() if isinstance(layer, RowActivations)}


def _close(own: Tensor, other: Tensor, scale: float | None = None) -> bool:
    """Tell whether two tensors are equal up to rounding; their scale is that of the first if not given."""
    if not own.is_floating_point():
        return torch.equal(own, other.to(own.device))
    if not own.numel():
        return True
    own, other = own.detach(), other.detach().to(own.device, own.dtype)
    coarse = own.is_cuda and (torch.backends.cudnn.allow_tf32 or torch.backends.cuda.matmul.allow_tf32)
    share = 100.0 if coarse else 1.0
    if scale is None or not math.isfinite(scale):
        scale = float(own.abs().nan_to_num(0, 0, 0).max())
    allowed = share * _ABSOLUTE * scale + 1e-12
    return torch.allclose(own, other, rtol=share * _RELATIVE, atol=allowed, equal_nan=True)


def _same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.equal(one.nan_to_num(), other.nan_to_num())


def _draws() -> tuple[Any, ...]:
    on_gpu = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    return *random_state()[:3], on_gpu


def _same_draws(before: tuple[Any, ...], now: tuple[Any, ...]) -> bool:
    numpy = before[1][2] == now[1][2] and bool((before[1][1] == now[1][1]).all())
    on_gpu = all(torch.equal(one, other) for one, other in zip(before[3], now[3], strict=False))
    return before[0] == now[0] and numpy and torch.equal(before[2], now[2]) and on_gpu


def attributes(module: nn.Module) -> dict[str, list[Any]]:
    """Return the attributes of a module and its parts that are no parameters and buffers, by path.

    Example:
        >>> layer = nn.Identity()
        >>> before = attributes(layer)
        >>> layer.calls = 1
        >>> differing(before, attributes(layer))
        'self.calls'
    """
    return {
        f"self.{path}.{name}" if path else f"self.{name}": _content(value)
        for path, part in module.named_modules()
        for name, value in vars(part).items()
        if name not in _TORCH_OWN
    }


def _content(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return [value, *value.values()]
    if isinstance(value, list | set | tuple):
        return [value, *value]
    return [value, value._version] if isinstance(value, Tensor) else [value]


def differing(before: Mapping[str, list[Any]], now: Mapping[str, list[Any]]) -> str | None:
    """Return the first attribute that is another one than before; None where none is."""
    for name in {**before, **now}:
        own, other = before.get(name, []), now.get(name, [])
        if len(own) != len(other) or any(not _is(a, b) for a, b in zip(own, other, strict=True)):
            return name
    return None


def _is(one: Any, other: Any) -> bool:
    return one is other or (isinstance(one, int | float | str) and bool(one == other))
