"""Source printed from expressions: C and Triton of a mixture's plan, JavaScript of functions."""

from autoact.kernels.print._c import library_source
from autoact.kernels.print._chain import chain_backward_source, chain_source, state_of
from autoact.kernels.print._javascript import (
    javascript_expression,
    javascript_function,
    javascript_library,
)
from autoact.kernels.print._triton import backward_source, forward_source

__all__ = [
    "backward_source",
    "chain_backward_source",
    "chain_source",
    "forward_source",
    "javascript_expression",
    "javascript_function",
    "javascript_library",
    "library_source",
    "state_of",
]
