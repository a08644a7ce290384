"""What the Triton kernels must do, as plain functions: on a GPU, or without one under Triton's interpreter.

    PYTHONPATH=. python3 tests/kernels/gpu/triton_checks.py [--json FILE]
    TRITON_INTERPRET=1 PYTHONPATH=. python3 tests/kernels/gpu/triton_checks.py --device cpu --noise

needs neither pytest nor a network. `--noise` makes exp2, division and square roots of the interpreter err by
2^-22 and 2^-23, about what the hardware's approximations may do, to see that the results bear it.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
import torch

import autoact
from autoact.activations import X
from autoact.kernels import plan_for
from autoact.kernels.gpu import _triton_kernels as triton_kernels
from scripts.benchmarks.triton_counts import EIGHT
from tests.checks import Checks, Skipped
from tests.kernels.gpu import free_form_checks, layer_checks
from tests.kernels.gpu.triton_comparison import built_in, close, compare, inputs, launches, limits, make_noisy

POINTS = [
    s * v
    for s in (-1.0, 1.0)
    for v in (0.0, 1e-30, 1e-12, 1e-4, 0.01, 0.3, 0.9999, 1.0, 2.5, 7.0, 19.9, 40.0, 80.0, 700.0, 1e4)
]


check = Checks()


@check
def every_activation_to_float32_accuracy(device: str, tolerance: float) -> None:
    """Within tolerance·max(|value|, |x|, 1); at the points of the registry's contract without |x|."""
    x = torch.cat([torch.tensor(POINTS), inputs(993, device="cpu")]).to(device)
    for name in built_in():
        act = autoact.get(name)
        plan = plan_for((name,))
        parameters = torch.tensor([p.default for p in act.parameters])
        c = plan.coefficients(torch.ones(1), parameters).to(device)
        z = x.cpu().double().requires_grad_()
        want = act(
            z,
            **{
                p.name: torch.tensor(float(v)).double()
                for p, v in zip(act.parameters, parameters, strict=True)
            },
        )
        (slope,) = torch.autograd.grad(want.sum(), z)
        inside = want.abs() < torch.finfo(torch.float32).max
        inside &= z.abs() <= 1 if name == "finer" else True  # beyond, its sine's argument is rounded by more
        got = triton_kernels.forward(plan, x, c, 0).cpu()
        grad_x, _ = triton_kernels.backward(plan, x, c, torch.ones_like(x), 0)
        points = torch.arange(len(x)) < len(POINTS)
        close(got[inside & points], want[inside & points], 1.0, tolerance, f"{name} at the contract's points")
        close(got[inside], want[inside], z[inside], tolerance, name)
        close(grad_x.cpu()[inside], slope[inside], z[inside], 2 * tolerance, f"{name} slope")


@check
def no_nan_far_out(device: str, tolerance: float) -> None:
    """Slopes and sums are numbers, and right, up to an eighth of the largest number."""
    largest = torch.finfo(torch.float32).max
    sizes = [1e-45, 1e-38, 9e3, 2e4, 1e7, 1e11, 1e13, 1.1e18, 1.9e19, 1e30, largest / 10]
    x = torch.tensor([sign * size for size in sizes for sign in (1.0, -1.0)])
    for name in built_in():
        act, z = autoact.get(name), x.double().requires_grad_()
        plan, theta = plan_for((name,)), torch.tensor([p.default for p in act.parameters])
        c = plan.coefficients(torch.ones(1), theta).to(device)
        want = act(z, **{p.name: t.double() for p, t in zip(act.parameters, theta, strict=True)})
        (slope,) = torch.autograd.grad(want.sum(), z)
        y = triton_kernels.forward(plan, x.to(device), c, 0).cpu()
        grad_x, sums = triton_kernels.backward(plan, x.to(device), c, torch.ones_like(x).to(device), 0)
        assert not sums.isnan().any(), f"{name}: {sums}"
        known = want.abs() <= largest / 8
        assert not grad_x.cpu()[known].isnan().any(), f"{name}: {grad_x}"
        if act.family != "periodic":
            close(y[known], want[known], z[known], tolerance, name)
            close(
                grad_x.cpu()[known], slope[known], z[known].clamp(-100, 100), 2 * tolerance, f"{name} slope"
            )


