"""Time and memory of every candidate, on the tensors that reach a model's activations."""

import copy
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from autoact import conversion
from autoact.conversion import SpaceLike
from autoact.latency._call_times import in_turns
from autoact.latency._memory import Kept, kept_for_backward
from autoact.latency._model_latencies import call
from autoact.nn import AutoActivation, module_for
from autoact.spaces import Choice

MIXTURE = "mixture"
Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationCost:
    """What one candidate costs per call on tensors of one shape.

    Attributes:
        name: The candidate with its settings, or "mixture" for the layer while it is searched.
        shape: Of the tensor that reaches the activation.
        dtype: Of this tensor.
        calls: How often the model calls an activation that may be this one with such a tensor.
        forward: Microseconds of a call without gradients, the least of all rounds: other programs only add.
        training: The same of a call and its backward pass.
        kept: Bytes kept for backward.

    Example:
        >>> cost = ActivationCost(
        ...     name="relu", shape=(32, 64), dtype="float32", calls=1, forward=2.0, training=6.0,
        ...     kept=Kept(total=8192, output=8192),
        ... )
        >>> cost.elements
        2048
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    calls: int
    forward: float
    training: float
    kept: Kept

    @property
    def elements(self) -> int:
        """Number of elements of the tensor."""
        return torch.Size(self.shape).numel()


@dataclass(slots=True)
class _Case:
    """One candidate on one kind of tensor."""

    name: str
    module: nn.Module
    x: Tensor
    calls: int = 0


@dataclass(slots=True)
class _Seen:
    """Tensors like those that reach each searched layer, once for every call of it."""

    likes: dict[Key, Tensor] = field(default_factory=dict)
    calls: list[tuple[AutoActivation, Key]] = field(default_factory=list)

    def hook(self, layer: Any, arguments: tuple[Tensor, ...]) -> None:
        x = arguments[0].detach()
        key = (tuple(x.shape), x.stride(), x.dtype, x.device)
        if key not in self.likes:
            generator = torch.Generator(x.device).manual_seed(0)
            self.likes[key] = torch.empty_like(x).normal_(generator=generator)
        self.calls.append((layer, key))


def activation_costs(
    model: nn.Module, batch: Any, space: SpaceLike = "default", seconds: float = 5.0
) -> tuple[ActivationCost, ...]:
    """Measure every candidate of every layer on tensors like those that reach it, all in turns.

    Args:
        model: Stays as it is; it should be on the device to measure on.
        batch: What the model takes: a tensor, a tuple of arguments or a mapping of keywords.
        space: The search space.
        seconds: For all measurements together; each is done at least once.

    Returns:
        One entry per candidate and shape, in the order in which the model meets them.

    Raises:
        ConfigurationError: The model cannot be called on the batch.
        ConversionError: The space finds no layer in the model.

    Example:
        >>> model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU())
        >>> costs = activation_costs(model, torch.ones(8, 4), ["relu", "silu"], seconds=0.01)
        >>> [(cost.name, cost.shape, cost.calls, cost.kept.total) for cost in costs[:2]]
        [('relu', (8, 16), 2, 512), ('silu', (8, 16), 2, 512)]
    """
    searched = _searched(copy.deepcopy(model), batch, space)
    cases = _cases(_inputs(*searched, batch))
    forward = in_turns({key: partial(_forward, case) for key, case in _named(cases)}, seconds / 3)
    training = in_turns({key: partial(_training, case) for key, case in _named(cases)}, seconds * 2 / 3)
    return tuple(
        ActivationCost(
            name=case.name,
            shape=tuple(case.x.shape),
            dtype=str(case.x.dtype).removeprefix("torch."),
            calls=case.calls,
            forward=1e6 * min(forward[key]),
            training=1e6 * min(training[key]),
            kept=_kept(case),
        )
        for key, case in _named(cases)
    )


def _searched(model: nn.Module, batch: Any, space: SpaceLike) -> tuple[nn.Module, list[AutoActivation]]:
    """Convert a model, and speak of activations that the batch never reaches; return its searched layers."""
    with torch.no_grad():
        call(model.eval(), batch)
    running = conversion.find_layers(model, space, example_input=batch)
    idle = sorted(set(conversion.find_layers(model, space).paths) - set(running.paths))
    if idle:
        message = f"No cost is measured for {', '.join(idle)}: never called with this input."
        warnings.warn(message, UserWarning, stacklevel=3)
    conversion.convert(model, space, start="uniform", example_input=batch)
    layers = conversion.auto_layers(model)
    return model, [layer for path, layer in layers.items() if path not in running.left_alone]


def _inputs(model: nn.Module, layers: Sequence[AutoActivation], batch: Any) -> _Seen:
    seen = _Seen()
    handles = [layer.register_forward_pre_hook(seen.hook) for layer in layers]
    with torch.no_grad():
        call(model.eval(), batch)
    for handle in handles:
        handle.remove()
    return seen


def _cases(seen: _Seen) -> list[_Case]:
    cases: dict[Key, _Case] = {}
    for layer, key in seen.calls:
        for name, known, module in _candidates(layer):
            case = cases.setdefault((key, known), _Case(name, module, seen.likes[key]))
            case.calls += 1
    order = list(seen.likes)
    return [cases[found] for found in sorted(cases, key=lambda found: order.index(found[0]))]


def _candidates(layer: AutoActivation) -> Iterator[tuple[str, Any, nn.Module]]:
    """Yield name, identity and module of each candidate of a layer, and of the layer itself."""
    for name in layer.candidates:
        choice = Choice(name, layer.settings.get(name, {}))
        module = module_for(choice, channel_dim=layer.channel_dim)
        yield name, choice, module.to(layer.logits.device)
    yield MIXTURE, (layer.candidates, str(layer.settings), layer.relaxation), layer


def _named(cases: list[_Case]) -> Iterator[tuple[str, _Case]]:
    return ((str(index), case) for index, case in enumerate(cases))


@torch.no_grad()
def _forward(case: _Case) -> Tensor:
    return case.module(case.x)


def _training(case: _Case) -> Any:
    x = case.x.detach().requires_grad_()
    learned = [p for p in case.module.parameters() if p.requires_grad]
    with torch.enable_grad():
        y = case.module(x)
    return torch.autograd.grad(y, [x, *learned], case.x)


def _kept(case: _Case) -> Kept:
    x = case.x.detach().requires_grad_()
    tensors = (*case.module.parameters(), *case.module.buffers())
    return kept_for_backward(lambda: case.module(x), tensors)


def totals(costs: tuple[ActivationCost, ...]) -> Mapping[str, tuple[int, float, float, int]]:
    """Return calls, forward and training microseconds and bytes kept of each candidate, over the model."""
    sums: dict[str, tuple[int, float, float, int]] = {}
    for cost in costs:
        calls, forward, training, kept = sums.get(cost.name, (0, 0.0, 0.0, 0))
        sums[cost.name] = (
            calls + cost.calls,
            forward + cost.calls * cost.forward,
            training + cost.calls * cost.training,
            kept + cost.calls * cost.kept.total,
        )
    return sums
