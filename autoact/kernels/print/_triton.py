"""Triton source of a mixture's kernels, printed from the lowered programs of its plan.

Forward reads x and writes y; backward reads x and grad and writes grad_x, and keeps one running sum per
coefficient and lane in registers. Each program of the grid writes one row of sums at its end: no atomics, and
the same bits at every run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sympy as sp
from sympy.core.relational import Relational

from autoact.activations import X
from autoact.activations import primitives as p
from autoact.errors import UnsupportedInputError
from autoact.kernels.plan import Program
from autoact.kernels.print._merging import Code, compared_with_0, merged, with_all_live
from autoact.kernels.print._tails import erf_over_bell, erf_plus_one, with_shared_bells

_TEMPLATES: dict[type, str] = {
    p.step: "tl.where({0} > 0, 1.0, 0.0)",
    p.below: "tl.where({0} <= 0, 1.0, 0.0)",
    p.sign: "tl.where({0} > 0, 1.0, tl.where({0} < 0, -1.0, 0.0))",
    p.pos: "tl.maximum({0}, 0.0, propagate_nan=NAN)",
    p.neg: "tl.minimum({0}, 0.0, propagate_nan=NAN)",
    p.absolute: "tl.abs({0})",
    p.window: "tl.where(({0} > {1}) & ({0} < {2}), 1.0, 0.0)",
    p.clip: "tl.minimum(tl.maximum({0}, {1}, propagate_nan=NAN), {2}, propagate_nan=NAN)",
    p.select: "tl.where({0}, {1}, {2})",
    p.guard: "tl.where({0}, {1}, {2})",
    p.finite: "tl.where(tl.abs({0}) <= 3.4028234663852886e38, {0}, 0.0)",
    p.decay: "decay({0}, HALF)",
    p.decay1: "decay1({0}, HALF)",
    p.bell: "bell({0})",
    p.exp: "exp({0}, HALF)",
    p.expm1: "expm1({0}, HALF)",
    p.log1p: "log1p_anywhere({0}, HALF)",
    erf_over_bell: "erf({0}, {1}, HALF)",
    erf_plus_one: "erf_plus_one({0}, {1}, HALF)",
    sp.sin: "tl.sin({0})",
    sp.cos: "tl.cos({0})",
    sp.log: "tl.log({0})",
    sp.atan: "atan({0}, HALF)",
    sp.sinh: "sinh({0}, HALF)",
    sp.cosh: "cosh({0}, HALF)",
    sp.asinh: "asinh({0}, HALF)",
}
_COMPARISONS = {">": ">", ">=": ">=", "<": "<", "<=": "<=", "!=": "!=", "==": "=="}
_SIZES = (
    "tiles, slabs, chunks, rows, columns, row_stride, group_stride, total, "
    "ROWS: tl.constexpr, COLUMNS: tl.constexpr, PER_COLUMN: tl.constexpr, "
    "EVEN: tl.constexpr, BIG: tl.constexpr, HALF: tl.constexpr"
)
_WALK = """@jit
def {name}({pointers}, slab, group, column, {coefficients}, {sizes}):
{starts}
    tile = slab
    while tile < tiles:
        offset, inside = within(
            tile, group, column, rows, columns, row_stride, group_stride, total, ROWS, BIG
        )
{body}
        tile += slabs
{ends}

"""
_KERNEL = """@jit
def {name}({pointers}, c_ptr, {sizes}):
    slab, group, column = place(chunks, slabs, COLUMNS, BIG)
{loads}
    if {test}:
        walk_live({arguments})
    else:
        walk({arguments})
