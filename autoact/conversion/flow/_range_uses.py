"""Uses of results that depend on their range: in roots, logarithms, divisors, exponents, scores.

`F.elu(x) + 1` is a variance because ELU is above -1; `softmax(F.leaky_relu(e))` weighs by what may be of any
size; `exp(tanh(s))` is a scale that cannot overflow. A result is followed through names, views, masks,
reductions and constant factors, and no further: what is added to another result, or goes through a layer, is
an ordinary hidden unit.
"""

import ast
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from autoact.conversion.flow._data_flow import NOTHING, Made
from autoact.conversion.flow._value_reader import ValueReader
from autoact.conversion.source import VIEWS, Call, Method, methods, reached

_REDUCING = {
    "sum",
    "mean",
    "amax",
    "max",
    "cumsum",
    "logcumsumexp",
    "clamp",
    "clamp_min",
    "repeat",
    "clone",
    "cat",
    "masked_fill",
    "masked_fill_",
}
_OF_POSITIVE = {
    "sqrt",
    "rsqrt",
    "log",
    "log2",
    "log10",
    "log1p",
    "reciprocal",
    "lgamma",
    "digamma",
    "float_power",
}
_OF_POSITIVE |= {"poisson", "bernoulli", "multinomial"}
_SMALL = re.compile(r"eps|tiny|floor|min_|_min|jitter")
# positions of arguments of distributions and losses that have to be positive, or probabilities
_POSITIVE_ARGUMENTS = {
    **dict.fromkeys(("Normal", "LogNormal", "Laplace", "Cauchy", "Gumbel", "normal"), (1,)),
    **dict.fromkeys(("HalfNormal", "HalfCauchy", "Poisson", "Exponential", "Dirichlet", "Chi2"), (0,)),
    **dict.fromkeys(("Gamma", "Beta", "Weibull", "Pareto", "InverseGamma", "Kumaraswamy"), (0, 1)),
    **dict.fromkeys(("Bernoulli", "Categorical", "Geometric", "OneHotCategorical"), (0,)),
    **{"StudentT": (0, 2), "VonMises": (1,), "gaussian_nll_loss": (2,), "div": (1,), "true_divide": (1,)},
}
_POSITIVE_NAMES = set(
    (
        "scale std stddev sigma var variance rate probs concentration concentration0 concentration1 df "
        "covariance_matrix precision_matrix total_count"
    ).split()
)


@dataclass(frozen=True, slots=True)
class RangeUse:
    """One use of a result that depends on its range.

    Attributes:
        made: Who made the result.
        why: Clause about it, that follows "its result".
        call: Where.
        added: A constant that is added; the range counts only if that makes the result positive.
        bound: Whether the range counts only if it is bounded, as in exp(tanh(s)), not in exp(relu(s)).
    """

    made: tuple[str, str]
    why: str
    call: Call
    added: float | None = None
    bound: bool = False


@lru_cache(maxsize=512)
def range_uses(kind: type) -> frozenset[RangeUse]:
    """Return the uses of results in a class's forward that depend on their range; none without source."""
    written = methods(kind)
    found: set[RangeUse] = set()
    for name in reached(kind):
        reader = _Reader(kind, written[name], frozenset({name}))
        reader.read()
        found |= reader.uses
    return frozenset(found)


class _Reader(ValueReader):
    """Reads a method from top to bottom and keeps whose result every local name is, up to a factor."""

    def __init__(self, kind: type, method: Method, above: frozenset[str]) -> None:
        super().__init__(kind, method, above)
        self.uses: set[RangeUse] = set()

    def _note(
        self, made: Made, why: str, node: ast.expr, added: float | None = None, bound: bool = False
    ) -> None:
        where = Call(ast.unparse(node), self.method.file, node.lineno)
        self.uses |= {RangeUse(one, why, where, added, bound) for one in made}

    def _combined(self, node: ast.BinOp, left: Made, op: ast.operator, right: Made) -> Made:
        one, other = self._constant(node.left), self._constant(node.right)
        match op:
            case ast.Add() if one is not None or other is not None:
                constant = one if one is not None else other
                if constant is not None and constant >= 0:
                    self._note(left | right, "gets a constant added, which makes it positive", node, constant)
                return left | right
            case ast.Div():
                self._note(right, "divides", node)
                return left if other is not None else NOTHING
            case ast.Mult() if one is not None or other is not None:
                return left | right
            case ast.Pow() if not _is_whole(node.right):
                self._note(left, "is raised to a power", node)
        return NOTHING

    def _augment(self, target: ast.expr, op: ast.operator, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            whole = ast.BinOp(ast.Name(target.id, ast.Load()), op, value)
            self.held[target.id] = self._of(ast.fix_missing_locations(ast.copy_location(whole, target)))
        else:
            self._of(value)

    def _called(self, node: ast.Call) -> Made:
        name, receiver = self._callee(node)
        own = receiver is not None and self.method.is_own(receiver)
        keywords = {str(keyword.arg): self._of(keyword.value) for keyword in node.keywords}
        given = [self._of(each) for each in node.args]
        if own and name in methods(self.kind):
            return self._own_method(name)
        site, path = self._site(node), self._path(node.func)
        if site is None and path:
            if "softmax" in name.lower():
                self._score(node, given)
            return frozenset({("module", path), *self._apart(node, path)})
        if receiver is not None and self.method.resolve(node.func) is None:
            given = [self._of(receiver), *given]
        if site is not None:
            return frozenset({("call", site.name), ("call", site.layer)})
        self._judge(node, name, given, keywords)
        if name == "where":
            return NOTHING.union(*given)
        passes = name in VIEWS or name in _REDUCING
        return given[0] if passes and given else NOTHING

    def _judge(self, node: ast.Call, name: str, given: list[Made], keywords: dict[str, Made]) -> None:
        first = given[0] if given else keywords.get("input", NOTHING)
        if "softmax" in name.lower():
            self._score(node, given or [first])
        bare = name.removesuffix("_")
        exponent = next(iter(node.args[-1:]), None)
        if bare in _OF_POSITIVE or (bare == "pow" and exponent is not None and not _is_whole(exponent)):
            self._note(first, f"goes into {name}", node)
        if bare in ("exp", "exp2", "expm1"):
            self._note(first, "is bounded for an exponent", node, bound=True)
        for position in _POSITIVE_ARGUMENTS.get(name, ()):
            if position < len(given):
                self._note(given[position], f"is an argument of {name} that has to be positive", node)
        if name[:1].isupper() or name in _POSITIVE_ARGUMENTS:
            for keyword in _POSITIVE_NAMES & keywords.keys():
                self._note(keywords[keyword], f"is {keyword}=... of {name}", node)

    def _score(self, node: ast.Call, given: list[Made]) -> None:
        self._note(given[0] if given else NOTHING, "is a score of a softmax", node)

    def _constant(self, node: ast.expr) -> float | None:
        """Return the value of a number; 0 for one that is small by its name; None for anything else."""
        try:
            known: Any = ast.literal_eval(node)
        except ValueError:
            known = self.method.resolve(node)
        if isinstance(known, int | float):
            return float(known)
        name = getattr(node, "attr", getattr(node, "id", ""))
        return 0.0 if isinstance(name, str) and _SMALL.search(name.lower()) else None


def _is_whole(node: ast.expr) -> bool:
    """Tell whether an exponent is written as a number for which a negative base does no harm."""
    return isinstance(node, ast.Constant) and isinstance(node.value, int) and node.value > 0
