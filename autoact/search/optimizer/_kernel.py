"""Kernels over assignments: layer by layer, and in combination.

Notation:
    L        layers; K_l candidates in layer l
    a        an assignment: one candidate number per layer, (L,)
    d(p, q)  root mean square difference of two standardized activations under the pre-activations' density
    c(p, q)  exp(-(d / 0.5)^2), how close two activations are as functions
    smooth        k(a, b) = mean_l c(a_l, b_l)
    free          k(a, b) = mean_l [a_l = b_l]
    interactions  k(a, b) = exp((smooth - 1) / 0.35), exp((free - 1) / 0.35)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autoact._cache import remembered
from autoact.analysis import Subject, normal_quantiles, subject
from autoact.spaces import Choice

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

KERNELS = ("smooth", "free", "smooth interactions", "free interactions")
_LENGTH = 0.5  # distance at which two activations tell exp(-1) of each other; sin and tanh are 0.4 apart
_DECAY = 0.35  # an interaction forgets exp(-1) where this part of the layers differs
_NEGLIGIBLE = 1e-6  # of a closeness matrix's largest eigenvalue


def function_kernel(names: Sequence[str], nodes: Array | None = None) -> Array:
    """Return exp(-(d / 0.5)²) for all pairs, d the root mean square difference of standardized functions.

    Args:
        names: K registered activations, or with parameter values, such as "elu(alpha=0.7)".
        nodes: Equally likely pre-activations (M,); quantiles of N(0, 1) by default.

    Returns:
        Shape (K, K), ones on the diagonal. A function that is not finite on the nodes is close to none.

    Example:
        >>> near = function_kernel(["relu", "leaky_relu", "sin"])
        >>> bool(near[0, 1] > near[0, 2])
        True
    """
    z = normal_quantiles() if nodes is None else np.asarray(nodes, dtype=np.float64)
    values = np.stack([_function(name)(z) for name in names])
    with np.errstate(all="ignore"):
        centered = values - values.mean(axis=1, keepdims=True)
        deviation = centered.std(axis=1, keepdims=True)
        unit = centered / np.where(deviation > 0, deviation, 1.0)
        apart = 2.0 - 2.0 * (unit @ unit.T) / len(z)
    near = np.exp(-np.maximum(apart, 0.0) / _LENGTH**2)
    near = np.where(np.isfinite(near), near, 0.0)
    np.fill_diagonal(near, 1.0)
    return near


@dataclass(frozen=True, slots=True)
class AssignmentKernel:
    """Kernels over assignments, each given as candidate numbers, one per layer.

    Attributes:
        smooth: Per layer, features (K_l, R_l) whose products are the closeness of two candidates.
    """

    smooth: tuple[Array, ...]

    @classmethod
    def of(cls, candidates: Sequence[Sequence[str]]) -> AssignmentKernel:
        """Build the kernels.

        Args:
            candidates: Names per layer; without layers all assignments are one.

        Example:
            >>> kernel = AssignmentKernel.of([("relu", "gelu", "tanh")] * 2)
            >>> matrices = kernel.matrices(np.array([[0, 0]]), np.array([[0, 0], [1, 0], [2, 2]]))
            >>> matrices.shape, bool(matrices[0, 0, 0] > matrices[0, 0, 1] > matrices[0, 0, 2])
            ((4, 1, 3), True)
        """
        made = {names: _features(function_kernel(names)) for names in dict.fromkeys(map(tuple, candidates))}
        return cls(tuple(made[tuple(names)] for names in candidates))

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of candidates per layer."""
        return tuple(len(features) for features in self.smooth)

    def matrices(self, first: Indices, second: Indices) -> Array:
        """Return all kernels between two lists of assignments.

        Args:
            first: Candidate numbers, shape (N, L).
            second: The same, shape (M, L).

        Returns:
            Shape (4, N, M), in the order of `KERNELS`; each is 1 for equal assignments.
        """
        if not self.smooth:
            return np.ones((len(KERNELS), len(first), len(second)))
        own = _stacked(self.smooth, first)
        other = own if second is first else _stacked(self.smooth, second)
        smooth = own @ other.T / len(self.smooth)
        free = _agreement(first, second)
        interactions = (np.exp((smooth - 1.0) / _DECAY), np.exp((free - 1.0) / _DECAY))
        return np.stack([smooth, free, *interactions])


kernel_of = remembered(maxsize=64)(AssignmentKernel.of)  # computed once; takes tuples


def _function(name: str) -> Subject:
    choice = Choice.parse(name)
    values = {key: value for key, value in choice.parameters.items() if isinstance(value, float)}
    return subject(choice.activation, **values)


def _features(gram: Array) -> Array:
    """Return rows whose products are the entries of a positive semi-definite matrix."""
    eigenvalues, vectors = np.linalg.eigh(gram)
    kept = eigenvalues > _NEGLIGIBLE * eigenvalues[-1]
    return np.asarray(vectors[:, kept] * np.sqrt(eigenvalues[kept]))


def _stacked(features: Sequence[Array], assignments: Indices) -> Array:
    return np.concatenate([rows[assignments[:, layer]] for layer, rows in enumerate(features)], axis=1)


def _agreement(first: Indices, second: Indices) -> Array:
    """Return the part of the layers on which two assignments agree, shape (N, M)."""
    small = np.uint8 if max(first.shape[1], first.max(initial=0), second.max(initial=0)) < 256 else np.int16
    ours, theirs = first.T.astype(small), second.T.astype(small)
    equal = np.zeros((len(first), len(second)), dtype=small)
    for own, other in zip(ours, theirs, strict=True):
        equal += own[:, None] == other[None, :]
    return equal / first.shape[1]
