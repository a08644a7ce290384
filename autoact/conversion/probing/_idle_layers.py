"""Idle layers: those that no input ever reached, whose choice says nothing."""

import warnings
from collections.abc import Mapping

from autoact.nn import AutoActivation


def warn_of_idle(layers: Mapping[str, AutoActivation], *, watched: bool = False) -> None:
    """Warn of layers that never observed an input, although they were watched.

    Args:
        layers: Layers by path.
        watched: Whether they were watched for certain; else they were if one of them observed something.

    Example:
        >>> warn_of_idle({"act": AutoActivation(["relu", "tanh"])})  # nobody watched
    """
    idle = [path for path, layer in layers.items() if not layer.observed]
    if idle and (watched or len(idle) < len(layers)):
        warnings.warn(
            f"Nothing was ever observed at {', '.join(idle)}: what is derived there is only the start. "
            "Most likely the model never calls it; a rule with `keep: true` leaves it alone.",
            UserWarning,
            stacklevel=3,
        )
