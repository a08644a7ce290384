"""The registry: the one list of activations, filled by the decorator, from any file."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, overload

import sympy as sp
import torch
from torch import nn

from autoact._cache import forget
from autoact.activations._activation import Activation, Parameter, X
from autoact.activations._free_form import free_form
from autoact.activations._opaque import opaque
from autoact.activations._plain_form import PLAIN, PLAIN_FORM
from autoact.activations._twins import Twin, Value
from autoact.errors import ConfigurationError, UnknownActivationError

Named = str | Activation | type[nn.Module] | nn.Module | Callable[..., Any]
DEFAULT_CANDIDATES = ("relu", "leaky_relu", "prelu", "elu", "silu", "gelu", "tanh", "softplus")
_registry: dict[str, Activation] = {}
_aliases: dict[str, str] = {}
_definitions: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {}
_meant: dict[str, Activation] = {}  # by every name, also those that left the registry


@overload
def activation(function: Callable[..., sp.Expr], /) -> Activation: ...


@overload
def activation(
    *, family: str = "own", reference: str = "", twin: Twin | None = None, aliases: tuple[str, ...] = ()
) -> Callable[[Callable[..., sp.Expr]], Activation]: ...


def activation(
    function: Callable[..., sp.Expr] | None = None,
    /,
    *,
    family: str = "own",
    reference: str = "",
    twin: Twin | None = None,
    aliases: tuple[str, ...] = (),
) -> Activation | Callable[[Callable[..., sp.Expr]], Activation]:
    """Register the decorated function as an activation; its name, docstring and arguments describe it.

    The function gets SymPy symbols, x first, and returns an expression. Its other arguments have a
    `Parameter` as default. A function written with torch instead is called with tensors: it works the same,
    slower, and without the facts that need a formula.

    Args:
        function: Where the decorator is written without parentheses.
        family: Group that search spaces can name, for example "rectifier".
        reference: Paper or book.
        twin: torch's own module, where there is one.
        aliases: Other names under which `get` finds it.

    Returns:
        The `Activation`, or a decorator that gives it back.

    Raises:
        ConfigurationError: A name taken by a different expression, or an argument without a Parameter.

    Example:
        >>> import autoact
        >>> import sympy as sp
        >>> @autoact.activation(family="example")
        ... def soft_cube(x, scale=autoact.Parameter(default=1.0, lower=0.0)):
        ...     '''A cube that a sine bends.'''
        ...     return x + scale * sp.sin(x) ** 3
        >>> autoact.get("soft_cube").parameters[0].default
        1.0
    """

    def register(function: Callable[..., sp.Expr]) -> Activation:
        parameters = _parameters(function)
        made = Activation(
            function.__name__,
            _expression(function, parameters),
            parameters,
            family=family,
            reference=reference,
            description=inspect.getdoc(function) or "",
            twin=twin,
            aliases=aliases,
        )
        _add(made)
        how = {"family": family, "reference": reference, "twin": twin, "aliases": aliases}
        _definitions[made.name] = function, how
        return made

    return register if function is None else register(function)


def additions() -> dict[str, tuple[Callable[..., Any], dict[str, Any]]]:
    """Return what users registered, by name: functions, and the arguments with which `activation` took them.

    Example:
        >>> "relu" in additions()
        False
    """
    return {
        name: known
        for name, known in _definitions.items()
        if not known[0].__module__.startswith("autoact.activations.")
    }


def _expression(function: Callable[..., Any], parameters: tuple[Parameter, ...]) -> sp.Expr:
    """Call the function with symbols; one that wants tensors becomes an opaque function."""
    symbols = [sp.Symbol(p.name, real=True) for p in parameters]
    try:
        return sp.sympify(function(X, *symbols))
    except (TypeError, AttributeError) as not_symbolic:
        try:
            probe = function(torch.zeros(2), *(torch.tensor(p.default) for p in parameters))
        except Exception as error:
            raise ConfigurationError(
                f"Activation {function.__name__!r} takes neither SymPy symbols ({not_symbolic}) "
                f"nor tensors ({error})."
            ) from error
        if not isinstance(probe, torch.Tensor) or probe.shape != (2,):
            raise ConfigurationError(
                f"Activation {function.__name__!r} must return one value per element of x, got {probe!r}."
            ) from not_symbolic
        return opaque(function.__name__, function, 1 + len(parameters))(X, *symbols)


def _parameters(function: Callable[..., sp.Expr]) -> tuple[Parameter, ...]:
    _, *others = inspect.signature(function).parameters.values()
    for argument in others:
        if not isinstance(argument.default, Parameter):
            raise ConfigurationError(
                f"Argument {argument.name!r} of activation {function.__name__!r} needs a Parameter as "
                f"default, for example {argument.name}=Parameter(default=1.0)."
            )
    return tuple(replace(argument.default, name=argument.name) for argument in others)


def _add(made: Activation) -> Activation:
    for name in (made.name, *made.aliases):
        if not name.isidentifier():
            raise ConfigurationError(
                f"Activation name {name!r} is not a Python identifier. Rename the function."
            )
        holder = _registry.get(_aliases.get(name, name)) or _unlisted(name)
        if holder is not None and (holder.name, holder.expression) != (made.name, made.expression):
            raise ConfigurationError(f"Activation name {name!r} is taken by {holder!r}. Choose another name.")
    _registry[made.name] = made
    _aliases.update(dict.fromkeys(made.aliases, made.name))
    for name in (made.name, *made.aliases):
        before = _meant.setdefault(name, made)
        if _meaning(before) != _meaning(made):
            _meant[name] = made
            forget()
    return made


def _meaning(act: Activation) -> tuple[Any, ...]:
    return act.name, act.expression, act.parameters, act.twin


@contextmanager
def registered_meanwhile(activations: Iterable[Activation]) -> Iterator[None]:
    """Register activations as long as the context lasts; those of names that are taken stay out.

    Args:
        activations: With names that follow from their expressions.

    Example:
        >>> import sympy as sp
        >>> x = sp.Symbol("x", real=True)
        >>> with registered_meanwhile([Activation("of_an_hour", sp.sin(3 * x), family="example")]):
        ...     get("of_an_hour")
        Activation(of_an_hour)
        >>> "of_an_hour" in list_activations()
        False
    """
    added = [act for act in activations if act.name not in _registry]
    for act in added:
        _add(act)
    try:
        yield
    finally:
        for act in added:
            _registry.pop(act.name, None)


def get(name: Named) -> Activation:
    """Return a registered activation: by name, alias, or what torch calls it.

    Args:
        name: A name in any spelling ("leaky_relu", "LeakyReLU"), a class of torch (`nn.GELU`), an instance
            with the default settings of its activation (`nn.ReLU()`), or a function (`F.relu`).

    Raises:
        UnknownActivationError: No such activation; the message suggests the nearest.
        ConfigurationError: An instance with settings of its own, which an activation does not keep.

    Example:
        >>> import autoact
        >>> from torch import nn
        >>> autoact.get("elu"), autoact.get("ReLU"), autoact.get(nn.GELU)
        (Activation(elu, alpha=1), Activation(relu), Activation(gelu))
        >>> autoact.get("reluu")
        Traceback (most recent call last):
        autoact.errors.UnknownActivationError: No activation named 'reluu'. Did you mean 'relu'?
    """
    found = name if isinstance(name, Activation) else _find(name)
    if found is not None:
        return found
    asked = type(name).__name__ if isinstance(name, nn.Module) else getattr(name, "__name__", name)
    head, opened, _ = str(asked).partition("(")
    if opened and _find(head) is not None:
        raise UnknownActivationError(
            f"No activation named {asked!r}. A name alone is taken here: {head!r}. With values it is a "
            f"choice, which an assignment takes and Choice.parse({asked!r}) makes."
        )
    spellings = _spellings()
    near = get_close_matches(_plain(str(asked)), spellings, n=1)
    hint = f"Did you mean {spellings[near[0]]!r}?" if near else "autoact.list_activations() shows all."
    raise UnknownActivationError(f"No activation named {asked!r}. {hint}")


def _find(name: object) -> Activation | None:
    if isinstance(name, str):
        exact = _registry.get(_aliases.get(name, name)) or _unlisted(name)
        return exact or _registry.get(_spellings().get(_plain(name), ""))
    if isinstance(name, nn.Module):
        return _of_instance(name)
    if isinstance(name, type):
        twins = ((act, act.twin) for act in _registry.values() if act.twin)
        return next((act for act, twin in twins if twin.module is name and not twin.when), None)
    return _registry.get(from_function(name) or "") if callable(name) else None


def _unlisted(name: str) -> Activation | None:
    """Return what is made when somebody names it, and stands in no list."""
    return PLAIN_FORM if name == PLAIN else free_form(name)


def _of_instance(module: nn.Module) -> Activation | None:
    named = from_module(module)
    if named is None:
        return _registry["identity"] if type(module) is nn.Identity else None
    act, values = _registry[named[0]], named[1]
    own = {key: value for key, value in values.items() if value != act.defaults[key]}
    if own:
        raise ConfigurationError(
            f"{module} is {act.name} with settings of its own ({own}), which an activation does not have. "
            f"Say {act.name!r}, or keep them: autoact.Choice.of(module)."
        )
    return act


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).lower()


def _spellings() -> dict[str, str]:
    """Return the names by their letters alone; where two agree, the first one counts."""
    names = {**{name: name for name in _registry}, **_aliases}
    return {_plain(name): names[name] for name in reversed(names)}


def list_activations() -> tuple[str, ...]:
    """Return the registered names, sorted.

    Example:
        >>> import autoact
        >>> "relu" in autoact.list_activations()
        True
    """
    return tuple(sorted(_registry))


def from_module(module: nn.Module) -> tuple[str, dict[str, Value]] | None:
    """Return name and parameter values of a torch activation module, or None if none is registered.

    Args:
        module: An instance, such as `nn.ELU(0.5)`.

    Example:
        >>> from_module(nn.ELU(0.5)), from_module(nn.Linear(1, 1))
        (('elu', {'alpha': 0.5}), None)
    """
    for act in _registry.values():
        values = act.twin.read(module) if act.twin else None
        if values is not None:
            return act.name, values
    return None


def from_function(function: Any) -> str | None:
    """Return the name of the activation that a torch function computes with its default settings, or None.

    Args:
        function: A callable such as `torch.relu` or `torch.nn.functional.gelu`.

    Example:
        >>> from_function(torch.tanh), from_function(torch.sum)
        ('tanh', None)
    """
    for act in _registry.values():
        if act.twin and function in act.twin.functions:
            return act.name
    return None


def is_activation_module(module: nn.Module) -> bool:
    """Tell whether torch counts a module among its activations, registered here or not.

    Args:
        module: Any module.

    Example:
        >>> is_activation_module(nn.ReLU()), is_activation_module(nn.Linear(1, 1))
        (True, False)
    """
    return type(module).__module__ == torch.nn.modules.activation.__name__ and not isinstance(
        module, nn.MultiheadAttention
    )
