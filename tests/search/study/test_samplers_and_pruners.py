"""Samplers and pruners of a user's own in a search: its trials are theirs, everything else stays the same."""

from collections import Counter
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import optuna
import pytest
import yaml

from autoact import load_run, run_search
from autoact.cli import main
from autoact.errors import ConfigurationError
from autoact.records import Ledger, Training
from autoact.search import SearchResult
from tests.search.models import SEARCH, STEPS, CurveData, Watched
from tests.search.test_interruption import PROBES

EPOCHS = 2


class FixedSampler(optuna.samplers.RandomSampler):
    """A sampler as users write them; notes what it was asked for."""

    asked: list[set[str]] = []  # noqa: RUF012

    def sample_independent(self, study: Any, trial: Any, name: str, distribution: Any) -> Any:
        self.asked.append({name})
        return super().sample_independent(study, trial, name, distribution)


class HalfPruner(optuna.pruners.BasePruner):
    """Ends every trial with an odd number at its first validation."""

    def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
        return trial.number % 2 == 1


def search(folder: Path, stop_at: int = 0, how: str = "interrupt", **changes: Any) -> SearchResult:
    model = partial(Watched, str(folder / "log"), stop_at, how)
    return run_search(model, CurveData, out=folder / "run", **{**SEARCH, **changes})


def trials(folder: Path) -> list[tuple[Any, ...]]:
    found = Ledger(folder / "run" / "trainings.jsonl").of("trial")
    return [(t.trial, t.key, t.seed, t.state, t.share, t.selection) for t in found]


def pool(run: Path) -> list[Training]:
    """Return the trainings that are trials of the study: those that it asked for, and those of baselines."""
    told = (training for training in Ledger(run / "trainings.jsonl").trainings if training.trial is not None)
    return sorted(told, key=lambda training: training.trial or 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "make",
    [
        *(
            pytest.param(make, marks=pytest.mark.slow)
            for make in (optuna.samplers.RandomSampler, optuna.samplers.TPESampler)
        ),
        FixedSampler,
    ],
)
def test_a_sampler_of_the_users_own_is_asked(tmp_path: Path, make: Any) -> None:
    FixedSampler.asked.clear()
    result = search(tmp_path, sampler=make(seed=7))
    assert result.verdict is not None
    assert len(trials(tmp_path)) == SEARCH["budget"] - 1
    assert bool(FixedSampler.asked) == (make is FixedSampler)
    stored = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())["search"]["sampler"]
    assert stored.endswith(f".{make.__name__}")
    again = search(tmp_path, resume=True, sampler=make(seed=7))
    assert again.report == result.report
    with pytest.raises(ConfigurationError, match=r"sampler was .* and is None now"):
        search(tmp_path, resume=True)


@pytest.mark.slow
def test_a_sampler_is_named_by_class_path_too(tmp_path: Path) -> None:
    named = {"class_path": "optuna.samplers.RandomSampler", "init_args": {"seed": 7}}
    assert search(tmp_path, sampler=named, budget=4).verdict is not None
    (tmp_path / "given").mkdir()
    search(tmp_path / "given", sampler=optuna.samplers.RandomSampler(seed=7), budget=4)
    assert trials(tmp_path) == trials(tmp_path / "given")


@pytest.mark.slow
def test_pruned_trainings_cost_their_share_and_the_budget_is_kept(tmp_path: Path) -> None:
    result = search(tmp_path, pruner=HalfPruner())
    found = list(Ledger(tmp_path / "run" / "trainings.jsonl").of("trial"))
    assert {t.state for t in found} == {"finished", "pruned"}
    for training in found:
        assert training.trial is not None
        assert (training.state == "pruned") == (training.trial % 2 == 1)
        assert training.share == (0.5 if training.state == "pruned" else 1.0)
        assert training.steps == training.share * STEPS
        assert len(training.curve) == len(training.curve_steps) == EPOCHS * training.share
        assert not (training.state == "pruned" and training.usable)
    spent = 1 + sum(training.share for training in found)  # with the one-shot model
    assert SEARCH["budget"] - 1 < spent <= SEARCH["budget"]
    assert result.report["cost"]["search"]["trainings"] == spent
    assert len(found) > SEARCH["budget"] - 1
    states = Counter(trial.state.name for trial in result.study.trials)
    told = pool(tmp_path / "run")
    assert states == {"COMPLETE": sum(t.usable for t in told), "PRUNED": sum(not t.usable for t in told)}
    for trial, training in zip(result.study.trials, told, strict=True):
        assert trial.intermediate_values == dict(zip(training.curve_steps, training.curve, strict=True))
    done = (tmp_path / "log").read_text().splitlines().count("step")
    assert done == sum(part["steps"] for part in result.report["cost"].values())