"""


@dataclass(frozen=True, slots=True)
class _KernelKind:
    """What differs between the two kernels: pointers, names of the outputs, and lines around them."""

    name: str
    pointers: str
    outputs: tuple[str, ...]
    loads: tuple[str, ...]
    stores: tuple[str, ...]
    starts: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()


_LOAD_X = "x = load(x_ptr + offset, inside, 1.0, EVEN)"
_FORWARD = _KernelKind(
    "forward", "x_ptr, y_ptr", ("y",), (_LOAD_X,), ("store(y_ptr + offset, y, inside, EVEN)",)
)


def _backward(many: int) -> _KernelKind:
    each = range(many)
    return _KernelKind(
        "backward",
        "x_ptr, g_ptr, out_ptr, sum_ptr",
        ("slope", *(f"d{j}" for j in each)),
        (_LOAD_X, "g = load(g_ptr + offset, inside, 0.0, EVEN)"),
        (*(f"s{j} += g * d{j}" for j in each), "store(out_ptr + offset, g * slope, inside, EVEN)"),
        tuple(f"s{j} = tl.zeros([ROWS, COLUMNS], tl.float32)" for j in each),
        tuple(f"store_sum(sum_ptr, s{j}, {many}, {j}, slab, column, columns, PER_COLUMN)" for j in each),
    )


def forward_source(program: Program) -> str:
    """Return the source of the forward kernel, which is called `forward`.

    Raises:
        UnsupportedInputError: A function that has no Triton form: a torch callable, or a power whose exponent
            is neither a whole number nor 1/2.
    """
    return _source(program, _FORWARD)


def backward_source(program: Program) -> str:
    """Return the source of the backward kernel, which is called `backward`.

    Raises:
        UnsupportedInputError: A function that has no Triton form.
    """
    return _source(program, _backward(len(program.arguments) - 1))


def _source(program: Program, kind: _KernelKind) -> str:
    """Print both walks over the tiles: the plain one, and the one for coefficients that all differ from 0."""
    many = len(program.arguments) - 1
    code = _with_plain_names(with_shared_bells(program), program.arguments[1:])
    quick = merged(with_all_live(code), forward=kind is _FORWARD)
    coefficients = ", ".join(f"c{j}" for j in range(many))
    loads = [
        f"c{j} = coefficient(c_ptr, {many}, {j}, group, column, columns, PER_COLUMN)" for j in range(many)
    ]
    live = [f"({c} != 0.0)" for c in sorted(map(str, compared_with_0(code)), key=lambda c: int(c[1:]))]
    return "".join(
        [
            _walk("walk", code, kind, coefficients),
            _walk("walk_live", quick, kind, coefficients),
            _KERNEL.format(
                name=kind.name,
                pointers=kind.pointers,
                sizes=_SIZES,
                loads=_indented(loads, 4),
                test=f"not PER_COLUMN and {' & '.join(live)}" if live else "True",
                arguments=", ".join(
                    [kind.pointers, "slab, group, column", coefficients, _SIZES.replace(": tl.constexpr", "")]
                ),
            ),
        ]
    )


def _walk(name: str, code: Code, kind: _KernelKind, coefficients: str) -> str:
    body = [*kind.loads, *_Printer(code).body(kind.outputs), *kind.stores]
    return _WALK.format(
        name=name,
        pointers=kind.pointers,
        coefficients=coefficients,
        sizes=_SIZES,
        starts=_indented(kind.starts, 4),
        body=_indented(body, 8),
        ends=_indented(kind.ends, 4),
    )


def _with_plain_names(code: Code, coefficients: Sequence[sp.Symbol]) -> Code:
    """Call the coefficients c0, c1, ...: a parameter may have any name."""
    names = {s: sp.Symbol(f"c{j}", real=True) for j, s in enumerate(coefficients)}
    steps = {name: value.xreplace(names) for name, value in code.steps.items()}
    return Code(steps, tuple(output.xreplace(names) for output in code.outputs))


def _indented(lines: Sequence[str], by: int) -> str:
    return "\n".join(" " * by + line for line in lines)


class _Printer:
    """Prints the steps that outputs need."""

    def __init__(self, code: Code) -> None:
        self._steps, self._outputs = code.steps, code.outputs
        self._near_one: set[sp.Symbol] = set()
        self._done: set[sp.Symbol] = set()

    def body(self, names: Sequence[str]) -> Iterator[str]:
        """Give the lines that assign the outputs to names."""
        for name, output in zip(names, self._outputs, strict=True):
            yield from self._needed(output)
            text = self._text(output)
            full = "tl.zeros([ROWS, COLUMNS], tl.float32) + "
            yield f"{name} = {text if self._depends(output) or name != 'y' else full + text}"

    def _needed(self, e: sp.Expr) -> Iterator[str]:
        for name in sorted(e.free_symbols & self._steps.keys(), key=str):
            if name in self._done:
                continue
            value = self._steps[name]
            yield from self._needed(value)
            self._done.add(name)
            if isinstance(value, (p.decay, p.bell)) or self._bounded(value):
                self._near_one.add(name)
            yield f"{name} = {self._text(value)}"

    def _depends(self, e: sp.Expr) -> bool:
        """Tell whether an expression varies with x."""
        return X in e.free_symbols or any(
            self._depends(self._steps[s]) for s in e.free_symbols & self._steps.keys()
        )

    def _bounded(self, e: sp.Expr) -> bool:
        """Recognize what lies between 0 and a small number: made of decays and positive numbers."""
        if isinstance(e, p.select):
            return self._bounded(e.args[1]) and self._bounded(e.args[2])
        if isinstance(e, (sp.Add, sp.Mul)) or (isinstance(e, sp.Pow) and e.exp.is_Integer and e.exp > 0):
            return all(self._bounded(a) for a in e.args)
        return bool(e in self._near_one or (e.is_number and 0 <= e <= 100))

    def _text(self, e: sp.Expr) -> str:
        if e.is_number:
            return repr(float(e))
        if isinstance(e, sp.Symbol):
            return str(e.name)
        if isinstance(e, sp.Add):
            return "(" + " + ".join(self._text(a) for a in e.as_ordered_terms()) + ")"
        if isinstance(e, sp.Mul):
            return self._product(e)
        if isinstance(e, sp.Pow):
            return self._power(e)
        if isinstance(e, Relational):
            return f"({self._text(e.lhs)} {_COMPARISONS[e.rel_op]} {self._text(e.rhs)})"
        if isinstance(e, (sp.And, sp.Or)):
            return "(" + (" & " if isinstance(e, sp.And) else " | ").join(self._text(a) for a in e.args) + ")"
        return self._call(e)

    def _product(self, e: sp.Mul) -> str:
        """Print inverses that do not vary with x as factors: they are computed once per program."""
        above: list[sp.Expr] = []
        below: list[sp.Expr] = []
        for factor in e.as_ordered_factors():
            inverse = isinstance(factor, sp.Pow) and factor.exp.is_number and factor.exp.is_negative
            varies = inverse and self._depends(factor)
            (below if varies and not self._small(1 / factor) else above).append(factor)
        text = "*".join(self._text(f) for f in above) or "1.0"
        return f"({text})" if not below else f"({text} / {self._text(1 / sp.Mul(*below))})"

    def _small(self, e: sp.Expr) -> bool:
        base = e.base if isinstance(e, sp.Pow) else e
        return bool(isinstance(base, sp.Add) and self._bounded(base) and any(a.is_number for a in base.args))

    def _power(self, e: sp.Pow) -> str:
        base, exponent = e.args
        if exponent == sp.Rational(1, 2):
            return f"tl.sqrt({self._text(base)})"
        if exponent == -sp.Rational(1, 2):
            return f"tl.rsqrt({self._text(base)})"
        if not exponent.is_Integer:
            raise UnsupportedInputError(
                f"{e} has no Triton form: the exponent must be a whole number or 1/2."
            )
        if exponent < 0:
            inverse = base**-exponent
            text = self._text(inverse)
            return f"reciprocal({text})" if self._small(inverse) else f"(1.0 / {text})"
        half = self._power(base ** (exponent // 2)) if exponent > 3 else self._text(base)
        if exponent > 3:
            return f"({half}*{half}{'*' + self._text(base) if exponent % 2 else ''})"
        return "(" + "*".join([half] * int(exponent)) + ")"

    def _call(self, e: sp.Expr) -> str:
        if isinstance(e, p.log1p) and e.args[0] in self._near_one:
            return f"log1p({self._text(e.args[0])}, HALF)"
        template = _TEMPLATES.get(type(e))
        if template is None:
            raise UnsupportedInputError(f"{type(e).__name__} has no Triton form.")
        if isinstance(e, (p.bell, erf_over_bell, erf_plus_one)):
            return template.format(self._scaled(e.args[0]), *(self._text(a) for a in e.args[1:]))
        return template.format(*(self._text(a) for a in e.args))

    def _scaled(self, u: sp.Expr) -> str:
        """Print number·v as "v, number", number > 0: the function folds it into constants of its own."""
        number, v = self._steps.get(u, u).as_coeff_Mul()
        return f"{self._text(v if number > 0 else -v)}, {float(abs(number))!r}"
