"""Plain formula of a mixture, in torch's own operations: for tracers, function transforms and modes.

It is inlined, differentiated and fused by whatever traces it, and is the twin that every kernel is compared
with.
"""

from __future__ import annotations

from types import ModuleType

import torch

from autoact.kernels import _eager
from autoact.kernels.plan import plan_for

# A module, because torch.compile reads its attributes live and can inline functions that it finds there.
generated = ModuleType("autoact.kernels.generated")


def formula(
    x: torch.Tensor, weights: torch.Tensor, values: torch.Tensor, names: tuple[str, ...], channel_dim: int
) -> torch.Tensor:
    """Return the mixture; arguments as in `mixture`, in the dtype of the computation."""
    wide = _eager.widened(x)
    arguments = [c for t in (weights, values) for c in _eager.columns(t, x.dim(), channel_dim)]
    (y,) = getattr(generated, _formula_name(names))(wide, *arguments)
    return _eager.as_tensor(y, wide).to(x.dtype)


@torch._dynamo.assume_constant_result
def _formula_name(names: tuple[str, ...]) -> str:
    """Return the name under which `generated` holds the plain formula (x, *weights, *parameters) -> (y,)."""
    plan = plan_for(names)
    name = "formula_" + plan.key.replace("|", "__")
    setattr(generated, name, plan.traced)
    return name
