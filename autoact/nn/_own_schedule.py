"""Schedule of a layer in a plain loop: it leaves its start as its optimizer steps, and looks at its inputs.

A step is counted when the logits differ from those of the last training forward. So gradient accumulation,
checkpointing, several calls of one layer and forwards that train nothing count as what they are, and an
optimizer that does not know the logits changes nothing. All of it is arithmetic on buffers: no number is
read from a GPU, and one compiled graph serves the whole training.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from autoact.kernels import cpu
from autoact.nn import _observation
from autoact.nn._ranges import c_text

STEPS = 500  # of 1 to 2000, all find ELU where they should; short trainings must end (docs/plain-pytorch.md)
_EVERY = 64  # a measurement takes as long as three forwards of 2^13 elements


def advance(logits: Tensor, seen: Tensor, release: Tensor, steps: int) -> None:
    """Raise `release` by 1 / steps, to 1 at most, if the logits moved since they were last seen; in place.

    Args:
        logits: (K,) or (C, K).
        seen: The logits at the last training forward, same shape.
        release: ().
        steps: Optimizer steps from 0 to 1.

    Example:
        >>> release, seen = torch.tensor(0.0), torch.zeros(2)
        >>> for logits in (torch.zeros(2), torch.ones(2), torch.ones(2)):
        ...     advance(logits, seen, release, 4)
        >>> release
        tensor(0.2500)
    """
    if not torch.compiler.is_compiling() and logits.device.type == "cpu":
        if release.item() >= 1 or torch.equal(logits, seen):  # 1 us; all the rest takes 30
            return
    with torch.no_grad():
        moved = (logits != seen).any()
        release.add_(moved, alpha=1 / steps).clamp_(max=1)
        seen.copy_(logits)


def is_due(forwards: int) -> bool:
    """Tell whether an uncompiled training forward observes: the first ones by powers of two, then each 64th.

    Example:
        >>> [n for n in range(200) if is_due(n)]
        [1, 2, 4, 8, 16, 32, 64, 128, 192]
    """
    return forwards > 0 and (forwards % _EVERY == 0 or forwards & (forwards - 1) == 0)


@torch.no_grad()
def observe_compiled(quantiles: Tensor, observed: Tensor, x: Tensor) -> None:
    """Take 257 elements of x into account, as part of a compiled graph: a count cannot decide there."""
    if x.numel():
        _observation.move(quantiles, observed, _observation.sampled(x))


@torch._dynamo.assume_constant_result
def is_transformed() -> bool:
    """Tell whether a function transform (torch.func) is at work, under which no buffer can be written."""
    return torch._C._functorch.peek_interpreter_stack() is not None


_operations = torch.library.Library("autoact", "FRAGMENT")
_operations.define(
    "schedule_step(Tensor logits, Tensor x, Tensor(a!) seen, Tensor(b!) release, Tensor(c!) quantiles, "
    "Tensor(d!) observed, int steps) -> ()"
)
_operations.impl("schedule_step", torch.library.fallthrough_kernel, "Autograd")  # nothing here has a gradient
step_compiled = torch.ops.autoact.schedule_step.default


@torch.library.impl(_operations, "schedule_step", "CompositeExplicitAutograd")
@torch.no_grad()
def _step(
    logits: Tensor, x: Tensor, seen: Tensor, release: Tensor, quantiles: Tensor, observed: Tensor, steps: int
) -> None:
    """Advance and observe as one operation of a compiled graph, which its backward never computes again."""
    if not _step_in_c(logits, x, seen, release, quantiles, observed, 1 / steps):
        advance(logits, seen, release, steps)
        observe_compiled(quantiles, observed, x)


def _step_in_c(*arguments: Any) -> bool:
    """Do the same in C, which takes 5 us in place of 90; return whether that can be."""
    *tensors, step = arguments
    library = cpu.chain_library(*c_text())
    if library is None or any(not t.is_cpu or not t.is_contiguous() or t.is_neg() for t in tensors):
        return False
    *numbers, observed = tensors
    if any(t.dtype is not torch.float32 for t in numbers) or observed.dtype is not torch.int64:
        return False
    logits, x, seen, release, quantiles = numbers
    library.advance_release(logits.data_ptr(), release.data_ptr(), seen.data_ptr(), step, logits.numel())
    library.observe(
        *(x.data_ptr(), x.numel(), quantiles.data_ptr(), observed.data_ptr(), quantiles.numel()),
        *(_observation.GOLDEN, 1 / _observation.MEMORY),
    )
    return True


@torch.library.register_fake("autoact::schedule_step", lib=_operations)
def _(
    logits: Tensor, x: Tensor, seen: Tensor, release: Tensor, quantiles: Tensor, observed: Tensor, steps: int
) -> None:
    return None
