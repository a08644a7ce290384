"""Triton source of the chain from a layer's logits and raw numbers to its coefficients, and of its gradients.

Both are straight-line code in float64 of one program: a dozen numbers that torch would compute by a hundred
launches. What backward needs is kept in one row of numbers, the state, which begins with the coefficients.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sympy as sp

from autoact.errors import UnsupportedInputError
from autoact.kernels.plan import Plan

Formulas = tuple[tuple[str, str], ...]
_FUNCTIONS: dict[type, str] = {sp.exp: "tl.exp", sp.log: "tl.log", sp.sin: "tl.sin", sp.cos: "tl.cos"}
_FORWARD = """@jit
def chain(
    z_ptr, r_ptr, temperature_ptr, release_ptr, anchor_ptr, initial_ptr, seen_ptr, state_ptr, step
):
{body}
"""
_BACKWARD = """@jit
def chain_backward(sum_ptr, rows, state_ptr, grad_z_ptr, grad_r_ptr, ROWS: tl.constexpr):
{starts}
    start = 0
    while start < rows:
        row = start + tl.arange(0, ROWS)
{sums}
        start += ROWS
{body}
"""


@dataclass(frozen=True)
class State:
    """Where the state holds what; coefficients stand at its beginning.

    Args:
        coefficients: M.
        candidates: K.
        parameters: P.
    """

    coefficients: int
    candidates: int
    parameters: int

    @property
    def parts(self) -> tuple[int, ...]:
        """Sizes: coefficients, weights, shares, values, speeds, temperature, release, anchor, initial."""
        k, p = self.candidates, self.parameters
        return self.coefficients, k, k, p, p, 1, 1, k, p

    @property
    def starts(self) -> tuple[int, ...]:
        """Where each part begins."""
        return tuple(sum(self.parts[:i]) for i in range(len(self.parts)))

    @property
    def size(self) -> int:
        """Numbers in all."""
        return sum(self.parts)


def state_of(plan: Plan) -> State:
    """Return the places of a plan's numbers."""
    return State(len(plan.coefficient_symbols), len(plan.candidates), len(plan.slots))


def chain_source(plan: Plan, formulas: Formulas) -> str:
    """Return the source of the forward kernel, which is called `chain`.

    Args:
        plan: The mixture's plan.
        formulas: Value and derivative of each parameter as text over its raw number r0, r1, ... and its value
            v0, v1, ... at raw = 0.

    Raises:
        UnsupportedInputError: A factor of parameters that has no Triton form.
    """
    return _FORWARD.format(body=_indented([*_relaxed(len(plan.candidates)), *_values(plan, formulas)], 4))


def _relaxed(many: int) -> Iterator[str]:
    """Give the lines of the weights w0, w1, ... and of the softmax p0, p1, ...

    Release first moves by `step` if the logits differ from those seen last, which they then are.
    """
    yield from (f"z{k} = tl.load(z_ptr + {k})" for k in range(many))
    yield f"moved = (step > 0.0) & ({' | '.join(f'(z{k} != tl.load(seen_ptr + {k}))' for k in range(many))})"
    yield "reached = tl.load(release_ptr)"
    yield "reached = tl.where(moved, tl.minimum(reached + step, 1.0), reached)"
    yield "tl.store(release_ptr, reached, moved)"
    yield from (f"tl.store(seen_ptr + {k}, z{k}, moved)" for k in range(many))
    yield "temperature, release = wide(temperature_ptr), reached.to(tl.float64)"
    yield "sharpness = 1.0 / temperature"
    for k in range(many):
        yield f"z{k}, a{k} = z{k}.to(tl.float64) * sharpness, wide(anchor_ptr + {k})"
    yield "top = z0"
    yield from (f"top = tl.maximum(top, z{k})" for k in range(1, many))
    yield from (f"e{k} = tl.exp(z{k} - top)" for k in range(many))
    yield f"share = 1.0 / ({' + '.join(f'e{k}' for k in range(many))})"
    for k in range(many):
        yield f"p{k} = e{k} * share"
        yield f"w{k} = (1.0 - release) * a{k} + release * p{k}"


def _values(plan: Plan, formulas: Formulas) -> Iterator[str]:
    """Give the lines of values t0, t1, ... and coefficients, and those that store all of the state."""
    numbers, many = range(len(formulas)), range(len(plan.candidates))
    for i, (value, speed) in enumerate(formulas):
        yield f"r{i}, v{i} = wide(r_ptr + {i}), wide(initial_ptr + {i})"
        yield f"t{i} = {value}"
        yield f"d{i} = {speed}"
    coefficients = [" + ".join(each) for each in _own(plan)] + [f"t{i}" for i in plan.basis.inner]
    parts: tuple[Sequence[str], ...] = (
        coefficients,
        [f"w{k}" for k in many],
        [f"p{k}" for k in many],
        [f"t{i}" for i in numbers],
        [f"d{i}" for i in numbers],
        ["temperature"],
        ["release"],
        [f"a{k}" for k in many],
        [f"v{i}" for i in numbers],
    )
    for place, value in enumerate(value for part in parts for value in part):
        yield f"tl.store(state_ptr + {place}, {value})"


