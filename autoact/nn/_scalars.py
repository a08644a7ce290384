"""Kernels over the logits and raw numbers of one layer, whose weights and values are computed as numbers.

In a training step, each of the forty calls of torch that make weights and parameter values of logits and
raw numbers, and their gradients, finds cold caches: 0.6 ms a layer. A dozen numbers are computed in Python
instead. The plain twin is the chain of torch operations, which gradients of gradients take.
"""

from __future__ import annotations

import logging
import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from autoact.activations import Parameter
from autoact.errors import UnsupportedInputError
from autoact.kernels import Kernels, Plan, Way, fused, plan_for, route
from autoact.nn import _relaxations
from autoact.nn._ranges import Form, constrained, constrained_number, constrained_text, form_of

if TYPE_CHECKING:
    from autoact.kernels import gpu

log = logging.getLogger(__name__)
Tensors = tuple[Tensor, ...]


class OverLogits:
    """Kernels over (logits, raw) from kernels over (weights, parameters).

    Everything else is a number, read before forward: a schedule may move buffers before backward.

    Args:
        kernels: What computes the mixture on a CPU.
        logits: K numbers.
        raw: P numbers.
        temperature: Divides the logits.
        release: 0 for the anchor, 1 for the softmax.
        anchor: K numbers.
        initial: P parameter values at raw = 0.
        parameters: P of them.
        forms: `form_of` each.
    """

    weights: Tensor | None
    values: Tensor | None

    def __init__(
        self,
        kernels: Kernels | None,
        logits: list[float],
        raw: list[float],
        temperature: float,
        release: float,
        anchor: list[float],
        initial: list[float],
        parameters: tuple[Parameter, ...],
        forms: tuple[Form, ...],
    ) -> None:
        self._kernels, self._parameters = cast(Kernels, kernels), parameters
        self._temperature, self._release, self._anchor, self._initial = temperature, release, anchor, initial
        shares = softmax([z / temperature for z in logits])
        weights = [(1 - release) * e + release * p for e, p in zip(anchor, shares, strict=True)]
        moved = [constrained_number(*each) for each in zip(raw, initial, forms, strict=True)]
        self._slopes, self._speeds = [p / temperature for p in shares], [speed for _, speed in moved]
        self._own = _tensor(weights), _tensor([value for value, _ in moved])
        self.weights, self.values = self._own

    def forward(self, x: Tensor, numbers: Tensors, channel_dim: int) -> Tensor:
        """Return y."""
        return self._kernels.forward(x, self._own, channel_dim)

    def backward(self, x: Tensor, numbers: Tensors, grad: Tensor, channel_dim: int) -> Tensors:
        """Return the gradients of x, logits and raw numbers, by two chain rules."""
        grad_x, grad_w, grad_v = self._kernels.backward(x, self._own, grad, channel_dim)
        slopes, pulls = self._slopes, grad_w.tolist()
        mean = sum(s * g for s, g in zip(slopes, pulls, strict=True)) / sum(slopes)
        grad_z = [s * (g - mean) for s, g in zip(slopes, pulls, strict=True)]
        grad_r = [s * g for s, g in zip(self._speeds, grad_v.tolist(), strict=True)]
        logits, raw = numbers
        return grad_x, _tensor(grad_z, logits.dtype), _tensor(grad_r, raw.dtype)

    def differentiable(
        self, x: Tensor, numbers: Tensors, grad: Tensor, channel_dim: int
    ) -> tuple[Tensor | None, ...]:
        """Return the same gradients, differentiable again."""
        needed = [t for t in numbers if t.requires_grad]
        graph = torch.is_grad_enabled()
        with torch.enable_grad():
            own = self._chain(*numbers)
        grad_x, *pulls = self._kernels.differentiable(x, own, grad, channel_dim)
        pairs = [(t, g) for t, g in zip(own, pulls, strict=True) if g is not None]
        if not needed or not pairs:
            return grad_x, *(None for _ in numbers)
        outputs, given = zip(*pairs, strict=True)
        found = iter(torch.autograd.grad(outputs, needed, given, create_graph=graph, allow_unused=True))
        return grad_x, *(next(found) if t.requires_grad else None for t in numbers)

    def _chain(self, logits: Tensor, raw: Tensor) -> Tensors:
        """Return weights and values as torch operations on logits and raw numbers."""
        temperature, release, anchor = (
            logits.new_tensor(v) for v in (self._temperature, self._release, self._anchor)
        )
        weights = _relaxations.anchored(logits, temperature, release, anchor, _relaxations.softmax)
        initial = raw.new_tensor(self._initial, dtype=torch.float64)
        return weights.float(), constrained(raw.double(), initial, self._parameters).float()


def _tensor(values: list[float], dtype: torch.dtype = torch.float32) -> Tensor:
    made: Any = torch.tensor(values, dtype=dtype, device="cpu")  # whatever the default device is
    return made


def softmax(logits: list[float]) -> list[float]:
    """Return the softmax of numbers.

    Example:
        >>> softmax([1.0, 1.0])
        [0.5, 0.5]
    """
    top = max(logits)
    powers = [math.exp(z - top) for z in logits]
    total = sum(powers)
    return [power / total for power in powers]


def over_logits(
    kernels: Kernels | None, tensors: list[Tensor], parameters: tuple[Parameter, ...], forms: tuple[Form, ...]
) -> OverLogits:
    """Return kernels over (logits, raw) by reading them, temperature, release, anchor and initial values."""
    numbers: list[Any] = [t.tolist() for t in tensors]
    logits, raw, temperature, release, anchor, initial = numbers
    return OverLogits(kernels, logits, raw, temperature, release, anchor, initial, parameters, forms)


