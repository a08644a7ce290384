"""A run that is continued with larger numbers trains only what is missing, and tells what it asked before."""

import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
import yaml

from autoact import load_run, run_search
from autoact.errors import ConfigurationError
from autoact.records import Ledger, RunDirectory
from autoact.search import SearchResult
from autoact.spaces import Assignment

PROBES = 1
VALUES = {"tanh": 0.3, "relu": 0.2, "sin": 0.4}
SETTINGS: dict[str, Any] = {"budget": 4, "seeds": 3, "selection_seeds": 1, "mode": "min"}


class Objective:
    """A function of a user's own that is interrupted at one of its calls, from 1; 0: at none."""

    def __init__(self, stop_at: int = 0) -> None:
        self.calls, self.stop_at = 0, stop_at

    def __call__(self, assignment: Assignment, seed: int, fraction: float) -> float:
        self.calls += 1
        if self.calls == self.stop_at:
            raise KeyboardInterrupt
        first, second = (VALUES[choice.activation] for choice in assignment.values())
        return first + 2 * second * first + seed % 97 / 1000 * (1 + first) + 0.02 * (seed % 7) * second


def search(run: Path, *, objective: Callable[..., float] | None = None, **changes: Any) -> SearchResult:
    return run_search(
        objective=objective or Objective(),
        layers=["a", "b"],
        space=[*VALUES],
        out=run,
        quiet=True,
        **{**SETTINGS, **changes},
    )


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a finished run."""
    run = tmp_path_factory.mktemp("begun") / "run"
    search(run)
    return run


@pytest.fixture
def run(begun: Path, tmp_path: Path) -> Path:
    """Return a copy of it."""
    return Path(shutil.copytree(begun, tmp_path / "run"))


def lines(run: Path) -> list[tuple[Any, ...]]:
    return [(t.phase, t.key, t.seed, t.selection) for t in Ledger(run / "trainings.jsonl").trainings]


def configuration(run: Path) -> dict[str, Any]:
    return dict(yaml.safe_load((run / "config.yaml").read_text()))


def comparable(report: Any) -> dict[str, Any]:
    return {name: value for name, value in report.items() if name not in ("cost", "latency", "pareto")}


@pytest.mark.slow
def test_more_seeds_train_only_the_missing_pairs_and_count_as_another_look(run: Path) -> None:
    before, choice = lines(run), (run / "assignment.yaml").read_text()
    former = load_run(run)
    result = search(run, resume=True, seeds=8)
    new = lines(run)[len(before) :]
    compared = {key for phase, key, *_ in before if phase == "confirmation"}
    assert lines(run)[: len(before)] == before
    assert {phase for phase, *_ in new} == {"confirmation"}
    assert len(new) == 5 * len(compared)
    assert {key for _, key, *_ in new} == compared
    assert (run / "assignment.yaml").read_text() == choice
    seeds = result.report["confirmation"]["seeds"]
    assert seeds[:3] == former.report["confirmation"]["seeds"]
    assert len(seeds) == len(set(seeds)) == 8
    assert result.report["reported"] == [3, 8]
    assert result.comparisons["original"].pairs == 8
    assert result.comparisons["original"].level == 0.95
    assert "reported with 3 and 8 seeds" in result.summary()
    kept = configuration(run)
    assert (kept["search"]["seeds"], kept["extended"][0]["seeds"]) == (8, 3)
    page = (run / "report.html").read_text()
    assert "with 3 and 8 seeds" in page


@pytest.mark.slow
def test_the_seeds_of_an_extended_run_are_those_of_a_run_that_had_them_from_the_start(
    run: Path, tmp_path: Path
) -> None:
    search(run, resume=True, seeds=6)
    search(tmp_path / "whole", seeds=6)
    assert sorted(lines(run)) == sorted(lines(tmp_path / "whole"))


@pytest.mark.slow
def test_a_resume_without_numbers_keeps_those_it_was_given_last(run: Path) -> None:
    search(run, resume=True, seeds=6)
    before = {file: file.read_bytes() for file in run.rglob("*") if file.is_file()}
    given = {name: None for name in ("budget", "seeds", "hours")}
    assert search(run, resume=True, **given).report["reported"] == [3, 6]
    assert {file: file.read_bytes() for file in run.rglob("*") if file.is_file()} == before


def test_a_larger_budget_after_a_comparison_is_another_question_on_other_seeds(run: Path) -> None:
    former = load_run(run)
    before = lines(run)
    result = search(run, resume=True, budget=7)
    new = Counter(phase for phase, *_ in lines(run)[len(before) :])
    report = result.report
    assert new["trial"] == 3
    assert set(new) <= {"trial", "baseline", "confirmation"}
    assert not {*report["confirmation"]["seeds"]} & {*former.report["confirmation"]["seeds"]}
    assert (report["questions"], report["reported"]) == (2, [3])
    assert result.comparisons["original"].level == 0.975
    (said,) = report["earlier"]
    compared = former.comparisons["original"]
    assert said["assignment"] == former.report["chosen"]
    assert said["seeds"] == former.report["confirmation"]["seeds"]
    assert (said["difference"], said["ci95"], said["verdict"]) == (
        compared.difference,
        list(compared.ci95),
        former.verdict,
    )
    assert "This is question 2 of the run, asked of seeds of its own at 97.5%" in result.summary()
    assert "97.5% interval" in (run / "report.html").read_text()
    assert Assignment.load(run / "assignment.yaml") == result.assignment


@pytest.mark.slow
def test_no_comparison_data_enter_the_next_choice(run: Path, tmp_path: Path) -> None:
    ledger, changed = run / "trainings.jsonl", tmp_path / "changed"
    shutil.copytree(run, changed)
    text = [
        re.sub('"checksum": ".*"', '"mine": 1', line)
        .replace('"selection": ', '"selection": -9')
        .replace('"comparison": ', '"comparison": 9')
        if '"confirmation"' in line
        else line
        for line in ledger.read_text().splitlines(keepends=True)
    ]
    (changed / "trainings.jsonl").write_text("".join(text))
    one, two = (search(each, resume=True, budget=8) for each in (run, changed))
    trials = [[line for line in lines(each) if line[0] == "trial"] for each in (run, changed)]
    assert trials[0] == trials[1]
    assert one.assignment == two.assignment
    assert one.comparisons == two.comparisons
    assert one.report["earlier"] != two.report["earlier"]


@pytest.mark.slow
def test_more_questions_and_more_seeds_of_the_last(run: Path) -> None:
    search(run, resume=True, budget=5, seeds=4)
    search(run, resume=True, budget=5, seeds=6)
    result = search(run, resume=True, budget=6, seeds=6)
    report = result.report
    assert [len(each["seeds"]) for each in report["earlier"]] == [3, 6]
    assert [each["level"] for each in report["earlier"]] == [0.95, 0.975]
    used = [seed for each in (*report["earlier"], report["confirmation"]) for seed in each["seeds"]]
    assert len(used) == len(set(used)) == 15
    assert report["questions"] == 3
    assert result.comparisons["original"].level == 0.9875
    assert RunDirectory(run).questions()[1].looks == (4, 6)
    assert sum(phase == "trial" for phase, *_ in lines(run)) == 6


@pytest.mark.slow
@pytest.mark.parametrize("stop", ["trial", "baseline"])
def test_before_anything_was_compared_larger_numbers_simply_hold(tmp_path: Path, stop: str) -> None:
    run, whole = tmp_path / "run", tmp_path / "whole"
    search(whole, budget=12, seeds=4)
    phases = [phase for phase, *_ in lines(whole)]
    at = PROBES + (2 if stop == "trial" else 10 + 2)  # baselines follow on ten trials
    with pytest.raises(KeyboardInterrupt):
        search(run, objective=Objective(at), budget=10)
    assert (stop == "baseline") == ("baseline" in {phase for phase, *_ in lines(run)})
    result = search(run, resume=True, budget=12, seeds=4)
    assert Counter(phase for phase, *_ in lines(run))["trial"] == phases.count("trial") == 12
    assert [line for line in lines(run) if line[0] == "trial"] == [
        line for line in lines(whole) if line[0] == "trial"
    ]
    assert (result.report["questions"], result.report["reported"]) == (1, [4])
    assert "earlier" not in result.report
    assert result.report["confirmation"] == load_run(whole).report["confirmation"]


@pytest.mark.parametrize(
    ("less", "said"),
    [
        ({"seeds": 2}, "seeds was 3 and is 2 now.*resume it with the old seeds or a larger"),
        ({"budget": 3}, "budget was 4 and is 3 now"),
        ({"mode": "max"}, "mode was 'min' and is 'max' now"),
        ({"selection_seeds": 2}, "selection_seeds was 1 and is 2 now"),
        ({"hours": 0}, "hours is 0"),
    ],
)
def test_less_or_another_run_is_refused_and_nothing_changes(
    run: Path, less: dict[str, Any], said: str
) -> None:
    before = {file: file.read_bytes() for file in run.rglob("*") if file.is_file()}
    with pytest.raises(ConfigurationError, match=said) as refused:
        search(run, resume=True, **less)
    assert "\n" not in str(refused.value)
    assert {file: file.read_bytes() for file in run.rglob("*") if file.is_file()} == before


@pytest.mark.slow
@pytest.mark.parametrize("larger", [{"seeds": 5}, {"budget": 6}, {"budget": 6, "seeds": 4}])
def test_interrupted_at_any_training_after_the_extension_it_goes_on(
    begun: Path, tmp_path: Path, larger: dict[str, Any]
) -> None:
    whole = Path(shutil.copytree(begun, tmp_path / "whole"))
    objective = Objective()
    expected = search(whole, objective=objective, resume=True, **larger)
    for stop_at in range(1, objective.calls + 1):
        run = Path(shutil.copytree(begun, tmp_path / str(stop_at)))
        with pytest.raises(KeyboardInterrupt):
            search(run, objective=Objective(stop_at), resume=True, **larger)
        found = search(run, resume=True, **larger)
        assert lines(run) == lines(whole)
        assert comparable(found.report) == comparable(expected.report)
        kept = configuration(run)
        assert kept["questions"] == configuration(whole)["questions"]
        assert len(kept["extended"]) == 1


@pytest.mark.slow
def test_a_run_that_is_extended_and_interrupted_still_shows_what_it_found_before(run: Path) -> None:
    former = load_run(run)
    with pytest.raises(KeyboardInterrupt):
        search(run, objective=Objective(2), resume=True, budget=6)
    assert load_run(run).report == former.report
    result = search(run, resume=True, budget=None, seeds=None)
    assert (result.report["questions"], result.report["budget"]) == (2, 6)


@pytest.mark.slow
@pytest.mark.parametrize(("looks", "kept"), [([2, 4], [2, 4, 6]), ((2, 4), [2, 4, 6]), (4, [6])])
def test_looks_that_were_given_may_be_given_again_with_more_seeds(
    tmp_path: Path, looks: Any, kept: list[int]
) -> None:
    run, asked = tmp_path / "run", {"seeds": 6, "looks": looks}
    search(run, seeds=4, looks=looks)
    with pytest.raises(KeyboardInterrupt):
        search(run, objective=Objective(1), resume=True, **asked)
    for _ in range(2):
        assert len(search(run, resume=True, **asked).report["confirmation"]["seeds"]) == 6
    assert configuration(run)["search"]["looks"] == kept
    assert len(configuration(run)["extended"]) == 1


@pytest.mark.parametrize(
    "changes", [{"looks": [2, 6]}, {"seeds": 12, "looks": [12]}, {"seeds": 8, "looks": [2, 8]}]
)
def test_other_looks_than_were_planned_are_refused_and_nothing_changes(
    run: Path, changes: dict[str, Any]
) -> None:
    search(run, resume=True, seeds=6)
    before = (run / "config.yaml").read_text()
    with pytest.raises(ConfigurationError, match="looks was"):
        search(run, resume=True, **{"seeds": 6, **changes})
    assert (run / "config.yaml").read_text() == before


@pytest.mark.slow
def test_looks_of_an_extended_run_are_those_that_were_reported(run: Path) -> None:
    search(run, resume=True, seeds=4)
    for _ in range(2):
        report = search(run, resume=True, seeds=12).report
        assert [look["seeds"] for look in report["looks"]] == report["reported"] == [3, 4, 12]
    assert configuration(run)["search"]["looks"] == [5, 12]


@pytest.mark.slow
def test_the_advice_can_be_pasted_where_the_run_has_a_space_in_its_name(tmp_path: Path) -> None:
    def noise(assignment: Assignment, seed: int, fraction: float) -> float:
        return crc32(f"{assignment} {seed}".encode()) / 2**32

    run = tmp_path / "my run"
    first = search(run, objective=noise)
    advice = first.summary().rpartition("run_search(..., ")[2].strip()
    again = eval(f"again({advice}", {"again": lambda out, **more: search(Path(out), objective=noise, **more)})
    before, now = (len(each.report["confirmation"]["seeds"]) for each in (first, again))
    assert now > before
