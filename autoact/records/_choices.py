"""Choices in a record: read whether or not their activation is registered in this process."""

from collections.abc import Mapping
from typing import Any

from autoact.errors import UnknownActivationError
from autoact.spaces import Assignment, Choice


def read_assignment(layers: Mapping[str, Any]) -> Assignment:
    """Return the assignment of a record's layers.

    An activation of the user's own need not be registered where a run is only read: its choice has a name and
    values all the same, and says that it is unknown when it is applied.

    Args:
        layers: {layer path: {"activation", "parameters"}}.

    Raises:
        ValueError: Not of this form; names the layer.

    Example:
        >>> print(read_assignment({"net.1": {"activation": "my_own", "parameters": {"beta": 2.0}}}))
        net.1=my_own(beta=2)
    """
    if not isinstance(layers, Mapping):
        raise ValueError(f"expected a mapping of layers to activations, got {layers!r:.60}")
    return Assignment({str(path): _choice(str(path), content) for path, content in layers.items()})


def _choice(path: str, content: Any) -> Choice:
    try:
        return Choice.from_dict(content)
    except UnknownActivationError:
        return Choice.unregistered(str(content["activation"]), content.get("parameters"))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"layer {path} has no activation: {error}") from error
