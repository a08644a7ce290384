"""Latency: what a forward pass takes, and what activations add to it where they stand alone.

Assumed while the search goes on: an activation takes what it takes by itself on a tensor of the shape that
reaches it, whatever its parameters, and the times of the layers add up; of a block that becomes plain the
whole model is measured. What whole models take is measured at the end.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

from autoact.activations import PLAIN
from autoact.conversion import Probes, find_layers
from autoact.errors import ConfigurationError
from autoact.latency import in_turns
from autoact.nn import module_for
from autoact.records import Costs
from autoact.search.goals._size_costs import plain_models
from autoact.search.setup import Settings, Variables
from autoact.search.trainings import ModelTask
from autoact.spaces import Choice
from autoact.training import ForwardPasses, restored_randomness, silence

_SECONDS = 4.0  # for all activations; each is measured at least once
_SECONDS_WHOLE = 0.5
TensorKind = tuple[tuple[int, ...], tuple[int, ...], torch.dtype]  # shape and strides
Case = tuple[TensorKind, str]  # and an activation on it; of a mixture of the model's own, its path


def latency_costs(task: ModelTask, variables: Variables, settings: Settings) -> Costs:
    """Measure a forward pass of the original on a selection batch, and every activation on every shape in it.

    Args:
        task: The model and its data.
        variables: The layers.
        settings: They say whether trainings run on this machine, too.

    Raises:
        ConfigurationError: The model cannot be called on the inputs of a batch.
    """
    passes = ForwardPasses(task.trainer)
    with restored_randomness(), silence(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the search says what there is to say of layers
        batch = task.parts.example()
        inputs = passes.inputs(batch)
        model = passes.ready(task.build())
        with passes.passing():
            forward = passes.call(model, inputs)
            _require_callable(model, forward)
            blocks = {path: passes.ready(block) for path, block in plain_models(task, variables)}
            wholes = {"": forward} | {path: passes.call(block, inputs) for path, block in blocks.items()}
            times = in_turns(wholes, _SECONDS_WHOLE * len(wholes))
            plain = {path: 1e3 * (min(times[path]) - min(times[""])) for path in blocks}
            calls, likes, mixtures = _calls(model, passes, inputs, task)
            seconds = _seconds(variables, calls, likes, mixtures, passes)
    return Costs(
        goal="latency",
        unit=_unit(inputs, place_of(passes.where, settings)),
        original=1e3 * median(times[""]),
        differences={
            path: _differences(path, now, v.candidates, calls.get(path, {}), seconds)
            | ({PLAIN: plain[path]} if path in plain else {})
            for v in variables
            for path, now in v.layers.items()
        },
    )


def place_of(device: str, settings: Settings) -> str:
    """Return where latency is measured, in words: on this machine, wherever an executor trains.

    Args:
        device: In words.
        settings: Those of the search.

    Example:
        >>> place_of("the CPU", Settings()), place_of("the CPU", Settings(executor="ray"))
        ('the CPU', 'the CPU of the machine that searches, not of those that train')
    """
    return device if settings.is_local else f"{device} of the machine that searches, not of those that train"


def _unit(inputs: Any, place: str) -> str:
    """Return what is measured, in words."""
    rows = len(inputs) if isinstance(inputs, Tensor) and inputs.dim() else None
    return f"ms per batch{'' if rows is None else f' of {rows}'} on {place}"


def _require_callable(model: nn.Module, forward: Callable[[], Any]) -> None:
    """Refuse a model that cannot be called on the inputs of a batch."""
    try:
        forward()
    except Exception as error:  # a user's forward may raise anything
        said = f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(": .")
        raise ConfigurationError(
            f"pareto is 'latency', but {type(model).__name__} cannot be called on the inputs of a selection "
            f"batch (of a tuple or list, its first item): {said}. Give the module a forward that takes "
            "them, or search with pareto='size'."
        ) from error


def _calls(
    model: nn.Module, passes: ForwardPasses, inputs: Any, task: ModelTask
) -> tuple[dict[str, dict[TensorKind, int]], dict[TensorKind, Tensor], dict[str, Any]]:
    """Return how often each layer is called with which kind of tensor, one of each, and its mixtures."""
    plan = find_layers(model, task.space)
    Probes(model, plan.layers, plan.paths)  # they stay in the model
    calls: dict[str, dict[TensorKind, int]] = {path: {} for path in plan.paths}
    likes: dict[TensorKind, Tensor] = {}

    def note(path: str, module: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        x = arguments[0].detach()
        kind = (tuple(x.shape), x.stride(), x.dtype)
        if kind not in likes:
            likes[kind] = torch.empty_like(x).normal_() if x.is_floating_point() else x.clone()
        calls[path][kind] = calls[path].get(kind, 0) + 1

    for path in plan.paths:
        model.get_submodule(path).register_forward_pre_hook(partial(note, path))
    passes.call(model, inputs)()
    mixtures = {path: model.get_submodule(path).present for path in plan.paths if path not in plan.layers}
    return calls, likes, mixtures


def _seconds(
    variables: Variables,
    calls: Mapping[str, Mapping[TensorKind, int]],
    likes: Mapping[TensorKind, Tensor],
    mixtures: Mapping[str, Any],
    passes: ForwardPasses,
) -> dict[Case, float]:
    """Return seconds of each activation on each kind of tensor that it may meet: the least of all rounds."""
    cases = dict.fromkeys(
        (kind, name)
        for v in variables
        for path, now in v.layers.items()
        for kind in calls.get(path, {})
        for name in (path if now is None else now.activation, *v.candidates)
        if name != PLAIN
    )
    timed: dict[str, Callable[[], Any]] = {}
    for place, (kind, name) in enumerate(cases):
        module = mixtures[name] if name in mixtures else module_for(Choice(name))
        timed[str(place)] = partial(passes.ready(module), likes[kind])
    found = in_turns(timed, _SECONDS)
    return {case: min(found[str(place)]) for place, case in enumerate(cases)}  # other programs only add


def _differences(
    path: str,
    now: Choice | None,
    candidates: tuple[str, ...],
    calls: Mapping[TensorKind, int],
    seconds: Mapping[Case, float],
) -> dict[str, float]:
    own = path if now is None else now.activation
    single = [name for name in candidates if name != PLAIN]
    return dict(_changes(own, single if now is None else (own, *single), calls, seconds))


def _changes(
    own: str, names: Iterable[str], calls: Mapping[TensorKind, int], seconds: Mapping[Case, float]
) -> Iterator[tuple[str, float]]:
    for name in names:
        more = (count * (seconds[kind, name] - seconds[kind, own]) for kind, count in calls.items())
        yield name, 1e3 * sum(more)
