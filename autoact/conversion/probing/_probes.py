"""Probes of a model's activations: which of them run with an example input, and what reaches them."""

import random
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils import _pytree

from autoact.conversion._placement import fit, put
from autoact.conversion._rollback import Structure
from autoact.conversion.probing._executed import Line, Watch
from autoact.errors import ConversionError
from autoact.nn import module_for
from autoact.spaces import Choice

NEVER_CALLED = "never called with the example input"
ASKED = "with a layer there the model computes something else: its code asks what the activation is"
# modules whose output has its features in the last dimension
_FEATURES_LAST = (nn.Linear, nn.Bilinear, nn.LayerNorm, nn.Embedding, nn.MultiheadAttention)
_NORMS = (nn.modules.batchnorm._NormBase,)
_MODES = (False, True)  # of training
_CLOSE = 1e-3  # far above rounding
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Input:
    """What reached an activation once: the shape, and whether its features are in the last dimension."""

    shape: tuple[int, ...]
    features_last: bool


@dataclass(frozen=True, slots=True)
class Probed:
    """What a model's activations saw.

    Attributes:
        inputs: By first path; empty for an activation that never ran.
        complete: Whether the model ran both in training and in evaluation mode.
        unsaid: Activations that ran and are neither layers nor left alone, by "path.forward" of their module.
        asked: Paths of activations that cannot be replaced by what computes the same: the result changes.
    """

    inputs: Mapping[str, set[Input]]
    complete: bool = True
    unsaid: Mapping[str, str] = field(default_factory=dict)
    asked: tuple[str, ...] = ()

    @property
    def idle(self) -> tuple[str, ...]:
        """Paths of activations that never ran, as far as that is known."""
        return tuple(path for path, seen in self.inputs.items() if not seen) if self.complete else ()


class _Probe(nn.Module):
    """Stands in for an activation and notes its inputs."""

    def __init__(self, present: Any, last: list[nn.Module]) -> None:
        super().__init__()
        self.present, self.last, self.inputs = present, last, set[Input]()

    def __getattr__(self, name: str) -> Any:
        """Return what the activation has, for code that asks it for more than its result."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(self._modules.get("present") or vars(self).get("present"), name)

    def forward(self, x: Tensor) -> Tensor:
        """Note the input, do what was there."""
        last = self.last[-1] if self.last else None
        self.inputs.add(Input(tuple(x.shape), isinstance(last, _FEATURES_LAST)))
        return self.present(x)


@dataclass(slots=True)
class Probes:
    """Probes in place of a model's activations, until its structure is put back or it is thrown away.

    Args:
        model: Its structure changes; it computes what it did.
        layers: Present activation by first path, of all but `AutoActivation` layers.
        paths: Every path of each activation, by first path.
        last: The module that ran last, as the only item; a hook of the caller's keeps it, where one does.

    Example:
        >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
        >>> probes = Probes(model, {"1": Choice("relu")}, {"1": ["1"]})
        >>> _ = model(torch.zeros(4, 2))
        >>> probes.seen().idle, [seen.shape for seen in probes.seen().inputs["1"]]
        ((), [(4, 3)])
    """

    model: nn.Module
    layers: Mapping[str, Choice]
    paths: Mapping[str, Sequence[str]]
    last: list[nn.Module] = field(default_factory=list)
    _probes: dict[str, _Probe] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Put them in."""
        presents = {path: _present(self.model, path, self.layers.get(path)) for path in self.paths}
        self._probes = {path: _Probe(present, self.last) for path, present in presents.items()}
        for path, probe in self._probes.items():
            probe.train(self.model.get_submodule(path.rpartition(".")[0]).training)
            for each in self.paths[path]:
                put(self.model, each, probe)

    def seen(self, complete: bool = True, unsaid: Mapping[str, str] | None = None) -> Probed:
        """Return what reached each activation until now."""
        inputs = {path: probe.inputs for path, probe in self._probes.items()}
        return Probed(inputs, complete, unsaid or {})

    def watch(self, left_alone: Container[str], lines: Container[Line]) -> Watch:
        """Return a watch over the activations that run elsewhere, to be entered.

        Args:
            left_alone: Paths of what is spoken of already.
            lines: Lines of source that are spoken of already.
        """
        return Watch(self.model, left_alone, lines, (_Probe,))


