"""The network of a table and scikit-learn's models are measured on the same rows."""

from pathlib import Path

import numpy as np
import pytest

from autoact.tabular import load_task
from scripts.benchmarks.networks import table_network


@pytest.mark.slow
@pytest.mark.parametrize("classes", [False, True])
def test_a_linear_table_is_easiest_for_the_linear_model(tmp_path: Path, classes: bool) -> None:
    draw = np.random.default_rng(0).normal(size=(60, 3))
    y = draw @ [1.0, -2.0, 0.5]
    named = ["high" if each > 0 else "low" for each in y] if classes else [f"{each:.6f}" for each in y + 0.01]
    rows = "\n".join(f"{a:.4f},{b:.4f},{c:.4f},{t}" for (a, b, c), t in zip(draw, named, strict=True))
    (tmp_path / "linear.csv").write_text(f"a,b,c,y\n{rows}\n")
    task = load_task(tmp_path / "linear.csv", "y")
    found = table_network.compared(task, 1)
    assert len(found) == 5
    assert np.isfinite(found).all()
    assert found[3] < found[4] < 1.5  # ridge or logistic regression against gradient boosting
    present, same = table_network.tried(task, 1, [{}])
    assert present > 0
    assert same == 1


def test_settings_are_read() -> None:
    assert table_network.read_settings("weight_decay=0.1,dropout=0.2") == {
        "weight_decay": 0.1,
        "dropout": 0.2,
    }
