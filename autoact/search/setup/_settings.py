"""What a search is asked to do, checked before anything runs."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from numbers import Integral, Real
from typing import Any, cast

from autoact.search.hyperparameters import Hyperparameters
from autoact.search.verdict import Mode

from autoact.errors import ConfigurationError

DEFAULT_SELECTION_SEEDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of a search; two runs with equal settings and data do the same trainings.

    Args:
        monitor: Name under which the user's module logs the value to optimize.
        mode: "min" or "max"; None infers it from "loss" or "acc" in the monitor's name.
        budget: Full trainings spent on the search, the prior's mixture included; at least 1.
        seeds: Fresh paired seeds of the confirmation, at least 2.
        selection_seeds: Seeds on which the best uniform baseline is chosen, at least 1.
        seed: Everything random in the search follows from it.
        workers: Processes that train at the same time.
        storage: URL of the Optuna storage; None keeps the study in the run directory.
        trainer: Keyword arguments of `lightning.Trainer`, used for every training alike.
        parameters: Hyperparameters of the model to search with the activations; see `Hyperparameters.of`.
        rungs: Whether trainings may pause after a part of their length, once short ones foretell the end; it
            did not pay on average where it was measured (docs/benchmarks/search.md).
        hours: Wall time after which the search starts no further training and chooses; None: no limit.

    Raises:
        ConfigurationError: If a value is out of range, or the mode cannot be inferred.

    Example:
        >>> Settings(monitor="val_acc").mode
        'max'
    """

    monitor: str
    mode: Mode | None = None
    budget: int = 20
    seeds: int = 10
    selection_seeds: int = DEFAULT_SELECTION_SEEDS
    seed: int = 0
    workers: int = 1
    storage: str | None = None
    trainer: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    rungs: bool = False
    hours: float | None = None

    def __post_init__(self) -> None:
        """Check every value and settle the mode."""
        if not isinstance(self.monitor, str) or not self.monitor:
            raise ConfigurationError(
                f"monitor is {self.monitor!r}; it must be the name that the module logs, such as 'val_loss'."
            )
        _at_least("budget", self.budget, 1, "full trainings to spend on the search")
        _at_least("seeds", self.seeds, 2, "fresh seeds of the confirmation: a paired interval needs two")
        _at_least("selection_seeds", self.selection_seeds, 1, "seeds that choose the best uniform baseline")
        _at_least("workers", self.workers, 1, "processes that train at the same time")
        _at_least("seed", self.seed, 0, "the number from which every seed is derived")
        _check_rest(self.rungs, self.hours)
        if not isinstance(self.trainer, Mapping):
            raise ConfigurationError(
                f"trainer is {self.trainer!r}; it must map names of Trainer arguments to values, "
                "such as {'max_epochs': 10}."
            )
        object.__setattr__(self, "trainer", dict(self.trainer))
        object.__setattr__(self, "parameters", Hyperparameters.of(self.parameters).to_dict())
        object.__setattr__(self, "mode", settle_mode(self.mode, self.monitor))

    @property
    def direction(self) -> Mode:
        """The mode, settled."""
        return cast(Mode, self.mode)

    @property
    def minimize(self) -> bool:
        """Whether a smaller value is better."""
        return self.mode == "min"

    @property
    def hyperparameters(self) -> Hyperparameters:
        """The hyperparameters that are searched with the activations."""
        return Hyperparameters.of(self.parameters)

    def to_dict(self) -> dict[str, Any]:
        """Return plain types; with the defaults of later versions, what an earlier version wrote."""
        content = asdict(self)
        for name, usual in (("parameters", {}), ("rungs", False), ("hours", None)):
            if content[name] == usual:
                del content[name]
        return content


def settle_mode(mode: str | None, monitor: str) -> Mode:
    """Return the mode, inferred from "loss" or "acc" in the monitor's name when it is not given.

    Example:
        >>> settle_mode(None, "val_loss"), settle_mode("max", "val_f1")
        ('min', 'max')
    """
    if mode in ("min", "max"):
        return cast(Mode, mode)
    if mode is not None:
        raise ConfigurationError(f"mode is {mode!r}; it must be 'min' or 'max' (of {monitor!r}).")
    lowers, raises = "loss" in monitor.lower(), "acc" in monitor.lower()
    if lowers == raises:
        raise ConfigurationError(
            f"mode is not given and cannot be inferred from monitor {monitor!r}. "
            "Set mode to 'min' if a smaller value is better, to 'max' if a larger one is."
        )
    return "min" if lowers else "max"


def _check_rest(rungs: Any, hours: Any) -> None:
    if not isinstance(rungs, bool):
        raise ConfigurationError(f"rungs is {rungs!r}; it must be true (trainings may pause) or false.")
    number = float(hours) if isinstance(hours, Real) and not isinstance(hours, bool) else math.nan
    if hours is not None and not 0 < number < math.inf:
        raise ConfigurationError(
            f"hours is {hours!r}; it must be a number above 0: the wall time of the search. "
            "Leave it out for no limit."
        )


def _at_least(name: str, value: Any, lowest: int, meaning: str) -> None:
    if isinstance(value, bool) or not isinstance(value, Integral) or value < lowest:
        raise ConfigurationError(
            f"{name} is {value!r}; it must be an integer of at least {lowest} ({meaning})."
        )
