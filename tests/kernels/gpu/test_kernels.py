"""The Triton kernels without a GPU: run by the interpreter, and compiled ahead of time for two GPUs."""

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import sympy as sp
import torch

import autoact
from autoact.errors import UnsupportedInputError
from autoact.kernels import plan_for
from autoact.kernels.gpu import _functions as triton_functions
from autoact.kernels.gpu import _launching, _tiling
from autoact.kernels.gpu import _triton_kernels as triton_kernels
from autoact.kernels.plan import backward_program, forward_program
from autoact.kernels.print import backward_source, forward_source
from autoact.nn import _scalars
from scripts.benchmarks.triton_counts import EIGHT, compiled, count
from tests.kernels.gpu import layer_checks, triton_checks
from tests.kernels.gpu.triton_comparison import built_in

pytestmark = pytest.mark.skipif(
    not triton_functions.INSTALLED, reason="Triton is not installed: pip install triton (Linux)"
)
ROOT = Path(__file__).parents[3]
NUMERIC = ("every_activation_to_float32_accuracy", "relative_accuracy_near_zero", "mixtures_of_odd_sizes")
ALL = built_in()
FIRST_32 = tuple(n for n in ALL if n not in ("clamped_offset", "clamped_swish", "finer", "garf"))[:32]
OTHERS = tuple(n for n in ALL if n not in FIRST_32)


def interpreted(folder, *arguments):
    """Results of the checks, in a process of their own: Triton decides on import whether it interprets."""
    results = folder / "results.json"
    environment = {**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": str(ROOT)}
    script = ROOT / "tests" / "kernels" / "gpu" / "triton_checks.py"
    command = [sys.executable, str(script), "--device", "cpu", "--json", str(results), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT)
    assert results.is_file(), done.stdout + done.stderr
    found = json.loads(results.read_text())
    assert {name: result["error"] for name, result in found.items() if result["error"]} == {}
    return found


FREE = {name for name in triton_checks.check if "free_forms" in name}


@pytest.mark.long  # 35 s; by default the operator's plan and the instructions of free forms are looked at
@pytest.mark.slow
def test_free_forms_under_the_interpreter(tmp_path):
    found = interpreted(tmp_path, "--only", *sorted(FREE))
    assert {name for name, result in found.items() if result["skipped"]} == set()


@pytest.mark.slow
def test_under_the_interpreter(tmp_path):
    found = interpreted(tmp_path, "--only", *(name for name in triton_checks.check if name not in FREE))
    assert set(found) | FREE == set(triton_checks.check)
    skipped = {name for name, result in found.items() if result["skipped"]}
    assert skipped == {
        "more_than_two_to_the_31_elements",
        "through_the_operator",
        "a_step_of_a_layer_launches_four_kernels",
    }, "what needs a GPU, no more"


@pytest.mark.long
@pytest.mark.slow
def test_with_the_errors_that_hardware_may_make(tmp_path):
    found = interpreted(tmp_path, "--noise", "--only", *NUMERIC)
    assert [result["skipped"] for result in found.values()] == [None] * len(NUMERIC)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["forward", "backward"])
@pytest.mark.parametrize(
    "activations",
    [
        OTHERS,
        pytest.param(FIRST_32, marks=pytest.mark.long),
    ],  # by default in one kernel: test_mixtures_compile
    ids=["others", "first 32"],
)
def test_every_activation_alone_compiles(name, activations):
    for activation in activations:
        assert compiled(plan_for((activation,)), name).asm["cubin"], activation


@pytest.mark.slow
@pytest.mark.parametrize("name", ["forward", "backward"])
@pytest.mark.parametrize("capability", [80, 90])
def test_mixtures_compile(name, capability):
    plan = plan_for(EIGHT)
    for dtype in ("float32", "bfloat16", "float16"):
        assert f".target sm_{capability}" in compiled(plan, name, dtype, capability).asm["ptx"]
    for unusual in ({"per_column": True}, {"even": False}, {"big": True}):
        assert compiled(plan, name, "bfloat16", capability, **unusual).asm["cubin"]
    assert compiled(plan_for(FIRST_32), name, "float32", capability).asm["cubin"]


