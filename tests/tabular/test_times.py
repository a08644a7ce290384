"""Later rows judge earlier ones, where a column of times is named."""

import itertools
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from autoact.cli import main
from autoact.records import RunDirectory, Training
from autoact.tabular import column_rows, load_predictor, load_task
from autoact.tabular.splits import split_times

SHUFFLED = np.random.default_rng(0).permutation(120).tolist()


def written(folder: Path, time: Callable[[int], str], header: str = "x,day,y") -> Path:
    """Write 120 rows, in an order of their own, of which each knows how late it is."""
    lines = [f"{late},{time(late)},{late * late % 37}.5" for late in SHUFFLED]
    (folder / "t.csv").write_text("\n".join([header, *lines]) + "\n")
    return folder / "t.csv"


def day(late: int) -> date:
    return date(2024, 1, 1) + timedelta(days=late)


@pytest.mark.parametrize("rows", [10, 60, 2500])
@pytest.mark.parametrize("each", [1, 7])
def test_later_moments_are_for_later_parts(rows: int, each: int) -> None:
    moments = np.random.default_rng(rows).permutation(np.repeat(np.arange(rows), each))
    split = split_times(moments, source="time")
    parts = [split.train, split.selection, split.comparison]
    assert sorted(np.concatenate(parts)) == list(range(rows * each))
    assert all(moments[earlier].max() < moments[later].min() for earlier, later in itertools.pairwise(parts))
    assert [len(part) / len(moments) for part in parts] == pytest.approx(
        [0.5, 0.1, 0.4] if rows == 10 else [0.6, 0.2, 0.2], abs=0.01
    )
    assert split.groups is not None
    stretches = [set(moments[split.comparison][split.groups == n]) for n in range(split.groups.max() + 1)]
    assert len(stretches) == min(len(set(moments[split.comparison])), 32)
    assert all(max(earlier) < min(later) for earlier, later in itertools.pairwise(stretches))
    assert split.folds == 1


@pytest.mark.parametrize("place", [0, 3, 6, 9])
def test_a_moment_with_nearly_all_rows_leaves_no_part_empty(place: int) -> None:
    sizes = np.ones(10, dtype=int)
    sizes[place] = 500
    split = split_times(np.repeat(np.arange(10), sizes), source="time")
    assert min(len(split.train), len(split.selection)) >= 1
    assert len(set(np.asarray(split.groups))) >= 4


@pytest.mark.parametrize(
    "time",
    [
        lambda late: f"{day(late)}",
        lambda late: f"{day(late):%d.%m.%Y} 12:30",
        lambda late: f"{day(late):%Y%m%d}",
        lambda late: f"{late - 7}",
        lambda late: f"{late / 8}",
    ],
)
def test_times_of_any_form_divide_a_table(tmp_path: Path, time: Callable[[int], str]) -> None:
    task = load_task(written(tmp_path, time), "y", time="day")
    assert task.notes[-1] == (
        "rows are divided by 'day', later ones judge: 72 rows of 72 moments train, 24 rows of 24 moments "
        "guide the search; 24 rows of 24 moments set aside compare; so few rows can only show large "
        "differences"
    )
    late = np.array(SHUFFLED)
    parts = task.split.train, task.split.selection, task.split.comparison
    assert [sorted(late[part])[::23] for part in parts] == [[0, 23, 46, 69], [72, 95], [96, 119]]
    assert tuple(column_rows(task)[1].values()) == ("day", "time", 0, "120 moments")
    assert len(task.encoding.labels) == 1


def test_dates_in_two_orders_are_told(tmp_path: Path) -> None:
    file = written(tmp_path, lambda late: f"{late % 12 + 1:02}/{late // 12 + 1:02}/2024")
    notes = load_task(file, "y", time="day").notes
    assert "column 'day' is read as %d/%m/%Y; %m/%d/%Y would fit as well" in notes


def test_classes_that_come_later_are_told(tmp_path: Path) -> None:
    lines = [f"{i * i % 31},{day(i)},{'new' if i > 80 else 'ab'[i % 2]}" for i in range(120)]
    (tmp_path / "t.csv").write_text("\n".join(["x,day,y", *lines]))
    said = "no row that trains is of 'new': the model cannot say so of any other"
    assert said in load_task(tmp_path / "t.csv", "y", time="day").notes
    assert said not in load_task(tmp_path / "t.csv", "y").notes


def test_the_note_on_sorted_rows_names_the_remedy(tmp_path: Path) -> None:
    lines = [f"{i * i % 31},{day(i)},{i * i % 37}.5" for i in range(120)]
    (tmp_path / "t.csv").write_text("\n".join(["x,when,y", *lines]))
    assert load_task(tmp_path / "t.csv", "y").notes[-1] == (
        "the rows are sorted by 'when' and split by chance: the verdict holds for moments between those of "
        "the file; for later ones divide by it, --time when (in Python time='when')"
    )
    assert not [note for note in load_task(tmp_path / "t.csv", "y", time="when").notes if "sorted" in note]


@pytest.mark.parametrize(
    ("time", "options", "said"),
    [
        (lambda late: f"{late}", "--time dya", "has no column 'dya'. Did you mean 'day'?"),
        (lambda late: f"{late}", "--time y", "time is 'y', which is the target"),
        (
            lambda late: f"{late}",
            "--time day --groups x",
            "groups is 'x' and time is 'day'; rows are divided by",
        ),
        (
            lambda late: f"{late // 14}",
            "--time day",
            "tells 9 moments of 120 rows; dividing by time takes at least",
        ),
        (
            lambda late: f"{late or ''}",
            "--time day",
            "the column 'day' tells no time in 1 row of 120, the first",
        ),
        (lambda late: f"{late or 'inf'}", "--time day", "cannot be sorted: 1 cell of 120, such as 'inf'"),
        (lambda late: f"{late if late % 9 else 'soon'}", "--time day", "cannot be sorted: 14 cells of 120"),
        (
            lambda late: "Mon Tue Wed".split()[late % 3],
            "--time day",
            "cannot be sorted: 120 cells of 120, such as",
        ),
    ],
)
def test_times_that_cannot_be_used_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], time: Callable[[int], str], options: str, said: str
) -> None:
    file = written(tmp_path, time)
    assert main(["search", "--data", str(file), "--target", "y", *options.split()]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert len(told.splitlines()) == 1


@pytest.mark.long
def test_the_verdict_counts_stretches_of_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, lambda late: f"{late // 5}")  # 24 moments of five rows
    Path("small.yaml").write_text("version: 1\nname: small\ncandidates: [relu, tanh]\n")
    small = ["--budget", "1", "--seeds", "2", "--space", "small.yaml", "--out", "run", "--quiet"]
    assert main(["search", "--data", "t.csv", "--target", "y", "--time", "2", *small]) == 0
    directory = RunDirectory.open("run")
    source = directory.configuration()["source"]
    assert (source["groups"], source["time"]) == (None, "2")
    before = directory.ledger_file.read_text(encoding="utf-8")
    confirmed = [each for each in map(Training.from_line, before.splitlines()) if each.rows is not None]
    assert {each.rows.weights for each in confirmed if each.rows} == {(5.0,) * 5}
    assert main(["search", "--resume", "run", "--quiet"]) == 0
    assert directory.ledger_file.read_text(encoding="utf-8") == before
    Path("new.csv").write_text("x\n200\n")
    assert np.isfinite(load_predictor("run").predict("new.csv")).all()
