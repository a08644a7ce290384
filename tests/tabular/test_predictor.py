"""A run on a table predicts new rows: by name, exactly as its model does, or it says what is wrong."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import autoact
from autoact.cli import main
from autoact.errors import ConfigurationError, DataError, RunDirectoryError
from autoact.tabular import TablePredictor, load_predictor, load_task, read_table, save_columns
from autoact.tabular.columns import Categories, Numbers
from autoact.tabular.columns._scale import Scale
from autoact.training.tasks import Perceptron

SETTINGS: dict[str, Any] = {
    "space": ["relu", "tanh"],
    "budget": 1,
    "seeds": 2,
    "selection_seeds": 1,
    "quiet": True,
}


def rows(kind: str, count: int = 60) -> str:
    draw = random.Random(0)
    lines = [f"size,color,built,{kind}"]
    for n in range(count):
        size, color = draw.uniform(1, 9), draw.choice(["red", "blue"])
        told = f"{size * 2 + (color == 'red'):.2f}" if kind == "price" else ("high" if size > 5 else "low")
        lines.append(f"{size:.2f},{color},20{n % 30:02}-05-0{1 + n % 9},{told}")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, brief_searches: None) -> Path:
    """Return a folder with two tables and a run on each."""
    path = tmp_path_factory.mktemp("tables")
    for kind in ("price", "level"):
        (path / f"{kind}.csv").write_text(rows(kind))
        task = load_task(path / f"{kind}.csv", kind)
        trainer = {**task.trainer, "max_epochs": 2, "check_val_every_n_epoch": 1}
        run = path / f"run-{kind}"
        autoact.run_search(
            task.model, task.data, **{**task.settings, "trainer": trainer}, **SETTINGS, out=run
        )
        save_columns(task, run)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("chosen", [False, True])
@pytest.mark.parametrize("kind", ["price", "level"])
def test_it_predicts_what_the_model_of_the_run_does_to_the_bit(folder: Path, kind: str, chosen: bool) -> None:
    run, task = autoact.load_run(folder / f"run-{kind}"), load_task(folder / f"{kind}.csv", kind)
    model = run.model(run.assignment) if chosen else run.model()
    weights = folder / f"run-{kind}" / "checkpoints" / "final.ckpt" if chosen else run.checkpoint
    assert weights is not None
    autoact.load_weights(model, weights)
    table = read_table(folder / f"{kind}.csv")
    with torch.inference_mode():
        said = model.eval()(torch.from_numpy(task.encoding.encode(table.columns[:3])))
    found = load_predictor(folder / f"run-{kind}", chosen=chosen).predictions(folder / f"{kind}.csv")
    assert found.notes == ()
    if kind == "price":
        np.testing.assert_array_equal(found.values, said.numpy())
    else:
        np.testing.assert_array_equal(found.probabilities, said.softmax(1).numpy())
        assert list(found.values) == [["high", "low"][place] for place in said.argmax(1)]


@pytest.mark.slow
def test_the_recommended_model_is_the_original_unless_the_choice_improved(folder: Path) -> None:
    for kind in ("price", "level"):
        run = autoact.load_run(folder / f"run-{kind}")
        name = (
            "final.ckpt" if run.verdict == "improved" or run.assignment == run.original else "original.ckpt"
        )
        assert run.checkpoint == folder / f"run-{kind}" / "checkpoints" / name
        activations = [type(layer).__name__ for layer in run.model().net if "Linear" not in str(type(layer))]
        assert ("ReLU" in activations) == any(c.activation == "relu" for c in run.recommended.values())


@pytest.mark.slow
def test_the_command_prints_or_writes_and_overwrites_nothing(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, new, out = str(folder / "run-level"), tmp_path / "new.csv", tmp_path / "out.csv"
    new.write_text("built,more,color,size\n2001-05-01,x,red,8.5\n2002-05-01,y,green,1.5\n")
    assert main(["predict", run, str(new)]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[0] == "level,probability high,probability low"
    assert len(printed.out.splitlines()) == 3
    assert main(["predict", run, str(new), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert "('green', row 2)" in found["notes"][0]
    assert found["classes"] == ["high", "low"]
    np.testing.assert_allclose(np.sum(found["probabilities"], axis=1), 1, atol=1e-6)
    assert main(["predict", run, str(new), "--out", str(out)]) == 0
    assert out.read_text() == printed.out
    assert main(["predict", run, str(new), "--out", str(out)]) == 2
    assert out.read_text() == printed.out
    assert "exists; name another file" in capsys.readouterr().err


@pytest.mark.slow
def test_a_run_that_was_copied_elsewhere_predicts_without_its_table(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "run-price", tmp_path / "copy")
    before = load_predictor(folder / "run-price").predict(folder / "price.csv")
    after = load_predictor(tmp_path / "copy").predict(folder / "price.csv")
    np.testing.assert_array_equal(before, after)


@pytest.mark.slow
def test_damaged_and_missing_files_are_named(folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "copy"
    shutil.copytree(folder / "run-price", run)
    text = (run / "columns.json").read_text()
    for damaged, said in (
        (text[:-40], "columns.json cannot be read"),
        (text.replace('"price"', '"prize"'), "checksum"),
    ):
        (run / "columns.json").write_text(damaged)
        with pytest.raises(RunDirectoryError, match=said):
            load_predictor(run)
    (run / "columns.json").unlink()
    with pytest.raises(RunDirectoryError, match=r"no columns\.json.*save_columns"):
        load_predictor(run)
    (run / "columns.json").write_text(text)
    for file in (run / "checkpoints").iterdir():
        file.unlink()
    with pytest.raises(ConfigurationError, match="keeps no trained model with the recommended activations"):
        load_predictor(run)


@pytest.fixture
def predictor() -> TablePredictor:
    encoders = (Numbers("size", "plain", Scale(0.0, 1.0), False), Categories("color", ("red", "blue"), False))
    names = ("size", "y", "color")
    model = Perceptron(3, 1, classification=False, hidden=(2,)).eval()
    return TablePredictor(encoders=encoders, target="y", classes=(), names=names, header=True, model=model)


Written = Callable[[str], Path]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    def write(text: str) -> Path:
        (tmp_path / "new.csv").write_text(text)
        return tmp_path / "new.csv"

    return write


def test_columns_are_found_by_name(predictor: TablePredictor, written: Written) -> None:
    ours = predictor.predict(written("size,color\n1,red\n2,blue\n"))
    np.testing.assert_array_equal(
        predictor.predict(written("y,more,color,size\n0,9,red,1\n0,9,blue,2\n")), ours
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "sizes,color\n1,red\n",
            r"lacks the column 'size', which.* Did you mean 'sizes'\? It has sizes, color",
        ),
        ("a,b\n1,2\n3,4\n", "lacks the columns 'size', 'color'"),
        (
            "size,color\nbig,red\n1,red\nbig,red\n",
            r"column 'size': 2 of 3 cells are no numbers, such as 'big' \(row 1\)",
        ),
    ],
)
def test_what_cannot_be_predicted_is_refused(
    predictor: TablePredictor, written: Written, text: str, said: str
) -> None:
    with pytest.raises(DataError, match=said):
        predictor.predict(written(text))


@pytest.mark.parametrize("rows", ["big,red\n", "big,red\n1,red\n"])
def test_a_single_stray_text_counts_as_missing_and_is_told(
    predictor: TablePredictor, written: Written, rows: str
) -> None:
    found = predictor.predictions(written(f"size,color\n{rows}"))
    assert (
        f"of {rows.count('red')} cells is no numbers ('big', row 1); it counts as missing" in found.notes[0]
    )
    missing = predictor.predict(written("size,color\n?,red\n"))
    np.testing.assert_array_equal(found.values[:1], missing)


def test_strange_cells_are_told(
    predictor: TablePredictor, written: Written, caplog: pytest.LogCaptureFixture
) -> None:
    found = predictor.predictions(written("size,color\n?,red\n1,red\n1,green\n"))
    assert found.notes == (
        "column 'size': 1 of 3 cells is missing ('?', row 1); it counts as the median: no training row "
        "missed it",
        "column 'color': 1 of 3 cells is no category that the model tells apart ('green', row 3); it counts "
        "as none of them",
    )
    np.testing.assert_array_equal(predictor.predict(written("size,color\n1,green\n")), found.values[2:])
    assert "'green'" in caplog.text


def test_without_a_header_columns_are_told_by_their_places(
    predictor: TablePredictor, written: Written
) -> None:
    size, color = (predictor.encoders[0], predictor.encoders[1])
    assert isinstance(size, Numbers)
    assert isinstance(color, Categories)
    encoders = (Numbers("1", "plain", size.scale, False), Categories("3", color.levels, False))
    bare = TablePredictor(
        encoders=encoders,
        target="column 2",
        classes=(),
        names=("1", "2", "3"),
        header=False,
        model=predictor.model,
    )
    ours = predictor.predict(written("size,color\n1,red\n2,blue\n"))
    np.testing.assert_array_equal(bare.predict(written("1,5,red\n2,5,blue\n")), ours)
    np.testing.assert_array_equal(bare.predict(written("1,red\n2,blue\n")), ours)
    with pytest.raises(DataError, match="4 columns and no header line"):
        bare.predict(written("1,5,red,x\n2,5,blue,x\n"))


def test_a_number_has_no_probabilities(predictor: TablePredictor, written: Written) -> None:
    with pytest.raises(ConfigurationError, match="'y' is a number, which has no classes"):
        predictor.predict_proba(written("size,color\n1,red\n"))
