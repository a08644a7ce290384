"""Gradient boosting stands beside a table's verdict: same rows, same metric, no row that it may not see."""

import json
import sys
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import log_loss

import autoact
from autoact.records import Reference
from autoact.report import summarize
from autoact.tabular import TableTask, load_task
from autoact.tabular._boosting import boosting


def task_of(folder: Path, rows: int, *, classes: bool) -> TableTask:
    random = np.random.default_rng(3)
    x = random.normal(size=(rows, 2))
    z = x[:, 0] * x[:, 1] + 0.3 * random.normal(size=rows)
    y = np.select([z < -0.3, z < 0.3], ["low", "middle"], "high") if classes else (7 * z + 40).round(3)
    lines = [f"{a:.4f},{b:.4f},{c}" for (a, b), c in zip(x, y, strict=True)]
    (folder / "table.csv").write_text("\n".join(["a,b,y", *lines]))
    return load_task(folder / "table.csv", "y")


def tensors(loader: Any) -> tuple[np.ndarray, np.ndarray]:
    x, y, *_ = loader.dataset.tensors
    return x.numpy().astype(float), y.numpy()


@pytest.mark.parametrize("rows", [300, 2400], ids=["folds", "parts"])
def test_classes_are_measured_as_scikit_learn_does(tmp_path: Path, rows: int) -> None:
    task = task_of(tmp_path, rows, classes=True)
    (x, y), (new, wanted) = tensors(task.data[0]), tensors(task.data[2])
    model = HistGradientBoostingClassifier(random_state=0).fit(x, y)
    assert task.reference("val_loss").value == pytest.approx(log_loss(wanted, model.predict_proba(new)))
    assert task.reference("val_acc").value == pytest.approx(model.score(new, wanted))
    assert task.reference("val_acc").value > 0.5


@pytest.mark.parametrize("rows", [300, 2400], ids=["folds", "parts"])
def test_numbers_are_measured_in_the_unit_of_the_networks(tmp_path: Path, rows: int) -> None:
    task = task_of(tmp_path, rows, classes=False)
    (x, y), (new, wanted) = tensors(task.data[0]), tensors(task.data[2])
    off = HistGradientBoostingRegressor(random_state=0).fit(x, y).predict(new) - wanted
    assert task.reference("val_loss").value == pytest.approx(np.mean(off**2) / np.var(y), rel=1e-5)
    assert task.reference("val_mae").value == pytest.approx(np.mean(np.abs(off)), rel=1e-5)


def test_it_learns_from_training_rows_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = task_of(tmp_path, 2400, classes=False)
    fitted = []
    fit = HistGradientBoostingRegressor.fit

    def watched(model: Any, x: np.ndarray, y: np.ndarray) -> Any:
        fitted.append(x)
        return fit(model, x, y)

    monkeypatch.setattr(HistGradientBoostingRegressor, "fit", watched)
    value = boosting(task.data, 0, task.model.keywords["scale"], "val_loss").value
    assert np.array_equal(fitted[0], tensors(task.data[0])[0])
    assert len(fitted[0]) == len(task.split.train) == 1440
    hidden: Any = (task.data[0], None, task.data[2])  # selection rows are not even asked for
    assert boosting(hidden, 0, task.model.keywords["scale"], "val_loss").value == value
    changed = [cast(Any, loader.dataset).tensors[1].add_(1) for loader in task.data[2:]]
    assert len(changed) == 1
    assert boosting(task.data, 0, task.model.keywords["scale"], "val_loss").value != value
    assert np.array_equal(fitted[-1], fitted[0])


def test_a_class_that_no_training_row_has_costs_much_and_is_finite(tmp_path: Path) -> None:
    task = task_of(tmp_path, 300, classes=True)
    task.data[0].dataset.tensors[1].fill_(1)  # type: ignore[attr-defined]
    found = task.reference("val_loss").value
    rare = (tensors(task.data[2])[1] != 1).mean()
    assert found == pytest.approx(rare * -np.log(np.finfo(float).eps), rel=1e-6)


def test_what_cannot_be_measured_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = task_of(tmp_path, 60, classes=True)
    assert task.reference("val_auc").why_not == "it has no val_auc, only val_loss and val_acc"
    assert "101 classes take it a tree each" in str(boosting(task.data, 101, 1.0, "val_loss").why_not)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.delitem(sys.modules, "sklearn.ensemble")
    assert task.reference("val_loss").why_not == (
        "it needs scikit-learn, which is not installed: pip install scikit-learn"
    )


@pytest.mark.slow
def test_a_verdict_names_it_and_a_broken_one_costs_no_verdict(tmp_path: Path) -> None:
    task = task_of(tmp_path, 60, classes=False)
    settings = {**task.settings, "trainer": {**task.trainer, "max_epochs": 1}}
    more: dict[str, Any] = {
        "space": ["relu", "tanh"],
        "budget": 1,
        "seeds": 2,
        "selection_seeds": 1,
        "quiet": True,
    }
    run = tmp_path / "run"
    result = autoact.run_search(task.model, task.data, **settings, **more, out=run)
    value = task.reference("val_loss").value
    assert result.report["reference"]["value"] == value
    said = "Gradient boosting (scikit-learn's defaults) on the same rows: val_loss"
    assert f"{said} {value:.4g} (networks: chosen " in summarize(run)
    assert said.replace("'", "&#39;") in (run / "report.html").read_text()

    def broken(metric: str) -> Reference:
        raise RuntimeError(f"no {metric} today")

    settings["reference"] = broken
    autoact.run_search(task.model, task.data, **settings, **more, out=tmp_path / "broken")
    said = "A reference on the same rows: not measured, RuntimeError: no val_loss today."
    assert said in summarize(tmp_path / "broken")
    assert json.loads((tmp_path / "broken" / "report.json").read_text())["verdict"]
