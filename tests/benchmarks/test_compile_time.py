"""The benchmark of first calls counts what a compiler is given."""

import pytest
import torch

from autoact.kernels import Way, route
from scripts.benchmarks.contest import compile_time


@pytest.mark.slow
def test_the_short_run_prints_a_row_for_each_size_and_backend(capsys):
    compile_time.main(["--short"])
    rows = capsys.readouterr().out.splitlines()[2:]
    assert [row.split()[:2] for row in rows] == [
        [elements, backend] for elements in ("2048", "8192", "65536") for backend in ("eager", "aot_eager")
    ]
    assert all(row.split()[-1] == "1" for row in rows)  # one graph, however far a layer has left its start


@pytest.mark.parametrize("shape", compile_time.SHAPES)
def test_a_layer_is_few_nodes_of_the_graph(shape):
    if route(("relu", "tanh"), torch.zeros(*shape)).way is not Way.C:
        pytest.skip("no C compiler: the formula is inlined")
    plain, ours = (compile_time.first_call(kind, 2, shape, "eager") for kind in compile_time.MODELS)
    assert plain.nodes == pytest.approx(2, abs=0.5)
    assert ours.nodes - plain.nodes < 4
