"""C source of a mixture's CPU kernels, printed from the programs of its plan.

One library per set of candidates and stored dtype: weights and parameters are arguments, so training never
compiles again.
"""

from __future__ import annotations

from importlib.resources import files

import sympy as sp
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanFunction

from autoact.activations import X
from autoact.activations import primitives as p
from autoact.errors import UnsupportedInputError
from autoact.kernels.plan import Plan, Program, backward_program, forward_program

STORED = {"float32": ("float", "f32"), "bfloat16": ("uint16_t", "bf16"), "float16": ("_Float16", "f16")}
_CALLS: dict[type, str] = {
    **{f: f.__name__ for f in (p.pos, p.neg, p.step, p.below, p.sign, p.window, p.clip)},
    **{f: f.__name__ for f in (p.decay, p.decay1, p.bell)},
    p.finite: "finite_",
    p.exp: "exp_",
    p.expm1: "expm1_",
    p.log1p: "log1p_unit",
    p.absolute: "fabsf",
    sp.sin: "sin_",
    sp.cos: "cos_",
    sp.atan: "atan_",
    sp.erf: "erf_",
    sp.log: "log_",
}


def c_expression(e: sp.Expr, suffix: str = "f") -> str:
    """Return an expression of a program in C.

    Args:
        e: Expression over numbers, symbols and the functions of a `Program`.
        suffix: Of literals and functions: "f" for float, "" for double.

    Raises:
        UnsupportedInputError: A function that has no vector form in C.

    Example:
        >>> from autoact.activations import X
        >>> c_expression(1 + 2 * X**2)
        '(1.0f + (2.0f * (x * x)))'
    """
    if isinstance(e, sp.Symbol):
        return str(e.name)
    if e.is_number:
        return f"{float(e)!r}{suffix}"
    if isinstance(e, sp.Mul):
        return _product(e, suffix)
    if isinstance(e, sp.Pow):
        return _power(e, suffix)
    arguments = [c_expression(a, suffix) for a in e.args]
    if isinstance(e, (sp.Add, sp.And, sp.Or)):
        return "(" + {sp.Add: " + ", sp.And: " & ", sp.Or: " | "}[type(e)].join(arguments) + ")"
    if isinstance(e, (p.select, p.guard)):
        return ("pick({}, {}, {})" if _is_live(e.args[0]) else "({} ? {} : {})").format(*arguments)
    if _is_live(e):
        return f"live_{arguments[0]}"
    if isinstance(e, Relational):
        return f"({arguments[0]} {e.rel_op} {arguments[1]})"
    if type(e) not in _CALLS:
        raise UnsupportedInputError(f"{type(e).__name__} has no vector form in C; torch computes it eagerly.")
    return f"{_CALLS[type(e)]}({', '.join(arguments)})"


def _is_live(condition: sp.Expr) -> bool:
    """Recognize c_j != 0: the same for a whole run; a branch on it would forbid vector code."""
    return (
        isinstance(condition, sp.Ne) and condition.lhs != X and condition.lhs.is_Symbol and condition.rhs == 0
    )


def _product(e: sp.Mul, suffix: str) -> str:
    inverse = [f for f in e.args if isinstance(f, sp.Pow) and f.exp.is_negative]
    above = [c_expression(f, suffix) for f in e.args if f not in inverse] or [f"1.0{suffix}"]
    return "(" + " * ".join(above) + "".join(f" / {c_expression(1 / f, suffix)}" for f in inverse) + ")"


def _power(e: sp.Pow, suffix: str) -> str:
    base, exponent = c_expression(e.base, suffix), e.exp
    if exponent.is_Integer and exponent > 0:
        return "(" + " * ".join([base] * int(exponent)) + ")"
    if exponent == sp.Rational(1, 2):
        return f"sqrt{suffix}({base})"
    if exponent.is_Rational and exponent < 0:
        return f"(1.0{suffix} / {c_expression(1 / e, suffix)})"
    raise UnsupportedInputError(f"The power {e} has no vector form in C; torch computes it eagerly.")


