"""Search problems with a known truth: made from a seed, of any depth, never stored.

An assignment's true value is a sum over layers plus a term for each pair of neighboring layers. Its best
assignment is then found exactly, by dynamic programming, also where 5^10 assignments cannot be listed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from autoact.analysis import distance
from scripts.benchmarks.tables._landscape import Array, Index, Mode, Prior

NAMES = ("relu", "leaky_relu", "elu", "silu", "gelu", "tanh", "softplus", "sin")
FRACTIONS = (1 / 12, 1 / 4, 1.0)
BIAS = (0.6, 0.35, 0.0)  # s.d. of what a shorter training says wrongly, in s.d. between assignments
NOISE_GROWTH = (1.15, 1.05, 1.0)  # noise of shorter trainings, relative to full ones
SMOOTHNESS = 0.7  # function-space distance over which values change
INTERACTION = 0.45  # s.d. of the pairs' part, relative to the layers' part
MEDIAN_SAMPLE = 20_001


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticTable:
    """A search problem computed from a formula; smaller is better.

    Args:
        name: of the problem.
        layers: names of the L layers.
        names: the K candidates of every layer.
        fractions: ascending, the last is 1.
        unary: what each choice adds, by fraction: shape (F, L, K). The last fraction is the truth.
        pairwise: what neighbors add together, shape (F, L - 1, K, K).
        noise: s.d. of a training's value by fraction, in the values' units.
        shared: part of the noise's variance that all fractions of one training have in common, 0 to 1.
        seeds: how many seeds an assignment has.
        random_state: decides the noise.
    """

    name: str
    layers: tuple[str, ...]
    names: tuple[str, ...]
    fractions: tuple[float, ...]
    unary: Array
    pairwise: Array
    noise: tuple[float, ...]
    shared: float = 0.5
    seeds: int = 100
    random_state: int = 0
    mode: Mode = "min"
    priors: Mapping[str, Prior] = field(default_factory=dict)
    best: Index = field(init=False)
    scale: float = field(init=False)  # median - best of the true values

    def __post_init__(self) -> None:
        object.__setattr__(self, "best", cheapest_chain(self.unary[-1], self.pairwise[-1]))
        rng = np.random.default_rng(self.random_state)
        sample = rng.integers(len(self.names), size=(MEDIAN_SAMPLE, len(self.layers)))
        median = float(np.median(_chain_values(self.unary[-1], self.pairwise[-1], sample)))
        object.__setattr__(self, "scale", median - self.true_value(self.best))

    @property
    def candidates(self) -> tuple[tuple[str, ...], ...]:
        """The candidates, per layer."""
        return (self.names,) * len(self.layers)

    def true_value(self, assignment: Index, rung: int = -1) -> float:
        """Give the expected value of an assignment at a fraction."""
        return float(_chain_values(self.unary[rung], self.pairwise[rung], np.array([assignment]))[0])

    def value(self, assignment: Index, seed: int, rung: int) -> float:
        """Give the value of one training at `fractions[rung]`: the expected one and this training's noise."""
        draws = np.random.default_rng([self.random_state, seed, *assignment]).standard_normal(
            len(self.noise) + 2
        )
        own = np.sqrt(self.shared) * draws[0] + np.sqrt(1 - self.shared) * draws[2 + rung]
        return self.true_value(assignment, rung) + self.noise[rung] * float(own)

    def compared(self, assignment: Index, seed: int) -> float:
        """Give the value of the same training at its end on other data: the noise is another's."""
        draws = np.random.default_rng([self.random_state, seed, *assignment]).standard_normal(2)
        return self.true_value(assignment) + self.noise[-1] * float(draws[1])

    def regret(self, assignment: Index) -> float:
        """Give the true normalized regret: 0 for the best assignment, 1 for the median one."""
        return (
            (self.true_value(assignment) - self.true_value(self.best)) / self.scale if self.scale > 0 else 0.0
        )


def additive(
    seed: int = 0, *, layers: int = 3, names: Sequence[str] = NAMES, noise: float = 0.44
) -> SyntheticTable:
    """Near activations have near values; about a sixth of the variance is interactions of neighbors.

    Args:
        seed: of the problem.
        layers: L >= 1.
        names: the candidates of every layer.
        noise: s.d. between seeds, in units of the s.d. between assignments.

    Example:
        >>> table = additive(0, layers=10, names=NAMES[:5])
        >>> table.regret(table.best), len(table.best)
        (0.0, 10)
    """
    return _smooth("additive", seed, layers, names, noise)


def adversarial(
    seed: int = 0, *, layers: int = 3, names: Sequence[str] = NAMES, noise: float = 0.44
) -> SyntheticTable:
    """As `additive`, with names permuted so that near activations have far values."""
    return _smooth("adversarial", seed, layers, names, noise, misleading=True)


def planted(
    seed: int = 0, *, layers: int = 3, names: Sequence[str] = NAMES, noise: float = 0.44
) -> SyntheticTable:
    """One mixed assignment stands out by three s.d., which only its pairs gain: no choice does alone."""
    rng = np.random.default_rng([seed, 1])
    base = _smooth("planted", seed, layers, names, noise)
    optimum = np.arange(layers) % 2 + rng.integers(len(names) - 1)  # never uniform
    pairwise = base.pairwise.copy()
    bonus = 3.0 / max(layers - 1, 1)
    for layer in range(layers - 1):
        pairwise[:, layer, optimum[layer], optimum[layer + 1]] -= bonus
    return replace(base, pairwise=pairwise)


