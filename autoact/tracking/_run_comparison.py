"""Comparison of runs: which activation leads in which layer of which run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter

from autoact.errors import DataError
from autoact.tracking import _tags as tags

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Weights = Mapping[str, Mapping[str, float]]  # by layer, by candidate
_LAST = {"scalars": 1, "images": 1, "tensors": 1, "histograms": 1}  # the reader then keeps the last of each


def compare_runs(directory: str | Path) -> Figure:
    r"""Compare the last mixture weights of all runs below a directory.

    The comparison is also written there, as a run called `comparison`: a figure `autoact/comparison` (layers
    x runs: the candidate with the most weight) and the same as a table under Text.

    Args:
        directory: What `tensorboard --logdir` gets, such as lightning_logs.

    Returns:
        The figure that was written.

    Raises:
        DataError: No run below it has weights of searched layers.

    Example:
        >>> import tempfile
        >>> from autoact.nn import AutoActivation
        >>> from autoact.tracking import LayerLogger
        >>> folder = tempfile.mkdtemp()
        >>> for name in ("first", "second"):
        ...     with SummaryWriter(f"{folder}/{name}") as writer:
        ...         LayerLogger(writer, {"net.1": AutoActivation(["relu", "tanh"], start="tanh")}).finish(0)
        >>> [text.get_text() for text in compare_runs(folder).axes[0].texts]
        ['tanh\n1.00', 'tanh\n1.00']
    """
    from autoact.tracking._tensorboard_figures import pixels  # loads matplotlib

    root = Path(directory)
    runs = {name: weights for name, weights in _runs(root).items() if weights}
    if not runs:
        raise DataError(
            f"{root} holds no run with weights of searched layers. Train with ActivationSearch and a "
            "TensorBoard logger first."
        )
    figure = _figure(runs)
    with SummaryWriter(str(root / "comparison")) as writer:
        writer.add_image(tags.COMPARISON_FIGURE, pixels(figure), 0, dataformats="HWC")
        writer.add_text(tags.COMPARISON_FIGURE, _table(runs), 0)
    return figure


def _runs(root: Path) -> dict[str, Weights]:
    folders = sorted({path.parent for path in root.rglob("events.out.tfevents.*")})
    return {
        str(folder.relative_to(root)): _weights(folder) for folder in folders if folder != root / "comparison"
    }


def _weights(folder: Path) -> dict[str, dict[str, float]]:
    """Return the last weight of every candidate of every layer of one run."""
    events = EventAccumulator(str(folder), size_guidance=_LAST)
    events.Reload()
    found: dict[str, dict[str, float]] = {}
    for tag in events.Tags()["scalars"]:
        head, middle, candidate = tag.partition("/weight/")
        if middle and head.startswith(f"{tags.PREFIX}/"):
            found.setdefault(head.removeprefix(f"{tags.PREFIX}/"), {})[candidate] = events.Scalars(tag)[
                -1
            ].value
    return found


def _layers(runs: Mapping[str, Weights]) -> list[str]:
    return list(dict.fromkeys(layer for weights in runs.values() for layer in weights))


def _leader(weights: Mapping[str, float]) -> tuple[str, float]:
    return max(weights.items(), key=lambda item: item[1])


def _figure(runs: Mapping[str, Weights]) -> Figure:
    from matplotlib.figure import Figure

    layers = _layers(runs)
    names = sorted({c for weights in runs.values() for layer in weights.values() for c in layer})
    table = np.full((len(layers), len(runs)), np.nan)
    figure = Figure(figsize=(2.5 + 0.9 * len(runs), 1.5 + 0.45 * len(layers)), layout="constrained")
    axes = figure.add_subplot()
    for column, weights in enumerate(runs.values()):
        for row, layer in enumerate(layers):
            if layer in weights:
                name, weight = _leader(weights[layer])
                table[row, column] = names.index(name)
                axes.text(column, row, f"{name}\n{weight:.2f}", ha="center", va="center", fontsize="x-small")
    axes.imshow(table, vmin=0, vmax=max(1, len(names) - 1), cmap="tab20", alpha=0.6, aspect="auto")
    axes.set_xticks(range(len(runs)), list(runs), rotation=45, ha="right")
    axes.set_yticks(range(len(layers)), layers)
    axes.set_title("candidate with the most weight", fontsize="small")
    return figure


def _table(runs: Mapping[str, Weights]) -> str:
    """Return the leaders as a Markdown table."""
    rows = [["layer", *runs], ["---"] * (len(runs) + 1)]
    for layer in _layers(runs):
        cells = ["{} {:.2f}".format(*_leader(w[layer])) if layer in w else "-" for w in runs.values()]
        rows.append([layer, *cells])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
