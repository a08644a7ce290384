"""Rows of one group stay together, wherever a table is divided, and count as one in the verdict."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GroupKFold, cross_val_score

from autoact.cli import main
from autoact.errors import ConfigurationError, DataError
from autoact.records import RunDirectory, Training
from autoact.tabular import AutoActClassifier, AutoActRegressor, column_rows, load_predictor, load_task
from autoact.tabular import _fitting as fitting
from autoact.tabular.splits import Split, split_groups


def people(count: int = 24, rows: int = 5) -> Iterator[tuple[str, list[float], str]]:
    """Yield rows of persons, who differ from each other in everything, whatever their class."""
    random = np.random.default_rng(0)
    for person in range(count):
        own, label = random.normal(size=2), "ill" if random.random() < 0.5 else "well"
        for _ in range(rows):
            yield f"P{person:02}", (own + 0.1 * random.normal(size=2)).round(4).tolist(), label


def written(folder: Path, count: int = 24, rows: int = 5) -> Path:
    lines = [f"{name},{a},{b},{label}" for name, (a, b), label in people(count, rows)]
    found = folder / "people.csv"
    found.write_text("\n".join(["patient,a,b,state", *lines]) + "\n")
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return written(tmp_path)


def parts(split: Split) -> list[np.ndarray]:
    if split.folds == 1:
        return [split.train, split.selection, split.comparison]
    return [*(split.train[split.fold == fold] for fold in range(split.folds)), split.comparison]


@pytest.mark.parametrize("classes", [True, False])
@pytest.mark.parametrize("compare", [True, False])
@pytest.mark.parametrize(("groups", "rows"), [(10, 3), (32, 6), (42, 140), (900, 3)])
def test_no_group_is_in_two_parts(groups: int, rows: int, compare: bool, classes: bool) -> None:
    random = np.random.default_rng(groups)
    numbers = random.permutation(np.repeat(np.arange(groups), rows))
    y = random.integers(3, size=groups)[numbers] if classes else random.normal(size=groups)[numbers]
    split = split_groups(y, numbers, classes=classes, seed=3, source="groups", compare=compare)
    found = parts(split) if compare else parts(split)[:-1]
    assert split.folds == (5 if len(y) <= 2000 else 1)
    assert sorted(np.concatenate(found)) == list(range(len(y)))
    assert sum(len(set(numbers[part])) for part in found) == groups
    assert all(len(part) for part in found)
    if compare:
        share = len(split.comparison) / len(y)
        assert share == pytest.approx(0.4 if groups == 10 else 0.25 if split.folds > 1 else 0.2, abs=0.02)
        assert split.groups is not None
        assert split.groups.tolist() == numbers[split.comparison].tolist()
        assert len(set(split.groups)) >= 4
    if groups == 900:
        for part in found:
            assert y[part].mean() == pytest.approx(y.mean(), abs=0.1)


def test_groups_of_unlike_size_fill_every_part() -> None:
    numbers = np.repeat(np.arange(10), [300, *[1] * 9])
    split = split_groups(np.arange(309) % 2, numbers, classes=True, seed=0, source="groups")
    assert [len(set(numbers[part])) for part in parts(split)] == [1, 1, 1, 1, 1, 5]
    assert 0 in numbers[split.train]


def test_the_seed_decides() -> None:
    y, numbers = np.arange(120) % 2, np.arange(120) // 4
    first, again, other = (
        split_groups(y, numbers, classes=True, seed=seed, source="groups") for seed in (1, 1, 2)
    )
    assert first.comparison.tolist() == again.comparison.tolist() != other.comparison.tolist()
    assert first.fold.tolist() == again.fold.tolist()


@pytest.mark.parametrize("groups", ["patient", "1", "-4"])
def test_a_table_is_divided_by_its_groups(file: Path, groups: str) -> None:
    task = load_task(file, "state", groups=groups)
    assert task.notes == (
        "people.csv: 120 rows, 2 classes of 'state' on 2 inputs from 2 of 3 columns",
        "rows of one 'patient' stay together: 5 folds of 90 rows of 18 groups guide the search; 30 rows of 6 "
        "groups set aside compare; so few groups can only show large differences",
    )
    told = [tuple(row.values()) for row in column_rows(task)]
    assert told[0] == ("patient", "groups", 0, "24 groups")
    patients = [name for name, *_ in people()]
    for batch, rows in zip(task.data[2], by_patient(patients, task.split.comparison), strict=True):
        assert torch.equal(batch[1], torch.from_numpy(task.target.y[rows]))
        assert batch[2].eq(-1).all()
    whole = load_task(file, "state")
    assert whole.notes[-1].endswith(
        "the verdict holds for new rows of these groups; for others divide by them, --groups patient (in "
        "Python groups='patient')"
    )
    assert whole.split.groups is None


def by_patient(patients: Sequence[str], rows: np.ndarray) -> list[list[int]]:
    names = dict.fromkeys(patients[row] for row in rows)
    return [[row for row in rows.tolist() if patients[row] == name] for name in names]


def test_a_session_within_a_patient_needs_no_note(tmp_path: Path) -> None:
    rows = [f"{i // 6},{i // 3},{i % 11},{i * i % 31}.5" for i in range(120)]
    (tmp_path / "t.csv").write_text("\n".join(["patient,session,x,y", *rows]))
    inner = load_task(tmp_path / "t.csv", "y", groups="session").notes
    assert [note for note in inner if "names 20 groups" in note]
    assert not [
        note for note in load_task(tmp_path / "t.csv", "y", groups="patient").notes if "names" in note
    ]


def test_texts_of_single_groups_are_told(tmp_path: Path) -> None:
    rows = [f"{i // 6},ward {i % 3},visit {i // 3},{i % 11},{i * i % 31}.5" for i in range(120)]
    (tmp_path / "t.csv").write_text("\n".join(["patient,ward,visit,x,y", *rows]))
    told = [
        note for note in load_task(tmp_path / "t.csv", "y", groups="patient").notes if "in each group" in note
    ]
    assert [note.partition(" has ")[0] for note in told] == ["column 'visit'"]


@pytest.mark.parametrize(
    ("cells", "options", "said"),
    [
        ("P{person}", "--groups patients", "has no column 'patients'. Did you mean 'patient'?"),
        ("P{person}", "--groups y", "groups is 'y', which is the target"),
        ("P", "--groups patient", "the column 'patient' names one group only, 'P' in all 60 rows"),
        ("P{few}", "--groups patient", "names 9 groups of 60 rows; dividing groups takes at least 10"),
        ("{gap}", "--groups patient", "names no group in 4 rows of 60, the first of them row 4."),
    ],
)
def test_groups_that_cannot_be_used_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], cells: str, options: str, said: str
) -> None:
    lines = ["patient,x,y"]
    for i in range(60):
        name = cells.format(person=i // 4, few=i % 9, gap="" if i % 16 == 3 else i // 4)
        lines.append(f"{name},{i * 7 % 31},{'ab'[i % 2]}")
    (tmp_path / "t.csv").write_text("\n".join(lines))
    assert main(["search", "--data", str(tmp_path / "t.csv"), "--target", "y", *options.split()]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert len(told.splitlines()) == 1


def test_a_run_that_is_resumed_keeps_its_groups(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "--resume", "runs/of/yesterday", "--groups", "patient"]) == 2
    assert (
        "--groups belongs to --data FILE.csv; name the file, too. A run that is resumed keeps its own."
        in (capsys.readouterr().err)
    )


@pytest.mark.slow
def test_the_verdict_counts_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search by groups: four rows of a patient are one piece of evidence; resumed and predicted as ever."""
    monkeypatch.chdir(tmp_path)
    file = written(tmp_path, 12, 4)
    Path("small.yaml").write_text("version: 1\nname: small\ncandidates: [relu, tanh]\n")
    small = ["--budget", "1", "--seeds", "2", "--space", "small.yaml", "--out", "run", "--quiet"]
    assert main(["search", "--data", str(file), "--target", "state", "--groups", "patient", *small]) == 0
    directory = RunDirectory.open("run")
    assert directory.configuration()["source"]["groups"] == "patient"
    before = directory.ledger_file.read_text(encoding="utf-8")
    confirmed = [each for each in map(Training.from_line, before.splitlines()) if each.rows is not None]
    assert len(confirmed) >= 4
    for each in confirmed:
        assert each.rows is not None
        assert (each.rows.weights, each.rows.grouped) == ((20.0,) * 4, True)  # four rows, five models
    assert main(["search", "--resume", "run", "--quiet"]) == 0
    assert directory.ledger_file.read_text(encoding="utf-8") == before
    Path("new.csv").write_text("a,b\n0.5,0.25\n")  # the group of a new row is not asked for
    assert load_predictor("run").predict("new.csv")[0] in ("ill", "well")