def probed(
    model: nn.Module,
    layers: Mapping[str, Choice],
    paths: Mapping[str, Sequence[str]],
    example_input: Any,
    left_alone: Container[str] = (),
    lines: Container[Line] = (),
) -> Probed:
    """Run a model in evaluation and in training mode, without gradients; changes nothing.

    Batch normalization stays in evaluation mode: one example has no statistics. A model that runs in one of
    the modes only says nothing about what else might run.

    Args:
        model: The model.
        layers: Present activation by first path.
        paths: Every path of each activation, by first path.
        example_input: A tensor, a tuple of arguments, or a mapping of keywords.
        left_alone: Paths of activations that are spoken of already.
        lines: Lines of source that are spoken of already.

    Raises:
        ConversionError: The model has lazy modules, which a first run would change.
        Exception: Whatever the model raises if it runs in neither mode.
    """
    if any(map(is_lazy, (*model.parameters(), *model.buffers()))):
        raise ConversionError(
            f"{type(model).__name__} has lazy modules, whose shapes its first call decides: call it once on "
            "the example input first."
        )
    expected = _results(model, example_input)
    with _as_it_was(model):
        probes = Probes(model, layers, paths)
        watch = probes.watch(left_alone, lines)
        with _watching(model, probes.last), watch:
            found = [_result(model.train(mode), example_input) for mode in _MODES]
    raised = [each for each in found if isinstance(each, Exception)]
    if len(raised) == len(_MODES):
        raised[0].add_note(f"autoact called {type(model).__name__} on example_input, in evaluation mode.")
        raise raised[0]
    asked: tuple[str, ...] = ()
    if not _alike(expected, found) and _alike(expected, _results(model, example_input)):
        alone = {
            path: _results(model, example_input, _of(path, layers), {path: paths[path]}) for path in paths
        }
        asked = tuple(path for path in paths if not _alike(expected, alone[path])) or tuple(paths)
    return replace(probes.seen(not raised, watch.said()), asked=asked)


def _of(path: str, known: Mapping[str, V]) -> dict[str, V]:
    return {path: known[path]} if path in known else {}


def _results(
    model: nn.Module,
    example_input: Any,
    layers: Mapping[str, Choice] | None = None,
    paths: Mapping[str, Sequence[str]] | None = None,
) -> list[list[Tensor] | Exception]:
    """Return what a model computes in each mode, with probes in place of these layers; changes nothing."""
    with _as_it_was(model):
        Probes(model, layers or {}, paths or {})
        return [_result(model.train(mode), example_input) for mode in _MODES]


def _alike(one: Sequence[list[Tensor] | Exception], other: Sequence[list[Tensor] | Exception]) -> bool:
    """Tell whether two runs gave the same, as far as both gave something."""
    for ours, theirs in zip(one, other, strict=True):
        if isinstance(ours, Exception) or isinstance(theirs, Exception):
            continue
        if [each.shape for each in ours] != [each.shape for each in theirs]:
            return False
        for a, b in zip(ours, theirs, strict=True):
            finite = a[torch.isfinite(a)]
            scale = float(finite.abs().max()) if finite.numel() else 1.0
            if not torch.allclose(a, b, rtol=_CLOSE, atol=_CLOSE * scale, equal_nan=True):
                return False
    return True


def _present(model: nn.Module, path: str, choice: Choice | None) -> Any:
    """Return what computes an activation now; for a call in the source, a module that does the same."""
    parent, _, name = path.rpartition(".")
    present = getattr(model.get_submodule(parent), name, None)
    if present is None:
        assert choice is not None, "an AutoActivation is there"
        present = module_for(choice)
        fit(present, model, path)
    return present


def _result(model: nn.Module, example_input: Any) -> list[Tensor] | Exception:
    """Return the floating tensors that a model computes, or what it raises; draws the same random numbers."""
    for module in model.modules():
        if isinstance(module, _NORMS):
            module.eval()
    drawn = random.getstate(), np.random.get_state()
    try:
        with torch.no_grad(), torch.random.fork_rng():
            if isinstance(example_input, Mapping):
                result = model(**example_input)
            elif isinstance(example_input, tuple | list):
                result = model(*example_input)
            else:
                result = model(example_input)
    except Exception as error:  # a user's model may raise anything
        return error
    finally:
        random.setstate(drawn[0])
        np.random.set_state(drawn[1])
    tensors = (each for each in _pytree.tree_leaves(result) if isinstance(each, Tensor))
    return [each.detach().clone() for each in tensors if each.is_floating_point() or each.is_complex()]


@contextmanager
def _watching(model: nn.Module, last: list[nn.Module]) -> Iterator[None]:
    """Keep in `last` the module without children that ran last."""

    def note(module: nn.Module, inputs: Any, output: Any) -> None:
        if not isinstance(module, nn.Dropout | nn.Identity):
            last[:] = [module]

    own = [m for m in model.modules() if not isinstance(m, torch.jit.ScriptModule)]  # which takes no hooks
    leaves = [m for m in own if isinstance(m, _FEATURES_LAST) or not list(m.children())]
    handles = [m.register_forward_hook(note) for m in leaves]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _as_it_was(model: nn.Module) -> Iterator[None]:
    """Put back activations, source, modes, buffers and torch's fused transformer path, whatever happens."""
    modes = {module: module.training for module in model.modules()}
    buffers = [(buffer, buffer.detach().clone()) for buffer in model.buffers()]
    before = Structure(model.modules())
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        before.restore()
        for module, mode in modes.items():
            module.training = mode
        with torch.no_grad():
            for buffer, value in buffers:
                buffer.copy_(value)
