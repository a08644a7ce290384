"""Phases of a search: prepare, probe, one-shot model, trials, baselines, selection, confirmation."""

from autoact.search.phases._announcement import SearchPlan
from autoact.search.phases._baselines import (
    again,
    baseline_assignments,
    best_uniform,
    race_baselines,
    require_alternative,
    trained_as,
)
from autoact.search.phases._confirmation import Confirmed, confirm
from autoact.search.phases._preparation import Prepared, prepare, prepare_objective
from autoact.search.phases._probe import Probe, probe, rehearse
from autoact.search.phases._remaining import go_on
from autoact.search.phases._selection import select
from autoact.search.phases._stack_size import stack_for
from autoact.search.phases._trials import choice_of, choose, fell_back, study_of
from autoact.search.phases._tuning import export_studies, tune_baselines

__all__ = [
    "Confirmed",
    "Prepared",
    "Probe",
    "SearchPlan",
    "again",
    "baseline_assignments",
    "best_uniform",
    "choice_of",
    "choose",
    "confirm",
    "export_studies",
    "fell_back",
    "go_on",
    "prepare",
    "prepare_objective",
    "probe",
    "race_baselines",
    "rehearse",
    "require_alternative",
    "select",
    "stack_for",
    "study_of",
    "trained_as",
    "tune_baselines",
]
