"""Baselines: the original and every uniform assignment, trained on the selection seeds beside the choice."""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean

from autoact.errors import SearchFailedError
from autoact.records import Phase, Training
from autoact.search.study import ORIGINAL, SELECTED, Search
from autoact.spaces import Assignment


def baseline_assignments(search: Search) -> dict[str, Assignment]:
    """Return the original and every uniform assignment by name."""
    variables = search.variables
    return {ORIGINAL: variables.original} | {name: variables.uniform(name) for name in variables.names}


def train_baselines(search: Search, models: Mapping[str, Training]) -> dict[str, list[float]]:
    """Train models on the selection seeds; return their values by label.

    Args:
        search: The search.
        models: A training of each by label, which says what to train and with which hyperparameters.
    """
    asked = [
        again(model, "baseline", label, seed)
        for seed in search.seeds.selection
        for label, model in models.items()
    ]
    done = search.trainings.run(asked)
    return {label: [t.selection for t in done[place :: len(models)]] for place, label in enumerate(models)}


def again(model: Training, phase: Phase, label: str, seed: int) -> Training:
    """Return the asking for another training of a model."""
    return Training(
        phase=phase,
        label=label,
        assignment=model.assignment,
        hyperparameters=model.hyperparameters,
        seed=seed,
    )


def best_uniform(search: Search, values: Mapping[str, Sequence[float]]) -> str:
    """Return the name of the uniform assignment with the best mean on the selection seeds.

    Where none trains, but the original does, it is the first: the comparison then counts its divergence.

    Raises:
        SearchFailedError: Neither one of them nor the original trained to a finite value on every seed.
    """
    sign = 1.0 if search.settings.minimize else -1.0
    uniform = [name for name in values if name not in (ORIGINAL, SELECTED)]
    means = {name: sign * fmean(values[name]) for name in uniform}
    finite = {name: mean for name, mean in means.items() if math.isfinite(mean)}
    if not finite and math.isfinite(fmean(values[ORIGINAL])):
        return next(iter(means))
    if not finite:
        raise SearchFailedError(_nothing_finite(search))
    return min(finite, key=finite.__getitem__)


def _nothing_finite(search: Search) -> str:
    trained = list(search.ledger.of("baseline"))
    raised = [training for training in trained if training.state == "failed"]
    said = f"No baseline reached a finite {search.settings.monitor} on every selection seed"
    if not raised:
        return f"{said}. Lower the learning rate, or check the model."
    first = raised[0]
    return (
        f"{said}: {len(raised)} of {len(trained)} trainings raised, the first "
        f"({first.label}, seed {first.seed}) with {first.error}. Correct that, then resume the run."
    )
