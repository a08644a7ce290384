"""Graphs of activations as charts for the widgets: what was chosen, and dashed what it replaces."""

from typing import Any

import numpy as np

from autoact.errors import UnknownActivationError
from autoact.spaces import Choice

_X = np.linspace(-4, 4, 161)


def graph(chosen: Choice, before: Choice | None) -> dict[str, Any] | None:
    """Return the chart of an activation; None for one that is not registered here.

    Args:
        chosen: The activation with its parameters.
        before: What the layers had, if that is known.

    Example:
        >>> found = graph(Choice("tanh"), Choice("relu"))
        >>> [mark["role"] for mark in found["marks"]], found["marks"][1]["points"][80]
        (['original', 'chosen'], {'x': 0.0, 'y': 0.0})
    """
    try:
        lines = {"original": [] if before is None else _line(before), "chosen": _line(chosen)}
    except UnknownActivationError:
        return None
    marks: list[dict[str, Any]] = [
        {"kind": "line", "role": role, "dash": role == "original", "points": line}
        for role, line in lines.items()
        if line
    ]
    values = [point["y"] for mark in marks for point in mark["points"]]
    low, high = max(min(values), -4.0), min(max(values), 4.0)
    pad = 0.08 * (high - low)
    return {
        "label": f"Graph of {chosen.activation}",
        "height": 180,
        "x": {"low": -4, "high": 4, "tight": True, "title": "input"},
        "y": {"low": low - pad, "high": high + pad, "title": "output"},
        "marks": marks,
    }


def _line(choice: Choice) -> list[dict[str, float]]:
    """Return the activation's points; of per-channel parameters the mean."""
    import torch

    from autoact.activations import get

    parameters = {name: float(np.mean(value)) for name, value in choice.parameters.items()}
    values = get(choice.activation)(torch.from_numpy(_X), **parameters).numpy()
    return [
        {"x": round(float(x), 3), "y": float(f"{y:.4g}")}
        for x, y in zip(_X, values, strict=True)
        if np.isfinite(y)
    ]