def library_source(plan: Plan, stored: str) -> str:
    """Return the whole translation unit of a plan.

    Args:
        plan: The mixture's plan.
        stored: dtype of x, y and grad: "float32", "bfloat16" or "float16"; arithmetic is float32.

    Raises:
        UnsupportedInputError: A member that has no vector form in C.
    """
    kind, loader = STORED[stored]
    head = [f"#define STORED {kind}", f"#define LOAD load_{loader}", f"#define STORE store_{loader}"]
    head += ["#define HALF"] if stored == "float16" else []
    math, loops = (
        files("autoact.kernels.cpu").joinpath(name).read_text(encoding="utf-8")
        for name in ("elementwise.h", "mixture.c")
    )
    return "\n".join([*head, math, *_macros(plan), *_coefficients(plan), loops])


def _macros(plan: Plan) -> list[str]:
    """Print the programs as macros over scalars, which the loops of mixture.c expand."""
    forward, backward = _with_masks(forward_program(plan)), _with_masks(backward_program(plan))
    slope, *partials = (c_expression(e) for e in backward.outputs)
    names = [s.name for s in plan.coefficient_symbols]
    sums = [f"sum{j}" for j in range(len(names))]
    return [
        f"#define WEIGHTS {len(plan.candidates)}",
        f"#define PARAMETERS {len(plan.slots)}",
        f"#define COEFFICIENTS {len(names)}",
        "#define READ_COEFFICIENTS "
        + " ".join(
            f"const float {c} = c[{j}]; const int32_t live_{c} = -(c[{j}] != 0.0f);"
            for j, c in enumerate(names)
        ),
        f"#define FORWARD {_steps(forward)} const float y = {c_expression(forward.outputs[0])};",
        f"#define BACKWARD {_steps(backward)} const float slope = {slope};",
        f'#define REDUCE _Pragma("omp simd reduction(+ : {", ".join(sums)})")',
        "#define ZERO_SUMS " + " ".join(f"float {s} = 0.0f;" for s in sums),
        "#define ADD_SUMS " + " ".join(f"{s} += g * {e};" for s, e in zip(sums, partials, strict=True)),
        "#define KEEP_SUMS " + " ".join(f"total[{j}] += {s};" for j, s in enumerate(sums)),
    ]


def _with_masks(program: Program) -> Program:
    """Put conditions on coefficients back where they are used."""
    masks = {name: value for name, value in program.steps if _is_live(value)}
    steps = tuple((name, value.xreplace(masks)) for name, value in program.steps if name not in masks)
    return Program(program.arguments, steps, tuple(e.xreplace(masks) for e in program.outputs))


def _steps(program: Program) -> str:
    decays = {name for name, value in program.steps if isinstance(value, p.decay)}
    lines = []
    for name, value in program.steps:
        if isinstance(value, p.log1p) and value.args[0] not in decays:
            raise UnsupportedInputError(f"{value} has a vector form in C only of exp(-|u|); use softplus.")
        kind = "int" if isinstance(value, (Relational, BooleanFunction)) else "float"
        lines.append(f"const {kind} {name.name} = {c_expression(value)};")
    return " ".join(lines)


def _coefficients(plan: Plan) -> list[str]:
    """Print coefficients and their gradients: derivatives of one form that is linear in weights and sums."""
    weights = sp.symbols(f"w:{len(plan.candidates)}", real=True)
    sums = sp.symbols(f"s:{len(plan.coefficient_symbols)}", real=True)
    theta = plan.basis.symbols
    form = sp.Add(*(weights[t.candidate] * t.factor * sums[t.basis] for t in plan.basis.terms))
    inner = sums[len(plan.basis.functions) :]
    form += sp.Add(*(theta[i] * s for i, s in zip(plan.basis.inner, inner, strict=True)))
    read = [f"const double {s.name} = weights[{k}];" for k, s in enumerate(weights)]
    read += [f"const double {s.name} = parameters[{i}];" for i, s in enumerate(theta)]
    sum_values = [f"const double {s.name} = sum[{j}];" for j, s in enumerate(sums)]
    return [
        "static void coefficients(const float *weights, const float *parameters, float *c) {",
        *read,
        *_derivatives("c", form, sums),
        "}",
        "static void coefficient_gradients(const float *weights, const float *parameters, const double *sum,",
        "                                  float *weights_grad, float *parameters_grad) {",
        *read,
        *sum_values,
        *_derivatives("weights_grad", form, weights),
        *_derivatives("parameters_grad", form, theta),
        "}",
    ]


def _derivatives(target: str, form: sp.Expr, symbols: tuple[sp.Symbol, ...]) -> list[str]:
    return [f"{target}[{i}] = (float){c_expression(form.diff(s), '')};" for i, s in enumerate(symbols)]
