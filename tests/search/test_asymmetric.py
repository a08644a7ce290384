"""On a task whose one right answer is elu with a given alpha, a search returns it."""

from functools import partial
from pathlib import Path

import pytest

from autoact import run_search
from autoact.training import train
from tests.search.asymmetric import CANDIDATES, TRAINER, AsymmetricData, OneNeuron


@pytest.mark.slow
@pytest.mark.parametrize("a", [0.3, 0.7, 3.0])
def test_a_mixture_learns_the_parameter_in_place(a: float) -> None:
    found = train(
        OneNeuron,
        AsymmetricData(a),
        seed=1,
        monitor="val_mse",
        trainer=TRAINER,
        space=CANDIDATES,
        fine_tune=0.5,
    )
    assert found.assignment is not None
    (choice,) = found.assignment.values()
    assert choice.activation == "elu"
    assert choice.parameters["alpha"] == pytest.approx(a, rel=0.02)
    gap = found.mixture["discretization"]
    assert gap["fine_tuned"] < 1e-6 < gap["derived"]
    assert set(found.mixture["layers"]["net.1"]["errors"]) == set(CANDIDATES)
    assert found.steps == 1.5 * found.planned_steps


@pytest.mark.slow
def test_the_learned_parameter_reaches_the_returned_assignment(tmp_path: Path) -> None:
    result = run_search(
        OneNeuron,
        partial(AsymmetricData, 0.3),
        out=tmp_path / "run",
        space=["relu", "elu", "tanh"],
        monitor="val_mse",
        mode="min",
        budget=6,
        seeds=2,
        selection_seeds=1,
        trainer=TRAINER,
        quiet=True,
    )
    (choice,) = result.assignment.values()
    assert choice.activation == "elu"
    assert choice.parameters["alpha"] == pytest.approx(0.3, rel=0.02)
    assert result.report["cost"]["search"]["trainings"] <= 6
