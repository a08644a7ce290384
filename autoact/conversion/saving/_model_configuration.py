"""Configuration of a transformers model: one name where it says all, else a note of the chosen activations.

Their loader makes a model from its configuration, and reports entries of the weights that it does not know
without stopping. What the configuration says of the activations is therefore made true when it is saved.
"""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import torch
from torch import nn

from autoact.activations import PLAIN
from autoact.conversion._apply import apply
from autoact.conversion._places import discover
from autoact.conversion._rollback import Structure
from autoact.conversion.saving._carriers import named, shed
from autoact.errors import ConversionError
from autoact.nn import module_for
from autoact.spaces import Choice

NOTE = "autoact_assignment"
_OTHER_NAMES = {"gelu_tanh": "gelu_pytorch_tanh", "identity": "linear", "hardswish": "hard_swish"}


@contextmanager
def named_in_configuration(model: nn.Module) -> Iterator[None]:
    """Let a model's configuration tell its activations inside, as long as the model is being saved.

    Where one of transformers' names stands for all of them (`hidden_act: relu`), that is written and the
    weights carry no entry: nobody needs autoact to load them. Otherwise `autoact_assignment` lists every
    choice, with learned slopes as they are now, in the form that `autoact.apply` takes.

    Args:
        model: A `PreTrainedModel` that `autoact.apply` changed.

    Raises:
        ConversionError: A block is plain: their loader would make it gated.

    Example:
        >>> from types import SimpleNamespace
        >>> model = nn.Sequential(nn.ReLU(), nn.Linear(2, 2), nn.ReLU())
        >>> model.config = SimpleNamespace(hidden_act="relu")
        >>> with named_in_configuration(apply(model, {"0": "tanh", "2": "gelu"})):
        ...     print(model.config.autoact_assignment["2"])
        {'activation': 'gelu', 'parameters': {}}
    """
    configuration: Any = model.config
    chosen = _chosen(model)
    if plain := [path for path, choice in chosen.items() if choice.activation == PLAIN]:
        raise ConversionError(
            f"Blocks are plain ({', '.join(plain)}), and from_pretrained makes gated ones before it loads "
            "weights. Keep torch.save(model.state_dict(), file), and autoact.load_weights(fresh_model, file)."
        )
    one = _one_name(model, chosen)
    setting, value = one or (NOTE, {path: choice.to_dict() for path, choice in chosen.items()})
    before, structure = dict(vars(configuration)), Structure(model.modules())
    try:
        setattr(configuration, setting, value)
        if one:
            shed(model)
        yield
    finally:
        vars(configuration).pop(setting, None)
        if setting in before:
            vars(configuration)[setting] = before[setting]
        if one:
            structure.restore()


def restore_from_configuration(model: nn.Module) -> None:
    """Give a loaded model the activations that a note in its configuration lists, and drop the note.

    Args:
        model: A `PreTrainedModel` as its library loaded it.

    Example:
        >>> from types import SimpleNamespace
        >>> model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
        >>> model.config = SimpleNamespace(autoact_assignment={"1": "tanh"})
        >>> restore_from_configuration(model)
        >>> model[1], vars(model.config)
        (Tanh(), {})
    """
    configuration: Any = model.config
    apply(model, getattr(configuration, NOTE))
    delattr(configuration, NOTE)


def _chosen(model: nn.Module) -> dict[str, Choice]:
    """Return the choices that a model's state_dict names, with the values that training gave them."""
    found: dict[str, Choice] = {}
    for part, module in model.named_modules():
        for path, entry in (named(module) or {}).items():
            found.setdefault(f"{part}.{path}".strip("."), Choice.from_dict(entry["choice"]))
    return {path: _present(model).get(path) or choice for path, choice in found.items()}


def _present(model: nn.Module) -> dict[str, Choice | None]:
    return {path: place.choice for place in discover(model).places.values() for path in place.paths}


def _one_name(model: nn.Module, chosen: Mapping[str, Choice]) -> tuple[str, str] | None:
    """Return the setting and the name by which the configuration alone makes the same model."""
    names = {choice.activation for choice in chosen.values()}
    if len(names) != 1 or any(module_for(choice).state_dict() for choice in chosen.values()):
        return None
    known = import_module("transformers.activations").ACT2CLS  # ACT2FN takes names of this process only
    name = names.pop()
    name = _OTHER_NAMES.get(name, name)
    settings = [key for key, value in vars(model.config).items() if isinstance(value, str) and value in known]
    for setting in settings if name in known else ():
        configuration: Any = copy.deepcopy(model.config)
        setattr(configuration, setting, name)
        with torch.device("meta"):
            fresh = type(model)(configuration)
        if _present(fresh) == _present(model):
            return setting, name
    return None
