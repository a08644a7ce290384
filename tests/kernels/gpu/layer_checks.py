"""What a layer must do on a GPU, where two launches make y of its logits and two more their gradients."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

import autoact
from autoact.kernels import Route, Way, gpu, plan_for
from autoact.kernels._fused import OverCoefficients
from autoact.nn import _auto, _own_schedule, _scalars
from scripts.benchmarks.triton_counts import EIGHT
from tests.checks import Checks, Skipped
from tests.kernels.gpu.triton_comparison import built_in, close, inputs, launches

check = Checks()
CONFIGURED: dict[str, dict[str, Any]] = {
    "uniform": {},
    "anchored": {"start": "silu"},
    "one": {"candidates": ("prelu",)},
    "fixed": {"learn_parameters": False},
    "set": {"settings": {"elu": {"alpha": 0.3}, "prelu": {"slope": -0.1}}},
    "narrow": {"bounds": {"elu": {"alpha": [0.2, 1.5]}, "prelu": {"slope": [0.25, 0.5]}}},
}
MANY = {"forty": {"candidates": built_in()[:40]}, "rest": {"candidates": built_in()[40:]}}


def layer_of(device: str, release: float = 0.3, seed: int = 0, **more: Any) -> autoact.AutoActivation:
    """A layer whose numbers have moved."""
    layer = autoact.AutoActivation(**{"candidates": EIGHT, "release_steps": None, **more})
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        layer.logits.copy_(torch.randn(layer.logits.shape, generator=generator) * 2)
        layer.raw.copy_(torch.randn(layer.raw.shape, generator=generator) * 2)
        layer.temperature.fill_(0.7)
        layer.release.fill_(release)
    return layer.to(device)


def on_triton(device: str) -> AbstractContextManager[Any]:
    """Let layers take the Triton way; without a GPU, too, where the interpreter runs the kernels."""

    def route(names: tuple[str, ...], x: Tensor, *numbers: Tensor) -> Route:
        return Route(Way.TRITON, "a check", OverCoefficients(plan_for(names), gpu))

    return nullcontext() if device == "cuda" else patch.object(_auto, "route", route)


def numbers_of(layer: autoact.AutoActivation) -> tuple[Tensor, ...]:
    return (*layer._numbers(layer.logits, layer.raw), layer.seen)


def plain(layer: autoact.AutoActivation, x: Tensor) -> Tensor:
    """The layer by the chain of torch operations, in float64."""
    own = layer.weights().double(), layer.natural_values().double()
    return autoact.mixture(x.double(), own[0], layer.candidates, own[1])


def derivatives(y: Tensor, layer: autoact.AutoActivation, x: Tensor, graph: bool = False) -> list[Tensor]:
    into = [t for t in (x, layer.logits, layer.raw) if t.requires_grad]
    return list(torch.autograd.grad(y.sin().sum(), into, create_graph=graph))


def alike(got: list[Tensor], want: list[Tensor], tolerance: float, what: str) -> None:
    for i, (a, b) in enumerate(zip(got, want, strict=True)):
        size = float(b.detach().abs().max()) if b.numel() else 1.0
        close(a.detach(), b.detach(), size, tolerance, f"{what}, tensor {i}")


@check
def coefficients_and_their_gradients(device: str, tolerance: float) -> None:
    """Within 1e-6 of the chain of torch operations, relative to each number."""
    for name, configured in (CONFIGURED | MANY).items():
        for release in (0.0, 0.3, 1.0):
            layer = layer_of(device, release, **configured)
            chain = _scalars._chain_of(layer._key)
            assert chain is not None, name
            state = chain.compute(numbers_of(layer), 0.0)
            plan = plan_for(layer.candidates)
            logits = layer.logits.detach().double().requires_grad_()
            raw = layer.raw.detach().double().requires_grad_()
            twin = torch.func.functional_call(
                _Coefficients(layer), {"layer.logits": logits, "layer.raw": raw}, ()
            )
            many = len(plan.coefficient_symbols)
            relative = (state[:many] - twin.detach()).abs() / twin.detach().abs().clamp(min=1e-30)
            assert float(relative.max()) <= 1e-6, f"{name} at release {release}: {relative.max()}"
            sums = inputs(1, 300, many, device=device)
            pulled = chain.pull(sums, state, layer.logits, layer.raw)
            want = torch.autograd.grad(twin, (logits, raw), sums.double().sum((0, 1)), allow_unused=True)
            for a, b in zip(pulled, want, strict=True):
                b = torch.zeros_like(a) if b is None else b
                size = float(b.abs().max()) if b.numel() else 0.0
                assert ((a - b).abs() <= 1e-6 * size).all(), f"{name} at release {release}: {a}, not {b}"


class _Coefficients(torch.nn.Module):
    """The coefficients of a layer by torch operations."""

    def __init__(self, layer: autoact.AutoActivation) -> None:
        super().__init__()
        self.layer = layer

    def forward(self) -> Tensor:
        own = self.layer.weights().double(), self.layer.natural_values().double()
        return plan_for(self.layer.candidates).coefficients(*own)


@check
def start_of_a_layer_is_exact(device: str, tolerance: float) -> None:
    """At release 0 the weights are the anchor, and at raw = 0 values are the initial ones, bit for bit."""
    for name in ("elu", "prelu", "silu"):
        layer = layer_of(device, 0.0, start=name, settings={"elu": {"alpha": 0.3}})
        with torch.no_grad():
            layer.raw.zero_()
        chain = _scalars._chain_of(layer._key)
        assert chain is not None
        parts = chain.compute(numbers_of(layer), 0.0).split(chain.state.parts)
        assert torch.equal(parts[1], layer.anchor)
        assert torch.equal(parts[3], layer.initial.float())


@check
def layers_give_values_and_gradients(device: str, tolerance: float) -> None:
    """In float32 and bfloat16, with two launches each way."""
    for name, configured in CONFIGURED.items():
        layer = layer_of(device, **configured)
        for dtype, limit in ((torch.float32, 30 * tolerance), (torch.bfloat16, 0.03)):
            x = inputs(33, 40, device=device, dtype=dtype).requires_grad_()
            with on_triton(device), launches() as seen:
                y = layer(x)
                assert len(seen) == 2, f"{len(seen)} launches forward"
                got = derivatives(y.float(), layer, x)
                assert len(seen) == 4, f"{len(seen)} launches forward and backward"
            z = x.detach().double().requires_grad_()
            want_y = plain(layer, z)
            want = derivatives(want_y, layer, z)
            assert y.dtype == x.dtype
            alike([y, *got], [want_y, *want], limit, f"{name} {dtype}")


@check
def schedules_may_move_buffers_before_backward(device: str, tolerance: float) -> None:
    """Backward, and the graph of its gradients, are of the numbers that forward saw."""
    x = inputs(17, 9, device=device).requires_grad_()
    for graph in (False, True):
        layer = layer_of(device, start="silu")
        want = derivatives(plain(layer, x), layer, x)
        with on_triton(device):
            y = layer(x)
            for buffer in (layer.temperature, layer.release, layer.anchor, layer.initial):
                buffer.mul_(1.5)
            got = derivatives(y, layer, x, graph)
        alike(got, want, 30 * tolerance, f"create_graph={graph}")


@check
def gradients_of_gradients(device: str, tolerance: float) -> None:
    """And batches of gradients: by torch operations."""
    layer, x = layer_of(device), inputs(7, 5, device=device).requires_grad_()
    into = (x, layer.logits, layer.raw)
    second = []
    for run in (layer, lambda x: plain(layer, x)):
        with on_triton(device):
            first = torch.autograd.grad(run(x).sin().sum(), into, create_graph=True)
            second.append(list(torch.autograd.grad([g.cos().sum() for g in first], into)))
    alike(second[0], second[1], 100 * tolerance, "second derivatives")
    with on_triton(device):
        y = layer(x)
        ways = torch.stack([torch.ones_like(y), y.detach()])
        batched = torch.autograd.grad(y, into, ways, retain_graph=True, is_grads_batched=True)
        single = [torch.autograd.grad(y, into, way, retain_graph=True) for way in ways]
    for i, both in enumerate(batched):
        alike([both], [torch.stack([one[i] for one in single])], 30 * tolerance, "batched gradients")


@check
def diverged_logits_stay_so(device: str, tolerance: float) -> None:
    """NaN logits give NaN, and so do infinite ones, as softmax has it."""
    for bad in (math.nan, math.inf):
        layer, x = layer_of(device), inputs(5, device=device)
        with torch.no_grad():
            layer.logits[2] = bad
        with on_triton(device):
            assert layer(x).isnan().all()


@check
def elsewhere_in_memory(device: str, tolerance: float) -> None:
    """Memory that begins anywhere, in turns, though kernels once compiled are launched again."""
    layer, memory = layer_of(device), inputs(4100, device=device)
    for start in (0, 1, 4, 2, 0):
        x = memory[start : start + 4096].requires_grad_()
        with on_triton(device):
            got = derivatives(layer(x), layer, x)
        alike(got, derivatives(plain(layer, x), layer, x), 30 * tolerance, f"from element {start}")


@check
def nothing_in_a_layer(device: str, tolerance: float) -> None:
    """No elements: gradients of 0."""
    layer, x = layer_of(device), inputs(0, 4, device=device).requires_grad_()
    with on_triton(device):
        y = layer(x)
        got = derivatives(y, layer, x)
    assert y.shape == x.shape
    assert all(not g.any() for g in got)


@check
def own_schedule_moves_in_the_same_launch(device: str, tolerance: float) -> None:
    """Release and the logits seen last are those of `advance`, step by step, bit for bit."""
    layer = autoact.AutoActivation(EIGHT, start="silu", release_steps=7).to(device)
    release, seen = layer.release.clone(), layer.seen.clone()
    x = inputs(3, 4, device=device)
    for step in range(10):
        if step != 3:
            with torch.no_grad():
                layer.logits.add_(0.125)
        with on_triton(device):
            layer(x)
        _own_schedule.advance(layer.logits, seen, release, 7)
        assert torch.equal(layer.release, release), step
        assert torch.equal(layer.seen, layer.logits), step
    layer.eval()
    with torch.no_grad(), on_triton(device):
        layer.logits.add_(1.0)
        layer(x)
    assert not torch.equal(layer.seen, layer.logits), "evaluation moves nothing"


@check
def other_layers_take_the_chain(device: str, tolerance: float) -> None:
    """Weights per channel, other relaxations and standardized gradients: coefficients by torch."""
    x = inputs(6, 5, device=device)
    for more in (
        {"granularity": "channel", "channels": 5},
        {"relaxation": "straight_through"},
        {"standardize": True},
    ):
        layer = autoact.AutoActivation(EIGHT, **more).to(device).eval()
        with on_triton(device):
            alike([layer(x)], [plain(layer, x)], 30 * tolerance, str(more))


@check
def mixed_precision_trains_a_layer(device: str, tolerance: float) -> None:
    """autocast computes the layer in the dtype of its input; scaled gradients are scaled exactly."""
    layer, x = layer_of(device), inputs(64, 32, device=device).requires_grad_()
    with on_triton(device):
        y = layer(x)
        first = derivatives(y, layer, x)
        with torch.autocast(device, torch.bfloat16):
            again = layer(x)
        scaled = torch.autograd.grad(again.sin().sum() * 1024, (x, layer.logits, layer.raw))
    assert torch.equal(y, again)
    assert all(torch.equal(1024 * a, b) for a, b in zip(first, scaled, strict=True))


@check
def a_step_of_a_layer_launches_four_kernels(device: str, tolerance: float) -> None:
    """Counted by the profiler: own schedule, chain and mixture forward, mixture and chain backward."""
    if device != "cuda":
        raise Skipped("needs a GPU")
    layer, x = autoact.AutoActivation().to(device), inputs(64, 64, device=device).requires_grad_()
    grad = torch.ones_like(x)
    for _ in range(4):  # the fifth forward does not observe
        layer(x).backward(grad)
    for t in (x, layer.logits, layer.raw):
        t.grad = None
    torch.cuda.synchronize()
    activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profile:
        layer(x).backward(grad)
        torch.cuda.synchronize()
    names = [e.name for e in profile.events() if e.device_type.name == "CUDA"]
    assert len(names) == 4, names
