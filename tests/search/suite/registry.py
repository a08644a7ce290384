"""Registry of the suite: modules and data as users write them, and what is expected of each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from inspect import getdoc
from typing import Any

import lightning as L


@dataclass(frozen=True, kw_only=True)
class Case:
    """A module, its data, and how callback and search end.

    Args:
        name: Of the class that states the case.
        kind: Of problem or of code.
        does: The first line of its docstring.
        model: Makes the module.
        data: Makes a data module or (train, validation, test) loaders; or None, where the module has its own.
        layers: Paths of the layers to search.
        idle: Paths of those that never run, which a search leaves out.
        warns: What the callback warns of; "" for nothing.
        search_warns: What `run_search` warns of; "" for nothing.
        trainer: More arguments of the Trainer.
        monitor: Name of the value to optimize.
        space: Candidates.
        late: Whether setup or configure_model makes the layers, so that `apply` says where to call it.
        callback: The line in which `ActivationSearch` ends; "" where it works.
        search: The line in which `run_search` ends; "" where it works.
        no_mixture: Why `run_search` trains no mixture; "" where it does.
    """

    name: str
    kind: str
    does: str
    model: Callable[[], L.LightningModule]
    data: Callable[[], Any]
    layers: tuple[str, ...]
    idle: tuple[str, ...] = ()
    warns: str = ""
    search_warns: str = ""
    trainer: Mapping[str, Any] = field(default_factory=dict)
    monitor: str = "val_loss"
    space: tuple[str, ...] = ("relu", "tanh")
    late: bool = False
    callback: str = ""
    search: str = ""
    no_mixture: str = ""


CASES: dict[str, Case] = {}


def case(kind: str, layers: str, **what: Any) -> Callable[[type], type]:
    """Register a class as a case: a module with `data=...`, or a data module with `model=...`."""

    def registered(made: type) -> type:
        own = "data" if issubclass(made, L.LightningDataModule) else "model"
        does = (getdoc(made) or "").splitlines()[0].rstrip(".")
        assert made.__name__ not in CASES, f"two cases are called {made.__name__}"
        stated = {"kind": kind, "layers": tuple(layers.split()), own: made, **what}
        CASES[made.__name__] = Case(name=made.__name__, does=does, **stated)
        return made

    return registered
