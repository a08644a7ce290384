"""autoact: a model selects its own activation functions, and the library proves whether it helped.

Names below are loaded on first use, so `import autoact` costs no more than its interpreter start.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autoact import analysis, conversion, geometry, nn, search, spaces, tabular, training
    from autoact.activations import Activation, Parameter, activation, get, list_activations
    from autoact.conversion import apply, auto_layers, convert, derive, finalize
    from autoact.kernels import mixture
    from autoact.nn import AutoActivation, FixedActivation
    from autoact.search import run_search
    from autoact.spaces import Assignment, Choice, SearchSpace

__version__ = "0.1.0"

_HOMES = {
    "activations": ("Activation", "Parameter", "activation", "get", "list_activations"),
    "kernels": ("mixture",),
    "spaces": ("Assignment", "Choice", "SearchSpace"),
    "nn": ("AutoActivation", "FixedActivation"),
    "conversion": ("apply", "auto_layers", "convert", "derive", "finalize"),
    "search": ("run_search",),
}
_FOLDERS = (
    "activations",
    "advice",
    "analysis",
    "conversion",
    "geometry",
    "kernels",
    "latency",
    "nn",
    "report",
    "search",
    "spaces",
    "tabular",
    "tracking",
    "training",
)
_HOME_OF = {name: folder for folder, names in _HOMES.items() for name in names}

__all__ = [
    "Activation",
    "Assignment",
    "AutoActivation",
    "Choice",
    "FixedActivation",
    "Parameter",
    "SearchSpace",
    "activation",
    "analysis",
    "apply",
    "auto_layers",
    "conversion",
    "convert",
    "derive",
    "finalize",
    "geometry",
    "get",
    "list_activations",
    "mixture",
    "nn",
    "run_search",
    "search",
    "spaces",
    "tabular",
    "training",
]


def __getattr__(name: str) -> Any:
    """Load a public name or sub-package on first use (PEP 562)."""
    if name in _HOME_OF:
        return getattr(import_module(f"autoact.{_HOME_OF[name]}"), name)
    if name in _FOLDERS:
        return import_module(f"autoact.{name}")
    raise AttributeError(f"module 'autoact' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the public names, loaded or not."""
    return sorted({*globals(), *__all__})
