"""Lowered programs compute what the generated formulas do, with each shared kernel once."""

import pytest
import sympy as sp
import torch

import autoact
from autoact.activations import compile_source, torch_source
from autoact.activations import primitives as p
from autoact.kernels import plan_for
from autoact.kernels.plan import backward_program, forward_program

BUILT_IN = autoact.list_activations()
EIGHT = ("identity", "relu", "leaky_relu", "prelu", "elu", "silu", "gelu", "tanh")
X = torch.cat([torch.linspace(-9, 9, 2001, dtype=torch.float64), torch.tensor([0.0, -0.0, 60.0, -60.0])])


def run(program, *arguments):
    """Evaluate a program with torch, step by step."""
    lines = [f"def run({', '.join(s.name for s in program.arguments)}):"]
    lines += [f"    {name.name} = {torch_source(value)}" for name, value in program.steps]
    lines.append(f"    return ({', '.join(torch_source(e) for e in program.outputs)},)")
    outputs = compile_source("run", "\n".join(lines) + "\n")(*arguments)
    return [torch.as_tensor(o).double().expand_as(arguments[0]) for o in outputs]


def coefficients(plan, seed=0):
    generator = torch.Generator().manual_seed(seed)
    values = torch.rand(len(plan.coefficient_symbols), 1, generator=generator, dtype=torch.float64) + 0.5
    return list(values)  # (1,), not (): those do not take part in type promotion


@pytest.mark.parametrize("names", [*((n,) for n in BUILT_IN), EIGHT, BUILT_IN[:32], BUILT_IN])
def test_programs_equal_the_generated_formulas(names):
    plan = plan_for(names)
    c = coefficients(plan)
    for program, formula in ((forward_program, plan.forward), (backward_program, plan.backward)):
        for got, want in zip(run(program(plan), X, *c), formula(X, *c), strict=True):
            expected = want.expand_as(X) if isinstance(want, torch.Tensor) else torch.full_like(X, want)
            torch.testing.assert_close(got, expected, rtol=1e-11, atol=1e-11)


def calls(program):
    """Count the transcendental functions that a program evaluates."""
    cheap = (p.pos, p.neg, p.step, p.below, p.select, p.guard, p.clip, p.window, p.sign, p.absolute, p.finite)
    found = [
        call
        for e in (*(value for _, value in program.steps), *program.outputs)
        for call in e.atoms(sp.Function)
        if not isinstance(call, cheap)
    ]
    return sorted(type(call).__name__ for call in found)


def test_eight_members_share_four_transcendental_functions():
    assert calls(forward_program(plan_for(EIGHT))) == ["decay", "decay1", "erf"]
    assert calls(backward_program(plan_for(EIGHT))) == ["bell", "decay", "decay1", "erf"]


@pytest.mark.parametrize("direction", [forward_program, backward_program])
def test_no_call_is_written_twice(direction):
    program = direction(plan_for(BUILT_IN))
    bodies = [value for _, value in program.steps]
    assert len(set(bodies)) == len(bodies)
    defined = set(program.arguments)
    for name, value in program.steps:
        assert value.free_symbols <= defined
        defined.add(name)


def test_members_that_weigh_zero_are_absent_at_infinity():
    plan = plan_for(("relu", "exp", "silu", "sin", "tanh"))
    x = torch.tensor([torch.inf, -torch.inf, 800.0], dtype=torch.float64)
    relu = p.pos(sp.Symbol("x", real=True))
    c = [torch.tensor([float(f == relu)], dtype=torch.float64) for f in plan.basis.functions]
    assert torch.equal(run(forward_program(plan), x, *c)[0], torch.relu(x))
    assert torch.equal(run(backward_program(plan), x, *c)[0], (x > 0).double())


def test_nan_stays():
    plan = plan_for(BUILT_IN)
    outputs = run(backward_program(plan), torch.tensor([torch.nan], dtype=torch.float64), *coefficients(plan))
    assert torch.isnan(outputs[0]).all()
    assert torch.isnan(run(forward_program(plan), outputs[0], *coefficients(plan))[0]).all()


def test_no_step_is_only_another_name():
    for direction in (forward_program, backward_program):
        assert not [name for name, value in direction(plan_for(BUILT_IN)).steps if value.is_Symbol]
