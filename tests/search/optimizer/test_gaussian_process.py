"""Gaussian process over assignments: checked against formulas, and against what each part is for."""

import numpy as np
import pytest

from autoact.search.optimizer._gaussian_process import NOISE, GaussianProcess
from autoact.search.optimizer._kernel import KERNELS, AssignmentKernel, function_kernel, kernel_of
from autoact.search.optimizer._observations import Observations, Points, Scale, squash

NAMES = ("relu", "leaky_relu", "gelu", "tanh", "sin")


def observed(assignments, values, fidelities=None, runs=None, hyperparameters=None) -> Observations:
    count = len(values)
    return Observations(
        assignments=np.asarray(assignments, dtype=np.intp),
        fidelities=np.ones(count) if fidelities is None else np.asarray(fidelities, dtype=np.float64),
        runs=np.arange(count) if runs is None else np.asarray(runs),
        values=np.asarray(values, dtype=np.float64),
        hyperparameters=np.empty((count, 0)) if hyperparameters is None else hyperparameters,
    )


def foretells(process: GaussianProcess, fidelity: float) -> float:
    """Return the correlation of what assignments do early and at the end, without constants and runs."""
    known = process.covariance.variances
    one = np.zeros((1, process.points.assignments.shape[1]), dtype=np.intp)
    early, end = (Points(one, np.array([part]), np.array([-1]), np.empty((1, 0))) for part in (fidelity, 1.0))
    short = process.covariance.terms(early, early)
    signal = np.exp(process.covariance.widening) ** 2 * sum(known[name] for name in KERNELS)
    misleading = sum(known[name] * float(short[name][0, 0]) for name in ("short", "short interactions"))
    assert set(process.covariance.terms(early, end)) == {*KERNELS}
    return float(np.sqrt(signal / (signal + misleading)))


def drawn(rng, count, layers=3):
    return rng.integers(len(NAMES), size=(count, layers))


def test_closeness_is_a_covariance_that_knows_functions() -> None:
    near = function_kernel(NAMES)
    assert np.linalg.eigvalsh(near).min() > -1e-9
    assert near[0, 1] > near[0, 2] > near[0, 4]  # relu: leaky_relu, gelu, sin
    assert near[3, 4] > near[0, 4]  # tanh and sin agree where pre-activations are


def test_closeness_follows_measured_pre_activations() -> None:
    small = function_kernel(NAMES, np.linspace(-0.01, 0.01, 101))
    assert small[2, 3] > 0.99  # near 0 gelu and tanh are straight lines
    assert function_kernel(NAMES)[2, 3] < 0.9


def test_matrices_are_covariances_of_variance_1(rng) -> None:
    like = AssignmentKernel.of([NAMES] * 3)
    rows = drawn(rng, 30)
    grams = like.matrices(rows, rows)
    for name, gram in zip(KERNELS, grams, strict=True):
        assert np.linalg.eigvalsh(gram).min() > -1e-8, name
        np.testing.assert_allclose(np.diag(gram), 1.0, atol=1e-5, err_msg=name)


def test_layers_may_have_different_candidates() -> None:
    like = AssignmentKernel.of([("relu", "tanh"), NAMES])
    assert like.sizes == (2, 5)
    assert like.matrices(np.array([[1, 4]]), np.array([[0, 0]])).shape == (4, 1, 1)


def test_posterior_is_that_of_the_formula(rng) -> None:
    seen = observed(
        drawn(rng, 12), rng.standard_normal(12), rng.choice([0.25, 1.0], 12), rng.integers(8, size=12)
    )
    surrogate = GaussianProcess.fit(kernel_of((NAMES,) * 3), seen)
    asked = Points.means(drawn(rng, 7))
    between = surrogate.covariance.between
    points = surrogate.points
    gram = between(points, points) + (surrogate.covariance.variances[NOISE] + 1e-8) * np.eye(12)
    cross = between(asked, points)
    scaled = surrogate.scale.standardize(seen)
    found = surrogate.posterior(asked)
    mean, covariance = found.mean, surrogate.joint(found, found)
    np.testing.assert_allclose(mean, cross @ np.linalg.solve(gram, scaled), rtol=1e-6, atol=1e-8)
    expected = between(asked, asked) - cross @ np.linalg.solve(gram, cross.T)
    np.testing.assert_allclose(covariance, expected, atol=1e-6)
    np.testing.assert_allclose(surrogate.mean(asked), mean, atol=1e-9)
    np.testing.assert_allclose(found.variance, np.diag(covariance), atol=1e-4)


