"""Channels that each activation of a model sees, measured by running it once."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from autoact.conversion._placement import put
from autoact.conversion._rollback import Structure
from autoact.errors import ConversionError

# modules whose output has its features in the last dimension
_FEATURES_LAST = (nn.Linear, nn.Bilinear, nn.LayerNorm, nn.Embedding, nn.MultiheadAttention)


@dataclass(frozen=True, slots=True)
class Seen:
    """Channels of an activation's input, and the dimension they run along."""

    channels: int | None
    channel_dim: int


class _Probe(nn.Module):
    """Stands in for an activation and notes its inputs' channels."""

    def __init__(self, present: Any, last: list[nn.Module]) -> None:
        super().__init__()
        self.present, self.last, self.seen = present, last, set[Seen]()

    def forward(self, x: Tensor) -> Tensor:
        """Note the channels, do what was there."""
        last = self.last[-1] if self.last else None
        dim = -1 if isinstance(last, _FEATURES_LAST) and x.dim() != 2 else 1
        if x.dim() < 2:
            raise ConversionError(
                f"A choice per channel needs a batch of inputs; got shape {tuple(x.shape)}."
            )
        self.seen.add(Seen(x.shape[dim], dim))
        return self.present(x)


def measure(
    model: nn.Module, paths: Mapping[str, Sequence[str]], presents: Mapping[str, Any], example_input: Any
) -> dict[str, Seen]:
    """Return the channels of each activation by running the model once in eval mode; changes nothing.

    Args:
        model: The model.
        paths: Every path of each activation, by first path.
        presents: What computes each activation now.
        example_input: A tensor, a tuple of arguments, or a mapping of keywords.

    Raises:
        ConversionError: An activation that was not reached, or that sees different numbers of channels.
    """
    last: list[nn.Module] = []
    probes = {path: _Probe(present, last) for path, present in presents.items()}
    with _as_it_was(model, paths), _watching(model, last):
        for path, every in paths.items():
            for each in every:
                put(model, each, probes[path])
        model.eval()
        _run(model, example_input)
    return {path: _only(path, probe.seen) for path, probe in probes.items()}


def _only(path: str, seen: set[Seen]) -> Seen:
    if len(seen) == 1:
        return next(iter(seen))
    if not seen:
        raise ConversionError(
            f"The example input does not reach {path!r}; keep it by a rule, or give another one."
        )
    counts = " and ".join(str(s.channels) for s in sorted(seen, key=lambda s: s.channels or 0))
    raise ConversionError(f"{path!r} is called with {counts} channels; give each call its own module.")


def _run(model: nn.Module, example_input: Any) -> None:
    with torch.no_grad(), torch.random.fork_rng():
        if isinstance(example_input, Mapping):
            model(**example_input)
        elif isinstance(example_input, tuple | list):
            model(*example_input)
        else:
            model(example_input)


@contextmanager
def _watching(model: nn.Module, last: list[nn.Module]) -> Iterator[None]:
    """Keep in `last` the module without children that ran last."""

    def note(module: nn.Module, inputs: Any, output: Any) -> None:
        if not isinstance(module, nn.Dropout | nn.Identity):
            last[:] = [module]

    leaves = [m for m in model.modules() if isinstance(m, _FEATURES_LAST) or not list(m.children())]
    handles = [m.register_forward_hook(note) for m in leaves]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _as_it_was(model: nn.Module, paths: Mapping[str, Sequence[str]]) -> Iterator[None]:
    """Put back activations, source, modes and torch's fused transformer path, whatever happens."""
    modes = {module: module.training for module in model.modules()}
    homes = {model.get_submodule(each.rpartition(".")[0]) for every in paths.values() for each in every}
    before = Structure(homes)
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        before.restore()
        for module, mode in modes.items():
            module.training = mode