@check
def relative_accuracy_near_zero(device: str, tolerance: float) -> None:
    """tanh, ELU, softsign, erf of 1e-30 are 1e-30, not 0: no cancellation."""
    x = torch.tensor([1e-30, 1e-12, 1e-6, 1e-3, 0.01, 0.1, 0.3, 0.49, 0.51, 0.79, 0.81]).to(device)
    x = torch.cat([x, -x])
    for name in ("tanh", "elu", "erf", "arctan", "sin", "softsign", "silu", "gelu", "mish"):
        plan = plan_for((name,))
        c = plan.coefficients(torch.ones(1), torch.tensor([p.default for p in autoact.get(name).parameters]))
        want = autoact.get(name)(x.double().cpu())
        got = triton_kernels.forward(plan, x, c.to(device), 0).double().cpu()
        assert ((got - want) / want).abs().max() <= 2 * tolerance, name
        half = triton_kernels.forward(plan, x.bfloat16(), c.to(device), 0).double().cpu()
        want = autoact.get(name)(x.bfloat16().double().cpu())
        assert ((half - want) / want).abs().max() <= limits(tolerance)[torch.bfloat16], f"{name} bfloat16"


@check
def mixtures_of_odd_sizes(device: str, tolerance: float) -> None:
    """One element, one more than a tile, and more tiles than programs."""
    compare(EIGHT, inputs(device=device), tolerance)  # no dimensions
    for size in (1, 3, 127, 1025, 20000):
        compare(EIGHT, inputs(size, device=device), tolerance)
    compare(built_in()[:32], inputs(999, device=device), tolerance)


@check
def half_precision(device: str, tolerance: float) -> None:
    """float32 inside, rounded once."""
    half = (torch.bfloat16, torch.float16)
    for dtype in half:
        compare(EIGHT, inputs(37, 129, device=device, dtype=dtype), tolerance)
    for i, name in enumerate(n for n in built_in() if n != "exp"):  # exp leaves the range of float16
        compare((name,), inputs(777, device=device, dtype=half[i % 2]), tolerance)


@check
def channels_in_every_layout(device: str, tolerance: float) -> None:
    """Coefficients per channel: outermost, in the middle, innermost, and permuted."""
    compare(EIGHT, inputs(5, 300, device=device), tolerance, channel_dim=0)
    compare(EIGHT, inputs(5, 300, device=device), tolerance, channel_dim=-1)
    compare(EIGHT, inputs(2, 5, 7, 3, device=device), tolerance, channel_dim=1)
    compare(EIGHT, inputs(3, 3, 1100, device=device), tolerance, channel_dim=1)
    images = inputs(2, 5, 7, 3, device=device).contiguous(memory_format=torch.channels_last)
    compare(EIGHT, images, tolerance, channel_dim=1)
    compare(EIGHT, inputs(4, 6, 5, device=device).permute(2, 0, 1), tolerance, channel_dim=2)
    compare(("swish", "scaled_tanh", "hill"), inputs(4, 6, 5, device=device), tolerance, channel_dim=1)


@check
def any_strides(device: str, tolerance: float) -> None:
    """Slices, transposes and expanded gradients."""
    x = inputs(12, 40, device=device)
    compare(EIGHT, x.t(), tolerance)
    compare(EIGHT, x[:, ::2], tolerance)
    compare(EIGHT, x[1:, 3:], tolerance, channel_dim=1)
    compare(EIGHT, x[:1].expand(6, 40), tolerance)
    compare(EIGHT, x, tolerance, grad=torch.ones(1, 1, device=device).expand(12, 40))
    compare(EIGHT, x, tolerance, grad=inputs(40, 12, device=device, seed=3).t())


