"""The policy: its steps fit the budget, depend on nothing but the history, and find what is good."""

import math

import numpy as np
import pytest
from autoact.search.policy import (
    Outcome,
    Problem,
    Step,
    beliefs,
    next_steps,
    ranking,
    recommend,
    spent,
)

from autoact.errors import ConfigurationError, SearchFailedError

NAMES = ("relu", "gelu", "tanh", "sin")
FRACTIONS = (0.125, 0.25, 0.5, 1.0)


def loss(step: Step, fraction: float, mislead: float = 0.0) -> float:
    """Best: all gelu; the noise is the training's own, and short trainings add something else."""
    truth = sum(abs(NAMES.index(name) - 1) for name in step.assignment)
    other = sum((7 * NAMES.index(name)) % 4 for name in step.assignment)
    rng = np.random.default_rng([*(NAMES.index(name) for name in step.assignment), step.run])
    return truth + mislead * (1 - fraction) * other + 0.3 * float(rng.standard_normal()) + 2 * (1 - fraction)


def played(problem: Problem, count: int = 1, value=loss) -> list[Outcome]:
    history: list[Outcome] = []
    while steps := next_steps(problem, history, count=count):
        assert len(steps) <= count
        history += [outcome(problem, step, value) for step in steps]
        assert len(history) < 400
    return history


def outcome(problem: Problem, step: Step, value=loss) -> Outcome:
    return Outcome(step, {f: value(step, f) for f in problem.fractions if step.start < f <= step.stop})


def problem(**settings) -> Problem:
    given = {"candidates": (NAMES,) * 3, "budget": 10, "fractions": FRACTIONS, "first": (("relu",) * 3,)}
    return Problem(**{**given, **settings})


@pytest.mark.parametrize("budget", [0.1, 0.2, 1, 2, 3, 7.3])
@pytest.mark.parametrize("carry", [True, False])
@pytest.mark.parametrize("fractions", [FRACTIONS, (1.0,)])
def test_every_budget_is_kept_and_used(budget: float, carry: bool, fractions: tuple[float, ...]) -> None:
    task = problem(budget=budget, carry=carry, fractions=fractions)
    history = played(task, count=2)
    used = spent(task, [done.step for done in history])
    assert used <= budget + 1e-9
    assert budget - used < fractions[0] + 1e-9
    assert (budget < fractions[0]) == (history == [])


@pytest.mark.parametrize("seed", range(2))
def test_it_finds_the_best_of_64(seed: int) -> None:
    task = problem(budget=12, seed=seed)
    names = recommend(task, played(task)).assignment
    assert sum(name != "gelu" for name in names) <= 1


def test_a_maximum_is_found_like_a_minimum() -> None:
    least, most = problem(budget=4), problem(budget=4, minimize=False)
    mirrored = played(most, value=lambda step, fraction: -loss(step, fraction))
    assert [done.step for done in played(least)] == [done.step for done in mirrored]
    assert recommend(most, mirrored).mean == pytest.approx(-recommend(least, played(least)).mean)


def test_the_order_in_which_trainings_end_does_not_matter() -> None:
    task = problem()
    history = played(task)[:12]
    shuffled = [history[i] for i in np.random.default_rng(0).permutation(len(history))]
    assert next_steps(task, history, count=3) == next_steps(task, shuffled, count=3)
    assert recommend(task, history) == recommend(task, shuffled)


def test_a_search_that_was_killed_goes_on_as_if_it_had_not_been() -> None:
    task = problem(budget=6)
    whole = played(task)
    for killed in (1, 5, len(whole) - 1):
        assert next_steps(task, whole[:killed])[0] == whole[killed].step


def test_the_original_is_tried_first_and_to_the_end() -> None:
    assert next_steps(problem(), [], count=4)[0] == Step(("relu",) * 3, 0, 0.0, 1.0)


def test_steps_that_run_at_the_same_time_differ() -> None:
    task = problem()
    history = played(task)[:6]
    steps = next_steps(task, history, count=4)
    more = next_steps(task, history, running=steps, count=4)
    assert len(set(steps + more)) == 8
    assert all((a.assignment, a.run) != (b.assignment, b.run) for a in steps for b in more)


def test_steps_continue_from_where_a_training_stands() -> None:
    reached: dict = {}
    for done in played(problem(budget=8)):
        key = (done.step.assignment, done.step.run)
        assert done.step.start == reached.get(key, 0.0) < done.step.stop
        assert done.step.stop in FRACTIONS
        reached[key] = done.step.stop


