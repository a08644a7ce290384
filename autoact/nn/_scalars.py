"""Kernels over the logits and raw numbers of one layer: what follows from them is computed in C or Triton.

In a training step, each of the hundred calls of torch that make weights and parameter values of logits and
raw numbers, and their gradients, finds cold caches: 0.6 ms a layer. One call of a kernel each way takes their
place. The plain twin is the chain of torch operations, which gradients of gradients take.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from autoact._cache import remembered
from autoact.activations import Parameter
from autoact.errors import UnsupportedInputError
from autoact.kernels import Kernels, Route, Way, cpu, plan_for, route
from autoact.nn import _relaxations
from autoact.nn._ranges import c_text, constrained, constrained_text, form_of

if TYPE_CHECKING:
    from autoact.kernels import gpu

log = logging.getLogger(__name__)
Tensors = tuple[Tensor, ...]


class OverLogits:
    """Kernels over (logits, raw) from kernels over what follows from them.

    Everything else is kept by forward: a schedule may move buffers before backward.

    Args:
        found: How x is computed, by C or by Triton, and the plain twin of that.
        key: `key_of` the layer.
        chain: Kernels of the layer.
        numbers: Temperature (), release (), anchor (K,), initial values (P,) and logits seen last (K,).
    """

    step = 0.0  # what release moves by if the logits moved
    _state: Tensor

    def __init__(self, found: Route, key: str, chain: Any, numbers: Tensors) -> None:
        self._kernels, self._key = cast(Kernels, found.kernels), key
        self._chained, self._numbers = chain, numbers

    def forward(self, x: Tensor, numbers: Tensors, channel_dim: int) -> Tensor:
        """Return y."""
        y: Tensor
        y, self._state = self._chained.forward(x, (*numbers, *self._numbers), self.step)
        return y

    def backward(self, x: Tensor, numbers: Tensors, grad: Tensor, channel_dim: int) -> Tensors:
        """Return the gradients of x, logits and raw numbers."""
        found: Tensors = self._chained.backward(x, self._state, grad, *numbers)
        return found

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
        """Return what the kernels take as torch operations on logits and raw numbers."""
        *_, temperature, release, anchor, initial = self._state.split(self._chained.parts)
        weights = _relaxations.anchored(logits, temperature, release, anchor, _relaxations.softmax)
        values = constrained(raw.double(), initial.double(), _PARAMETERS[self._key][1])
        numbers: Tensors = self._chained.taken(weights.float(), values.float())
        return numbers


def over_logits(key: str, found: Route, x: Tensor, tensors: list[Tensor]) -> OverLogits | None:
    """Return kernels over (logits, raw); None where torch has to make what follows from them.

    Args:
        key: `key_of` the layer.
        found: What `route` found.
        x: What the layer is called with.
        tensors: Logits, raw numbers, temperature, release, anchor, initial values, and the logits seen last.
    """
    chain: gpu.Chain | cpu.Chain | None = None
    if found.way is Way.C and cpu.readable(tensors):
        chain = c_chain_of(key)
    elif found.way is Way.TRITON and all(t.device == x.device and t.is_contiguous() for t in tensors):
        chain = _chain_of(key)
    return None if chain is None else OverLogits(found, key, chain, tuple(tensors[2:]))


@remembered(maxsize=512)
def c_chain_of(key: str) -> cpu.Chain | None:
    """Return the kernels in C of a layer; None without a C compiler."""
    names, parameters = _PARAMETERS[key]
    library = cpu.chain_library(*c_text())
    if library is None:
        return None
    return cpu.Chain(library, plan_for(names), tuple(form_of(p)[:7] for p in parameters))


@remembered(maxsize=512)
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


def is_one_operation(key: str, x: Tensor) -> bool:
    """Tell whether torch.compile takes a layer as one operation: on a CPU, with kernels; not in exports."""
    return x.device.type == "cpu" and not torch.compiler.is_exporting() and _has_kernels(key, x.dtype)


@torch._dynamo.assume_constant_result
def _has_kernels(key: str, dtype: torch.dtype) -> bool:
    if torch._C._functorch.peek_interpreter_stack() is not None:
        return False
    kernels = cpu.kernels_for(plan_for(_PARAMETERS[key][0]), dtype)
    return not isinstance(kernels, str) and c_chain_of(key) is not None


# A custom_op takes 8 us more at each call. Inductor keeps graphs on disk, with the size of a state in them,
# and knows an operation by its name alone: a state of other parts needs an operation of another name.
_operations = torch.library.Library("autoact", "FRAGMENT")
_operations.define(
    "mixture_of_layer(Tensor x, Tensor logits, Tensor raw, Tensor temperature, Tensor release, "
    "Tensor anchor, Tensor initial, str key, int channel_dim) -> (Tensor, Tensor)"
)
_operations.define(
    "mixture_of_layer_backward(Tensor x, Tensor logits, Tensor raw, Tensor state, Tensor grad, str key) "
    "-> (Tensor, Tensor, Tensor)"
)
mixture_of_layer = torch.ops.autoact.mixture_of_layer.default
_backward_operation = torch.ops.autoact.mixture_of_layer_backward.default


def _found(key: str) -> cpu.Chain:
    chain = c_chain_of(key)
    if chain is None:
        raise RuntimeError("A model compiled for C kernels met a machine without a C compiler.")
    return chain


@torch.library.impl(_operations, "mixture_of_layer", "CPU")
def _forward(x: Tensor, *rest: Any) -> Tensors:
    """Return y and the state."""
    *numbers, key, _ = rest
    return _found(key).forward(x, cpu.as_readable((*numbers, numbers[0])), 0.0)


@torch.library.register_fake("autoact::mixture_of_layer", lib=_operations)
def _(x: Tensor, *rest: Any) -> Tensors:
    return torch.empty_like(x), x.new_empty(sum(_found(rest[-2]).parts), dtype=torch.float32)


@torch.library.impl(_operations, "mixture_of_layer_backward", "CPU")
def _gradients(x: Tensor, logits: Tensor, raw: Tensor, state: Tensor, grad: Tensor, key: str) -> Tensors:
    """Return the gradients of x, logits and raw numbers."""
    return _found(key).backward(x, state, grad, logits, raw)


@torch.library.register_fake("autoact::mixture_of_layer_backward", lib=_operations)
def _(x: Tensor, logits: Tensor, raw: Tensor, state: Tensor, grad: Tensor, key: str) -> Tensors:
    return torch.empty_like(x), torch.empty_like(logits), torch.empty_like(raw)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Tensors) -> None:
    x, logits, raw, *_, ctx.key, ctx.channel_dim = inputs
    ctx.save_for_backward(x, logits, raw, output[1])
    ctx.mark_non_differentiable(output[1])


def _backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Any, ...]:
    x, logits, raw, state = ctx.saved_tensors
    if torch.is_grad_enabled():
        own = OverLogits(route(_PARAMETERS[ctx.key][0], x), ctx.key, _found(ctx.key), ())
        own._state = state
        found = own.differentiable(x, (logits, raw), grad, ctx.channel_dim)
    else:
        found = _backward_operation(x, logits, raw, state, grad, ctx.key)
    return (*found, *(None for _ in range(6)))


torch.library.register_autograd("autoact::mixture_of_layer", _backward, setup_context=_keep, lib=_operations)
