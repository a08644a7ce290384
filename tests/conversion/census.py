"""A count of the activations that a model computes, from what torch sees while it runs."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import nn
from torch.overrides import TorchFunctionMode

WATCHED = {
    F.relu: "relu",
    F.relu6: "relu6",
    F.hardtanh: "relu6",
    F.gelu: "gelu",
    F.silu: "silu",
    torch.tanh: "tanh",
    torch.Tensor.tanh: "tanh",
    torch.sigmoid: "sigmoid",
    torch.Tensor.sigmoid: "sigmoid",
}


class Census(TorchFunctionMode):
    """Notes each activation that torch computes, under the module that is running."""

    def __init__(self) -> None:
        super().__init__()
        self.running: list[str] = []
        self.seen: Counter[str] = Counter()
        self.inside = False

    def leave(self) -> None:
        """Note that a module has run."""
        self.running.pop()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func in WATCHED and not self.inside:
            self.seen[self.running[-1]] += 1
            self.inside = True  # F.relu6 calls F.hardtanh: one activation, not two
            try:
                return func(*args, **(kwargs or {}))
            finally:
                self.inside = False
        return func(*args, **(kwargs or {}))


@contextmanager
def census(model: nn.Module) -> Iterator[Counter[str]]:
    """Count the activations that run inside, by the path of the module that computes them."""
    watching = Census()
    handles = []
    for path, module in model.named_modules():
        handles += [
            module.register_forward_pre_hook(lambda *_, path=path: watching.running.append(path)),
            module.register_forward_hook(lambda *_: watching.leave()),
        ]
    try:
        with watching:
            yield watching.seen
    finally:
        for handle in handles:
            handle.remove()