class OverLogitsOnGpu(OverLogits):
    """The same on a GPU, where numbers are not read: two launches make y of them, two more the gradients.

    Args:
        kernels: What computes the mixture on a GPU, and its plain twin.
        chain: Kernels from the numbers to y.
        numbers: Temperature (), release (), anchor (K,), initial values (P,) and logits seen last (K,).
        parameters: P of them.
    """

    weights = values = None  # not read
    step = 0.0  # what release moves by if the logits moved

    def __init__(
        self, kernels: Kernels | None, chain: gpu.Chain, numbers: Tensors, parameters: tuple[Parameter, ...]
    ) -> None:
        self._kernels, self._parameters = cast(Kernels, kernels), parameters
        self._chained, self._numbers = chain, numbers

    def forward(self, x: Tensor, numbers: Tensors, channel_dim: int) -> Tensor:
        """Return y; what backward needs is copied, since a schedule may move buffers before."""
        y, self._state = self._chained.forward(x, (*numbers, *self._numbers), self.step)
        return y

    def backward(self, x: Tensor, numbers: Tensors, grad: Tensor, channel_dim: int) -> Tensors:
        """Return the gradients of x, logits and raw numbers."""
        return self._chained.backward(x, self._state, grad, *numbers)

    def _chain(self, logits: Tensor, raw: Tensor) -> Tensors:
        """Return the coefficients as torch operations on logits and raw numbers."""
        *_, temperature, release, anchor, initial = self._state.split(self._chained.state.parts)
        weights = _relaxations.anchored(logits, temperature, release, anchor, _relaxations.softmax)
        values = constrained(raw.double(), initial.double(), self._parameters)
        return (self._chained.plan.coefficients(weights.float(), values.float()),)


def on_gpu(key: str, kernels: Kernels | None, x: Tensor, tensors: list[Tensor]) -> OverLogitsOnGpu | None:
    """Return kernels over (logits, raw) on a GPU; None where torch has to make the coefficients.

    Args:
        key: `key_of` the layer.
        kernels: Those that `route` found.
        x: What the layer is called with.
        tensors: Logits, raw numbers, temperature, release, anchor, initial values, and the logits seen last.
    """
    chain, device = _chain_of(key), x.device
    if chain is None or any(t.device != device or not t.is_contiguous() for t in tensors):
        return None
    return OverLogitsOnGpu(kernels, chain, tuple(tensors[2:]), _PARAMETERS[key][1])


@lru_cache(maxsize=512)
def _chain_of(key: str) -> gpu.Chain | None:
    """Return the kernels of a layer; None where a factor of its parameters has no Triton form."""
    from autoact.kernels import gpu  # here, since Triton takes a while to import

    names, parameters = _PARAMETERS[key]
    texts = [constrained_text(f"r{i}", f"v{i}", form_of(p)) for i, p in enumerate(parameters)]
    try:
        return gpu.Chain(plan_for(names), tuple(texts))
    except UnsupportedInputError as reason:
        log.debug("coefficients of %s are computed by torch: %s", names, reason)
        return None


_PARAMETERS: dict[str, tuple[tuple[str, ...], tuple[Parameter, ...]]] = {}  # candidates and ranges by key


def key_of(names: tuple[str, ...], parameters: tuple[Parameter, ...]) -> str:
    """Return the text by which a compiled graph names the candidates and parameters of a layer.

    Example:
        >>> key_of(("relu", "tanh"), ())
        "(('relu', 'tanh'), ())"
    """
    key = repr((names, parameters))
    _PARAMETERS[key] = names, parameters
    return key


def _read(key: str, x: Tensor, tensors: list[Tensor]) -> tuple[OverLogits, Plan]:
    names, parameters = _PARAMETERS[key]
    found = route(names, x)
    if found.way is not Way.C or found.kernels is None:
        raise RuntimeError(f"A model compiled for C kernels met a tensor without any: {found.reason}.")
    forms = tuple(map(form_of, parameters))
    return over_logits(found.kernels, tensors, parameters, forms), plan_for(names)


@torch.library.custom_op("autoact::mixture_of_logits", mutates_args=())
def mixture_of_logits(x: Tensor, tensors: list[Tensor], key: str, channel_dim: int) -> Tensor:
    """Mixture of a layer as one operation of a compiled graph, computed as without a compiler."""
    own, plan = _read(key, x, tensors)
    return fused(plan, own, x, (tensors[0], tensors[1]), own.weights, own.values, channel_dim)


@mixture_of_logits.register_fake
def _(x: Tensor, tensors: list[Tensor], key: str, channel_dim: int) -> Tensor:
    return torch.empty_like(x)


@torch.library.custom_op("autoact::mixture_of_logits_backward", mutates_args=())
def mixture_of_logits_backward(
    x: Tensor, tensors: list[Tensor], grad: Tensor, key: str, channel_dim: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of x, logits and raw numbers."""
    own, _ = _read(key, x, tensors)
    grad_x, grad_logits, grad_raw = own.backward(x, (tensors[0], tensors[1]), grad, channel_dim)
    return grad_x, grad_logits, grad_raw


@mixture_of_logits_backward.register_fake
def _(
    x: Tensor, tensors: list[Tensor], grad: Tensor, key: str, channel_dim: int
) -> tuple[Tensor, Tensor, Tensor]:
    return torch.empty_like(x), torch.empty_like(tensors[0]), torch.empty_like(tensors[1])


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, tensors, ctx.key, ctx.channel_dim = inputs
    ctx.save_for_backward(x, *tensors)


def _backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    x, *tensors = ctx.saved_tensors
    grad_x, *others = mixture_of_logits_backward(x, tensors, grad, ctx.key, ctx.channel_dim)
    return grad_x, [*others, None, None, None, None], None, None


mixture_of_logits.register_autograd(_backward, setup_context=_setup_context)
