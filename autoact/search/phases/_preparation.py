"""Preparation: model, space and data before anything is trained; what cannot work is said at once."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Any

from torch import nn

from autoact.conversion import ConversionPlan, find_layers, recipe, warn_of_sharing
from autoact.errors import ConfigurationError, ConversionError
from autoact.records import Costs, Reference, Stack, Value
from autoact.search.executors import can_end, in_processes, require_limits, require_picklable
from autoact.search.goals import second_goal
from autoact.search.optimizer import seconds_per_ask
from autoact.search.phases._announcement import SearchPlan
from autoact.search.phases._independence import with_own_network
from autoact.search.phases._probe import Probe, keeping
from autoact.search.phases._stack_size import budget_for
from autoact.search.setup import (
    Hyperparameters,
    Settings,
    Variables,
    doubtful_mode,
    fingerprint,
    tried_first,
)
from autoact.search.trainings import (
    OBJECTIVE,
    Layers,
    ModelTask,
    Objective,
    ObjectiveTask,
    callable_of,
    check_objective,
    checked,
    layers_of,
    module_of,
    own_values,
    parts_of,
    with_values,
)
from autoact.spaces import SearchSpace
from autoact.training import DoubtfulBatch, overlaps, restored_randomness, silence
from autoact.training.fit import on_one_device, remarks

_LEAST_TIMEOUT, _TIMES = 300, 20  # of a training in seconds; so much longer than estimated
_IDLE = "never called in a training step or a validation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A search that can start.

    Attributes:
        plan: What it is going to do.
        task: What it trains.
        layers: What there is to convert in the model; None of a function.
        doubtful: Batches with values that are no numbers, until a training has tried them.
        reference: Of the metric: what else is named beside the verdict.
    """

    plan: SearchPlan
    task: ModelTask | ObjectiveTask
    layers: ConversionPlan | None = None
    doubtful: Sequence[DoubtfulBatch] = ()
    reference: Callable[[str], Reference] | None = None

    def independent(self, *, check: bool) -> "Prepared":
        """Return this search with a network of its own for each training.

        Args:
            check: Whether to see what a training changes of what models share; else it was seen.

        Raises:
            ConfigurationError: A training changes it.
        """
        if self.layers is None or not isinstance(self.task, ModelTask):
            return self
        task = with_own_network(self.task, self.plan.task, self.layers.paths, check=check)
        return replace(self, task=task)

    def fingerprint(self) -> dict[str, str | int]:
        """Return what identifies model and data, or the user's function."""
        if not isinstance(self.task, ModelTask):
            return fingerprint(None, {}, self.task.objective)
        with restored_randomness(0), silence():  # rows that are drawn are the same ones in every process
            training, selection = self.task.parts.open().loaders()
            parts = {"training data": training, "selection data": selection}
            return fingerprint(self.task.build(), parts)

    def with_workers(self, workers: int | None) -> "Prepared":
        """Return this search with another number of trainings at the same time.

        Args:
            workers: The number; None leaves it to the place where they run.
        """
        return self._with_settings(replace(self.plan.settings, workers=workers))

    def without_mixture(self, reason: str) -> "Prepared":
        """Return this search without its mixture.

        Args:
            reason: Why none can be trained; "" leaves it.
        """
        known = self.plan.variables
        variables = replace(known, mixture=known.mixture and not reason)
        plan = replace(self.plan, variables=variables, no_mixture=reason)
        return replace(self, plan=plan, doubtful=())  # those were tried

    def without(self, idle: Sequence[str], unsaid: Mapping[str, str] = MappingProxyType({})) -> "Prepared":
        """Return this search without layers that never run.

        Args:
            idle: Their paths.
            unsaid: What else ran and is left alone, with the reason, by path.

        Raises:
            ConversionError: No other layer is left.
            ConfigurationError: What is left has nothing to choose.
        """
        if self.layers is None or not isinstance(self.task, ModelTask):
            return self
        if unsaid:
            layers = self.layers.speaking(unsaid)
            plan = replace(self.plan, left_alone=layers.left_alone)
            return replace(self, plan=plan, layers=layers).without(idle)
        idle = [path for path in self.layers.paths if path in idle]
        if not idle:
            return self
        if len(idle) == len(self.layers.paths):
            raise ConversionError(
                f"There is nothing to search in {self.plan.task}: of its activations ({', '.join(idle)}), "
                f"none runs in a training step or in a validation.{_listed(self.plan.left_alone)} Write what "
                "runs instead as modules such as nn.ReLU()."
            )
        layers = self.layers.without(dict.fromkeys(idle, _IDLE))
        variables = Variables.of(layers)
        _require_choice(variables, self.plan.settings)
        task = replace(self.task, space=keeping(self.task.space, idle), original=variables.original)
        plan = replace(self.plan, variables=variables, left_alone=layers.left_alone)
        return replace(self, plan=plan, task=task, layers=layers)

    def priced(self) -> "Prepared":
        """Return this search with what assignments cost, where it has a second goal.

        Raises:
            ConfigurationError: The second goal cannot be had.
        """
        return self.costing(second_goal(self.task, self.plan.variables, self.plan.settings))

    def costing(self, costs: Costs | None) -> "Prepared":
        """Return this search with what assignments cost.

        Args:
            costs: What they cost; None without a second goal.
        """
        return replace(self, plan=replace(self.plan, costs=costs))

    def stacked(self, stack: Stack) -> "Prepared":
        """Return this search with its budget settled.

        Args:
            stack: How many trainings are done as one.
        """
        settings = replace(self.plan.settings, budget=budget_for(self.plan.settings, stack))
        return replace(self, plan=replace(self.plan, settings=settings, stack=stack))

    def limited(self, seconds: float) -> "Prepared":
        """Return this search with the time of a training settled, where it can be limited.

        Args:
            seconds: Those of one training, as estimated; NaN where nobody knows.
        """
        settings = self.plan.settings
        if settings.training_timeout is not None or math.isnan(seconds) or not can_end(settings):
            return self
        timeout = float(round(max(_LEAST_TIMEOUT, _TIMES * seconds)))
        return self._with_settings(replace(settings, training_timeout=timeout))

    def estimated(self, probed: Probe) -> "Prepared":
        """Return this search with the time that it is going to take.

        Args:
            probed: What a few steps showed.
        """
        plan = replace(
            self.plan,
            planned_steps=probed.planned_steps,
            seconds=probed.seconds / self.plan.stack.gain,
            deciding=_deciding(self.plan),
        )
        return replace(self, plan=plan)

    def found(self, probed: Probe) -> dict[str, Any]:
        """Return what config.yaml keeps of all that was found, in plain types; `as_probed` reads it."""
        return {
            "idle_layers": list(probed.idle),
            "no_mixture": probed.no_mixture,
            "unsaid": dict(probed.unsaid),
            "stack": asdict(self.plan.stack),
            "costs": None if self.plan.costs is None else self.plan.costs.to_dict(),
        }

    def _with_settings(self, settings: Settings) -> "Prepared":
        return replace(self, plan=replace(self.plan, settings=settings))


