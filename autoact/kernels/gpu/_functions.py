"""Device functions of the Triton back end: accurate in float32, cheaper where the output is half precision.

Built from exp2, fma, square roots and one reciprocal, whose hardware forms err by about 2^-22, and from
polynomials fitted by weighted minimax; each function is relatively accurate near 0. `HALF` says that the
result will be rounded to bfloat16 or float16: shorter polynomials, no correction of exp2's argument.

tanh.approx is not used: its error of 2^-11 is most of silu(-8), and exp(-|u|) is there anyway.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # Triton has no type stubs, and is not to be had on every platform
    import triton  # type: ignore[import-untyped, import-not-found, unused-ignore]
    import triton.language as tl  # type: ignore[import-untyped, import-not-found, unused-ignore]
else:
    triton = import_module("triton") if find_spec("triton") else None
    tl = import_module("triton.language") if triton else None

INSTALLED = triton is not None
INTERPRETED: Any = tl and tl.constexpr(bool(triton.knobs.runtime.interpret))
NAN: Any = tl and tl.constexpr(tl.PropagateNan.ALL)


def jit(function: Callable[..., Any]) -> Any:
    """Return a device function, or the function itself where Triton is not installed."""
    return triton.jit(function) if triton else function


@jit
def reciprocal(u: tl.tensor) -> tl.tensor:
    """1/u for 2^-126 <= |u| <= 2^126, to 1 ulp; a division that takes any u is 8 instructions."""
    if INTERPRETED:
        return 1.0 / u
    return tl.inline_asm_elementwise("rcp.approx.ftz.f32 $0, $1;", "=r,r", [u], tl.float32, True, 1)


@jit
def fused(a: tl.tensor, b: tl.tensor, c: tl.tensor) -> tl.tensor:
    """a·b + c, rounded once; the interpreter's fma rounds twice."""
    if INTERPRETED:
        return (a.to(tl.float64) * b + c).to(tl.float32)
    return tl.fma(a, b, c)


@jit
def polynomial(z: tl.tensor, c: tl.constexpr) -> tl.tensor:
    """Σ c[i]·z^i, by Horner's rule; two coefficients at least."""
    total = z * c[-1] + c[len(c) - 2]
    for i in tl.static_range(len(c) - 2):
        total = total * z + c[len(c) - 3 - i]
    return total


@jit
def _exp(u: tl.tensor, HALF: tl.constexpr) -> tl.tensor:
    """exp(u) for -104 <= u <= 88.7; what rounding u·log2(e) lost is put back."""
    t = u * 1.4426950408889634
    e = tl.exp2(t)
    if HALF:
        return e
    return fused(e, fused(t, -0.6931471805599453, u), e)


@jit
def decay(u: tl.tensor, HALF: tl.constexpr) -> tl.tensor:
    """exp(-|u|)."""
    if HALF:
        return tl.exp2(tl.abs(u) * -1.4426950408889634)
    return _exp(-tl.minimum(tl.abs(u), 104.0, propagate_nan=NAN), HALF)


@jit
def decay1(u: tl.tensor, HALF: tl.constexpr) -> tl.tensor:
    """exp(-|u|) - 1: a polynomial up to 0.8, where the difference would cancel."""
    a = tl.abs(u)
    if HALF:
        return tl.where(a < 0.03125, a * (a * 0.5 - 1.0), decay(u, HALF) - 1.0)
    near = a * polynomial(
        a,
        (
            -1.0,
            0.4999988385766183,
            -0.16664571529805933,
            0.0415433120781969,
            -0.008012603261251638,
            0.0009985309913208094,
        ),
    )
    return tl.where(a < 0.8, near, decay(u, HALF) - 1.0)


@jit
def bell(u: tl.tensor, SCALE: tl.constexpr) -> tl.tensor:
    """exp(-(SCALE·u)²); rounding u² costs more than exp2's argument could give back."""
    return tl.exp2(u * u * (-1.4426950408889634 * SCALE * SCALE))


@jit
def exp(u: tl.tensor, HALF: tl.constexpr) -> tl.tensor:
    """Exponential; infinite above 88.72."""
    inside = tl.minimum(tl.maximum(u, -104.0, propagate_nan=NAN), 88.7, propagate_nan=NAN)
    return tl.where(u > 88.7, tl.exp2(u * 1.4426950408889634), _exp(inside, HALF))


