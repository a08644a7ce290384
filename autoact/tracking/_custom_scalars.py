"""Custom scalars of TensorBoard: what belongs together in one chart."""

import re
from collections.abc import Mapping

from autoact.nn import AutoActivation
from autoact.tracking import _tags as tags

Layout = dict[str, dict[str, list[str | list[str]]]]
_ACROSS = {
    "entropy": tags.entropy,
    "margin": tags.margin,
    "kappa": tags.kappa,
    "chi": tags.chi,
    "dead": tags.dead,
    "saturated": tags.saturated,
    "gradient": tags.gradient,
}


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
    names = dict.fromkeys(name for layer in layers.values() for name in layer.values())
    pages = {
        "autoact: weights by layer": {
            path or "model": _chart(_one(tags.weight(path, ""), end="")) for path in layers
        },
        "autoact: layers side by side": {
            quantity: _chart(*(_one(tag(path)) for path in layers)) for quantity, tag in _ACROSS.items()
        },
        "autoact: parameters": {
            name: _chart(
                *(
                    _one(tags.parameter(path, name))
                    for path, layer in layers.items()
                    if name in layer.values()
                )
            )
            for name in names
        },
    }
    return {title: charts for title, charts in pages.items() if charts}


def _chart(*patterns: str) -> list[str | list[str]]:
    return ["Multiline", list(patterns)]


def _one(tag: str, end: str = "$") -> str:
    return f"^{re.escape(tag)}{end}"
