"""Frozen trials: trainings of the ledger as an Optuna study keeps them."""

import math

from optuna.trial import FrozenTrial, TrialState, create_trial

from autoact.records import Training
from autoact.search.study._domain import Domain

LABEL, SEED, RAISED = "label", "seed", "raised"  # user attributes


def frozen_trial(domain: Domain, training: Training, seed: int | None = None) -> FrozenTrial | None:
    """Return a training as a trial; None where a study has no values for it.

    Args:
        domain: What the study varies.
        training: The training.
        seed: Number of its seed; None: that of the search with this number.
    """
    values = domain.values(training.activations, training.hyperparameters)
    if values is None:
        return None
    state, seeds = state_of(training), domain.search.seeds
    value, one_goal = _value(training, state), domain.costs is None
    return create_trial(
        state=state,
        values=None if value is None else domain.told(value, values),
        params=values,
        distributions=domain.distributions,
        user_attrs={
            SEED: seeds.number(training.seed, trial_of(training)) if seed is None else seed,
            LABEL: training.label,
            **({RAISED: training.error or ""} if training.raised else {}),
        },
        # Optuna takes no reports of two goals
        intermediate_values=dict(zip(training.curve_steps, training.curve, strict=True)) if one_goal else {},
    )


def trial_of(training: Training) -> int:
    """Return the number of a training's trial."""
    assert training.trial is not None, "a study asked for it, or was told of it"
    return training.trial


def state_of(training: Training) -> TrialState:
    """Return the state of a training's trial."""
    if training.state == "pruned":
        return TrialState.PRUNED
    return TrialState.COMPLETE if training.usable else TrialState.FAIL


def _value(training: Training, state: TrialState) -> float | None:
    """Return the value of a trial: of a pruned one, as Optuna has it, its last one."""
    if state == TrialState.COMPLETE:
        return training.selection
    last = training.curve[-1] if state == TrialState.PRUNED and training.curve else math.nan
    return last if math.isfinite(last) else None
