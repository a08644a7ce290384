"""Small tasks: tables hold real trainings, as anybody would write them, and settings follow from names."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from scripts.benchmarks.networks import perceptron
from scripts.benchmarks.small_tables import build
from scripts.benchmarks.small_tables._families import FAMILIES, PROBLEMS
from scripts.benchmarks.small_tables._setting import Setting
from scripts.benchmarks.small_tables._training import batches, train
from scripts.benchmarks.tables import SearchTable

STORED = sorted(build.OUT.glob("*.npz"))


def test_every_problem_has_rows_that_are_numbers_and_a_name_of_its_own():
    assert len(PROBLEMS) == sum(map(len, FAMILIES.values()))
    for name, problem in PROBLEMS.items():
        inputs, target = problem()
        assert len(inputs) == len(target) >= 150, name
        assert np.isfinite(inputs).all(), name
        assert np.isfinite(np.asarray(target, dtype=float)).all(), name


def test_stored_tables_are_of_tasks_as_they_are_drawn_today():
    assert {path.stem for path in STORED} == set(PROBLEMS)
    for path in STORED:
        table = SearchTable.load(path)
        assert table.about["setting"] == repr(Setting.of(path.stem))
        assert table.about["family"] == build.family_of(path.stem)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_network_of_a_stack_is_trained_as_alone(optimizer):
    setting = replace(
        Setting.of("moons"), optimizer=optimizer, lr=0.01, decays=True, normalized=False, steps=40, rows=64
    )
    rows = build.loaded("moons", setting)
    found = train((2, 8, 8, 2), [("relu", "tanh"), ("sin", "gelu")], 3, rows, setting)

    network, (x, y) = perceptron((2, 8, 8, 2), ("sin", "gelu"), 3), rows.training
    alone = build_optimizer(network.parameters(), optimizer)
    for step, batch in enumerate(batches(len(x), 3, setting)):
        alone.param_groups[0]["lr"] = 0.01 * (1 - step / 40)
        alone.zero_grad()
        cross_entropy(network(x[batch]), y[batch]).backward()
        alone.step()
    with torch.no_grad():
        expected = [float(cross_entropy(network(a), b)) for a, b in (rows.selection, rows.comparison)]
    np.testing.assert_allclose(found[:, 1].numpy(), expected, rtol=1e-4)


def build_optimizer(parameters, name):
    if name == "adam":
        return torch.optim.Adam(parameters, lr=0.01)
    return torch.optim.SGD(parameters, lr=0.01, momentum=0.9)


def test_normalization_is_of_each_network_alone():
    setting = replace(Setting.of("moons"), normalized=True, steps=30, rows=64)
    rows = build.loaded("moons", setting)
    one, other = ("relu", "tanh"), ("sin", "gelu")
    together = train((2, 8, 8, 2), [one, other], 0, rows, setting)
    alone = train((2, 8, 8, 2), [other], 0, rows, setting)
    np.testing.assert_allclose(together[:, 1].numpy(), alone[:, 0].numpy(), rtol=1e-4)


def test_a_table_is_built_once(tmp_path, capsys):
    arguments = ["--short", "--only", "cancer", "--out", str(tmp_path)]
    build.main(arguments)
    table = SearchTable.load(tmp_path / "short" / "cancer.npz")
    depth = len(Setting.of("cancer").widths)
    assert table.selection.shape == (2, *(2,) * depth, 1)
    assert np.isfinite(table.selection).all()
    assert table.regrets.min() == 0.0
    capsys.readouterr()
    build.main(arguments)
    assert capsys.readouterr().out == ""
