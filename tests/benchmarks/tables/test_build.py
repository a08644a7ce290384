"""Tables are built on a small scale: a killed build goes on, and what is stored are real trainings."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scripts import terminal
from scripts.benchmarks.networks import train_one
from scripts.benchmarks.tables import SearchTable, build
from scripts.benchmarks.tables.tasks import TASKS

KILLED = """
import os, signal, sys
from scripts.benchmarks.tables import build

train, calls = build.train_stack, []

def once(*arguments):
    calls.append(arguments)
    if len(calls) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return train(*arguments)

build.train_stack = once
build.main(sys.argv[1:])
"""


@pytest.mark.slow
def test_a_killed_build_goes_on_where_it_stopped_and_gives_real_trainings(tmp_path):
    arguments = ["--table", "digits", "--short", "--seeds", "3", "--workers", "1", "--out", str(tmp_path)]
    killed = subprocess.run([sys.executable, "-c", KILLED, *arguments], cwd=terminal.ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    out = tmp_path / "short"
    (before,) = out.glob(".digits-*/0-0.npz")
    marked = dict(np.load(before))
    marked["comparison"][0] = 77.0  # a piece that is there is not trained again
    np.savez(before, **marked)

    build.main(arguments)
    assert [path.name for path in out.iterdir()] == ["digits.npz"]
    table = SearchTable.load(out / "digits.npz")
    assert table.selection.shape == (3, 3, 3, 3, 2)
    assert table.compared((0, 0, 0), 0) == 77.0

    task = TASKS["digits"].shortened()
    names = [task.candidates[choice] for choice in (2, 0, 1)]
    selection, comparison = train_one(task.sizes, names, 2, task.load(Path()), task.regime)
    measured = [table.value((2, 0, 1), 2, rung) for rung in (0, 1)]
    np.testing.assert_allclose(measured, selection, rtol=1e-3)
    assert table.compared((2, 0, 1), 2) == pytest.approx(comparison, rel=1e-3)


@pytest.mark.parametrize("rate", ["constant", "decaying"])
def test_curves_have_a_value_per_epoch_and_averaged_weights(tmp_path, rate):
    options = ["--seeds", "2", "--workers", "1", "--most", "8", "--curves", rate, "--out", str(tmp_path)]
    build.main(["--table", "diabetes", "--short", *options])
    table = SearchTable.load(tmp_path / "short" / "diabetes.npz")
    assert table.selection.shape == (2, 2, 2, 2, 2)
    assert table.averaged is not None
    assert table.averaged.shape == (2, 2, 2, 2, 2)
    assert f"--most 8 --curves {rate}" in table.about["command"]
    assert ("falling to 0" in table.about["training"]) == (rate == "decaying")
    task = TASKS["diabetes"].shortened().thinned(8).read_out(rate == "decaying")
    names = [task.candidates[choice] for choice in (1, 0, 1)]
    selection, compared = train_one(task.sizes, names, 1, task.load(Path()), task.regime)
    found = [*table.selection[1, 1, 0, 1], *table.averaged[1, 1, 0, 1]]
    np.testing.assert_allclose(found, [*selection, compared], rtol=1e-3)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--table", "wine", "--data-dir", "nowhere"], "name the folder that holds it with --data-dir"),
        (["--table", "digits", "--seeds", "0"], "--seeds 0 and --workers 2 must be at least 1"),
        (["--table", "digits", "--most", "7"], "--most 7 must be at least 8: two candidates in 3 layers"),
    ],
)
def test_bad_input_ends_in_one_line(tmp_path, capsys, arguments, said):
    with pytest.raises(SystemExit) as found:
        build.main([*arguments, "--out", str(tmp_path)])
    assert said in f"{found.value} {capsys.readouterr().err}"
