"""autoact: a model selects its own activation functions, and the library proves whether it helped.

Names below are loaded on first use, so `import autoact` costs no more than its interpreter start.
"""

from typing import TYPE_CHECKING

from autoact._names import public_names
from autoact._on_import import prepare_loaders

if TYPE_CHECKING:
    from autoact import activations as activations
    from autoact import advice as advice
    from autoact import analysis, conversion, errors, geometry, kernels, nn, search, spaces, tabular, training
    from autoact import dashboard as dashboard
    from autoact import exporting as exporting
    from autoact import integrations as integrations
    from autoact import invention as invention
    from autoact import latency as latency
    from autoact import play as play
    from autoact import ranking as ranking
    from autoact import records as records
    from autoact import report as report
    from autoact import tracking as tracking
    from autoact.activations import Activation, Parameter, activation, get, list_activations
    from autoact.conversion import apply, auto_layers, convert, derive, finalize, find_layers
    from autoact.errors import AutoActError
    from autoact.exporting import export
    from autoact.invention import invent
    from autoact.kernels import mixture
    from autoact.nn import AutoActivation, FixedActivation
    from autoact.search import FunctionSpaceSampler, load_run, run_search
    from autoact.spaces import Assignment, Choice, SearchSpace
    from autoact.training import ActivationSearch, load_weights

__version__ = "0.2.0"

_FOLDERS: dict[str, tuple[str, ...]] = {  # and what of each stands here, too
    "activations": ("Activation", "Parameter", "activation", "get", "list_activations"),
    "advice": (),
    "analysis": (),
    "conversion": ("apply", "auto_layers", "convert", "derive", "finalize", "find_layers"),
    "dashboard": (),
    "errors": ("AutoActError",),
    "exporting": ("export",),
    "geometry": (),
    "integrations": (),
    "invention": ("invent",),
    "kernels": ("mixture",),
    "latency": (),
    "nn": ("AutoActivation", "FixedActivation"),
    "play": (),
    "ranking": (),
    "records": (),
    "report": (),
    "search": ("FunctionSpaceSampler", "load_run", "run_search"),
    "spaces": ("Assignment", "Choice", "SearchSpace"),
    "tabular": (),
    "tracking": (),
    "training": ("ActivationSearch", "load_weights"),
}

__all__ = [
    "Activation",
    "ActivationSearch",
    "Assignment",
    "AutoActError",
    "AutoActivation",
    "Choice",
    "FixedActivation",
    "FunctionSpaceSampler",
    "Parameter",
    "SearchSpace",
    "activation",
    "analysis",
    "apply",
    "auto_layers",
    "conversion",
    "convert",
    "derive",
    "errors",
    "export",
    "finalize",
    "find_layers",
    "geometry",
    "get",
    "invent",
    "kernels",
    "list_activations",
    "load_run",
    "load_weights",
    "mixture",
    "nn",
    "run_search",
    "search",
    "spaces",
    "tabular",
    "training",
]

if not TYPE_CHECKING:  # mypy would take any name for one of the lazy ones
    __getattr__, __dir__ = public_names(
        __name__,
        __all__,
        {
            **{name: f"autoact.{folder}" for folder, names in _FOLDERS.items() for name in names},
            **{folder: f"autoact.{folder}" for folder in _FOLDERS},
        },
    )

prepare_loaders()