@jit
def expm1(u: tl.tensor, HALF: tl.constexpr) -> tl.tensor:
    """exp(u) - 1, without cancellation near 0."""
    m = decay1(u, HALF)
    return tl.where(u > 0, tl.where(u > 0.5, exp(u, HALF) - 1.0, -m * reciprocal(1.0 + m)), m)


@jit
def log1p(u: tl.tensor, HALF: tl.constexpr) -> tl.tensor:
    """log(1 + u) for 0 <= u <= 1, as 2 atanh(u / (2 + u))."""
    s = u * reciprocal(u + 2.0)
    z = s * s
    if HALF:
        return 2.0 * s * polynomial(z, (1.0, 0.33245546092499373, 0.2245561322989377))
    tail = polynomial(z, (0.3333320656636377, 0.20010849529661148, 0.13999570533101197, 0.14012229455773015))
    return 2.0 * (s * z * tail + s)


@jit
def log1p_anywhere(u: tl.tensor, HALF: tl.constexpr) -> tl.tensor:
    """log(1 + u) for u > -1: the logarithm of the rounded sum, and what the rounding lost."""
    w = u + 1.0
    lost = (u - (w - 1.0)) / w
    return tl.where(tl.abs(u) < 1e30, tl.log(w) + lost, tl.log(w))


@jit
def upper_tail(u: tl.tensor, SCALE: tl.constexpr, b: tl.tensor, HALF: tl.constexpr) -> tl.tensor:
    """erfc(|SCALE·u|) from b = bell(u, SCALE), over 1/(1 + p|u|); error 6e-8 times its square root."""
    if HALF:
        t = reciprocal(tl.abs(u) * (0.56 * SCALE) + 1.0)
        c: tl.constexpr = (0.31591301463, 0.31849929178, 0.23491517695, 0.29945777356, -0.16878970952)
        return polynomial(t, c) * t * b
    t = reciprocal(tl.abs(u) * (0.44 * SCALE) + 1.0)
    c8: tl.constexpr = (
        0.2482444392639959,
        0.24829520778929795,
        0.22210017725487155,
        0.19714213931485258,
        0.01867945765288853,
        0.2521413024411059,
        -0.2513814046280634,
        0.06477873606677213,
    )
    return polynomial(t, c8) * t * b


@jit
def erf_plus_one(u: tl.tensor, SCALE: tl.constexpr, b: tl.tensor, HALF: tl.constexpr) -> tl.tensor:
    """1 + erf(SCALE·u) from b = bell(u, SCALE), SCALE > 0."""
    tail = upper_tail(u, SCALE, b, HALF)
    return tl.where(u > 0, 2.0 - tail, tail)


@jit
def erf(u: tl.tensor, SCALE: tl.constexpr, b: tl.tensor, HALF: tl.constexpr) -> tl.tensor:
    """Error function of SCALE·u from b = bell(u, SCALE); up to 1, where 1 - erfc cancels, a polynomial."""
    v = u * SCALE
    if HALF:
        near = polynomial(
            v * v, (1.1283517026209664, -0.37521069679762964, 0.10802774903738, -0.0184954263365646)
        )
    else:
        near = polynomial(
            v * v,
            (
                1.128379165913768,
                -0.3761262713608535,
                0.11283600177661841,
                -0.026854444652147216,
                0.005189535455984086,
                -0.000802084231991773,
                7.889123008060012e-05,
            ),
        )
    far = 1.0 - upper_tail(u, SCALE, b, HALF)
    return tl.where(tl.abs(v) < 1.0, v * near, tl.where(u > 0, far, -far))


@jit
def atan(u: tl.tensor, HALF: tl.constexpr) -> tl.tensor:
    """Inverse tangent: a polynomial up to 1, of the inverse above."""
    a = tl.abs(u)
    s = tl.where(a > 1.0, reciprocal(tl.maximum(a, 1.0, propagate_nan=NAN)), a)
    z = s * s
    if HALF:
        tail = polynomial(
            z, (-0.33220423429742707, 0.1872605487107555, -0.09486840629756324, 0.025241569764554224)
        )
    else:
        tail = polynomial(
            z,
            (
                -0.33333166965617156,
                0.19994137194907224,
                -0.1421420904992723,
                0.10678939942697839,
                -0.07580577386554371,
                0.043553530363749725,
                -0.016581178365114302,
                0.0029745889663988123,
            ),
        )
    angle = s * z * tail + s
    angle = tl.where(a > 1.0, 1.5707963267948966 - angle, angle)
    return tl.where(u < 0, -angle, angle)


