"""What an activation is, and the registry of them."""

from autoact.activations import (  # noqa: F401
    exponential,
    gated,
    hard,
    periodic,
    rectifiers,
    saturating,
    shrink,
    sigmoidal,
)
from autoact.activations.activation import Activation, Parameter
from autoact.activations.registry import (
    DEFAULT_CANDIDATES,
    activation,
    from_function,
    from_module,
    get,
    is_activation_module,
    list_activations,
)
from autoact.activations.twins import Value

__all__ = [
    "DEFAULT_CANDIDATES",
    "Activation",
    "Parameter",
    "Value",
    "activation",
    "from_function",
    "from_module",
    "get",
    "is_activation_module",
    "list_activations",
]