class NoDriver:
    """Says that an H200 is there: enough for everything of a launch but the launch."""

    def get_current_device(self):
        return 0

    def get_current_stream(self, device):
        return 0

    def get_current_target(self):
        return import_module("triton.backends.compiler").GPUTarget("cuda", 90, 32)


@pytest.fixture
def compilations(monkeypatch):
    """Machine code of every kernel that is launched, which then is compiled only."""
    found = []

    def launch(kernel, programs, operands, arguments):
        found.append(kernel.warmup(*operands, grid=(programs,), **arguments).asm["cubin"])

    monkeypatch.setattr(import_module("triton").runtime.driver, "_active", NoDriver())
    monkeypatch.setattr(_launching, "launch", launch)
    return found


@pytest.mark.slow
def test_every_kind_of_launch_up_to_the_device(compilations):
    """Triton makes constants of arguments that are 1 or multiples of 16: each such kernel must compile."""
    plan = plan_for(("relu", "silu"))
    shapes = {(1,): 0, (32768,): 0, (1000,): 0, (3, 5): 5, (3, 5, 7): 5, (2, 32, 64): 32}
    for shape, channels in shapes.items():
        x = torch.ones(shape, dtype=torch.bfloat16 if channels == 32 else torch.float32)
        c = torch.ones((channels, 2) if channels else 2)
        triton_kernels.forward(plan, x, c, 1)
        triton_kernels.backward(plan, x, c, x, 1)
    assert len(compilations) == 2 * len(shapes)
    assert all(compilations)


def test_a_kernel_compiled_before_is_launched_where_all_that_triton_asks_is_alike():
    """dtype, alignment and numbers; the call is the one that Triton makes."""
    calls = []

    class Compiled:
        def __getitem__(self, grid):
            return lambda *values: calls.append(("compiled", grid, values))

    class Kernel:
        arg_names = ("a_ptr", "rows", "ROWS", "HALF")

        def __getitem__(self, grid):
            def run(*operands, **arguments):
                calls.append(("Triton", grid, (*operands, *arguments.values())))
                return Compiled()

            return run

    kernel, arguments = Kernel(), {"ROWS": 8, "HALF": False, "num_warps": 4}
    memory = torch.zeros(16)
    for operands in ((memory, 5), (memory[1:], 5), (memory, 6), (memory.double(), 5)):
        for programs in (2, 3):
            _launching.launch(kernel, programs, operands, arguments)
    _launching.launch(kernel, 2, (memory, 5), dict(arguments))
    assert [way for way, *_ in calls] == ["Triton", "compiled"] * 4 + ["Triton"]
    assert calls[1][1:] == ((3, 1, 1), (memory, 5, 8, False))


@pytest.mark.slow
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"candidates": ("relu",), "start": "relu"},
        {"candidates": ("relu", "elu", "hill"), "bounds": {"hill": {"n": [2, 6]}}},
        pytest.param({"candidates": ALL}, marks=pytest.mark.slow),
    ],
    ids=["default", "one", "bounds", "all"],
)
def test_the_chain_of_a_layer_compiles(compilations, more):
    layer = autoact.AutoActivation(**more)
    for own in (layer, layer.double()):
        chain = _scalars._chain_of(own._key)
        assert chain is not None
        state = chain.compute(layer_checks.numbers_of(own), 0.1)
        for programs in (1, 528):
            chain.pull(torch.ones(1, programs, chain.state.coefficients), state, own.logits, own.raw)
    assert len(compilations) == 6
    assert all(compilations)


def test_a_factor_without_a_triton_form_leaves_the_chain_to_torch():
    @autoact.activation(family="test")
    def triton_tangent(x, a=autoact.Parameter(default=1.0)):
        """A factor that training moves."""
        return sp.atan(a) * sp.Max(x, 0)

    assert _scalars._chain_of(autoact.AutoActivation(["triton_tangent", "relu"])._key) is None


# What one element may cost, so that memory is the limit: on an H200 of 132 multiprocessors at 1.98 GHz that
# reads and writes 4.3 TB/s, 62 instructions forward and 93 backward in float32, and 1.4 times 31 and 47 in
# bfloat16; of the special-function unit, 5 forward in bfloat16.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "dtype", "instructions", "special"),
    [
        ("forward", "float32", 54, 5),
        ("backward", "float32", 72, 5),
        ("forward", "bfloat16", 43, 5),
        ("backward", "bfloat16", 64, 5),
    ],
)
def test_instructions_per_element(name, dtype, instructions, special):
    found = count(plan_for(EIGHT), name, dtype)
    assert found.instructions <= instructions
    assert found.special <= special
    assert found.spilled == 0
    assert found.registers <= 128
    assert found.atomics == 0
    assert found.bytes_per_access == 16


