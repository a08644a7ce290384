"""Read-outs of trainings are compared on tables whose truth and noise are known."""

import json
from pathlib import Path

import numpy as np
import pytest

from scripts.benchmarks.replay import readouts
from scripts.benchmarks.replay.readouts import AVERAGED, HALF, LAST, QUARTER, READ_OUTS
from scripts.benchmarks.tables import SearchTable

NAMES = ("relu", "tanh", "sin", "gelu")
SEEDS, EPOCHS = 12, 8


def table(noise: float = 1.0, slope: float = 0.0) -> SearchTable:
    """Return values that differ by assignment and seed, and by epoch by independent noise."""
    random = np.random.default_rng(0)
    truth = random.normal(size=(1, 4, 4, 4, 1))
    steps = np.arange(EPOCHS) - (EPOCHS - 1)
    falling = slope * random.normal(size=(1, 4, 4, 4, 1)) * steps
    selection = truth + falling + noise * random.normal(size=(SEEDS, 4, 4, 4, EPOCHS))
    selection += random.normal(size=(SEEDS, 1, 1, 1, 1))  # what a seed adds to all does not matter
    return SearchTable(
        name="made",
        layers=("a", "b", "c"),
        candidates=(NAMES,) * 3,
        fractions=tuple((n + 1) / EPOCHS for n in range(EPOCHS)),
        selection=selection,
        comparison=selection[..., -1],
        mode="min",
        priors={},
        about={},
        averaged=np.repeat(selection[..., -4:].mean(-1, keepdims=True), 2, axis=-1),
    )


def by_seed(read_out: str, made: SearchTable) -> np.ndarray:
    return readouts.flat(READ_OUTS[read_out](made))


def test_noise_is_the_variance_of_a_difference_on_one_seed():
    made = table(noise=0.5)
    assert readouts.noise(by_seed(LAST, made)) == pytest.approx(2 * 0.5**2, rel=0.1)
    ratios = {
        name: readouts.noise(by_seed(name, made)) / readouts.noise(by_seed(LAST, made)) for name in READ_OUTS
    }
    assert ratios == {
        LAST: 1.0,
        QUARTER: pytest.approx(1 / 2, rel=0.15),
        HALF: pytest.approx(1 / 4, rel=0.15),
        AVERAGED: pytest.approx(1 / 4, rel=0.15),
    }


def test_bias_is_what_means_differ_by_beyond_noise():
    still, falling = table(), table(slope=0.5)
    assert readouts.bias(by_seed(HALF, still), by_seed(LAST, still)) < 0.1
    assert readouts.bias(by_seed(HALF, falling), by_seed(LAST, falling)) == pytest.approx(0.75, abs=0.2)
    assert readouts.bias(by_seed(LAST, falling), by_seed(LAST, falling)) == 0.0


def test_less_noise_chooses_better_and_is_judged_by_other_seeds():
    made = table(noise=2.0)
    last, half = by_seed(LAST, made), by_seed(HALF, made)
    noisy, calm = (readouts.regrets(values, last, 10, 500) for values in (last, half))
    assert readouts.correlation(half, last) > readouts.correlation(last, last)
    assert noisy.shape == (SEEDS,)
    assert calm.mean() < noisy.mean() - 0.05
    spoiled = last.copy()
    spoiled[0] += 100 * np.arange(64)  # its own seed does not judge
    assert readouts.regrets(last[:1], spoiled, 10, 50) == pytest.approx(
        readouts.regrets(last[:1], last, 10, 50)
    )


@pytest.mark.slow
def test_a_search_sees_the_read_out_and_is_judged_by_last_values():
    made = table(noise=0.0)
    found = readouts.searched(made, READ_OUTS[LAST](made), 30, 2)
    against = readouts.searched(made, -READ_OUTS[LAST](made), 30, 2)
    assert found.max() < 0.5 < 1.5 < against.min()


def test_intervals_are_those_of_a_t_test():
    sample = np.array([0.1, 0.3, 0.2, 0.6])
    half = 3.182446 * sample.std(ddof=1) / 2
    assert readouts.interval([sample]) == f"{0.3:+.3f} [{0.3 - half:+.3f}, {0.3 + half:+.3f}]"


def test_the_script_prints_and_keeps_what_it_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for rate in ("constant", "decaying"):
        (tmp_path / rate).mkdir()
        table().save(tmp_path / rate / "made.npz")
    kept = tmp_path / "found.json"
    assert readouts.main(["--tables", str(tmp_path), "--short", "--json", str(kept)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2 + 2 * 2 * len(READ_OUTS)
    found = json.loads(kept.read_text(encoding="utf-8"))
    assert found["constant"]["made"][LAST]["noise"] == 1.0
    assert len(found["decaying"]["made"][HALF]["regret"]) == SEEDS
    assert found["decaying"]["made"][HALF]["searched"] == []


def test_without_tables_or_averaged_weights_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert readouts.main(["--tables", str(tmp_path)]) == 2
    assert "holds no table in constant or decaying" in capsys.readouterr().err
    made = table()
    object.__setattr__(made, "averaged", None)
    with pytest.raises(ValueError, match="'made' has no averaged weights: build it with --curves"):
        readouts.averaged(made)