@jit
def sinh(u: tl.tensor, HALF: tl.constexpr) -> tl.tensor:
    """Hyperbolic sine; half of exp(|u|) far out, so that it overflows no sooner than it must."""
    a = tl.abs(u)
    m = expm1(tl.minimum(a, 20.0, propagate_nan=NAN), HALF)
    value = tl.where(a > 20.0, exp(a - 0.6931471805599453, HALF), 0.5 * (m + m / (m + 1.0)))
    return tl.where(u < 0, -value, value)


@jit
def cosh(u: tl.tensor, HALF: tl.constexpr) -> tl.tensor:
    """Hyperbolic cosine."""
    half = exp(tl.abs(u) - 0.6931471805599453, HALF)
    return half + 0.5 * decay(u, HALF)


@jit
def asinh(u: tl.tensor, HALF: tl.constexpr) -> tl.tensor:
    """Inverse hyperbolic sine; log(2|u|) where the square would overflow."""
    a = tl.abs(u)
    b = tl.minimum(a, 1e9, propagate_nan=NAN)
    near = log1p_anywhere(b + b * b / (1.0 + tl.sqrt(b * b + 1.0)), HALF)
    value = tl.where(a > 1e9, tl.log(a) + 0.6931471805599453, near)
    return tl.where(u < 0, -value, value)


@jit
def place(chunks: tl.tensor, slabs: tl.tensor, COLUMNS: tl.constexpr, BIG: tl.constexpr) -> tl.tensor:
    """Which slab of rows, group and columns (1, COLUMNS) this program works on."""
    program = tl.program_id(0)
    chunk = program % chunks
    rest = program // chunks
    group = rest // slabs
    if BIG:
        group = group.to(tl.int64)
    return rest % slabs, group, chunk * COLUMNS + tl.arange(0, COLUMNS)[None, :]


@jit
def within(
    tile: tl.tensor,
    group: tl.tensor,
    column: tl.tensor,
    rows: tl.tensor,
    columns: tl.tensor,
    row_stride: tl.tensor,
    group_stride: tl.tensor,
    total: tl.tensor,
    ROWS: tl.constexpr,
    BIG: tl.constexpr,
) -> tl.tensor:
    """Offsets (ROWS, COLUMNS) of a tile's elements, and which of them exist."""
    row = tile * ROWS + tl.arange(0, ROWS)[:, None]
    if BIG:
        row = row.to(tl.int64)
    offset = group * group_stride + row * row_stride + column
    return offset, (row < rows) & (column < columns) & (offset < total)


@jit
def load(pointer: tl.tensor, inside: tl.tensor, other: tl.constexpr, EVEN: tl.constexpr) -> tl.tensor:
    """A tile in float32; `other` for what lies outside."""
    if EVEN:
        return tl.load(pointer).to(tl.float32)
    return tl.load(pointer, inside, other=other).to(tl.float32)


@jit
def store(pointer: tl.tensor, value: tl.tensor, inside: tl.tensor, EVEN: tl.constexpr) -> None:
    """Round a tile once to the dtype of the output."""
    if EVEN:
        tl.store(pointer, value.to(pointer.dtype.element_ty))
    else:
        tl.store(pointer, value.to(pointer.dtype.element_ty), inside)


@jit
def coefficient(
    c_ptr: tl.tensor,
    MANY: tl.constexpr,
    J: tl.constexpr,
    group: tl.tensor,
    column: tl.tensor,
    columns: tl.tensor,
    PER_COLUMN: tl.constexpr,
) -> tl.tensor:
    """Coefficient J of a group of channels, or of every column where columns are channels."""
    if PER_COLUMN:
        value = tl.load(c_ptr + column * MANY + J, column < columns, other=1.0)
    else:
        value = tl.load(c_ptr + group * MANY + J)
    return value


@jit
def store_sum(
    sum_ptr: tl.tensor,
    sums: tl.tensor,
    MANY: tl.constexpr,
    J: tl.constexpr,
    slab: tl.tensor,
    column: tl.tensor,
    columns: tl.tensor,
    PER_COLUMN: tl.constexpr,
) -> None:
    """This program's sum over its lanes; one per column where columns are channels."""
    if PER_COLUMN:
        tl.store(sum_ptr + (slab * columns + column) * MANY + J, tl.sum(sums, 0)[None, :], column < columns)
    else:
        tl.store(sum_ptr + tl.program_id(0) * MANY + J, tl.sum(tl.sum(sums, 1), 0))