@check
def nothing_to_do(device: str, tolerance: float) -> None:
    """Zero elements give zero elements, and gradients that are 0."""
    compare(EIGHT, inputs(0, 4, device=device), tolerance)
    compare(EIGHT, inputs(0, 4, device=device), tolerance, channel_dim=1)
    compare(EIGHT, inputs(4, 0, device=device).t(), tolerance, channel_dim=1)


@check
def weights_of_zero_contribute_zero(device: str, tolerance: float) -> None:
    """At x = 800, where an exponential is infinite, and at infinite x; in gradients too."""
    names = ("relu", "tanh", "softplus", "identity", "sigmoid", "gelu", "exp", "relu_squared")
    plan = plan_for(names)
    defaults = torch.tensor([parameter.default for _, parameter in plan.slots])
    x = torch.tensor([-torch.inf, torch.inf, 800.0, -800.0, 1.0, 1e30, torch.nan], device=device)
    for hot in names:
        for per_channel in (False, True):
            weights = torch.tensor([float(n == hot) for n in names])
            c = plan.coefficients(weights, defaults).to(device)
            c = c.expand(len(x), -1) if per_channel else c
            want = autoact.get(hot)(x.cpu())
            close(triton_kernels.forward(plan, x, c, 0), want, 1.0, tolerance, f"{hot} alone")
            if hot in ("relu", "tanh", "sigmoid", "identity", "relu_squared"):
                grad_x, sums = triton_kernels.backward(
                    plan, x[2:5], c[2:5] if per_channel else c, x[4:5].expand(3), 0
                )
                z = x[2:5].cpu().requires_grad_()
                (slope,) = torch.autograd.grad(autoact.get(hot)(z).sum(), z)
                close(grad_x, slope, 1.0, tolerance, f"{hot} alone, slope")
                assert torch.isfinite(sums).all(), hot


@check
def live_weights_agree_with_the_plain_program(device: str, tolerance: float) -> None:
    """A coefficient of 1e-38 takes the quick walk, one of 0 the plain one: the same result."""
    plan = plan_for(EIGHT)
    x = inputs(3000, device=device)
    c = torch.rand(len(plan.coefficient_symbols), generator=torch.Generator().manual_seed(4)) + 0.5
    for j in range(len(c)):
        zero, tiny = c.clone(), c.clone()
        zero[j], tiny[j] = 0.0, 1e-38
        for a, b in (
            (triton_kernels.forward(plan, x, t.to(device), 0) for t in (zero, tiny)),
            (triton_kernels.backward(plan, x, t.to(device), x, 0)[0] for t in (zero, tiny)),
        ):
            close(a, b, (x * x).double(), tolerance, f"coefficient {j}")


@check
def same_bits_twenty_times(device: str, tolerance: float) -> None:
    """No atomics: sums have one order."""
    plan = plan_for(EIGHT)
    big = 1 << 20 if device == "cuda" else 3000
    x, grad = inputs(big, device=device), inputs(big, device=device, seed=5)
    c = torch.rand(len(plan.coefficient_symbols), generator=torch.Generator().manual_seed(6)).to(device)
    runs = [triton_kernels.backward(plan, x, c, grad, 0) for _ in range(20)]
    assert all(torch.equal(a, b) for run in runs[1:] for a, b in zip(run, runs[0], strict=True))


@check
def reads_writes_and_launches(device: str, tolerance: float) -> None:
    """One launch each way over x, y and grad themselves: nothing of their size is copied or made besides."""
    plan, x = plan_for(EIGHT), inputs(5000, device=device)
    c = torch.ones(len(plan.coefficient_symbols), device=device)
    with launches() as seen:
        y = triton_kernels.forward(plan, x, c, 0)
        grad_x, _ = triton_kernels.backward(plan, x, c, y, 0)
    large = [[t.data_ptr() for t in tensors if t.numel() >= x.numel()] for tensors in seen]
    assert large == [[t.data_ptr() for t in ts] for ts in ((x, y), (x, y, grad_x))], "one launch each way"
    rest = sum(t.numel() for tensors in seen for t in tensors if t.numel() < x.numel())
    assert rest <= x.numel() // 10, f"{rest} numbers beside x, y and the gradients"