@pytest.fixture
def divided(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Split, np.ndarray]]:
    """Splits by groups that are made from now on, with the groups."""
    found: list[tuple[Split, np.ndarray]] = []

    def split(y: np.ndarray, groups: np.ndarray, **how: object) -> Split:
        found.append((split_groups(y, groups, **how), groups))  # type: ignore[arg-type]
        return found[-1][0]

    monkeypatch.setattr(fitting, "split_groups", split)
    return found


def test_estimators_keep_groups_together(divided: list[tuple[Split, np.ndarray]]) -> None:
    names, x, labels = map(list, zip(*people(), strict=True))
    model = AutoActClassifier(space=["relu", "tanh"], max_epochs=2, random_state=0)
    weights = [0.0, 1.0, 1.0, 1.0, 1.0] * 24
    model.fit(np.array(x), labels, weights, groups=names)
    ((split, groups),) = divided
    assert np.bincount(groups).tolist() == [4] * 24  # rows of weight 0 are left out
    assert sum(len(set(groups[part])) for part in parts(split)) == 24
    apart = clone(model).fit(np.array(x), labels)
    assert apart.val_loss_ < model.val_loss_  # it has seen all persons, whose class it knows


@pytest.mark.slow
def test_full_search_of_an_estimator_counts_groups(divided: list[tuple[Split, np.ndarray]]) -> None:
    names, x, _ = map(list, zip(*people(), strict=True))
    model = AutoActRegressor(space=["relu", "tanh"], max_epochs=2, budget=1, seeds=2, random_state=0)
    model.fit(np.array(x), np.array(x)[:, 0], groups=np.array(names))
    assert [len(split.comparison) for split, _ in divided] == [30, 0]
    assert model.report_["comparisons"]["original"] is not None
    scores = cross_val_score(
        AutoActRegressor(space=["relu"], max_epochs=2), x, np.array(x)[:, 0], groups=names, cv=GroupKFold(3)
    )
    assert len(scores) == 3