def _deciding(plan: SearchPlan) -> float:
    """Return the estimated seconds of asking for all trials."""
    settings, trials = plan.settings, plan.counts.trials
    if settings.sampler is not None or trials < 1:
        return 0.0
    return trials * seconds_per_ask(plan.variables.distributions(), trials // 2, settings.seed)


def _listed(reasons: Mapping[str, str]) -> str:
    return "".join(f" {path}: {reason}." for path, reason in reasons.items())


def prepare(model: Any, data: Any, space: SearchSpace, settings: Settings, name: str | None) -> Prepared:
    """Make the model once and find its layers; divide the data and read them once.

    Raises:
        ConfigurationError: The model cannot be made, or the data are of no known kind.
        ConversionError: The model has no activation to choose.
        DataError: The data are empty.
    """
    make_module = callable_of(model)
    parts = parts_of(data, make_module, settings.seed)
    trainer = on_one_device(settings.trainer)
    make = partial(module_of, parts=parts, trainer=trainer)
    with restored_randomness():
        module = make(make_module)
    _require_unconverted(module)
    layers = find_layers(module, space)
    doubtful = checked(parts, trainer)
    own = _own_values(make_module, settings.hyperparameters, layers, make)
    made = [path for group in layers.groups for path in group if path not in layers.placed]
    warn_of_sharing(layers, made, stacklevel=4)
    variables = Variables.of(layers)
    task = ModelTask(
        make_module=make_module,
        parts=parts,
        space=space,
        original=variables.original,
        monitor=settings.monitor,
        trainer=trainer,
    )
    _require_possible(variables, settings, task)
    plan = SearchPlan(
        task=name or type(module).__name__,
        space=space.name,
        variables=variables,
        left_alone=layers.left_alone,
        notes=(
            *layers.space.notes,
            *_forms(layers),
            *tried_first(variables, settings.earlier),
            *remarks(settings.trainer),
        ),
        own=own,
        settings=settings,
        comparison=parts.source,
        doubts=_doubts(settings, overlaps(parts)),
    )
    return Prepared(plan=plan, task=task, layers=layers, doubtful=doubtful)


def prepare_objective(
    objective: Objective, layers: Layers | None, space: SearchSpace, settings: Settings, name: str | None
) -> Prepared:
    """Check a function of the user's and the layers that it speaks about.

    Raises:
        ConfigurationError: The function takes other arguments, or there are no layers.
    """
    check_objective(objective, settings)
    found = layers_of(layers, space)
    variables = Variables.of(found, mixture=False)
    task = ObjectiveTask(
        objective=objective, space=space, original=variables.original, monitor=settings.monitor
    )
    _require_possible(variables, settings, task)
    plan = SearchPlan(
        task=name or str(getattr(objective, "__name__", OBJECTIVE)),
        space=space.name,
        variables=variables,
        left_alone=found.left_alone,
        notes=(*found.space.notes, *tried_first(variables, settings.earlier)),
        settings=settings,
        comparison="the function's value on fresh seeds",
        doubts=_doubts(settings),
    )
    return Prepared(plan=plan, task=task)


def _forms(layers: ConversionPlan) -> list[str]:
    """Return what plain blocks are beside the gated ones, and that no mixture has them."""
    sizes = Counter(layers.plain.values())
    if not sizes:
        return []
    counts = (f"{plain:,} parameters instead of {gated:,}, {n} times" for (gated, plain), n in sizes.items())
    return [
        f"plain: the gate of a block multiplies 1, and the block is wider instead: {'; '.join(counts)}",
        "plain is in trials and baselines alone: a mixture would need weights of both shapes. Its layers are "
        "fresh, whatever weights the model brings",
    ]


def _doubts(settings: Settings, overlapping: Sequence[str] = ()) -> tuple[str, ...]:
    """Return what would make the verdict say something else than is asked."""
    said = doubtful_mode(settings.direction, settings.monitor)
    return (*([said] if said else []), *overlapping)


def _require_unconverted(module: nn.Module) -> None:
    """Refuse a model that converts its activations itself: what it is written with is no longer there."""
    known = (recipe(module) or {"layers": {}})["layers"]
    if mixtures := [path for path, entry in known.items() if entry["kind"] == "mixture"]:
        raise ConversionError(
            f"{type(module).__name__} is made with its activations converted ({', '.join(mixtures)}): leave "
            "autoact.convert to the search, which trains a mixture itself. A mixture that is part of the "
            "model is an autoact.AutoActivation layer of its own."
        )


def _own_values(
    make: Callable[[], Any], searched: Hyperparameters, layers: ConversionPlan, made: Callable[..., Any]
) -> dict[str, Value]:
    """Return the model's own values; make it once with each end of each range, which must keep its layers."""
    own = own_values(make, searched)
    for one in searched:
        for value in one.values:
            with restored_randomness():
                module = made(with_values(make, {one.name: value}), f" with {one.name} {value}")
            found = find_layers(module, layers.space)
            if (found.layers, found.candidates) != (layers.layers, layers.candidates):
                raise ConfigurationError(
                    f"parameters: with {one.name} {value} the model has other activations than without, so "
                    "the two cannot be searched together. Leave it out, or search each of its values alone."
                )
    return own


def _require_possible(variables: Variables, settings: Settings, task: ModelTask | ObjectiveTask) -> None:
    """Refuse a search without a choice, and one that its executor cannot do."""
    _require_choice(variables, settings)
    require_limits(settings)
    if in_processes(settings):
        require_picklable(task, settings.pruner)


def _require_choice(variables: Variables, settings: Settings) -> None:
    """Refuse a search in which no layer has two candidates and nothing else is searched."""
    single = all(len(names) == 1 for names in variables.candidates)
    if single and not variables.parametric and not settings.parameters:
        only = ", ".join(dict.fromkeys(names[0] for names in variables.candidates))
        raise ConfigurationError(
            f"There is nothing to choose: every layer has {only} as its only candidate. "
            "Give a space with two candidates or more."
        )
