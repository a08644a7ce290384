"""Found formula: a form as an activation, with constants that can be learned, and the front of such forms."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy as sp

from autoact.activations import Activation, Parameter, X
from autoact.analysis import Facts, facts
from autoact.errors import ConfigurationError
from autoact.invention._fits import Form
from autoact.invention._front import front
from autoact.invention._trees import Array
from autoact.spaces import Requirements

FAMILY = "invented"
GOOD_ENOUGH = 0.002  # error below which a smaller formula is better than a nearer one
WORTH = 2.0  # the chosen formula has at most so many times the least error
_DIGITS = 4
_BETA, _MU = sp.symbols("beta mu", real=True)


@dataclass(frozen=True, eq=False)
class FoundFormula:
    """A formula that was found for a shape.

    Attributes:
        form: The fit; a shift of the output, which weights undo, is not part of the formula.

    Example:
        >>> from autoact.invention import trees
        >>> bell = next(tree for tree in trees() if str(tree.expression) == "exp(-x**2)")
        >>> form = Form(terms=(bell,), line=True, inner=(2.0, 0.5, 1.0), outer=(0.3, 1.0, -1.0))
        >>> FoundFormula(form).source
        'x - exp(-beta**2*(-mu + x)**2)'
    """

    form: Form

    @property
    def error(self) -> float:
        """Root mean square difference from the shape, over the shape's standard deviation."""
        return self.form.error

    @property
    def size(self) -> int:
        """Nodes of the expression."""
        return self.form.size

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """One to three constants that can be learned: scale, shift and inner scale, as they were found."""
        b, m, theta = self.form.inner
        found = {"beta": b, "mu": m, "theta": theta}
        kept = ["beta", *(["mu"] if m else []), *(["theta"] if self.form.scaled else [])]
        return tuple(Parameter(default=_rounded(found[name]), name=name) for name in kept)

    @cached_property
    def expression(self) -> sp.Expr:
        """The formula in SymPy's own terms, of x and the parameters."""
        form, u = self.form, _BETA * (X - _MU if self.form.inner[1] else X)
        slope, factors = form.outer[1] if form.line else 0.0, form.outer[1 + form.line :]
        terms = [
            _constant(a) * tree.expression.subs(X, u) for a, tree in zip(factors, form.terms, strict=True)
        ]
        return sp.Add(*terms, _constant(slope) * X if form.line else 0)

    @property
    def source(self) -> str:
        """The formula as Python code over names of SymPy."""
        return str(self.expression)

    @cached_property
    def activation(self) -> Activation:
        """The formula as an activation without a name of its own, in no registry."""
        return Activation("formula", self.expression, self.parameters, family=FAMILY)

    @property
    def latex(self) -> str:
        """The formula in LaTeX."""
        return str(sp.latex(self.expression))

    @cached_property
    def facts(self) -> Facts:
        """Everything that can be computed about it, at the constants that were found."""
        return facts(self.activation)

    def at(self, x: Array) -> Array:
        """Return the fit at every x, the shift of the output included."""
        return self.form.at(x)


@dataclass(frozen=True, eq=False)
class Formulas:
    """The front of what was found for a shape, and the choice among it.

    Attributes:
        front: Formulas that no simpler one matches, in order of size.
        left_out: What broke a requirement, and how.

    Example:
        >>> Formulas((), ()).front
        ()
    """

    front: tuple[FoundFormula, ...]
    left_out: tuple[str, ...]

    @property
    def chosen(self) -> FoundFormula:
        """The simplest formula whose error is at most 0.002, or twice the least."""
        enough = max(GOOD_ENOUGH, WORTH * self.front[-1].error)
        return next(formula for formula in self.front if formula.error <= enough)


def restricted(forms: Iterable[Form], require: Mapping[str, Any] | None) -> Formulas:
    """Return the front of the forms that meet the requirements.

    Args:
        forms: In order of size, then error.
        require: What a search space may require.

    Raises:
        ConfigurationError: No form meets them.
    """
    requirements, left, out = Requirements(**dict(require or {})), list(forms), []
    while True:
        found = [FoundFormula(form) for form in front(left)]
        broken = next(((f, why) for f in found if (why := violation(requirements, f))), None)
        if broken is None:
            break
        left.remove(broken[0].form)
        out.append(f"{broken[0].source}: {broken[1]}")
    if not found:
        raise ConfigurationError(
            f"None of the formulas that fit the shape meets the requirements {dict(require or {})}: "
            f"{out[0]}. Relax `require`, or learn the shape with a member that meets it."
        )
    return Formulas(tuple(found), tuple(out))


def violation(require: Requirements, formula: FoundFormula) -> str | None:
    """Return what a formula breaks, in words; None: nothing."""
    told: Callable[[Any], str | None] = require.violation  # it takes what `get` takes
    why = told(formula.activation) if not require.empty else None
    return why and why.replace(str(formula.activation), "it")


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _constant(value: float) -> sp.Expr:
    number = _rounded(value)
    return sp.Integer(int(number)) if number == int(number) else sp.Float(number, _DIGITS)
