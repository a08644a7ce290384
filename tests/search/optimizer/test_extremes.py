"""Studies at the edge: tiny spaces, useless or absurd values, many trials at once."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal

import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution

from autoact.activations import list_activations
from autoact.errors import SearchFailedError
from autoact.search.optimizer import FunctionSpaceSampler
from autoact.search.optimizer._trial_observations import activation_choices

NAMES = ("relu", "gelu", "tanh", "sin")
VALUED = ("elu(alpha=0.7)", "elu(alpha=1.5)", "leaky_relu(negative_slope=0.2)", "relu", "elu")
Value = Callable[[Sequence[str], int], float]
Direction = Literal["minimize", "maximize"]


def played(
    candidates: Sequence[Sequence[str]],
    value: Value,
    count: int = 25,
    direction: Direction = "minimize",
    seed: int = 0,
) -> optuna.Study:
    def objective(trial: optuna.Trial) -> float:
        names = [trial.suggest_categorical(f"l{i}", list(own)) for i, own in enumerate(candidates)]
        return value(names, trial.number)

    study = optuna.create_study(sampler=FunctionSpaceSampler(seed=seed), direction=direction)
    study.optimize(objective, n_trials=count, catch=(RuntimeError,))
    assert len(study.trials) == count
    return study


def best(study: optuna.Study) -> list[str]:
    sampler = study.sampler
    assert isinstance(sampler, FunctionSpaceSampler)
    return list(sampler.best_assignment(study).values())


def tried(study: optuna.Study) -> set[tuple[str, ...]]:
    return {tuple(trial.params.values()) for trial in study.trials}


def loss(names: Sequence[str], number: int = 0) -> float:
    """Best: gelu everywhere."""
    return float(sum(abs(NAMES.index(name) - 1) for name in names if name in NAMES))


@pytest.mark.parametrize(
    ("candidates", "wanted"),
    [
        ([("sin", "gelu")], ["gelu"]),
        ([("relu",), NAMES, ("tanh",)], ["relu", "gelu", "tanh"]),
        ([("relu",), ("tanh",)], ["relu", "tanh"]),
    ],
)
def test_layers_with_one_or_two_candidates(candidates, wanted: list[str]) -> None:
    assert best(played(candidates, loss, 10)) == wanted


def test_a_constant_objective_spreads_over_everything() -> None:
    assert len(tried(played([NAMES] * 2, lambda names, number: 0.7, 20))) >= 14


def _failing(names: Sequence[str], number: int) -> float:
    raise RuntimeError("diverged")


@pytest.mark.parametrize(
    ("value", "direction"),
    [
        (_failing, "minimize"),
        (lambda names, number: math.nan, "minimize"),
        (lambda names, number: math.inf, "minimize"),
        (lambda names, number: -math.inf, "maximize"),
    ],
)
def test_where_everything_fails_the_study_goes_on_and_nothing_is_recommended(
    value: Value, direction: Direction
) -> None:
    study = played([NAMES] * 2, value, 10, direction)
    assert len(tried(study)) >= 5
    with pytest.raises(SearchFailedError, match="None of the 10 trials"):
        best(study)


@pytest.mark.parametrize("unit", [1e-300, 1e-30, 1e30, 1e300])
@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_units_do_not_matter(unit: float, direction: Direction) -> None:
    sign = 1.0 if direction == "minimize" else -1.0
    study = played([NAMES] * 3, lambda names, number: sign * unit * loss(names), 24, direction)
    assert best(study) == ["gelu"] * 3


def test_one_trial_is_recommended_and_the_second_differs() -> None:
    study = played([NAMES] * 3, loss, 1)
    assert best(study) == list(study.trials[0].params.values())
    assert len(tried(played([NAMES] * 3, loss, 2))) == 2


@pytest.mark.parametrize("known", [0, 1, 6])
def test_sixty_trials_at_once(known: int) -> None:
    study = played([NAMES] * 3, loss, known)
    space: dict[str, BaseDistribution] = {f"l{i}": CategoricalDistribution(NAMES) for i in range(3)}
    trials = [study.ask(space) for _ in range(60)]
    asked = Counter(tuple(trial.params.values()) for trial in trials)
    assert len(asked) == 60 if known else len(asked) >= 30
    assert max(asked.values()) <= 10
    for trial in trials:
        study.tell(trial, loss(list(trial.params.values())))
    assert loss(best(study)) <= 1


@pytest.mark.slow
def test_what_is_running_is_not_suggested_again_while_others_are_left() -> None:
    """More than the 96 that are judged closely run here."""
    names = (*NAMES, "elu", "silu", "softplus", "mish")
    study = played([names] * 3, lambda chosen, number: float(sum(map(names.index, chosen))), 10)
    space: dict[str, BaseDistribution] = {f"l{i}": CategoricalDistribution(names) for i in range(3)}
    asked = {tuple(study.ask(space).params.values()) for _ in range(220)}
    assert len(asked) == 220


def test_activations_with_parameter_values_are_activations() -> None:
    study = played([VALUED] * 3, lambda names, number: float(sum(map(VALUED.index, names))), 25)
    assert best(study) == ["elu(alpha=0.7)"] * 3


@pytest.mark.parametrize("seed", range(4))
def test_activations_that_diverge_do_not_hide_what_the_others_do(seed: int) -> None:
    study = played(
        [NAMES] * 3, lambda names, number: 1e30 if names[0] == "sin" else loss(names), 30, seed=seed
    )
    assert best(study) == ["gelu"] * 3


@pytest.mark.parametrize(
    "choice", ["elu(alpha=-9)", "elu(beta=1)", "adam(lr=1)", "elu(", "elu()", "(1)", 3, None]
)
def test_what_is_no_activation_is_left_to_the_independent_sampler(choice) -> None:
    assert activation_choices("a", CategoricalDistribution(["relu", choice])) == ()


def test_more_assignments_than_are_listed() -> None:
    names = [list_activations()[:30], list_activations()[:25], ("relu", "tanh")]
    study = played(names, lambda found, number: float(len(found[0]) + len(found[1])), 30)
    lengths = sorted(len(name) for name in names[0])
    assert len("".join(best(study)[:2])) <= 2 * lengths[3]


@pytest.mark.parametrize("seed", range(2))
def test_where_all_trials_are_pruned_the_pruned_values_decide(seed: int) -> None:
    def objective(trial: optuna.Trial) -> float:
        trial.report(loss([trial.suggest_categorical(f"l{i}", NAMES) for i in range(3)]), 0)
        raise optuna.TrialPruned

    study = optuna.create_study(sampler=FunctionSpaceSampler(seed=seed))
    study.optimize(objective, n_trials=25)
    assert best(study) == ["gelu"] * 3
    assert len(tried(study)) >= 15


def test_odd_reports_are_no_problem() -> None:
    def objective(trial: optuna.Trial) -> float:
        value = loss([trial.suggest_categorical(f"l{i}", NAMES) for i in range(3)])
        for step in range(3):
            trial.report([math.nan, math.inf, 1e30][(trial.number + step) % 3], step)
        if trial.number % 2 and trial.number > 2:
            raise optuna.TrialPruned
        return value

    study = optuna.create_study(sampler=FunctionSpaceSampler(seed=0))
    study.optimize(objective, n_trials=20)
    assert loss(best(study)) <= 4
