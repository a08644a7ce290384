"""Source of a mixture's kernels, printed from the programs of its plan: C for CPUs, Triton for GPUs."""

from autoact.kernels.print._c import c_expression, library_source
from autoact.kernels.print._chain import State, chain_backward_source, chain_source, state_of
from autoact.kernels.print._triton import backward_source, forward_source

__all__ = [
    "State",
    "backward_source",
    "c_expression",
    "chain_backward_source",
    "chain_source",
    "forward_source",
    "library_source",
    "state_of",
]