def test_short_trainings_are_used_where_they_tell_something() -> None:
    """As much is trained whole as it takes to know; then short trainings, unless they mislead."""
    task = problem(budget=14)
    telling, misleading = (
        [done.step for done in played(task, value=lambda s, f, m=m: loss(s, f, m)) if done.step.stop < 1.0]
        for m in (0.0, 4.0)
    )
    assert len(telling) > 8
    assert spent(task, misleading) < spent(task, telling) / 2


def test_failed_trainings_are_neither_continued_nor_recommended() -> None:
    def failing(step: Step, fraction: float) -> float:
        return math.nan if "gelu" in step.assignment else loss(step, fraction)

    task = problem(budget=12)
    history = played(task, value=failing)
    failed = {(done.step.assignment, done.step.run) for done in history if done.failed}
    assert failed
    assert not any(
        (done.step.assignment, done.step.run) in failed and done.step.start > 0 for done in history
    )
    assert all("gelu" not in belief.assignment for belief in ranking(task, history))
    late = [done for done in history[len(history) // 2 :] if done.failed]
    assert len(late) <= len(history) // 4


def test_nothing_to_recommend_is_an_error_that_counts() -> None:
    task = problem(budget=2)
    history = played(task, value=lambda step, fraction: math.nan)
    with pytest.raises(SearchFailedError, match=f"None of the {len(history)} trainings"):
        recommend(task, history)


def test_beliefs_are_in_units_of_the_metric_and_shrink_with_evidence() -> None:
    task = problem(budget=12)
    history = played(task, value=lambda step, fraction: 1000 + 10 * loss(step, fraction))
    best = recommend(task, history)
    assert 995 < best.mean < 1030
    tried, untried = beliefs(task, history, [best.assignment, ("sin", "relu", "sin")])
    assert 0 < tried.deviation < untried.deviation


def test_a_prior_that_knows_the_truth_helps_at_once() -> None:
    truth = {(a, b): -abs(NAMES.index(a) - 1) - abs(NAMES.index(b) - 1) for a in NAMES for b in NAMES}
    means = []
    for prior in (lambda names: truth[names], None):
        tasks = [
            problem(candidates=(NAMES,) * 2, first=(), budget=6, fractions=(1.0,), prior=prior, seed=seed)
            for seed in range(8)
        ]
        means.append(np.mean([loss(done.step, 1.0) for task in tasks for done in played(task)[2:]]))
    assert means[0] < means[1]


@pytest.mark.parametrize("count", [1, 3])
def test_trainings_take_seeds_in_turn_and_none_twice(count: int) -> None:
    task = problem(candidates=(NAMES[:2],) * 2, budget=14, fractions=(1.0,), seeds=3, first=())
    steps = [done.step for done in played(task, count=count)]
    assert len({(step.assignment, step.run) for step in steps}) == 14
    fresh = [step.run for place, step in enumerate(steps) if step.assignment not in _before(steps, place)]
    turns = [place % 3 for place, step in enumerate(steps) if step.assignment not in _before(steps, place)]
    assert fresh == turns
    repeated = max({step.assignment for step in steps}, key=[step.assignment for step in steps].count)
    assert {0, 1, 2} <= {step.run for step in steps if step.assignment == repeated}


def _before(steps: list[Step], place: int) -> set[tuple[str, ...]]:
    return {step.assignment for step in steps[:place]}


def test_what_a_seed_does_to_all_is_told_from_what_an_activation_does() -> None:
    regrets = {}
    for seeds in (0, 4):

        def value(step: Step, fraction: float, shared: bool = seeds > 0) -> float:
            key = [] if shared else [NAMES.index(name) for name in step.assignment]
            return loss(step, fraction) + 4.0 * float(np.random.default_rng([step.run, *key]).normal())

        tasks = [problem(budget=16, fractions=(1.0,), seeds=seeds, seed=seed) for seed in range(6)]
        chosen = [recommend(task, played(task, value=value)).assignment for task in tasks]
        regrets[seeds] = np.mean([[abs(NAMES.index(name) - 1) for name in names] for names in chosen])
    assert regrets[4] < regrets[0] / 2


def test_a_number_of_seeds_below_zero_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="seeds is -1; it must be how many"):
        problem(seeds=-1)


def test_large_spaces() -> None:
    task = Problem(candidates=(NAMES,) * 40, budget=4, fractions=(0.5, 1.0), first=(("relu",) * 40,))
    history = played(task)
    assert len({done.step.assignment for done in history}) >= 4
    assert recommend(task, history).assignment in {done.step.assignment for done in history}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"budget": 0}, r"budget is 0; it must be a number of full trainings above 0"),
        ({"budget": math.nan}, r"budget is nan"),
        ({"fractions": (0.5,)}, r"fractions are \(0.5,\); they must ascend from above 0 and end at 1.0"),
        ({"fractions": (0.5, 0.25, 1.0)}, r"must ascend"),
        ({"fractions": ()}, r"must ascend"),
        ({"candidates": ()}, r"no layers to search"),
        ({"candidates": (("relu", "relu"),)}, r"Layer 0 has the candidates \['relu', 'relu'\]"),
        ({"candidates": ((),)}, r"Layer 0 has the candidates \[\]"),
        ({"first": (("elu", "relu", "relu"),)}, r"'elu' is no candidate of layer 0; allowed are relu, gelu"),
        ({"first": (("relu",),)}, r"names 1 layers; there are 3"),
    ],
)
def test_bad_problems_say_what_is_wrong(settings, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        problem(**settings)


@pytest.mark.parametrize(("budget", "trained"), [(2.5, 2), (0.999, 0), (1.0000001, 1), (0.1 * 3 + 0.7, 1)])
def test_what_is_left_of_a_budget_ends_the_search(budget: float, trained: int) -> None:
    assert len(played(problem(budget=budget, fractions=(1.0,)))) == trained


@pytest.mark.parametrize("carry", [True, False])
def test_thirds_add_up(carry: bool) -> None:
    history = played(problem(budget=5, fractions=(1 / 27, 1 / 9, 1 / 3, 1.0), carry=carry), count=3)
    assert 5 - 1 / 27 - 1e-9 < spent(problem(carry=carry), [done.step for done in history]) <= 5 + 1e-9


@pytest.mark.parametrize("count", [1, 8])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1.0, 0.0, 1e30, 1e-30])
def test_values_that_say_nothing_are_spread_over_the_budget(value: float, count: int) -> None:
    task = problem(candidates=(NAMES,) * 2, budget=9.3, fractions=(0.25, 1.0), first=())
    history = played(task, count=count, value=lambda step, fraction: value)
    assert len({done.step.assignment for done in history}) >= 6
    if math.isfinite(value):
        assert recommend(task, history).mean == pytest.approx(value)


