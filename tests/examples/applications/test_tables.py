"""Tables are read as the command line reads them, and gradient boosting stands beside every verdict."""

import csv

import numpy as np
import pytest

from autoact.tabular import load_task
from scripts.examples.applications import tables as run


def test_a_missing_table_is_named(tmp_path) -> None:
    (tmp_path / "winequality-white.csv").write_text("1,2\n")
    with pytest.raises(SystemExit, match=r"There is no .*abalone.csv; --data-dir takes the folder of wine"):
        run.main(["--data-dir", str(tmp_path), "--out", str(tmp_path)])


def test_tumors_are_written_whole(tmp_path) -> None:
    (path,) = run.files(tmp_path, None).values()
    rows = list(csv.reader(path.read_text().splitlines()))
    assert len(rows) == 570
    assert {len(row) for row in rows} == {31}
    assert sum(row[-1] == "malignant" for row in rows) == 212


def test_wines_and_abalones_are_regressions_on_all_columns(tmp_path) -> None:
    random = np.random.default_rng(0)
    for name, file in run.FILES.items():
        kinds = random.choice(["M", "F"], 120) if name == "abalone" else random.normal(size=120)
        columns = np.stack([kinds, random.normal(size=120), random.integers(1, 4, 120)], 1)
        (tmp_path / file).write_text("\n".join(",".join(map(str, row)) for row in columns))
    found = run.files(tmp_path, tmp_path)
    assert list(found) == list(run.PROBLEMS)
    for name in run.FILES:
        task = load_task(found[name], "-1", problem=run.PROBLEMS[name])
        assert task.target.problem == "regression"
        assert len(task.names) == 3


@pytest.mark.slow
def test_the_search_runs_to_a_verdict_with_gradient_boosting_beside(tmp_path, capsys) -> None:
    run.main(["--short", "--out", str(tmp_path)])
    out = capsys.readouterr().out
    assert (
        out.count("Verdict:")
        == out.count("Gradient boosting (scikit-learn's defaults) on the same rows")
        == 1
    )
    assert "| breast cancer | 0." in out
    assert (tmp_path / "tables.png").stat().st_size > 10_000
