"""Rational functions and splines on a GPU: no list shows them, so the other checks pass them by."""

from __future__ import annotations

import torch

from autoact.kernels import gpu, plan_for
from tests.checks import Checks
from tests.kernels.gpu.layer_checks import alike, layer_of, on_triton, plain
from tests.kernels.gpu.triton_comparison import compare, inputs, launches, limits

check = Checks()
FREE = ("rational", "linear_spline_5", "cubic_spline_5")  # few knots: the interpreter is slow
DTYPES = (torch.float32, torch.bfloat16)


@check
def free_forms_need_no_torch(device: str, tolerance: float) -> None:
    """No dtype of these kernels leaves them to torch, alone or in a mixture."""
    for name in FREE:
        for names in ((name,), ("relu", name, "gelu")):
            for dtype in (*DTYPES, torch.float16):
                x = torch.empty(0, device=device, dtype=dtype)
                assert gpu.unsupported(plan_for(names), x) is None, (names, dtype)


@check
def free_forms_alone_and_in_mixtures(device: str, tolerance: float) -> None:
    """Values, gradients of x and of every coefficient, against the formulas in float64; per channel, too."""
    for name in FREE:
        for dtype in DTYPES:
            compare((name,), inputs(200, device=device, dtype=dtype), tolerance)
            compare(("relu", name, "gelu"), inputs(200, device=device, dtype=dtype), tolerance)
        compare(("relu", name), inputs(4, 3, 5, device=device), tolerance, channel_dim=1)


@check
def layers_of_free_forms(device: str, tolerance: float) -> None:
    """Values, and gradients of x, of logits and of every parameter that moved; two launches each way."""
    for name in FREE:
        for others in ((), ("relu", "gelu")):
            layer = layer_of(device, candidates=(name, *others))
            into = [t for t in (layer.logits, layer.raw) if t.requires_grad]
            for dtype in DTYPES:
                limit = limits(30 * tolerance)[dtype]
                x = inputs(20, 10, device=device, dtype=dtype).requires_grad_()
                grad = inputs(20, 10, device=device, dtype=dtype, seed=1)
                with on_triton(device), launches() as seen:
                    y = layer(x)
                    got = torch.autograd.grad(y, (x, *into), grad)
                assert len(seen) == 4, f"{len(seen)} launches forward and backward"
                z = x.detach().double().requires_grad_()
                want_y = plain(layer, z)
                assert y.dtype == dtype
                want = torch.autograd.grad(want_y, (z, *into), grad.double())
                alike([y, *got], [want_y, *want], limit, f"{name} {others} {dtype}")