@pytest.mark.slow
def test_a_pruned_search_goes_on_where_it_was(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    whole = search(tmp_path / "whole", pruner=HalfPruner())
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path, PROBES + 5, pruner=HalfPruner())  # the probes, the one-shot model, three trials
    before = trials(tmp_path)
    assert [row[3] for row in before] == ["finished", "pruned", "finished"]
    result = search(tmp_path, resume=True, pruner=HalfPruner())
    assert trials(tmp_path) == trials(tmp_path / "whole")
    for key in ("chosen", "comparisons", "baselines"):
        assert result.report[key] == whole.report[key]
    assert load_run(tmp_path / "run").study.trials[1].state.name == "PRUNED"


@pytest.mark.slow
@pytest.mark.parametrize(
    "given",
    [
        {"sampler": optuna.samplers.RandomSampler(seed=7)},
        {"sampler": optuna.samplers.TPESampler(seed=7, n_startup_trials=2)},
        {"pruner": optuna.pruners.HyperbandPruner(min_resource=3, reduction_factor=2)},
        # Hyperband halves, too, and finds its largest resource as well
        pytest.param(
            {"pruner": optuna.pruners.SuccessiveHalvingPruner(min_resource=3, reduction_factor=2)},
            marks=pytest.mark.long,
        ),
        pytest.param(
            {"pruner": optuna.pruners.HyperbandPruner(min_resource=3, max_resource=12, reduction_factor=2)},
            marks=pytest.mark.long,
        ),
    ],
    ids=lambda given: type(next(iter(given.values()))).__name__,
)
def test_samplers_and_pruners_that_remember_go_on_where_they_were(
    tmp_path: Path, given: dict[str, Any]
) -> None:
    """The same object is given to both searches: neither changes it."""
    changes = {**given, "trainer": {"max_epochs": 4, "accelerator": "cpu"}, "budget": 7, "seeds": 2}
    (tmp_path / "once").mkdir()
    search(tmp_path / "once", **changes)
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path, PROBES + 6, **changes)  # the probes, the one-shot model in two parts, three trials
    assert len(trials(tmp_path)) == 3
    search(tmp_path, resume=True, **changes)
    assert trials(tmp_path) == trials(tmp_path / "once")
    stored = [(tmp_path / name / "run").joinpath("report.json") for name in ("once", ".")]
    chosen = [yaml.safe_load(report.read_text())["chosen"] for report in stored]
    assert chosen[0] == chosen[1]


@pytest.mark.slow
def test_the_median_pruner_ends_what_is_worse_than_the_median(tmp_path: Path) -> None:
    pruner = optuna.pruners.MedianPruner(n_startup_trials=2, n_warmup_steps=0)
    search(tmp_path, pruner=pruner, budget=9)
    found = list(Ledger(tmp_path / "run" / "trainings.jsonl").of("trial"))
    pruned = [training for training in found if training.state == "pruned"]
    assert pruned
    for training in found:
        place = len(training.curve) - 1
        earlier = [t for t in pool(tmp_path / "run") if (t.trial or 0) < (training.trial or 0)]
        before = [t.curve[place] for t in earlier if t.usable]
        worse = len(before) >= 2 and min(training.curve) > median(before)
        assert worse == (training.state == "pruned")


CONFIG = """\
model: {class_path: tests.search.models.Curve}
data: {class_path: tests.search.models.CurveData}
trainer: {max_epochs: 2, accelerator: cpu}
space: [relu, tanh, elu]
search:
  budget: 6
  seeds: 2
  selection_seeds: 1
  sampler: {class_path: optuna.samplers.TPESampler, init_args: {seed: 3}}
  pruner: {class_path: optuna.pruners.MedianPruner, init_args: {n_startup_trials: 2}}
"""


@pytest.mark.slow
def test_a_configuration_file_names_both(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    out = str(tmp_path / "run")
    assert main(["search", "--config", str(tmp_path / "config.yaml"), "--out", out, "--quiet"]) == 0
    done = (tmp_path / "run" / "trainings.jsonl").read_text()
    (tmp_path / "config.yaml").unlink()
    assert main(["search", "--resume", out, "--quiet"]) == 0
    assert (tmp_path / "run" / "trainings.jsonl").read_text() == done
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sampler": "optuna.samplers.RandmSampler"}, "RandmSampler"),
        ({"sampler": {"class_path": "optuna.samplers.TPESampler", "init_args": {"sed": 1}}}, "sed"),
        ({"sampler": 3}, "sampler is 3; it must be an optuna.samplers.BaseSampler"),
        ({"pruner": optuna.samplers.RandomSampler}, "pruner is .*; it must be an optuna.pruners.BasePruner"),
    ],
)
def test_what_is_neither_is_refused(tmp_path: Path, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as refused:
        search(tmp_path, **given)
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []
