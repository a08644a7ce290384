"""The benchmark compares like with like, and reads its numbers as it says."""

import subprocess
import sys
from functools import partial

import pytest
import torch

from scripts.benchmarks import contest, mixture


@pytest.mark.slow
def test_every_contestant_computes_the_same_function():
    for names in contest.candidate_sets(False, False).values():
        arena = contest.Arena(4096, "cpu", torch.float32, names, compile=False)
        want, got = arena.forward["naive"](arena.x), arena.forward["mixture"](arena.x)
        finite = want.isfinite()
        torch.testing.assert_close(got[finite], want[finite], rtol=1e-5, atol=1e-5)
        gradients = [torch.autograd.grad(y, arena.w, arena.grad)[0] for y in (want, got)]
        torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-3, atol=1e-3)


def test_memory_kept_is_that_of_the_input():
    arena = contest.Arena(1 << 16, "cpu", torch.float32, contest.LIST, compile=False)
    assert arena.kept("mixture") == pytest.approx(1.0, abs=0.01)
    assert arena.kept("naive") > 5


def test_the_best_ratio_of_all_processes_counts():
    rows = [[{"ratios": {"naive / mixture": a, "K=32 / K=8": a}}] for a in (2.0, 5.0, 3.0)]
    (found,) = contest.best(rows)
    assert found["ratios"] == {"naive / mixture": 5.0, "K=32 / K=8": 2.0}
    assert len(found["all ratios"]) == 3


def test_contestants_take_turns():
    order: list[str] = []
    times = contest.in_turns({n: partial(order.append, n) for n in "ab"}, "cpu", 2)
    assert [len(t) for t in times.values()] == [2, 2]
    assert "".join(order).count("ba") >= 1


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_without_a_gpu_one_line_says_so():
    done = subprocess.run(
        [sys.executable, mixture.__file__, "--device", "cuda"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "No CUDA device" in done.stderr
