"""Activations: what one is, the registry of them, and the stable primitives they are written with."""

from typing import TYPE_CHECKING

from autoact._names import public_names
from autoact.activations import families as _families  # noqa: F401  registers what is shipped
from autoact.activations import primitives
from autoact.activations._activation import Activation, Parameter, X
from autoact.activations._free_form import FREE_FORM, free_form
from autoact.activations._mapping import to_primitives
from autoact.activations._opaque import Opaque, opaque
from autoact.activations._plain_form import PLAIN
from autoact.activations._registry import (
    DEFAULT_CANDIDATES,
    Named,
    activation,
    additions,
    from_function,
    from_module,
    get,
    is_activation_module,
    list_activations,
    registered_meanwhile,
)
from autoact.activations._source import compile_source, function_source, order_key, torch_source
from autoact.activations._twins import Twin, Value
from autoact.activations._user_file import register_file

__all__ = [
    "DEFAULT_CANDIDATES",
    "FREE_FORM",
    "PLAIN",
    "Activation",
    "Named",
    "Opaque",
    "Parameter",
    "Twin",
    "Value",
    "X",
    "activation",
    "additions",
    "compile_source",
    "free_form",
    "from_function",
    "from_module",
    "function_source",
    "get",
    "is_activation_module",
    "list_activations",
    "opaque",
    "order_key",
    "primitives",
    "register_file",
    "registered_meanwhile",
    "to_primitives",
    "torch_source",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__, __all__)