def _own(plan: Plan) -> list[list[str]]:
    """Return the summands of the coefficient of each basis function."""
    found: list[list[str]] = [[] for _ in plan.basis.functions]
    for term in plan.basis.terms:
        found[term.basis].append(f"w{term.candidate} * {_factor(plan, term.factor)}")
    return found


def chain_backward_source(plan: Plan) -> str:
    """Return the source of the backward kernel, which is called `chain_backward`.

    It adds up the sums that the programs of the mixture wrote, and sends them on to logits and raw numbers.

    Raises:
        UnsupportedInputError: A factor of parameters, or its derivative, that has no Triton form.
    """
    many = state_of(plan).coefficients
    at = "tl.load(sum_ptr + row * {many} + {j}, row < rows, other=0.0)"
    return _BACKWARD.format(
        starts=_indented([f"s{j} = tl.zeros([ROWS], tl.float64)" for j in range(many)], 4),
        sums=_indented([f"s{j} += {at.format(many=many, j=j)}" for j in range(many)], 8),
        body=_indented(list(_pulled(plan)), 4),
    )


def _pulled(plan: Plan) -> Iterator[str]:
    """Give the lines from the gradients g0, g1, ... of coefficients to those of logits and raw numbers."""
    state = state_of(plan)
    _, weights, shares, values, speeds, temperature, *_ = state.starts
    many, numbers = range(state.candidates), range(state.parameters)
    yield from (f"g{j} = tl.sum(s{j}, 0)" for j in range(state.coefficients))
    for k in many:
        yield f"w{k}, p{k} = wide(state_ptr + {weights + k}), wide(state_ptr + {shares + k})"
    for i in numbers:
        yield f"t{i}, d{i} = wide(state_ptr + {values + i}), wide(state_ptr + {speeds + i})"
    for k in many:
        own = [f"{_factor(plan, t.factor)} * g{t.basis}" for t in plan.basis.terms if t.candidate == k]
        yield f"q{k} = {' + '.join(own) or '0.0'}"
    yield f"mean = ({' + '.join(f'p{k} * q{k}' for k in many)}) / ({' + '.join(f'p{k}' for k in many)})"
    yield f"sharpness = 1.0 / wide(state_ptr + {temperature})"
    yield from (f"tl.store(grad_z_ptr + {k}, p{k} * sharpness * (q{k} - mean))" for k in many)
    for i, own in enumerate(_parameter_pulls(plan)):
        yield f"tl.store(grad_r_ptr + {i}, d{i} * ({' + '.join(own) or '0.0'}))"


def _parameter_pulls(plan: Plan) -> Iterator[list[str]]:
    """Give the summands of the gradient of each parameter value."""
    own = len(plan.basis.functions)
    for i, symbol in enumerate(plan.basis.symbols):
        slopes = [(t, sp.diff(t.factor, symbol)) for t in plan.basis.terms]
        found = [f"w{t.candidate} * {_factor(plan, s)} * g{t.basis}" for t, s in slopes if s != 0]
        yield [*found, *(f"g{own + j}" for j, inner in enumerate(plan.basis.inner) if inner == i)]


def _factor(plan: Plan, e: sp.Expr) -> str:
    names = {symbol: sp.Symbol(f"t{i}") for i, symbol in enumerate(plan.basis.symbols)}
    return _text(e.xreplace(names))


def _text(e: sp.Expr) -> str:
    if e.is_number:
        return repr(float(e))
    if isinstance(e, sp.Symbol):
        return str(e.name)
    if isinstance(e, (sp.Add, sp.Mul)):
        sign = " + " if isinstance(e, sp.Add) else " * "
        return f"({sign.join(_text(a) for a in e.args)})"
    if isinstance(e, sp.Pow) and e.exp.is_Integer:
        product = " * ".join([_text(e.base)] * abs(int(e.exp)))
        return f"({product})" if e.exp > 0 else f"(1.0 / ({product}))"
    if isinstance(e, sp.Pow) and e.exp == sp.Rational(1, 2):
        return f"tl.sqrt({_text(e.base)})"
    if type(e) not in _FUNCTIONS:
        raise UnsupportedInputError(f"The factor {e} of a mixture has no Triton form.")
    return f"{_FUNCTIONS[type(e)]}({_text(e.args[0])})"


def _indented(lines: Sequence[str], by: int) -> str:
    return "\n".join(" " * by + line for line in lines)
