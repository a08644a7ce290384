"""Arguments of the model that are hyperparameters: make it with other values than its own."""

import copy
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from autoact.errors import ConfigurationError, did_you_mean
from autoact.records import Value
from autoact.search.setup import Hyperparameter, Hyperparameters
from autoact.training.configuration import Component

_ARGS = "init_args"


@dataclass(frozen=True)
class Copied:
    """Callable that makes copies of what another one makes: nothing in them is shared.

    Args:
        make: Makes a model.
    """

    make: Callable[..., Any]

    def __call__(self, **values: Any) -> Any:
        """Return a copy of a model."""
        return copy.deepcopy(self.make(**values))


def with_values(make: Callable[[], Any], values: Mapping[str, Value]) -> Callable[[], Any]:
    """Return what makes the model with these hyperparameters; it pickles if `make` does.

    Example:
        >>> with_values(lambda lr=0.1: f"a model with lr {lr}", {"model.lr": 0.5})()
        'a model with lr 0.5'
    """
    if not values:
        return make
    if isinstance(make, Copied):
        return Copied(with_values(make.make, values))
    paths = {Hyperparameter(name, "choice", ()).path: value for name, value in values.items()}
    if not isinstance(make, Component):
        return partial(make, **{path[0]: value for path, value in paths.items()})
    arguments: Mapping[str, Any] = make.init_args
    for path, value in paths.items():
        arguments = _changed(arguments, path, value)
    return replace(make, init_args=arguments)


def own_values(make: Callable[[], Any], searched: Hyperparameters) -> dict[str, Value]:
    """Return the values with which the model is made anyway, as far as they can be known.

    Raises:
        ConfigurationError: The model takes no such argument.
    """
    found = {one.name: _own(make, one) for one in searched}
    return {name: value for name, value in found.items() if _is_plain(value)}


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)


def _own(make: Callable[[], Any], one: Hyperparameter) -> Any:
    """Return an argument's value; `inspect.Parameter.empty` where nobody can know."""
    if isinstance(make, Component):
        given: Any = make.init_args
        for part in one.path[:-1]:
            given = _inner(given).get(part)
            if not isinstance(given, Mapping):
                raise ConfigurationError(
                    f"parameters: {one.name} is not in the model's init_args, where {part} is {given!r}. "
                    "Write the arguments out there, with the value that they have now."
                )
        given = _inner(given)
        if one.path[-1] in given:
            return given[one.path[-1]]
        return _default(make.load(), one) if len(one.path) == 1 else inspect.Parameter.empty
    if len(one.path) > 1:
        raise ConfigurationError(
            f"parameters: {one.name} is an argument's own argument, which only a model given as class_path "
            f"and init_args can have. Make the model's callable take it by its own name."
        )
    return _default(make, one)


def _default(make: Callable[..., Any], one: Hyperparameter) -> Any:
    name = one.path[0]
    known = inspect.signature(make).parameters
    if name in known and known[name].kind is not inspect.Parameter.POSITIONAL_ONLY:
        return known[name].default
    if any(argument.kind is inspect.Parameter.VAR_KEYWORD for argument in known.values()):
        return inspect.Parameter.empty
    raise ConfigurationError(
        f"parameters: the model takes no argument {name!r} ({one.name}); it takes "
        f"{', '.join(known) or 'none'}.{did_you_mean(name, known)} Give the class itself, or a callable with "
        f"this argument, such as `lambda {name}=...: MyModel({name}={name})`."
    )


def _inner(given: Mapping[str, Any]) -> Mapping[str, Any]:
    return given.get(_ARGS) or {} if "class_path" in given else given


def _changed(given: Mapping[str, Any], path: tuple[str, ...], value: Value) -> Mapping[str, Any]:
    """Return a copy of nested arguments with one of them changed."""
    if "class_path" in given:
        return {**given, _ARGS: _changed(given.get(_ARGS) or {}, path, value)}
    first, *rest = path
    return {**given, first: _changed(given[first], tuple(rest), value) if rest else value}
