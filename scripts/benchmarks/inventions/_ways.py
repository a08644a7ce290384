"""Ways to find an activation on a task for so many trainings; comparison rows are not seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import sympy as sp
from torch.utils.data import DataLoader, TensorDataset

import autoact
from autoact.activations import X
from autoact.invention import Tree, curve_of, find_formulas
from autoact.invention._breeding import breed
from autoact.training import FreeShapes, LearnedShape, train
from scripts.benchmarks.networks import Rows
from scripts.benchmarks.results import module_of, stack_values
from scripts.benchmarks.tables.tasks import TableTask

FAMILY = "example"  # so that no list of what comes with the package holds it
FIRST_SEED = 5000  # of what finds; the seeds that compare are others
_SHAPES, _BEST = 12, 4  # trainings with a free shape, and how many of these get a formula
Score = Callable[[Sequence[sp.Expr], Sequence[int]], np.ndarray]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A formula in plain text, and how it was found."""

    formula: str
    selection: float  # loss on selection rows, mean over its own seeds
    trainings: int
    others: list[str]  # that were trained for it, too


def by_shape(task: TableTask, rows: Rows, budget: int) -> Found:
    """Learn shapes, find a formula for each of the best four, train these, and take the best one."""
    count = min(_SHAPES, budget // 4)
    shapes = sorted((_learned(task, rows, FIRST_SEED + i) for i in range(count)), key=lambda pair: pair[0])
    found = [_formula(shape) for loss, shape in shapes[:_BEST] if shape is not None and np.isfinite(loss)]
    distinct = list(dict.fromkeys(found))
    seeds = range(FIRST_SEED + count, FIRST_SEED + count + (budget - count) // len(distinct))
    losses = scorer(task, rows)(distinct, seeds).mean(1)
    best = int(np.nanargmin(losses))
    return Found(
        formula=str(distinct[best]),
        selection=float(losses[best]),
        trainings=count + len(seeds) * len(distinct),
        others=[str(each) for each in distinct],
    )


def by_evolution(task: TableTask, rows: Rows, budget: int) -> Found:
    """Breed formulas from formulas, and take the one that did best on fresh seeds."""
    score = scorer(task, rows)

    def of_trees(trees: Sequence[Tree], seeds: Sequence[int]) -> np.ndarray:
        return score([tree.expression for tree in trees], seeds)

    tried = breed(of_trees, budget=budget, seed=FIRST_SEED)
    return Found(
        formula=str(tried[0].tree.expression),
        selection=tried[0].loss,
        trainings=budget,
        others=[f"{one.tree.expression}: {one.loss:.5f}" for one in tried],
    )


WAYS: dict[str, Callable[[TableTask, Rows, int], Found]] = {"shape": by_shape, "evolution": by_evolution}


def scorer(task: TableTask, rows: Rows) -> Score:
    """Return what trains formulas on a task, each in all layers, and returns losses on selection rows."""

    def score(formulas: Sequence[sp.Expr], seeds: Sequence[int]) -> np.ndarray:
        arms = [[register(each)] * task.depth for each in formulas]
        return np.array([[loss for loss, _ in stack_values(task, rows, arms, seed)] for seed in seeds]).T

    return score


def register(formula: sp.Expr | str) -> str:
    """Register a formula of x under a name that follows from it; return the name."""
    text = str(formula)
    expression = sp.sympify(text, locals={"x": X})
    name = f"found_{crc32(text.encode()):08x}"

    def function(x: sp.Symbol) -> sp.Expr:
        return expression.subs(X, x)

    function.__name__ = name
    autoact.activation(family=FAMILY)(function)
    return name


def _learned(task: TableTask, rows: Rows, seed: int) -> tuple[float, LearnedShape | None]:
    """Return selection loss and shape of a network whose layers share one."""
    shapes = FreeShapes()
    loaders = (
        DataLoader(TensorDataset(*rows.training), task.regime.batch_size, shuffle=True, drop_last=True),
        DataLoader(TensorDataset(*rows.selection), 512),
    )
    found = train(
        lambda: module_of(task),
        loaders,
        seed=seed,
        monitor="val_loss",
        trainer={"max_epochs": task.regime.epochs, "accelerator": "cpu"},
        callbacks=[shapes],
    )
    if not (found.finite and shapes.shapes):
        return np.inf, None
    return float(found.selection), shapes.shapes[0]


def _formula(shape: LearnedShape) -> sp.Expr:
    curve = curve_of(shape)
    chosen = find_formulas(curve.values, curve.slopes, curve.nodes).chosen
    values = {p.name: p.default for p in chosen.parameters}
    return chosen.expression.subs({s: values[s.name] for s in chosen.expression.free_symbols - {X}})
