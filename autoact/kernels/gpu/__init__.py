"""GPU kernels of a mixture: generated Triton; the only folder that imports triton."""

from autoact.kernels.gpu._chain_kernels import Chain
from autoact.kernels.gpu._triton_kernels import backward, forward, unsupported

__all__ = ["Chain", "backward", "forward", "unsupported"]
