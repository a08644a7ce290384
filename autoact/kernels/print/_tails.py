"""erf over the Gaussian that its own derivative needs: one exponential serves GELU's value and slope.

With b = exp(-u²), erfc(|u|) is b times a polynomial in 1/(1 + p|u|), and 1 + erf(u) is erfc(-u), which keeps
its relative accuracy in the tail where the sum would cancel.
"""

from __future__ import annotations

import sympy as sp

from autoact.activations import primitives as p
from autoact.kernels.plan import Program
from autoact.kernels.print._merging import Code


class erf_over_bell(sp.Function):
    """erf(u) given exp(-u²)."""

    nargs = 2


class erf_plus_one(sp.Function):
    """1 + erf(u) given exp(-u²)."""

    nargs = 2


def with_shared_bells(program: Program) -> Code:
    """Return a program with every erf written over a bell.

    Example:
        >>> from autoact.kernels import plan_for
        >>> from autoact.kernels.plan import forward_program
        >>> code = with_shared_bells(forward_program(plan_for(("gelu",))))
        >>> sorted(type(value).__name__ for value in code.steps.values())
        ['Mul', 'bell', 'erf_over_bell', 'erf_plus_one']
    """
    steps, outputs = dict(program.steps), program.outputs
    bells = {value: name for name, value in program.steps if isinstance(value, p.bell)}
    for name, value in program.steps:
        if not isinstance(value, (sp.erf, sp.erfc)):
            continue
        u = value.args[0] if isinstance(value, sp.erf) else -value.args[0]
        bell = bells.setdefault(p.bell(u), sp.Symbol(f"{name}b", real=True))
        plus = sp.Symbol(f"{name}p", real=True)
        steps = {other: _joined(old, name, plus) for other, old in steps.items()}
        outputs = tuple(_joined(old, name, plus) for old in outputs)
        steps |= {bell: p.bell(u), plus: erf_plus_one(u, bell)}
        steps[name] = erf_over_bell(u, bell) if isinstance(value, sp.erf) else plus
    return Code(steps, outputs)


def _joined(value: sp.Expr, erf: sp.Symbol, plus: sp.Symbol) -> sp.Expr:
    """Write erf + 1 + rest as plus + rest."""

    def found(e: sp.Expr) -> bool:
        return isinstance(e, sp.Add) and erf in e.args and sp.Integer(1) in e.args

    return value.replace(found, lambda e: e - erf - 1 + plus)