def test_learning_finds_noise_and_signal(rng) -> None:
    rows = drawn(rng, 120)
    effect = rng.standard_normal((3, len(NAMES)))
    truth = sum(effect[layer, rows[:, layer]] for layer in range(3))
    exact = GaussianProcess.fit(kernel_of((NAMES,) * 3), observed(rows, truth))
    noisy = GaussianProcess.fit(kernel_of((NAMES,) * 3), observed(rows, rng.standard_normal(120)))
    assert exact.noise < 0.05 < 0.3 < noisy.noise
    everything = drawn(rng, 40)
    wanted = sum(effect[layer, everything[:, layer]] for layer in range(3))
    assert np.corrcoef(exact.mean(Points.means(everything)), wanted)[0, 1] > 0.97


def test_trust_in_distances_is_learned(rng) -> None:
    """Values that follow functions raise the smooth part; the same values under shuffled names lower it."""
    rows = drawn(rng, 100, layers=2)
    near = function_kernel(NAMES)
    effect = np.linalg.cholesky(near + 1e-6 * np.eye(5)) @ np.array([1.0, -0.5, 2.0, 0.3, -1.0])
    shares = []
    for order in (np.arange(5), np.array([0, 4, 3, 1, 2])):
        values = effect[order][rows].sum(axis=1)
        learned = GaussianProcess.fit(kernel_of((NAMES,) * 2), observed(rows, values)).covariance.variances
        shares.append(learned["smooth"] / (learned["smooth"] + learned["free"]))
    assert shares[0] > shares[1]


@pytest.mark.parametrize(("bias", "low", "high"), [(0.0, 0.85, 1.0), (3.0, 0.0, 0.6)])
def test_how_well_beginnings_foretell_ends_is_learned(rng, bias: float, low: float, high: float) -> None:
    rows = drawn(rng, 40)
    effect, other = rng.standard_normal((2, 3, len(NAMES)))
    other -= effect * (effect * other).sum() / np.square(effect).sum()
    end = sum(effect[layer, rows[:, layer]] for layer in range(3))
    begin = end + bias * sum(other[layer, rows[:, layer]] for layer in range(3))
    seen = observed(
        np.concatenate([rows, rows]),
        np.concatenate([begin, end]),
        np.repeat([0.1, 1.0], 40),
        np.tile(np.arange(40), 2),
    )
    surrogate = GaussianProcess.fit(kernel_of((NAMES,) * 3), seen)
    assert low <= foretells(surrogate, 0.1) <= high


def test_a_fantasized_value_changes_doubts_and_not_means(rng) -> None:
    surrogate = GaussianProcess.fit(
        kernel_of((NAMES,) * 3), observed(drawn(rng, 15), rng.standard_normal(15))
    )
    asked = Points.means(drawn(rng, 10))
    pending = Points(asked.assignments[:1], np.ones(1), np.array([99]), np.empty((1, 0)))
    before, after = surrogate.posterior(asked), surrogate.fantasize(pending).posterior(asked)
    np.testing.assert_allclose(before.mean, after.mean, atol=1e-6)
    assert after.variance[0] < before.variance[0]


def test_one_diverged_training_does_not_drown_the_others() -> None:
    values = np.array([0.10, 0.11, 0.12, 0.13, 0.14, 1e30, np.nan, np.inf])
    scaled = Scale.of(observed(np.zeros((8, 1)), values)).standardize(observed(np.zeros((8, 1)), values))
    assert np.isfinite(scaled).all()
    assert np.diff(scaled[:5]).min() > 0.3
    assert scaled[4] < scaled[5] == scaled[6] == scaled[7] < 4


def test_values_far_off_keep_their_order_until_they_have_diverged() -> None:
    values = np.array([0.10, 0.11, 0.12, 0.13, 0.14, 1.0, 5.0, 1e3, -1e3])
    scaled = Scale.of(observed(np.zeros((9, 1)), values)).standardize(observed(np.zeros((9, 1)), values))
    assert (np.diff(scaled[:8]) > 0).all()
    assert scaled[8] < scaled[0]


@pytest.mark.parametrize("values", [[0.3], [0.3, 0.3, 0.3], [np.nan], [np.nan, 1.0], [0.0, 0.0, 1e-300]])
def test_few_equal_or_failed_values_are_no_problem(values) -> None:
    surrogate = GaussianProcess.fit(kernel_of((NAMES,)), observed(np.zeros((len(values), 1)), values))
    found = surrogate.posterior(Points.means(np.array([[0], [1]])))
    assert np.isfinite(found.mean).all()
    assert np.isfinite(surrogate.joint(found, found)).all()


def test_squash_keeps_order_and_the_usual_as_it_is() -> None:
    values = np.linspace(-50, 50, 201)
    assert (np.diff(squash(values)) > 0).all()
    np.testing.assert_array_equal(squash(np.array([-1.5, 2.0])), [-1.5, 2.0])