@check
def other_functions(device: str, tolerance: float) -> None:
    """Functions that no built-in activation uses: sinh, cosh, asinh, erfc, powers, log1p away from decays."""
    made = {
        "check_sinh": lambda x: sp.sinh(x / 4) + sp.asinh(x) * x,
        "check_cosh": lambda x: sp.cosh(x / 4) - sp.erfc(x),
        "check_powers": lambda x: x**5 / (1 + x**4) ** 2 + (2 + x**2) ** sp.Rational(-3, 2),
        "check_log": lambda x: sp.log(2 + x**2) + sp.Min(x, sp.atan(x)) + sp.Max(x, 1) + sp.sign(x),
        "check_expm1": lambda x: sp.exp(sp.sin(x)) - sp.exp(-(x**2) / 3) + sp.erf(-x),
    }
    for name, formula in made.items():
        if name not in autoact.list_activations():
            formula.__name__, formula.__doc__ = name, "A check."
            autoact.activation(family="test")(formula)
        compare((name,), inputs(1500, device=device), tolerance)
    assert X.name == "x"


def check_bessel(x):
    return torch.special.i0e(x)


@check
def unsupported_is_said(device: str, tolerance: float) -> None:
    """float64 and torch callables are left to torch, with the reason."""
    x = inputs(3, device=device)
    assert triton_kernels.unsupported(plan_for(EIGHT), x) is None
    assert "float64" in str(triton_kernels.unsupported(plan_for(EIGHT), x.double()))
    if "check_bessel" not in autoact.list_activations():
        autoact.activation(family="test")(check_bessel)
    assert "check_bessel" in str(triton_kernels.unsupported(plan_for(("check_bessel",)), x))


@check
def more_than_two_to_the_31_elements(device: str, tolerance: float) -> None:
    """Offsets of 64 bits; on a GPU with 40 GB free."""
    if device != "cuda" or torch.cuda.mem_get_info()[0] < 40e9:
        raise Skipped("needs a GPU with 40 GB free")
    plan = plan_for(("relu", "identity"))
    c = torch.ones(len(plan.coefficient_symbols), device=device)
    x = torch.ones(2**31 + 4097, device=device, dtype=torch.bfloat16)
    x[-1] = 3.0
    y = triton_kernels.forward(plan, x, c, 0)
    want = triton_kernels.forward(plan, x[-5:].clone(), c, 0)
    assert torch.equal(y[-5:], want)
    del y
    _, sums = triton_kernels.backward(plan, x, c, x, 0)
    assert torch.isfinite(sums).all()


@check
def through_the_operator(device: str, tolerance: float) -> None:
    """On a GPU, `autoact.mixture` and its gradients run through these kernels."""
    if device != "cuda":
        raise Skipped("needs a GPU")
    x = inputs(33, 65, device=device).requires_grad_()
    w = torch.full((8,), 0.125, device=device, requires_grad=True)
    with launches() as seen:
        autoact.mixture(x, w, EIGHT).square().sum().backward()
    assert len(seen) == 2, f"{len(seen)} kernels launched"
    z, v = x.detach().cpu().double().requires_grad_(), w.detach().cpu().double().requires_grad_()
    autoact.mixture(z, v, EIGHT).square().sum().backward()
    for got, want in ((x.grad, z.grad), (w.grad, v.grad)):
        assert got is not None
        assert want is not None
        close(got, want, float(want.abs().max()), 20 * tolerance, f"gradient of shape {tuple(got.shape)}")


check.update(layer_checks.check | free_form_checks.check)


def main() -> int:
    """Run all checks; return the number of failures."""
    parser = check.parser(__doc__)
    parser.add_argument("--noise", action="store_true")
    options = parser.parse_args()
    np.seterr(all="ignore")  # the interpreter computes branches that are not taken
    if options.noise:
        make_noisy()
    return check.report(options, 1e-6 if options.noise else 4e-7)


if __name__ == "__main__":
    raise SystemExit(main())
