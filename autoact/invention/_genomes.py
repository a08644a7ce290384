"""Genomes: formulas as nested tuples, with mutation and crossover (Koza, Genetic Programming, 1992).

A genome is "x" or a tuple: a name and one or two genomes.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from autoact.invention._trees import UNARIES, X_TREE, Tree, Unary, applied, product, total

Genome = str | tuple["str | Genome", ...]
_NUMBERS = {
    "twice": Unary(lambda u: 2 * u, lambda u: (2 * u, np.full_like(u, 2.0))),
    "half": Unary(lambda u: u / 2, lambda u: (u / 2, np.full_like(u, 0.5))),
    "minus": Unary(lambda u: -u, lambda u: (-u, np.full_like(u, -1.0))),
}
_UNARIES = {**UNARIES, **_NUMBERS}
_BINARIES = {"times": product, "plus": total}


def tree_of(genome: Genome) -> Tree:
    """Return the expression of a genome.

    Example:
        >>> tree_of(("times", "x", ("sigmoid", "x"))).expression
        x/(1 + exp(-x))
    """
    if isinstance(genome, str):
        return X_TREE
    name, *parts = genome
    trees = [tree_of(part) for part in parts]
    return applied(_UNARIES[str(name)], *trees) if len(trees) == 1 else _BINARIES[str(name)](*trees)


def count(genome: Genome) -> int:
    """Return the number of nodes."""
    return 1 if genome == "x" else 1 + sum(count(part) for part in genome[1:])


def _places(genome: Genome, at: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    """Give the way to every node."""
    yield at
    if genome != "x":
        for i, part in enumerate(genome[1:], start=1):
            yield from _places(part, (*at, i))


def _part(genome: Genome, at: tuple[int, ...]) -> Genome:
    for i in at:
        genome = genome[i]
    return genome


def _with(genome: Genome, at: tuple[int, ...], part: Genome) -> Genome:
    """Return a genome in which a node is another."""
    if not at:
        return part
    parts = list(genome)
    parts[at[0]] = _with(parts[at[0]], at[1:], part)
    return tuple(parts)


def _random_place(genome: Genome, draw: np.random.Generator) -> tuple[int, ...]:
    places = list(_places(genome))
    return places[draw.integers(len(places))]


def _random_form(draw: np.random.Generator) -> Genome:
    """Return x, u(x) or x u(x)."""
    form: Genome = (_random_name(draw), "x")
    return ("x", form, ("times", "x", form))[draw.integers(3)]


def _random_name(draw: np.random.Generator) -> str:
    return str(list(_UNARIES)[draw.integers(len(_UNARIES))])


def crossed(one: Genome, other: Genome, draw: np.random.Generator) -> Genome:
    """Return a genome with a part of another, or the sum or product of both."""
    part = _part(other, _random_place(other, draw))
    if draw.random() < 0.5:
        return (list(_BINARIES)[draw.integers(2)], one, part)
    return _with(one, _random_place(one, draw), part)


def mutated(genome: Genome, draw: np.random.Generator) -> Genome:
    """Return a genome with one node replaced, renamed, wrapped, joined with another, or left out."""
    at = _random_place(genome, draw)
    part, kind = _part(genome, at), draw.integers(5)
    if kind == 0 or (part == "x" and kind in (1, 4)):
        return _with(genome, at, _random_form(draw))
    if kind == 1:
        name = _random_name(draw) if len(part) == 2 else list(_BINARIES)[draw.integers(2)]
        return _with(genome, at, (name, *part[1:]))
    if kind == 2:
        return _with(genome, at, (_random_name(draw), part))
    if kind == 3:
        return _with(genome, at, (list(_BINARIES)[draw.integers(2)], part, _random_form(draw)))
    return _with(genome, at, part[draw.integers(1, len(part))])
