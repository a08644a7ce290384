"""Plan of a mixture: coefficients of a basis, and generated elementwise functions over it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import sympy as sp
import torch

from autoact._cache import remembered
from autoact.activations import X, compile_source, function_source, get, torch_source
from autoact.activations import primitives as p
from autoact.kernels.plan._basis import Basis, collect, grows_faster_than_linearly, slope


class Plan:
    """Everything about a mixture that its candidates decide; weights and parameters are arguments.

    The elementwise kernels take x and `M = J + Q` coefficients: one per basis function, then the parameters
    that sit inside basis functions.

    Args:
        candidates: Registered names, at least one, in the order of the weights.

    Example:
        >>> [(name, p.name) for name, p in plan_for(("relu", "elu")).slots]
        [('elu', 'alpha')]
    """

    def __init__(self, candidates: tuple[str, ...]) -> None:
        self.candidates = candidates
        self.key = "|".join(candidates)
        self.basis: Basis = collect(tuple(get(name) for name in candidates))
        self.slots = self.basis.slots  # (candidate, parameter) in the order of the parameter vector
        self._constants: dict[tuple[torch.device, torch.dtype], tuple[torch.Tensor, ...]] = {}

    @cached_property
    def defaults(self) -> tuple[tuple[str, str, float], ...]:
        """(candidate, parameter, default) in the order of the parameter vector."""
        return tuple((name, p.name, p.default) for name, p in self.slots)

    @cached_property
    def coefficient_symbols(self) -> tuple[sp.Symbol, ...]:
        """Symbols of the coefficients that the kernels take."""
        own = [sp.Symbol(f"c{j}", real=True) for j in range(len(self.basis.functions))]
        return (*own, *(self.basis.symbols[i] for i in self.basis.inner))

    @cached_property
    def value(self) -> sp.Expr:
        """The mixture over coefficients. A member that may overflow reads a harmless x where it weighs 0."""
        return sp.Add(*(c * self.masked(f, c) for c, f in self.pairs))

    @cached_property
    def pairs(self) -> list[tuple[sp.Symbol, sp.Expr]]:
        """(coefficient, basis function), one per basis function."""
        return list(zip(self.coefficient_symbols, self.basis.functions, strict=False))

    @staticmethod
    def masked(function: sp.Expr, c: sp.Symbol) -> sp.Expr:
        """Return the function; one that may overflow reads a harmless x where its coefficient is 0."""
        if not grows_faster_than_linearly(function):
            return function
        return function.xreplace({X: p.guard(sp.Ne(c, 0), X, sp.Integer(1))})

    @cached_property
    def live_value(self) -> sp.Expr:
        """The value without members that weigh 0, which changes it only where x is infinite: 0·inf is NaN."""
        zero = sp.Integer(0)
        return sp.Add(*(p.select(sp.Ne(c, 0), c * self.masked(f, c), zero) for c, f in self.pairs))

    @cached_property
    def partials(self) -> list[sp.Expr]:
        """Derivatives of the value in x and in every coefficient."""
        return self._partials(self.value)

    def _partials(self, value: sp.Expr) -> list[sp.Expr]:
        raw = [p.finite(f) if grows_faster_than_linearly(f) else f for f in self.basis.functions]
        inner = self.coefficient_symbols[len(raw) :]
        in_x, *in_parameters = (
            sp.Add(*(slope(term, variable) for term in sp.Add.make_args(value))) for variable in (X, *inner)
        )
        return [in_x, *raw, *in_parameters]

    @cached_property
    def traced_value(self) -> sp.Expr:
        """The value for tracers, whose autograd must also send a gradient to weights that are exactly 0."""
        total = self.value
        for c, f in self.pairs:
            masked = self.masked(f, c)
            if masked != f:
                missing = p.select(sp.Ne(c, 0), sp.Integer(0), p.finite(f) - masked)
                total += (c - p.stopped(c)) * p.stopped(missing)
        return total

    @cached_property
    def forward(self) -> Callable[..., Any]:
        """Generated function (x, *coefficients) -> (y,)."""
        return self._compiled("forward", [self.value])

    @cached_property
    def backward(self) -> Callable[..., Any]:
        """Generated function (x, *coefficients) -> (dy/dx, dy/dc_0, ..., dy/dc_{M-1})."""
        return self._compiled("backward", self.partials)

    @cached_property
    def live_forward(self) -> Callable[..., Any]:
        """`forward` of `live_value`."""
        return self._compiled("live_forward", [self.live_value])

    @cached_property
    def live_backward(self) -> Callable[..., Any]:
        """`backward` of `live_value`."""
        return self._compiled("live_backward", self._partials(self.live_value))

    @cached_property
    def traced(self) -> Callable[..., Any]:
        """Generated function (x, *weights, *parameters) -> (y,), for torch.compile and torch.export."""
        weights = [sp.Symbol(f"w{k}", real=True) for k in range(len(self.candidates))]
        own = [sp.Integer(0)] * len(self.basis.functions)
        for term in self.basis.terms:
            own[term.basis] += term.factor * weights[term.candidate]
        _, *body = self.source([self.traced_value]).splitlines()
        arguments = ["x", *(s.name for s in (*weights, *self.basis.symbols))]
        head = [f"    c{j} = {torch_source(e)}" for j, e in enumerate(own)]
        return compile_source("traced", "\n".join([f"def traced({', '.join(arguments)}):", *head, *body, ""]))

    def source(self, outputs: list[sp.Expr], name: str = "forward", lowered: bool = False) -> str:
        """Return torch source over the primitives, or over the shared kernels of their lowered forms."""
        arguments = ["x", *(s.name for s in self.coefficient_symbols)]
        return function_source(name, arguments, [p.lowered(e) if lowered else e for e in outputs])

    def _compiled(self, name: str, outputs: list[sp.Expr]) -> Callable[..., Any]:
        return compile_source(name, self.source(outputs, name))

    @cached_property
    def _factors(self) -> list[sp.Expr]:
        """Distinct parameter factors of the terms, without their numbers."""
        return sorted({self._split(t.factor)[1] for t in self.basis.terms}, key=str)

    @staticmethod
    def _split(factor: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
        number, rest = factor.as_independent(*factor.free_symbols, as_Add=False)
        return number, rest

    @cached_property
    def _factor_function(self) -> Callable[..., Any]:
        return compile_source(
            "factors", function_source("factors", [s.name for s in self.basis.symbols], self._factors)
        )

    def constants(self, like: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return candidate index (T,), factor index (T,), scatter matrix (T, J) and inner index (Q,)."""
        key = (like.device, like.dtype)
        if key in self._constants:
            return self._constants[key]
        with torch.inference_mode(False), torch.no_grad():
            made = self._made_constants(like.device, like.dtype)
        if type(made[0]) is torch.Tensor:
            self._constants[key] = made
        return made

    def _made_constants(self, device: torch.device, dtype: torch.dtype) -> tuple[torch.Tensor, ...]:
        scatter = [[0.0] * len(self.basis.functions) for _ in self.basis.terms]
        for row, term in zip(scatter, self.basis.terms, strict=True):
            row[term.basis] = float(self._split(term.factor)[0].evalf(20))
        factors = [self._factors.index(self._split(t.factor)[1]) for t in self.basis.terms]
        return (
            torch.tensor([t.candidate for t in self.basis.terms], device=device),
            torch.tensor(factors, device=device),
            torch.tensor(scatter, dtype=dtype, device=device),
            torch.tensor(self.basis.inner, dtype=torch.long, device=device),
        )

    def coefficients(self, weights: torch.Tensor, parameters: torch.Tensor) -> torch.Tensor:
        """Return kernel coefficients (M,) or (C, M) of weights (K,) or (C, K), parameters (P,) or (C, P)."""
        candidate, factor, scatter, inner = self.constants(weights)
        if parameters.dim() > weights.dim():
            weights = weights.expand(parameters.shape[0], -1)
        elif weights.dim() > parameters.dim():
            parameters = parameters.expand(weights.shape[0], -1)
        one = torch.ones_like(weights[..., 0])
        values = self._factor_function(*parameters.unbind(-1)) if self.slots else (1.0,) * len(self._factors)
        factors = torch.stack([v if isinstance(v, torch.Tensor) else one * v for v in values], -1)
        products = weights.index_select(-1, candidate) * factors.index_select(-1, factor)
        own = (products.unsqueeze(-1) * scatter).sum(-2)
        return torch.cat([own, parameters.index_select(-1, inner)], -1) if len(self.basis.inner) else own


@remembered(maxsize=512)
def plan_of(key: str) -> Plan:
    """Return the plan whose key an operator was called with."""
    return Plan(tuple(key.split("|")))


@remembered(maxsize=512)
def plan_for(candidates: tuple[str, ...]) -> Plan:
    """Return the (cached) plan of a tuple of activation names.

    Args:
        candidates: Names or aliases, at least one, in the order of the weights.

    Example:
        >>> plan_for(("relu", "elu")) is plan_for(("relu", "elu"))
        True
    """
    return plan_of("|".join(get(name).name for name in candidates))


@torch._dynamo.assume_constant_result
def slots_for(candidates: tuple[str, ...]) -> tuple[tuple[str, str, float], ...]:
    """Return (candidate, parameter, default) in the order of the parameter vector; a constant for tracers."""
    return plan_for(candidates).defaults
