"""The benchmark of prices counts every part of a run once; its bare loop trains what a training trains."""

import re

import pytest
import torch

from autoact.training import split, train
from scripts.benchmarks import run_price
from scripts.benchmarks.price import BARE, CASES, Meter, train_bare


@pytest.mark.slow
@pytest.mark.long
def test_a_short_run_tells_its_parts(capsys: pytest.CaptureFixture[str]) -> None:
    meter = run_price.once(CASES["MLP"](), "off", short=True)
    assert {"probe", "sampler", "study", "report", "trial", "confirmation", BARE} <= set(meter.times)
    rows = dict(run_price.rows(meter))
    assert (
        int(rows["trainings"]) == sum(len(meter.times.get(phase, ())) for phase in run_price.PHASES) > 4
    )  # one by one
    assert run_price.main(["MLP", "--short", "--stack", "3"]) == 0
    assert re.search(r"\| whole run \| \d+\.\d \|", capsys.readouterr().out)


@pytest.mark.slow
def test_trainings_alone_are_compared_with_bare_loops(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_price.main(["transformer", "--trainings", "1"]) == 0
    assert re.search(r"a bare loop \d+ ms: \d\.\d\d times", capsys.readouterr().out)


@pytest.mark.slow
def test_arithmetic_of_a_stacked_training_is_told_for_75(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_price.main(["MLP", "--arithmetic", "--short"]) == 0
    found = re.findall(r"\| [\w ,]+ \| (\d\.\d{3}) \| (\d+\.\d) \|", capsys.readouterr().out)
    assert len(found) == 3
    assert all(float(one) > 0 for one, _ in found)
    assert all(abs(75 * float(one) - float(all_)) < 0.1 for one, all_ in found)


def test_a_case_that_needs_data_is_refused_without_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_price.main(["wine"]) == 2
    assert capsys.readouterr().err == "No case wine; there are digits, MLP, CNN, transformer.\n"


def test_parts_within_parts_are_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 1.0, 4.0, 4.5, 6.5, 7.0])
    monkeypatch.setattr("scripts.benchmarks.price._meter.clock", lambda: next(now))
    meter = Meter()
    with meter.part("outer"):
        with meter.part("inner"):
            pass
        with meter.part("inner"):
            pass
    assert meter.times == {"inner": [3.0, 2.0], "outer": [2.0]}


@pytest.mark.slow
def test_a_bare_loop_learns_as_much_as_a_training() -> None:
    case = CASES["digits"]()
    assert train_bare(case) < 0.05
    found = train(case.model, split(case.data), seed=0, monitor="val_loss", trainer=case.trainer)
    assert found.selection < 0.3
    assert found.steps == 340
    torch.manual_seed(0)
    before = torch.get_rng_state()
    train_bare(case)
    assert torch.equal(torch.get_rng_state(), before)
