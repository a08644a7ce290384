"""Genetic programming: formulas bred from formulas, ranked by a Gaussian process over functions.

Notation: d(f, g) root mean square difference of two standardized functions; K covariances exp(-(d / ℓ)²);
y normal scores of the losses; σ² variance of their noise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp
from scipy.special import ndtri

from autoact._cache import remembered
from autoact.activations import get, list_activations
from autoact.analysis import normal_quantiles, subject
from autoact.errors import ConfigurationError, SearchFailedError
from autoact.invention._genomes import Genome, count, crossed, mutated, tree_of
from autoact.invention._trees import UNARIES, Array, Tree, signature

Grown = tuple[Genome, Tree]
Allowed = Callable[[Tree], bool]
Score = Callable[[Sequence[Tree], Sequence[int]], Array]  # losses (trees, seeds); nan: diverged

GENERATION = 8  # formulas that are trained at a time
FINALISTS = 4  # formulas that are trained on more seeds
LEAST, BUDGET = 4 * GENERATION, 64  # trainings: at least, and by default
_BRED = 100  # proposals of which a generation is taken
_LARGEST = 20  # nodes of an expression
_LENGTH, _NOISE = 0.5, 0.3  # ℓ as in the search's kernel; σ², of scores of variance 1
_NEW = 0.05  # least distance from every registered activation of what is called an invention
_NODES = 1.5 * normal_quantiles(129)


@dataclass(frozen=True, slots=True, eq=False)
class Bred:
    """A formula that was trained.

    Attributes:
        genome: Of what it is made.
        tree: The formula.
        losses: By seed; nan: diverged.
        new: Whether no registered activation is near to it.
    """

    genome: Genome
    tree: Tree
    losses: dict[int, float]
    new: bool

    @property
    def loss(self) -> float:
        """Mean over its seeds; infinite if one diverged."""
        mean = float(np.mean(list(self.losses.values())))
        return mean if np.isfinite(mean) else np.inf


def breed(
    score: Score, *, budget: int = BUDGET, seed: int = 0, allowed: Allowed = lambda _: True
) -> tuple[Bred, ...]:
    """Breed formulas; return those that were trained, the chosen one first.

    A quarter of the trainings and more is for the four best that are no registered activations: they are
    trained on fresh seeds, which choose.

    Args:
        score: Trains networks with each of the formulas on each of the seeds; returns losses (trees, seeds).
        budget: Trainings.
        seed: Of what is drawn; trainings have the seeds from there.
        allowed: Tells whether a formula may be trained.

    Raises:
        ConfigurationError: A budget that is too small, or no formula that is allowed.
        SearchFailedError: No formula that is new, and whose trainings did not diverge.

    Example:
        >>> def nearest_to_a_bump(trees, seeds):
        ...     z = np.linspace(-2, 2, 41)
        ...     errors = [np.square(tree.dual(z, 1.0)[0] - np.exp(-z * z)).mean() for tree in trees]
        ...     return np.repeat(np.array(errors)[:, None], len(seeds), 1)
        >>> breed(nearest_to_a_bump, budget=64)[0].loss < 0.05
        True
    """
    check_budget(budget)
    draw, tried = np.random.default_rng(seed), list[Bred]()
    for _ in range(round(5 / 8 * budget / GENERATION)):
        chosen = _ranked(_brood(tried, draw, allowed), tried, draw) if tried else _first(draw, allowed)
        if not chosen:
            break
        losses = score([tree for _, tree in chosen], [seed])
        tried += [
            Bred(genome, tree, {seed: float(loss[0])}, _is_new(tree))
            for (genome, tree), loss in zip(chosen, losses, strict=True)
        ]
    best = sorted((one for one in tried if one.new and one.loss < np.inf), key=lambda one: one.loss)[
        :FINALISTS
    ]
    if not best:
        raise SearchFailedError(
            f"None of the {len(tried)} formulas that were trained is new and did not diverge. Lower the "
            "learning rates."
        )
    seeds = range(seed + 1, seed + 1 + (budget - len(tried)) // len(best))
    finals = score([one.tree for one in best], seeds)
    again = [
        Bred(one.genome, one.tree, dict(zip(seeds, map(float, losses), strict=True)), True)
        for one, losses in zip(best, finals, strict=True)
    ]
    others = [one for one in tried if one not in best]
    return (*sorted(again, key=lambda one: one.loss), *sorted(others, key=lambda one: one.loss))


def check_budget(budget: int) -> None:
    """Complain about too few trainings.

    Raises:
        ConfigurationError: Fewer than 32.
    """
    if budget < LEAST:
        raise ConfigurationError(f"A budget of {budget} breeds nothing; give {LEAST} trainings or more.")


def _first(draw: np.random.Generator, allowed: Allowed) -> list[Grown]:
    """Return the first generation: forms u(x) or x u(x), the rectifier among them."""
    forms: list[Genome] = [(name, "x") for name in UNARIES]
    forms += [("times", "x", form) for form in forms]
    sound = [pair for form in forms if (pair := _grown(form)) is not None and allowed(pair[1])]
    if len(sound) < 2:
        raise ConfigurationError("None of the simplest formulas meets the requirements. Relax `require`.")
    others = sound[1:]
    at = draw.choice(len(others), min(GENERATION - 1, len(others)), replace=False)
    return [sound[0], *(others[i] for i in sorted(at))]


def _brood(tried: list[Bred], draw: np.random.Generator, allowed: Allowed) -> list[Grown]:
    """Return proposals from what did well, none of which was trained or comes twice."""
    parents = sorted(tried, key=lambda one: one.loss)[: max(2, len(tried) // 2)]
    seen = {signature(one.tree) for one in tried}
    found: list[Grown] = []
    for _ in range(50 * _BRED):
        one, other = (parents[min(draw.integers(len(parents), size=2))].genome for _ in range(2))
        child = crossed(one, other, draw) if draw.random() < 0.5 else mutated(one, draw)
        pair = _grown(child)
        if pair is None or (sign := signature(pair[1])) in seen:
            continue
        seen.add(sign)
        if allowed(pair[1]):
            found.append(pair)
        if len(found) == _BRED:
            break
    return found


def _ranked(brood: list[Grown], tried: list[Bred], draw: np.random.Generator) -> list[Grown]:
    """Return a generation: the best of a brood in draws from the posterior (Thompson 1933)."""
    if not brood:
        return []
    z = _standardized([one.tree for one in tried])
    new = _standardized([tree for _, tree in brood])
    y = _normal_scores(np.array([one.loss for one in tried]))
    known, across, own = _kernel(z, z), _kernel(new, z), _kernel(new, new)
    weights = np.linalg.solve(known + _NOISE * np.eye(len(y)), np.column_stack([y, across.T]))
    mean, covariance = across @ weights[:, 0], own - across @ weights[:, 1:]
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    taken: list[int] = []
    for _ in range(min(GENERATION, len(brood))):
        sample = mean + root @ draw.standard_normal(len(brood))
        sample[taken] = np.inf
        taken.append(int(np.argmin(sample)))
    return [brood[i] for i in taken]


def _normal_scores(losses: Array) -> Array:
    ranks = np.argsort(np.argsort(losses, kind="stable"), kind="stable")
    return np.asarray(ndtri((ranks + 0.5) / len(losses)))


def _standardized(trees: Sequence[Tree]) -> Array:
    with np.errstate(all="ignore"):
        return _unit(np.stack([tree.dual(_NODES, 1.0)[0] for tree in trees]))


def _unit(values: Array) -> Array:
    with np.errstate(all="ignore"):
        centered = values - values.mean(1, keepdims=True)
        return np.asarray(centered / centered.std(1, keepdims=True))


def _apart(a: Array, b: Array) -> Array:
    """Return d² of every pair."""
    return np.asarray(np.maximum(2.0 - 2.0 * (a @ b.T) / a.shape[1], 0.0))


def _kernel(a: Array, b: Array) -> Array:
    return np.asarray(np.exp(-_apart(a, b) / _LENGTH**2))


@remembered(maxsize=1)
def _values_of(names: tuple[str, ...]) -> Array:
    """Return the values of activations that come with autoact, standardized; not those of a constant."""
    known = [get(name) for name in names]
    shipped = [act for act in known if act.family not in ("test", "example", "invented")]
    values = _unit(np.stack([subject(act)(_NODES) for act in shipped]))
    return np.asarray(values[np.isfinite(values).all(1)])


def _is_new(tree: Tree) -> bool:
    """Tell whether no registered activation, mirrored or not, is the same up to a shift and a factor."""
    own, known = _standardized([tree]), _values_of(list_activations())
    ways = (own, -own, own[:, ::-1], -own[:, ::-1])
    return min(float(_apart(way, known).min()) for way in ways) > _NEW**2


def _grown(genome: Genome) -> Grown | None:
    """Return a genome and its tree; None of one that is too large, not finite, a line, or grows too fast."""
    if count(genome) > _LARGEST:
        return None
    tree = tree_of(genome)
    if tree.size > _LARGEST or tree.expression.has(sp.nan, sp.zoo, sp.oo) or signature(tree) is None:
        return None
    return genome, tree