def pure_noise(
    seed: int = 0, *, layers: int = 3, names: Sequence[str] = NAMES, noise: float = 1.0
) -> SyntheticTable:
    """All assignments are equally good: every regret is 0."""
    fractions = len(FRACTIONS)
    return SyntheticTable(
        name="pure_noise",
        layers=_layer_names(layers),
        names=tuple(names),
        fractions=FRACTIONS,
        unary=np.zeros((fractions, layers, len(names))),
        pairwise=np.zeros((fractions, max(layers - 1, 0), len(names), len(names))),
        noise=(noise,) * fractions,
        random_state=seed,
    )


def misleading_start(
    seed: int = 0, *, layers: int = 3, names: Sequence[str] = NAMES, noise: float = 0.44
) -> SyntheticTable:
    """Short trainings rank by something else: what they say has nothing to do with the end."""
    base = _smooth("misleading_start", seed, layers, names, noise)
    other = _smooth("other", seed + 1_000_003, layers, names, noise)
    unary, pairwise = other.unary.copy(), other.pairwise.copy()
    unary[-1], pairwise[-1] = base.unary[-1], base.pairwise[-1]
    return replace(base, unary=unary, pairwise=pairwise)


def cheapest_chain(unary: Array, pairwise: Array) -> Index:
    """Find the assignment of the smallest sum of `unary` (L, K) and `pairwise` (L - 1, K, K), exactly.

    Example:
        >>> cheapest_chain(np.array([[0.0, 1.0], [0.0, 0.0]]), np.array([[[5.0, 5.0], [0.0, -1.0]]]))
        (1, 1)
    """
    cost, choices = unary[0], []
    for layer in range(1, len(unary)):
        total = cost[:, None] + pairwise[layer - 1]
        choices.append(total.argmin(axis=0))
        cost = total.min(axis=0) + unary[layer]
    path = [int(cost.argmin())]
    for best_before in reversed(choices):
        path.append(int(best_before[path[-1]]))
    return tuple(reversed(path))


def _smooth(
    name: str, seed: int, layers: int, names: Sequence[str], noise: float, misleading: bool = False
) -> SyntheticTable:
    rng = np.random.default_rng([seed, 0])
    apart = np.array([[distance(a, b) for b in names] for a in names])
    root = np.linalg.cholesky(np.exp(-np.square(apart / SMOOTHNESS)) + 1e-6 * np.eye(len(names)))
    truth = _draw(rng, root, layers)
    drawn = [_blend(truth, _draw(rng, root, layers), bias) for bias in BIAS]
    order = _misleading_order(rng, apart) if misleading else np.arange(len(names))
    return SyntheticTable(
        name=name,
        layers=_layer_names(layers),
        names=tuple(names),
        fractions=FRACTIONS,
        unary=np.stack([unary[:, order] for unary, _ in drawn]),
        pairwise=np.stack([pairs[:, order][:, :, order] for _, pairs in drawn]),
        noise=tuple(noise * growth for growth in NOISE_GROWTH),
        random_state=seed,
    )


def _draw(rng: np.random.Generator, root: NDArray[np.floating], layers: int) -> tuple[Array, Array]:
    """Draw unary (L, K) and pairwise (L - 1, K, K) values, smooth in function space, of s.d. 1 in all."""
    count = len(root)
    unary = _centered(rng.standard_normal((layers, count)) @ root.T, axes=(1,))
    pairs = _centered(root @ rng.standard_normal((layers - 1, count, count)) @ root.T, axes=(1, 2))
    spread = np.sqrt(unary.var(axis=1).sum())
    pair_spread = np.sqrt(pairs.var(axis=(1, 2)).sum()) or 1.0
    total = np.hypot(1.0, INTERACTION if layers > 1 else 0.0)
    return unary / spread / total, INTERACTION * pairs / pair_spread / total


def _centered(values: Array, axes: tuple[int, ...]) -> Array:
    for axis in axes:
        values = values - values.mean(axis=axis, keepdims=True)
    return values


def _blend(truth: tuple[Array, Array], other: tuple[Array, Array], bias: float) -> tuple[Array, Array]:
    return truth[0] + bias * other[0], truth[1] + bias * other[1]


def _misleading_order(rng: np.random.Generator, apart: Array) -> NDArray[np.intp]:
    """Choose, of 500 permutations, the one after which old and new distances agree least."""
    permutations = [rng.permutation(len(apart)) for _ in range(500)]
    return min(permutations, key=lambda order: float((apart * apart[np.ix_(order, order)]).sum()))


def _chain_values(unary: Array, pairwise: Array, assignments: NDArray[np.intp]) -> Array:
    """Sum (L, K) and (L - 1, K, K) values along assignments (N, L)."""
    layers = np.arange(assignments.shape[1])
    values = unary[layers, assignments].sum(axis=1)
    return values + pairwise[layers[:-1], assignments[:, :-1], assignments[:, 1:]].sum(axis=1)


def _layer_names(layers: int) -> tuple[str, ...]:
    return tuple(f"layer{number}" for number in range(layers))