@pytest.mark.parametrize("unit", [1e-30, 1e30, 1e300])
def test_units_do_not_matter(unit: float) -> None:
    task = problem(budget=8)
    history, scaled = played(task), played(task, value=lambda step, fraction: unit * loss(step, fraction))
    assert [done.step for done in history] == [done.step for done in scaled]
    assert recommend(task, scaled).mean == pytest.approx(unit * recommend(task, history).mean, rel=1e-6)


@pytest.mark.parametrize("candidates", [(("relu", "gelu"),), (("relu",),), (("relu",), NAMES, ("tanh",))])
def test_layers_with_one_or_two_candidates(candidates) -> None:
    task = problem(candidates=candidates, budget=8, fractions=(1.0,), first=())
    names = recommend(task, played(task)).assignment
    assert all(name == "gelu" or "gelu" not in own for name, own in zip(names, candidates, strict=True))


def test_sixty_steps_at_once_differ() -> None:
    task = problem(budget=100, fractions=(1.0,))
    history = [outcome(task, step) for step in next_steps(task, [], count=2)]
    running = next_steps(task, history, count=60)
    more = next_steps(task, history, running=running, count=20)
    assert len(set(running + more)) == 80
    assert len({step.assignment for step in running}) >= 30
    assert next_steps(task, history, count=0) == []


@pytest.mark.parametrize(
    "score", [math.nan, 3.0, (math.inf, -math.inf, 1e300, -1e300), (1e-300, 2e-300, 0.0, 1e300)]
)
def test_absurd_priors_are_no_problem(score) -> None:
    def prior(names) -> float:
        return score[NAMES.index(names[0])] if isinstance(score, tuple) else score

    task = problem(budget=8, fractions=(1.0,), prior=prior)
    assert sum(name != "gelu" for name in recommend(task, played(task)).assignment) <= 1


def test_activations_with_parameter_values() -> None:
    names = ("relu", "elu(alpha=1.5)", "elu(alpha=0.7)", "leaky_relu(negative_slope=0.2)")
    task = problem(candidates=(names,) * 2, budget=12, fractions=(1.0,), first=())
    history = played(
        task, value=lambda step, fraction: float(sum(abs(names.index(n) - 2) for n in step.assignment))
    )
    assert recommend(task, history).assignment == (names[2],) * 2