# A shape has a number for each of its basis functions, and backward one sum; Triton 3.6 needs 46, 48, 135
# instructions forward and 183, 122, 329 backward. Of rational's backward kernel one register goes to memory.
@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    ("free", "forward", "backward", "spilled"),
    [("rational", 50, 200, 2), ("linear_spline", 52, 134, 0), ("cubic_spline", 148, 360, 0)],
)
def test_instructions_of_free_forms(free, forward, backward, spilled, dtype):
    for name, most in (("forward", forward), ("backward", backward)):
        found = count(plan_for((free,)), name, dtype)
        assert found.instructions <= most, name
        assert found.special <= 2, name
        assert found.spilled <= (spilled if (name, dtype) == ("backward", "float32") else 0), name
        assert found.atomics == 0, name


@pytest.mark.slow
def test_thirty_two_members():
    forward, backward = (count(plan_for(FIRST_32), name, "bfloat16") for name in ("forward", "backward"))
    assert forward.instructions <= 450  # 372 with Triton 3.6, 422 with 3.9
    assert backward.instructions <= 720
    assert forward.atomics == backward.atomics == 0


def test_equal_sets_of_basis_functions_share_their_kernels():
    """Weights and parameters are arguments, and so are members that differ in them alone."""
    first, second = plan_for(("relu", "elu", "silu")), plan_for(("silu", "selu", "relu"))
    assert triton_kernels.kernels(first)[0] is triton_kernels.kernels(second)[0]
    assert triton_kernels.kernels(first)[1] is triton_kernels.kernels(second)[1]


@pytest.mark.slow
def test_without_a_gpu_the_script_says_so_in_one_line(tmp_path):
    results = tmp_path / "results.json"
    environment = {**os.environ, "PYTHON": sys.executable, "CUDA_VISIBLE_DEVICES": ""}
    command = ["bash", str(ROOT / "scripts" / "gpu_checks.sh"), str(results)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 2
    assert done.stderr.startswith("Nothing was checked or measured: torch ")
    assert len(done.stderr.splitlines()) == 1
    assert not results.exists()


def test_what_is_no_float_of_these_kernels_is_left_to_torch():
    for dtype in (torch.float64, torch.int64, torch.float8_e5m2):
        reason = triton_kernels.unsupported(plan_for(("relu",)), torch.empty(2, dtype=dtype))
        assert reason == f"{str(dtype)[6:]} is computed by torch"


def test_a_function_without_a_triton_form_is_named():
    @autoact.activation(family="test")
    def triton_cube(x, n=autoact.Parameter(default=3.0)):
        """A power that training moves."""
        return (1 + x**2) ** n

    plan = plan_for(("triton_cube",))
    for source, program in ((forward_source, forward_program), (backward_source, backward_program)):
        with pytest.raises(UnsupportedInputError, match="exponent must be a whole number"):
            source(program(plan))


@pytest.mark.parametrize(
    ("sizes", "per_channel"),
    [
        ((1, 1, 5000), False),
        ((7, 5, 1), True),
        ((7, 5, 33), True),
        ((2, 3, 5000), True),
        ((100000, 3, 1), True),
    ],
)
def test_every_element_belongs_to_one_lane(sizes, per_channel):
    cover = _tiling.tiling(sizes, per_channel, 1024, 6)
    seen = [0] * cover.total
    for group in range(cover.groups):
        for row in range(cover.tiles * cover.block_rows):
            for start in range(cover.chunks):
                for column in range(start * cover.block_columns, (start + 1) * cover.block_columns):
                    place = group * cover.group_stride + row * cover.row_stride + column
                    if row < cover.rows and column < cover.columns and place < cover.total:
                        seen[place] += 1
    assert set(seen) == {1}


def test_offsets_have_64_bits_only_where_they_must():
    assert not _tiling.tiling((1, 1, 2**31 - 2**13), False, 1024, 2112).big
    assert _tiling.tiling((1, 1, 2**31), False, 1024, 2112).big
