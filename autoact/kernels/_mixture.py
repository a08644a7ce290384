"""Functional form of a mixture: y = Σ_k w_k φ_k(x; θ_k)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from autoact.activations import Parameter
from autoact.errors import ConfigurationError, UnsupportedInputError
from autoact.kernels._operator import computed, computed_in
from autoact.kernels.plan import plan_for, slots_for

Parameters = torch.Tensor | Mapping[str, Mapping[str, Any]] | None


def mixture(
    x: torch.Tensor,
    weights: torch.Tensor,
    candidates: Sequence[str],
    parameters: Parameters = None,
    *,
    channel_dim: int = 1,
) -> torch.Tensor:
    r"""Return the weighted sum of activations, elementwise, as one operator.

    $y = \sum_k w_k \varphi_k(x; \theta_k)$. Whatever the number of candidates, only x is kept for
    backward. A weight of exactly 0 contributes exactly 0, also where that member overflows. bfloat16 and
    float16 are computed in float32 and rounded once.

    Args:
        x: Floating tensor of any shape and layout.
        weights: (K,), or (C, K) for one set per channel.
        candidates: K registered names.
        parameters: None for the defaults, a tensor (P,) or (C, P) in the order of `parameter_slots`, or a
            mapping such as {"elu": {"alpha": 0.7}} of floats or tensors () or (C,), in natural units.
        channel_dim: Dimension of x that C runs along.

    Returns:
        Tensor of the shape, dtype and layout of x.

    Raises:
        UnsupportedInputError: Not a floating tensor, shapes that do not fit, or different devices.
        UnknownActivationError: A candidate that is not registered.

    Example:
        >>> import torch
        >>> from autoact import mixture
        >>> mixture(torch.tensor([-1.0, 2.0]), torch.tensor([0.5, 0.5]), ("identity", "relu"))
        tensor([-0.5000,  2.0000])
    """
    names = _names(candidates)
    require_tensors(x=x, weights=weights)
    values = _parameter_tensor(names, parameters, weights)
    _check(x, weights, values, names, channel_dim)
    dtype = computed_in(x)
    weights, values = weights.to(dtype), values.to(dtype)
    values = values if values.shape[-1] else values.new_empty(0)  # no parameters have no channels either
    return computed(x, weights, values, names, channel_dim)


def parameter_slots(candidates: Sequence[str]) -> tuple[tuple[str, Parameter], ...]:
    """Return (candidate, parameter) in the order of a mixture's parameter vector.

    Args:
        candidates: Names or aliases, at least one.

    Example:
        >>> [(name, p.name) for name, p in parameter_slots(("relu", "elu", "prelu"))]
        [('elu', 'alpha'), ('prelu', 'slope')]
    """
    return plan_for(tuple(candidates)).slots


def _names(candidates: Sequence[str]) -> tuple[str, ...]:
    if isinstance(candidates, str) or not candidates:
        raise ConfigurationError(
            f"candidates is {candidates!r}; give a list of names such as ['relu', 'tanh']."
        )
    return tuple(candidates)


def _parameter_tensor(names: tuple[str, ...], parameters: Parameters, weights: torch.Tensor) -> torch.Tensor:
    if isinstance(parameters, torch.Tensor):
        return parameters
    slots, given = slots_for(names), parameters or {}
    for name, own in given.items():
        if not isinstance(own, Mapping):
            raise ConfigurationError(
                f"parameters[{name!r}] is {own!r}; give a mapping such as {{'elu': {{'alpha': 0.7}}}}."
            )
        for parameter in own:
            if not any((name, parameter) == slot[:2] for slot in slots):
                allowed = ", ".join(f"{n}.{p}" for n, p, _ in slots) or "none"
                raise ConfigurationError(
                    f"The mixture has no parameter '{name}.{parameter}'. Its parameters: {allowed}."
                )
    values = [given.get(name, {}).get(parameter, default) for name, parameter, default in slots]
    if not values:
        return weights.new_empty(0)
    tensors = [v if isinstance(v, torch.Tensor) else weights.new_tensor(v) for v in values]
    return torch.stack(torch.broadcast_tensors(*tensors), -1)


def require_tensors(**tensors: torch.Tensor) -> None:
    """Refuse what is no dense tensor.

    Args:
        **tensors: By name.

    Raises:
        UnsupportedInputError: One is none; says what to do.

    Example:
        >>> require_tensors(x=[0.5])
        Traceback (most recent call last):
        autoact.errors.UnsupportedInputError: x is [0.5]; mixture takes tensors. Use torch.tensor(...).
    """
    for name, t in tensors.items():
        if isinstance(t, torch.fx.Proxy):
            raise UnsupportedInputError(
                f"{name} is a torch.fx.Proxy: torch.fx follows torch's own activations alone. Trace the "
                "model after autoact.finalize(model), with a Tracer for which FixedActivation is a leaf; "
                "torch.export needs neither."
            )
        if not isinstance(t, torch.Tensor):
            raise UnsupportedInputError(f"{name} is {t!r}; mixture takes tensors. Use torch.tensor(...).")
        if t.layout is not torch.strided or t.is_nested:
            kind = "nested" if t.is_nested else t.layout
            raise UnsupportedInputError(
                f"{name} is {kind}, {t.dtype} on {t.device}; mixture takes dense tensors. Convert with "
                f"{'torch.nested.to_padded_tensor(...)' if t.is_nested else '.to_dense()'}."
            )


def _check(
    x: torch.Tensor, weights: torch.Tensor, values: torch.Tensor, names: tuple[str, ...], channel_dim: int
) -> None:
    if not (x.is_floating_point() and weights.is_floating_point() and values.is_floating_point()):
        raise _unsupported("real floating tensors. Convert with .float()", x, weights, values)
    if x.device != weights.device or x.device != values.device:
        raise _unsupported("its tensors on one device. Move them with .to()", x, weights, values)
    for t, size, letter in ((weights, len(names), "K"), (values, len(slots_for(names)), "P")):
        if t.dim() not in (1, 2) or t.shape[-1] != size:
            raise _unsupported(f"({letter},) or (C, {letter}) with {letter} = {size}", x, weights, values)
        if t.dim() == 2 and (not -x.dim() <= channel_dim < x.dim() or t.shape[0] != x.shape[channel_dim]):
            need = f"(C, {letter}) with C the size of dimension {channel_dim} of x. Set channel_dim"
            raise _unsupported(need, x, weights, values)


def _unsupported(
    need: str, x: torch.Tensor, weights: torch.Tensor, values: torch.Tensor
) -> UnsupportedInputError:
    named = (("x", x), ("weights", weights), ("parameters", values))
    got = ", ".join(f"{name} {tuple(t.shape)} {t.dtype} on {t.device}" for name, t in named)
    return UnsupportedInputError(f"mixture needs {need}; got {got}.")
