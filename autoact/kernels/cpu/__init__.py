"""CPU kernels of a mixture: generated C, compiled once per machine."""

from autoact.kernels.cpu._c_kernels import SMALLEST, kernels_for
from autoact.kernels.cpu._layer_chain import Chain, as_readable, chain_library, readable
from autoact.kernels.cpu._opaque_operation import opaque_mixture

__all__ = [
    "SMALLEST",
    "Chain",
    "as_readable",
    "chain_library",
    "kernels_for",
    "opaque_mixture",
    "readable",
]
