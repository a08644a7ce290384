"""Designs of cheap trainings: their mathematics against what it solves."""

import pytest
import torch
from scipy.optimize import minimize_scalar

from scripts.benchmarks import designs


def test_the_hypergradient_is_the_analytic_one():
    # inner 1/2 |w - A s|^2, outer 1/2 |w - c|^2 + 1/2 |s|^2: w' = w - r (w - A s), slope r A^T (w' - c) + s
    generator = torch.Generator().manual_seed(0)
    matrix, w, s, c = (
        torch.randn(shape, generator=generator, dtype=torch.float64) for shape in ((4, 3), (4,), (3,), (4,))
    )
    w.requires_grad_(True)
    s.requires_grad_(True)
    (found,) = designs.hypergradient(
        lambda values: 0.5 * (values[0] - matrix @ s).square().sum(),
        lambda values: 0.5 * (values[0] - c).square().sum() + 0.5 * s.square().sum(),
        [w],
        [s],
        0.3,
    )
    stepped = w - 0.3 * (w - matrix @ s)
    torch.testing.assert_close(found, 0.3 * matrix.T @ (stepped - c) + s)


@pytest.mark.parametrize(("name", "alpha"), [("sparsemax", 2.0), ("entmax15", 1.5)])
def test_sparse_relaxations_solve_their_problem(name, alpha):
    # weights p(t) = max((alpha - 1) z - t, 0)^(1 / (alpha - 1)) with t such that they sum to 1
    logits = torch.tensor([1.3, 0.2, 1.1, -2.0])

    def weights(threshold: float) -> torch.Tensor:
        return ((alpha - 1) * logits - threshold).clamp(min=0) ** (1 / (alpha - 1))

    solved = minimize_scalar(lambda t: (float(weights(t).sum()) - 1) ** 2, bounds=(-1, 1.2), method="bounded")
    found = getattr(designs, name)(logits, 0.0)
    torch.testing.assert_close(found, weights(solved.x), atol=1e-3, rtol=1e-3)
    assert float(found.sum()) == pytest.approx(1, abs=1e-6)
