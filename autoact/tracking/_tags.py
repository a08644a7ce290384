"""Tags: every name under which something is written to TensorBoard, and the charts that lay them out."""

import re
from collections.abc import Iterable, Mapping

from autoact.nn import AutoActivation

PREFIX = "autoact"
WEIGHTS_FIGURE = f"{PREFIX}/weights"
FUNCTIONS_FIGURE = f"{PREFIX}/functions"
COMPARISON_FIGURE = f"{PREFIX}/comparison"
WARNINGS = f"{PREFIX}/warnings"
LOGGING_SHARE = f"{PREFIX}/logging_share"  # of the elapsed time
FLOW = ("kappa", "own_kappa", "chi", "dead", "saturated", "gradient", "mean", "second_moment")  # of a meter
MEANINGS = {  # shown beside the cards, in the glossary of the Text page and in the dashboard
    "weight": "Weight of a candidate in the layer's mixture; those of a layer add up to 1.",
    "entropy": "How undecided a layer is: 0 where one candidate has all the weight, log K where K are equal.",
    "margin": "Lead of the candidate with the most weight over the second.",
    "parameter": "A slope, α or β that is learned with the model.",
    "kappa": "κ = E[f'²] / E[f']², the relative gradient noise of the layer under its measured inputs; "
    "1 is the least.",
    "own_kappa": "What κ would be under N(0, 1): the function's own.",
    "chi": "χ = σ_w² E[f'²], by which the layer scales squared gradients: below 1 they vanish with depth, "
    "above 1 they explode.",
    "dead": "Share of units that passed no gradient in the last window of batches.",
    "saturated": "Share of units that were met only where the function is nearly flat.",
    "gradient": "Root mean square of the gradient at the layer's inputs.",
    "mean": "Mean of the layer's inputs.",
    "second_moment": "Mean square of the layer's inputs.",
    "logging_share": "Share of the elapsed time that logging took.",
}
_SIDE_BY_SIDE = ("entropy", "margin", "kappa", "chi", "dead", "saturated", "gradient")

Layout = dict[str, dict[str, list[str | list[str]]]]


def tag(layer: str, quantity: str) -> str:
    """Return the tag of a quantity of a layer: "entropy", "weight/elu", "parameter/elu.alpha", one of `FLOW`.

    >>> tag("net.1", "weight/elu")
    'autoact/net.1/weight/elu'
    """
    return f"{PREFIX}/{layer or 'model'}/{quantity}"


def meaning(name: str) -> str:
    """Return what a tag's card shows, in a sentence; "" for a tag of others.

    >>> meaning("autoact/net.1/weight/elu")
    "Weight of a candidate in the layer's mixture; those of a layer add up to 1."
    """
    return next((MEANINGS[part] for part in reversed(name.split("/")) if part in MEANINGS), "")


def layout(layers: Mapping[str, AutoActivation]) -> Layout:
    r"""Return what `SummaryWriter.add_custom_scalars` takes.

    One chart per layer holds the weights of its candidates; one chart per quantity, and one per activation
    parameter, holds all layers. With several runs every chart holds the lines of all of them.

    Example:
        >>> found = layout({"net.1": AutoActivation(["relu", "elu"])})
        >>> found["autoact: weights by layer"]
        {'net.1': ['Multiline', ['^autoact/net\\.1/weight/']]}
        >>> list(found["autoact: parameters"])
        ['elu.alpha']
    """
    homes: dict[str, list[str]] = {}  # of each activation parameter
    for path, layer in layers.items():
        for name in layer.values():
            homes.setdefault(name, []).append(path)
    pages: Layout = {
        "autoact: weights by layer": {
            path or "model": ["Multiline", [f"^{re.escape(tag(path, 'weight/'))}"]] for path in layers
        },
        "autoact: layers side by side": {name: _chart(layers, name) for name in _SIDE_BY_SIDE},
        "autoact: parameters": {name: _chart(paths, f"parameter/{name}") for name, paths in homes.items()},
    }
    return {title: charts for title, charts in pages.items() if charts}


def _chart(paths: Iterable[str], quantity: str) -> list[str | list[str]]:
    return ["Multiline", [f"^{re.escape(tag(path, quantity))}$" for path in paths]]
