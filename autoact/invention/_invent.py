"""Invention: a model learns the shape of its activations, a formula of it is found, and gets a name."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch

from autoact.activations import Activation, get, register_file
from autoact.errors import ConfigurationError, DataError, SearchFailedError, log
from autoact.invention._activation_file import check_name, file_text, write_new
from autoact.invention._fits import Curve
from autoact.invention._formula_search import curve_of
from autoact.invention._found_formula import Formulas, FoundFormula, restricted
from autoact.invention._front import fitted
from autoact.search.setup import Settings
from autoact.spaces import Requirements
from autoact.training import FreeShapes, LearnedShape, split, train

LEAST_ROWS = 64
_BEYOND = (
    0.05  # share of the inputs beyond a spline's knots, where it is a straight line, of which one is told
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Invention:
    """What was invented.

    Attributes:
        name: Of the activation, registered by now.
        path: Python file that registers it.
        formula: What was chosen.
        formulas: The front, from simple to near.
        shape: What was learned.
        curve: Its values and slopes at the inputs that its layer saw.
        scores: Monitored value of every seed; nan of one that diverged.

    Example:
        >>> Invention.__slots__[:2]
        ('name', 'path')
    """

    name: str
    path: Path
    formula: FoundFormula
    formulas: Formulas
    shape: LearnedShape
    curve: Curve
    scores: Mapping[int, float]

    @property
    def activation(self) -> Activation:
        """The activation."""
        return get(self.name)

    def summary(self) -> str:
        """Return the front and the choice in words."""
        lines = [f"{'size':>4}  {'error':>7}  formula"]
        for each in self.formulas.front:
            chosen = "  <- chosen" if each is self.formula else ""
            lines.append(f"{each.size:>4}  {100 * each.error:>6.2f}%  {each.source}{chosen}")
        facts = self.formula.facts
        lines += [f"left out: {text}" for text in self.formulas.left_out[:3]]
        values = ", ".join(f"{p.name} = {p.default:g}" for p in self.formula.parameters)
        return "\n".join(
            [
                *lines,
                "",
                f"{self.name}(x) = {self.formula.source} with {values}",
                f"C^{facts.smoothness:g}, growth {facts.growth}, limits {facts.limits[0]:g} and "
                f"{facts.limits[1]:g}, gradient noise {facts.gradient_noise:.3g}".replace("C^inf", "C∞"),
                f"Written to {self.path}. Nobody knows yet whether it helps: rank it by `autoact compare "
                f"{self.path}`, or let a search compare it, with `candidates: [..., {self.name}]`.",
            ]
        )


def invent(
    model: Callable[[], Any],
    data: Any,
    *,
    name: str,
    monitor: str,
    trainer: Mapping[str, Any],
    mode: str | None = None,
    out: str | os.PathLike[str] | None = None,
    member: str = "cubic_spline_17",
    share: Literal["network", "layer"] = "network",
    layer: str | None = None,
    seeds: Sequence[int] = (0, 1, 2),
    curvature: float = 1e-6,
    require: Mapping[str, Any] | None = None,
    lr: float | None = None,
) -> Invention:
    """Learn the shape of a model's activations, find a formula for it, and register that under a name.

    Every seed trains a fresh model whose activations are free-form; the one with the best selection value has
    the shape that formulas are fitted to. The formula is written to a Python file, which is imported.

    Args:
        model: Makes a fresh LightningModule.
        data: What `run_search` takes: a data module, a callable that makes one, loaders, or None.
        name: Of the activation.
        monitor: Value that the validation logs.
        trainer: Arguments of `lightning.Trainer`; `max_epochs`, `max_steps` or `max_time` among them.
        mode: "min" or "max"; None infers it from the monitor's name.
        out: Python file to write; NAME.py by default.
        member: Free-form activation: rational, linear_spline, cubic_spline_17, ...
        share: "network": all layers have one shape; "layer": each its own, and `layer` says which to name.
        layer: Path of the layer whose shape is named; None where there is one shape.
        seeds: Of the trainings.
        curvature: Weight of the mean square of the shape's second derivative in the loss.
        require: What a search space may require, such as {"smoothness": 2}.
        lr: Learning rate of the shape; None chooses it from the length of the training.

    Returns:
        The invention.

    Raises:
        ConfigurationError: A wrong argument, a name or file that is taken, or a member that breaks a
            requirement; all before any training. No formula that meets the requirements.
        DataError: Fewer than 64 rows of training data, or a shape that is not finite.
        SearchFailedError: Every training diverged.

    Example:
        >>> from autoact.training.tasks import DigitsData, DigitsModel
        >>> invent(DigitsModel, DigitsData, name="relu", monitor="val_loss", trainer={"max_epochs": 1})
        Traceback (most recent call last):
        autoact.errors.ConfigurationError: The name 'relu' is taken by Activation(relu). Choose another name.
    """
    path = Path(out if out is not None else f"{name}.py")
    check_name(name, path)
    mode = Settings.of({"monitor": monitor, "mode": mode}).mode
    Requirements(**dict(require or {}))
    if not seeds:
        raise ConfigurationError("seeds is empty; give at least one, such as seeds=[0].")
    free = partial(FreeShapes, member, share=share, curvature=curvature, require=require, lr=lr)
    free()  # refuses what is wrong
    _check_rows(model, data)
    scores: dict[int, float] = {}
    learned: dict[int, tuple[LearnedShape, ...]] = {}
    for seed in seeds:
        shapes = free()
        found = train(model, data, seed=seed, monitor=monitor, trainer=trainer, callbacks=[shapes])
        scores[seed] = found.selection if found.finite and shapes.shapes else float("nan")
        learned[seed] = shapes.shapes
        log.info("seed %d: %s = %.4g", seed, monitor, scores[seed])
    shape = _chosen(learned[_best(scores, mode or "min")], layer)
    _warn_beyond(shape)
    curve = curve_of(shape)
    formulas = restricted(fitted(curve), require)
    found_on = {
        "layer": shape.path,
        "original": str(shape.original),
        "member": member,
        "share": share,
        "monitor": monitor,
        "scores": scores,
        "inputs": [float(curve.nodes.mean()), float(curve.nodes.std())],
        "error": formulas.chosen.error,
    }
    write_new(path, file_text(name, formulas.chosen, curve, found_on))
    register_file(path)
    return Invention(
        name=name,
        path=path,
        formula=formulas.chosen,
        formulas=formulas,
        shape=shape,
        curve=curve,
        scores=scores,
    )


def _check_rows(model: Any, data: Any) -> None:
    """Complain about too few rows, where their number is known."""
    loader = split(data, model=model).train()
    try:
        count = len(loader.dataset)
    except (AttributeError, TypeError):  # a stream
        return
    if count < LEAST_ROWS:
        raise DataError(
            f"The training data have {count} rows: too few to learn a shape from; give {LEAST_ROWS} or more."
        )


def _best(scores: Mapping[int, float], mode: str) -> int:
    sign = 1.0 if mode == "min" else -1.0
    finite = {seed: sign * score for seed, score in scores.items() if score == score}
    if not finite:
        raise SearchFailedError(
            f"All {len(scores)} trainings diverged, so no shape was learned. Lower the learning rates."
        )
    return min(finite, key=lambda seed: finite[seed])


def _chosen(shapes: tuple[LearnedShape, ...], layer: str | None) -> LearnedShape:
    found = {shape.path: shape for shape in shapes}
    if layer is None and len(found) == 1:
        return shapes[0]
    if layer not in found:
        raise ConfigurationError(
            f"layer is {layer!r}; it must say whose shape is named, one of: {', '.join(found)}."
        )
    return found[layer]


def _warn_beyond(shape: LearnedShape) -> None:
    act = get(shape.choice.activation)
    if act.name == "rational":
        return
    reach = -act.parameters[0].default
    share = float((shape.quantiles.abs() > reach).to(torch.float64).mean())
    if share > _BEYOND:
        log.warning(
            "%.0f %% of the inputs of %s are beyond the knots of %s, where it is straight. More of them are "
            "within reach of a wider one, such as cubic_spline_17_%d.",
            100 * share,
            shape.path,
            act.name,
            round(2 * reach),
        )
