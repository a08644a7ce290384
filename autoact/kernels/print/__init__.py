"""Source of a mixture's kernels, printed from the programs of its plan: C for CPUs, Triton for GPUs."""

from autoact.kernels.print._c import c_expression, library_source
from autoact.kernels.print._triton import backward_source, forward_source

__all__ = ["backward_source", "c_expression", "forward_source", "library_source"]
