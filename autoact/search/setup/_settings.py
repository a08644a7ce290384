"""Settings of a search: the one place that names them; the command line, YAML and Python follow from it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from numbers import Integral, Real
from typing import Any, Literal, TypedDict, cast, get_args

from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler

from autoact.errors import ConfigurationError, did_you_mean
from autoact.records import Goal
from autoact.search.setup._earlier_choices import Like, earlier_choices
from autoact.search.setup._execution import AN_OBJECT, ExecutorSetting, checked_resources, require_executor
from autoact.search.setup._hyperparameters import Hyperparameters
from autoact.search.setup._mode import Mode, settle_mode
from autoact.search.setup._storage_urls import without_password
from autoact.spaces import Assignment
from autoact.training.configuration import Component

StackSize = int | Literal["auto", "off"]
BUDGET, MOST_STACKED = 20, 80  # full trainings: without a given budget, and at most where they are stacked
# when a run is resumed
MAY_CHANGE = (
    "workers",
    "executor",
    "resources",
    "hours",
    "training_timeout",
    "memory_limit",
    "stack",
    "storage",
)
MAY_GROW = ("budget", "seeds")
# kept in config.yaml by the names of their classes
_OBJECTS = {"sampler": BaseSampler, "pruner": BasePruner}
_MOST, _LARGEST_SEED = 10**6, 2**32 - 1  # of what is counted; of what NumPy's generators take
_ARGS = {"class_path", "init_args"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of a search; two runs with equal settings and data do the same trainings.

    Args:
        monitor: Name under which the module logs the value to optimize.
        mode: "min" or "max"; None: inferred from "loss" or "acc" in the monitor's name.
        budget: Full trainings to spend on the search, the mixture included, at least 1; baselines and
            confirmation come on top. None: 20, and where trainings are stacked as many as take the time of 20
            that are not, at most 80.
        seeds: Fresh paired seeds of the confirmation at most, at least 2; more of them see smaller
            differences.
        looks: Numbers of those seeds at which it is looked whether they decide, growing up to `seeds`; None:
            5, 10, 20, ... The error of all looks together is 5 %.
        selection_seeds: Fresh seeds on which the choice and the other finalists are trained before one of
            them is selected, at least 1.
        hours: Wall time of the whole run: the search ends early enough for baselines and confirmation, and
            the confirmation takes as many seeds as fit; with a resume, so many more; None: no limit.
        workers: Processes that train at the same time, at least 1; of several GPUs each has one, in turn.
            None: one, and elsewhere than on this machine as many as are offered.
        executor: Where trainings run: "local", "ray" (a Ray cluster as Ray finds it), "ray://HOST:PORT",
            "dask://HOST:PORT", "module:function" of a function that returns a
            `concurrent.futures.Executor`, or in Python such an object.
        resources: What each training gets elsewhere, such as `{"cpus": 1, "gpus": 0.25}`; one CPU if nothing
            is said. Local processes share the machine.
        training_timeout: Seconds after which a training is ended as failed; infinity ends none. None: 20
            times what the probe estimates, at least 300; where nobody can know, infinity.
        memory_limit: Gigabytes of memory that a training may take, its loader processes included, before it
            is ended as failed; None: no limit.
        stack: Trainings that each of them does as one batched model, at least 2; "auto" measures whether that
            is faster, "off" does each alone.
        storage: URL of an Optuna storage to which the study is exported beside study.db of the run directory.
            Its password is not kept: give the URL again with a resume, or let the driver find the password,
            as PostgreSQL's does in PGPASSWORD or ~/.pgpass.
        like: Earlier runs, or files of assignments, whose choices are tried first, moved to this model by
            relative depth; their values are no evidence about it.
        seed: Everything random in the search follows from it.
        trainer: Arguments of `lightning.Trainer`, the same for every training.
        parameters: Hyperparameters of the model to search with the activations, such as
            `{"model.lr": {"log": [1e-4, 1e-1]}}` (also `uniform`, `int` and `choice`). Every baseline is then
            tuned with as many trainings as the search tries.
        sampler: An `optuna.samplers.BaseSampler` in place of `FunctionSpaceSampler`, or class_path and
            init_args of one.
        pruner: An `optuna.pruners.BasePruner` that may end trials early, or class_path and init_args of one;
            None ends none.
        pareto: Second goal, to become small beside the monitored value: "latency" (measured milliseconds of a
            forward pass) or "size" (learnable parameters); cheaper models are then compared with the
            original, too. None: there is none.

    Raises:
        ConfigurationError: A value is out of range, or the mode cannot be inferred.

    Example:
        >>> Settings(monitor="val_acc").mode
        'max'
    """

    monitor: str = "val_loss"
    mode: Mode | None = None
    budget: int | None = None
    seeds: int = 20
    looks: Sequence[int] | None = None
    selection_seeds: int = 3
    hours: float | None = None
    workers: int | None = None
    executor: ExecutorSetting = "local"
    resources: Mapping[str, float] = field(default_factory=dict)
    training_timeout: float | None = None
    memory_limit: float | None = None
    stack: StackSize = "auto"
    storage: str | None = field(default=None, repr=False)
    like: Like | None = None
    seed: int = 0
    trainer: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    sampler: Any = None
    pruner: Any = None
    pareto: Goal | None = None

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Settings":
        """Read settings by name; None stands for the default.

        Raises:
            ConfigurationError: There is no such setting, or a value is out of range.
        """
        known = [item.name for item in fields(cls)]
        for name in given:
            if name not in known:
                raise ConfigurationError(
                    f"There is no setting {name!r}; allowed: {', '.join(known)}.{did_you_mean(name, known)}"
                )
        return cls(**{name: value for name, value in given.items() if value is not None})

    def __post_init__(self) -> None:
        """Check every value and settle the mode."""
        if not isinstance(self.monitor, str) or not self.monitor:
            raise ConfigurationError(
                f"monitor is {self.monitor!r}; it must be the name that the module logs, such as 'val_loss'."
            )
        if self.budget is not None:
            _at_least("budget", self.budget, 1, "full trainings to spend on the search")
        _at_least("seeds", self.seeds, 2, "fresh seeds of the confirmation: a paired interval needs two")
        _at_least("selection_seeds", self.selection_seeds, 1, "fresh seeds that decide between the finalists")
        object.__setattr__(self, "looks", _checked_looks(self.looks, self.seeds))
        if self.workers is not None:
            _at_least("workers", self.workers, 1, "processes that train at the same time")
        require_executor(self.executor)
        object.__setattr__(self, "resources", checked_resources(self.resources))
        object.__setattr__(self, "stack", _checked_stack(self.stack))
        _at_least("seed", self.seed, 0, "the number from which every seed is derived")
        _above_zero("hours", self.hours, "the wall time of the run")
        if self.training_timeout != math.inf:
            _above_zero("training_timeout", self.training_timeout, "seconds that a training may take, or inf")
        _above_zero("memory_limit", self.memory_limit, "gigabytes of memory that a training may take")
        if not isinstance(self.trainer, Mapping):
            raise ConfigurationError(
                f"trainer is {_shown(self.trainer)}; it must map names of Trainer arguments to values, "
                "such as {'max_epochs': 10}."
            )
        object.__setattr__(self, "trainer", dict(self.trainer))
        for name in _OBJECTS:
            object.__setattr__(self, name, _made(name, getattr(self, name)))
        _check_second_goal(self.pareto, self.pruner)
        object.__setattr__(self, "parameters", Hyperparameters.of(self.parameters).to_dict())
        object.__setattr__(self, "mode", settle_mode(self.mode, self.monitor))
        object.__setattr__(self, "like", earlier_choices(self.like, self.direction))

    @property
    def direction(self) -> Mode:
        """The mode, settled."""
        return cast(Mode, self.mode)

    @property
    def planned_budget(self) -> int:
        """The budget, settled."""
        return BUDGET if self.budget is None else self.budget

    @property
    def parallel(self) -> int:
        """Trainings at the same time, settled."""
        return self.workers or 1

    @property
    def is_local(self) -> bool:
        """Whether this machine's processes train, no other executor."""
        return self.executor == "local"

    @property
    def planned_looks(self) -> tuple[int, ...]:
        """The looks, settled."""
        return tuple(self.looks or ())

    @property
    def earlier(self) -> tuple[Assignment, ...]:
        """The choices of `like`, settled."""
        return cast(tuple[Assignment, ...], self.like or ())

    @property
    def minimize(self) -> bool:
        """Whether a smaller value is better."""
        return self.mode == "min"

    @property
    def sign(self) -> float:
        """1 where a smaller value is better, else -1: times this, the better of two values is the smaller."""
        return 1.0 if self.minimize else -1.0

    @property
    def hyperparameters(self) -> Hyperparameters:
        """The hyperparameters that are searched with the activations."""
        return Hyperparameters.of(self.parameters)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings by name: a sampler or pruner by the name of its class, no password.

        Of an executor that is an object, it says that there was one.
        """
        content = {item.name: getattr(self, item.name) for item in fields(self)}
        named: dict[str, Any] = {
            name: _class_name(content[name]) for name in _OBJECTS if content[name] is not None
        }
        if self.like is not None:
            named["like"] = [earlier.to_dict() for earlier in self.earlier]
        if isinstance(self.storage, str):
            named["storage"] = without_password(self.storage)
        if not isinstance(self.executor, str):
            named["executor"] = AN_OBJECT
        return {**content, **named}


class SettingsOptions(TypedDict, total=False):
    """The settings as keyword arguments; `Settings` says what they mean."""

    monitor: str
    mode: Mode | None
    budget: int | None
    seeds: int | None
    looks: Sequence[int] | None
    selection_seeds: int | None
    hours: float | None
    workers: int | None
    executor: ExecutorSetting | None
    resources: Mapping[str, float] | None
    training_timeout: float | None
    memory_limit: float | None
    stack: StackSize | None
    storage: str | None
    like: Like | None
    seed: int | None
    trainer: Mapping[str, Any] | None
    parameters: Mapping[str, Any] | None
    sampler: Any
    pruner: Any
    pareto: Goal | None


def looks_until(seeds: int) -> tuple[int, ...]:
    """Return the numbers of seeds at which a comparison is looked at: 5, twice as many, and so on.

    Args:
        seeds: The most that may be spent, at least 2.

    Example:
        >>> looks_until(40), looks_until(12), looks_until(4)
        ((5, 10, 20, 40), (5, 12), (4,))
    """
    found = [5]
    while 2 * found[-1] <= seeds:
        found.append(2 * found[-1])
    return (*found[:-1], seeds)


def _checked_looks(looks: Any, seeds: int) -> tuple[int, ...]:
    if looks is None:
        return looks_until(seeds)
    given = [looks] if isinstance(looks, Integral) else list(looks) if isinstance(looks, list | tuple) else []
    whole = all(isinstance(n, Integral) and not isinstance(n, bool) for n in given)
    if not whole or not given or given[0] < 2 or given[-1] != seeds or sorted(set(given)) != given:
        raise ConfigurationError(
            f"looks is {looks!r}; it must be growing numbers of seeds, from 2 up to seeds ({seeds}): for "
            f"instance {list(looks_until(seeds))}, or [{seeds}] to look once."
        )
    return tuple(int(n) for n in given)


def _checked_stack(stack: Any) -> StackSize:
    if stack is False:  # what "off" is in YAML
        return "off"
    whole = isinstance(stack, Integral) and not isinstance(stack, bool)
    if stack not in ("auto", "off") and not (whole and stack >= 2):
        raise ConfigurationError(
            f"stack is {stack!r}; it must be 'auto', 'off', or how many trainings to do as one, at least 2."
        )
    return cast(StackSize, int(stack) if whole else stack)


def _check_second_goal(pareto: Any, pruner: Any) -> None:
    goals = get_args(Goal)
    if pareto is not None and pareto not in goals:
        raise ConfigurationError(
            f"pareto is {pareto!r}; it must be {' or '.join(map(repr, goals))}: what is to become small "
            "beside the monitored value. Leave it out to search for the value alone."
        )
    if pareto is not None and pruner is not None:
        raise ConfigurationError(
            f"pareto is {pareto!r} and pruner is {_class_name(pruner)}; Optuna prunes no trial of a study "
            "with two goals. Leave out one of them."
        )


def _above_zero(name: str, value: Any, meaning: str) -> None:
    number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    if value is not None and not 0 < number < math.inf:
        raise ConfigurationError(
            f"{name} is {value!r}; it must be a number above 0: {meaning}. Leave it out for no limit."
        )


def _made(name: str, given: Any) -> Any:
    """Return a sampler or pruner that is given itself, as class_path with init_args, or as a class path."""
    kind, named = _OBJECTS[name], {"class_path": given} if isinstance(given, str) else given
    if isinstance(named, Mapping) and isinstance(path := named.get("class_path"), str) and _ARGS >= {*named}:
        arguments: Any = named.get("init_args") or {}
        component = Component(class_path=path, init_args=arguments)
        if issubclass(component.load(), kind):  # nothing else is made, whatever it would do
            return component()
    elif given is None or isinstance(given, kind):
        return given
    raise ConfigurationError(
        f"{name} is {given!r}; it must be an {kind.__module__.rpartition('.')[0]}.{kind.__name__}, or "
        "class_path and init_args of one."
    )


def _shown(value: object) -> str:
    """Return a plain value as it is written, and an object by its class, not by its address."""
    kind = type(value)
    return repr(value) if kind.__module__ == "builtins" else f"an object of {kind.__module__}.{kind.__name__}"


def _class_name(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _at_least(name: str, value: Any, lowest: int, meaning: str) -> None:
    if isinstance(value, bool) or not isinstance(value, Integral) or value < lowest:
        raise ConfigurationError(
            f"{name} is {value!r}; it must be an integer of at least {lowest} ({meaning})."
        )
    most = _LARGEST_SEED if name == "seed" else _MOST
    if int(value) > most:
        raise ConfigurationError(f"{name} is {value:,}; it must be at most {most:,} ({meaning}).")