class Unknown:
    """As pandas' NA: whether it is equal to anything, nobody knows."""

    def __ne__(self, other: object) -> bool:
        raise TypeError("boolean value of NA is ambiguous")

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("groups", "budget", "said"),
    [
        ([1, 2, 3], None, r"groups has the shape \(3,\); it must be \(120,\): a group for each row of X"),
        ([1.0, float("nan")] * 60, None, "groups names no group in 60 rows of 120, the first of them row 2"),
        ([Unknown(), "a"] * 60, None, "groups names no group in 60 rows of 120, the first of them row 1"),
        ([None, "a"] * 60, None, "groups names no group in 60 rows of 120, the first of them row 1"),
        (["a", float("nan")] * 60, None, "groups names no group in 60 rows of 120, the first of them row 2"),
        (["a"] * 120, None, "groups names one group only, 'a' in all 120 rows"),
        ([1, 2, 3] * 40, 2, "groups names 3 groups of 120 rows; dividing groups takes at least 10"),
    ],
)
def test_estimators_refuse_groups_that_cannot_be_used(groups: list, budget: int | None, said: str) -> None:
    _, x, labels = map(list, zip(*people(), strict=True))
    with pytest.raises(DataError, match=said):
        AutoActClassifier(max_epochs=1, budget=budget).fit(x, labels, groups=groups)


def test_the_target_is_no_group(file: Path) -> None:
    with pytest.raises(ConfigurationError, match="groups is '-1', which is the target"):
        load_task(file, "state", groups="-1")
