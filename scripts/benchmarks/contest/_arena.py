"""Arena of a mixture: one input, one gradient, and everything that is timed on them."""

from __future__ import annotations

import random
from collections.abc import Callable

import torch
import torch.nn.functional as F

import autoact

LIST = ("identity", "relu", "leaky_relu", "prelu", "elu", "silu", "gelu", "tanh")
Run = Callable[[], object]


def candidate_sets(short: bool, bars: bool) -> dict[str, tuple[str, ...]]:
    """Return names by label: the list, the first of the registry, and random subsets of it."""
    names, draw = autoact.list_activations(), random.Random(0)
    if short or bars:
        return {"list 8": LIST} | ({"first 32": names[:32]} if bars else {})
    subsets = {f"random {k}": tuple(sorted(draw.sample(names, k))) for k in (1, 4, 8, 16)}
    return {"list 8": LIST, **subsets, "first 32": names[:32]}


def naive(
    names: tuple[str, ...], parameters: dict[str, dict[str, torch.Tensor]]
) -> Callable[..., torch.Tensor]:
    """Return the sum that people write: each candidate by torch's own function where it has one."""

    def one(name: str, x: torch.Tensor) -> torch.Tensor:
        own = parameters.get(name, {})
        if name == "prelu":
            return F.prelu(x, own["slope"].reshape(1).to(x))
        act = autoact.get(name)
        if act.twin is not None and act.twin.functions and not own:
            result: torch.Tensor = act.twin.functions[0](x)
            return result
        return act(x, **own)

    return lambda x, w: sum((w[k] * one(name, x) for k, name in enumerate(names)), torch.zeros(()).to(x))


def _compiled(function: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[torch.Tensor], torch.Tensor]:
    compiled: Callable[[torch.Tensor], torch.Tensor] = torch.compile(lambda x: function(x))
    return compiled


class Arena:
    """One input, one gradient, and everything that is timed on them."""

    def __init__(
        self, size: int, device: str, dtype: torch.dtype, names: tuple[str, ...], compile: bool = True
    ) -> None:
        shape = (-1, min(256, size))
        self.x = torch.randn(size, device=device).to(dtype).reshape(shape).requires_grad_()
        self.grad = torch.randn(size, device=device).to(dtype).reshape(shape)
        self.w = torch.full((len(names),), 1 / len(names), device=device, requires_grad=True)
        self.theta = {
            name: {
                p.name: torch.tensor(p.default, device=device, requires_grad=True)
                for p in autoact.get(name).parameters
                if p.learnable
            }
            for name in names
        }
        slots = autoact.kernels.parameter_slots(names)
        vector = torch.tensor([p.default for _, p in slots], device=device).requires_grad_()
        plain = naive(names, self.theta)
        fused = lambda x: autoact.mixture(x, self.w, names, vector)  # noqa: E731
        self.forward: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
            "naive": lambda x: plain(x, self.w),
            "GELU": F.gelu,
            "mixture": fused,
        }
        if compile:
            for name, f in list(self.forward.items()):
                self.forward[f"{name} compiled"] = _compiled(f)

    def runs(self) -> dict[str, Run]:
        """Return forward with backward of every contestant, and copies of the floor's bytes."""
        out, out2 = torch.empty_like(self.x), torch.empty_like(self.x)

        def copies() -> None:
            out.copy_(self.x.detach())
            torch.add(self.x.detach(), self.grad, out=out2)

        return {**{name: self._both(f) for name, f in self.forward.items()}, "copy": copies}

    def forward_runs(self) -> dict[str, Run]:
        """Return forward alone, without gradients."""

        def only(f: Callable[[torch.Tensor], torch.Tensor]) -> Run:
            def run() -> None:
                with torch.no_grad():
                    f(self.x)

            return run

        return {name: only(f) for name, f in self.forward.items()}

    def _both(self, f: Callable[[torch.Tensor], torch.Tensor]) -> Run:
        def run() -> None:
            f(self.x).backward(self.grad)
            self.x.grad = self.w.grad = None

        return run

    def kept(self, name: str) -> float:
        """Return bytes kept for backward, as a multiple of x."""
        seen: dict[int, int] = {}

        def pack(t: torch.Tensor) -> torch.Tensor:
            seen[t.untyped_storage().data_ptr()] = t.numel() * t.element_size()
            return t

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
            self.forward[name](self.x * 1)
        return sum(seen.values()) / (self.x.numel() * self.x.element_size())

    def peak(self, name: str) -> float | None:
        """Return the peak memory of forward and backward on a GPU, as a multiple of x."""
        if not self.x.is_cuda:
            return None
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        self._both(self.forward[name])()
        return (torch.cuda.max_memory_allocated() - before) / (self.x.numel() * self.x.element_size())
