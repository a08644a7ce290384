"""What people see of a run while it runs, when it is stopped, and in the end: all of it from the ledger."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from autoact import Assignment, run_search
from autoact.dashboard import read_record
from autoact.errors import SearchFailedError
from autoact.records import Ledger
from autoact.search.outcome import _live_record as live_record

LEVELS = {"relu": 0.5, "tanh": 0.3, "gelu": 0.4}
SEARCH: dict[str, Any] = {
    "layers": {"first": "relu", "second": "relu"},
    "space": ["relu", "tanh", "gelu"],
    "budget": 6,
    "seeds": 5,
    "selection_seeds": 1,
    "mode": "min",
    "quiet": True,
}


def value(assignment: Assignment, seed: int, fraction: float) -> float:
    noise = (seed * 7919 % 1000) / 1e5
    return sum(LEVELS[choice.activation] for choice in assignment.values()) / 2 + noise


class Stopping:
    """An objective that is interrupted at a call."""

    def __init__(self, at: int, error: type[BaseException] = KeyboardInterrupt) -> None:
        self.at, self.error, self.calls, self.seen = at, error, 0, list[str]()
        self.page: Callable[[], str] = str

    def __call__(self, assignment: Assignment, seed: int, fraction: float) -> float:
        self.calls += 1
        self.seen.append(self.page())
        if self.calls == self.at:
            raise self.error
        return value(assignment, seed, fraction)


def record(run: Path) -> dict[str, Any]:
    return read_record(run / "tensorboard" / "search" / "autoact.jsonl")


def keys(run: Path) -> list[tuple[str, str, int]]:
    return [(t.phase, t.label, t.seed) for t in Ledger(run / "trainings.jsonl").trainings]


def test_the_record_tells_the_ledger_and_the_result(tmp_path: Path) -> None:
    result = run_search(objective=value, out=tmp_path / "run", **SEARCH)
    found = record(tmp_path / "run")
    assert [(t["phase"], t["label"], t["seed"]) for t in found["trainings"]] == keys(tmp_path / "run")
    assert (found["layers"], found["original"], found["metric"]) == (
        ["first", "second"],
        ["relu", "relu"],
        "objective",
    )
    told = found["result"]
    assert told["verdict"] == result.verdict
    chosen = {t["words"] for t in found["trainings"] if t["key"] == told["chosen_key"]}
    assert chosen == {"tanh everywhere"}
    assert [look["seeds"] for look in told["looks"]] == [look["seeds"] for look in result.report["looks"]]
    assert {"original = relu everywhere", "tanh everywhere = chosen"} <= {
        each["name"] for each in told["baselines"]
    }
    assert [each["name"] for each in told["confirmed"]] == ["original", "chosen = tanh everywhere"]
    assert found["wall"] >= 0


@pytest.mark.slow
def test_tensorboard_has_the_verdict_the_words_and_rows_of_original_and_chosen(tmp_path: Path) -> None:
    result = run_search(objective=value, out=tmp_path / "run", **SEARCH)
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard" / "search")).Reload()
    texts = {
        tag: events.Tensors(tag)[0].tensor_proto.string_val[0].decode() for tag in events.Tags()["tensors"]
    }
    assert list(texts) == [
        f"autoact/{name}/text_summary" for name in ("1 verdict", "2 assignment", "3 next step", "4 glossary")
    ]
    verdict, assignment, _, glossary = texts.values()
    assert verdict.startswith(f"# {str(result.verdict).capitalize()}")
    assert "| first | relu | tanh |" in assignment
    assert all(f"| {word} |" in glossary for word in ("kappa", "chi", "entropy", "margin"))
    for name, means in (("original", 0.5), ("chosen", 0.3)):
        row = EventAccumulator(str(tmp_path / "run" / "tensorboard" / name)).Reload()
        assert row.Scalars("objective")[0].value == pytest.approx(means, abs=0.02)
        start = row.summary_metadata["_hparams_/session_start_info"].plugin_data.content
        assert name.encode() in start


@pytest.mark.slow
def test_the_page_lives_says_that_it_was_stopped_and_a_resume_completes_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_record, "_GAP", 0.0)
    monkeypatch.setattr(live_record, "_SHARE", 0.0)
    run, objective = tmp_path / "run", Stopping(8)
    page = run / "report.html"
    objective.page = lambda: page.read_text() if page.exists() else ""
    with pytest.raises(KeyboardInterrupt):
        run_search(objective=objective, out=run, **SEARCH)
    assert "The search runs" in objective.seen[-1]
    assert 'http-equiv="refresh"' in objective.seen[-1]
    assert "The search was stopped" in page.read_text()
    assert 'http-equiv="refresh"' not in page.read_text()
    assert "resume=True" in page.read_text()
    assert record(run)["result"] is None
    result = run_search(objective=value, out=run, resume=True, **SEARCH)
    found = record(run)
    assert [(t["phase"], t["label"], t["seed"]) for t in found["trainings"]] == keys(run)
    assert found["result"]["verdict"] == result.verdict
    assert str(result.verdict).capitalize() in page.read_text()
    assert 'http-equiv="refresh"' not in page.read_text()


def test_a_page_says_in_which_phase_a_search_was_stopped(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_search(objective=Stopping(20), out=tmp_path / "run", **SEARCH)
    phase = record(tmp_path / "run")["trainings"][-1]["phase"]
    assert phase == "confirmation"
    assert f"Stopped in: {phase}." in (tmp_path / "run" / "report.html").read_text()


def test_a_search_that_failed_has_a_page_that_says_why(tmp_path: Path) -> None:
    def broken(assignment: Assignment, seed: int, fraction: float) -> float:
        if fraction < 1 or not (tmp_path / "run").exists():
            return 0.5
        raise RuntimeError("out of luck")

    with pytest.raises(SearchFailedError):
        run_search(objective=broken, out=tmp_path / "run", **SEARCH)
    page = (tmp_path / "run" / "report.html").read_text()
    assert "No verdict" in page
    assert "out of luck" in page
    assert 'http-equiv="refresh"' not in page


@pytest.mark.slow
def test_a_lost_record_is_written_again_by_a_resume(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run_search(objective=value, out=run, **SEARCH)
    file = run / "tensorboard" / "search" / "autoact.jsonl"
    before = record(run)
    file.write_bytes(file.read_bytes()[:700])
    run_search(objective=value, out=run, resume=True, **SEARCH)
    after = record(run)
    assert (after["trainings"], after["result"]) == (before["trainings"], before["result"])
