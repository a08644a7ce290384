"""CPU kernels of a mixture: generated C, compiled once per machine."""

from autoact.kernels.cpu._c_kernels import SMALLEST, Kernels, kernels_for
from autoact.kernels.cpu._library import load
from autoact.kernels.cpu._opaque_operation import opaque_mixture

__all__ = ["SMALLEST", "Kernels", "kernels_for", "load", "opaque_mixture"]
