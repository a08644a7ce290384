"""Component: a user's class by its path and arguments, made again and again, in any process."""

import copy
import importlib
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser, Namespace

from autoact.errors import OF_USERS, AutoActError, ConfigurationError, did_you_mean
from autoact.spaces.files import Document, Keys

_ARGS = "init_args"
_GROUP = "arguments"  # of the parser: jsonargparse gives "init_args" a meaning of its own
_TELLING = ("Expected", "Problem", "module", "No module", "Option")


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """Makes a fresh instance at every call; pickles as plain data.

    Args:
        class_path: "module.Class".
        init_args: Arguments of the class; a value may itself be a class_path with init_args.
        folders: Folders that become importable before the module is looked for.

    Example:
        >>> Component(class_path="torch.nn.Linear", init_args={"in_features": 2, "out_features": 3})()
        Linear(in_features=2, out_features=3, bias=True)
    """

    class_path: str
    init_args: Mapping[str, Any] = field(default_factory=dict)
    folders: tuple[str, ...] = ()

    def __call__(self) -> Any:
        """Return a new instance.

        Raises:
            ConfigurationError: If the class cannot be imported, does not take the arguments, or raises.
        """
        cls = self.load()
        parser = arguments_of(cls)
        try:
            settings = parse(parser, self.init_args)
        except Exception as error:  # jsonargparse raises what argparse, importlib and the type hints raise
            raise ConfigurationError(f"{self.class_path}: {_one_line(error)}") from error
        return self._make(parser, settings)

    def _make(self, parser: ArgumentParser, settings: Namespace) -> Any:
        try:
            return make(parser, settings)
        except AutoActError:
            raise
        except OF_USERS as error:  # whatever the user's __init__ raises
            what = f"{self.class_path} with {dict(self.init_args)}"
            raise ConfigurationError(f"{what} cannot be made: {_one_line(error)}{_where(error)}") from error

    def load(self) -> type[Any]:
        """Import the class.

        Raises:
            ConfigurationError: If there is no such module or class.
        """
        sys.path[:0] = [folder for folder in self.folders if folder not in sys.path]
        module_name, _, name = self.class_path.rpartition(".")
        if not module_name:
            raise ConfigurationError(
                f"class_path is {self.class_path!r}; it must be 'module.Class', such as my_model.MyModel."
            )
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            looked = (
                f"; looked in {', '.join(self.folders)} and the installed packages" if self.folders else ""
            )
            beside = [file.stem for folder in self.folders for file in Path(folder).glob("*.py")]
            hint = did_you_mean(module_name, beside)
            raise ConfigurationError(f"cannot import {self.class_path!r}: {error}{looked}.{hint}") from error
        except OF_USERS as error:  # whatever the user's module raises
            what = f"{type(error).__name__}: {_one_line(error)}{_where(error)}"
            raise ConfigurationError(f"cannot import {self.class_path!r}: {what}") from error
        found = getattr(module, name, None)
        if not isinstance(found, type):
            hint = did_you_mean(name, [n for n, value in vars(module).items() if isinstance(value, type)])
            raise ConfigurationError(f"module {module_name} has no class {name!r}.{hint}")
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return plain types, from which `Component(**...)` makes an equal one."""
        return {
            "class_path": self.class_path,
            "init_args": dict(self.init_args),
            "folders": list(self.folders),
        }


def read_component(
    document: Document,
    keys: Keys,
    base: type[Any] | tuple[type[Any], ...],
    folders: tuple[str, ...],
    skip: tuple[str, ...] = (),
) -> Component:
    """Return the component at one place of a configuration, checked so far as can be without making it.

    Args:
        document: The configuration.
        keys: Where the component stands.
        base: What its class must derive from; one of several.
        folders: Folders to import from.
        skip: Arguments that are not given in the configuration.

    Raises:
        ConfigurationError: Naming file, line, key and remedy.
    """
    entry = document.at(keys)
    if isinstance(entry, str):
        entry, shown = {"class_path": entry}, keys
    else:
        entry, shown = document.mapping(keys, ("class_path", _ARGS)), (*keys, "class_path")
    path, arguments = entry.get("class_path"), entry.get(_ARGS) or {}
    if not isinstance(path, str) or "." not in path:
        raise document.error(
            shown, f"class_path is {path!r}; it must be 'module.Class', such as my_model.MyModel."
        )
    component = Component(class_path=path, init_args=arguments, folders=folders)
    try:
        cls = component.load()
    except ConfigurationError as error:
        raise document.error(shown, str(error)) from error
    if not issubclass(cls, base):
        first = base[0] if isinstance(base, tuple) else base
        raise document.error(shown, f"{path} is not a {first.__name__}; give a class that derives from it.")
    check_arguments(document, (*keys, _ARGS) if arguments else shown, arguments, cls, skip)
    return component


def check_arguments(
    document: Document, keys: Keys, given: Mapping[str, Any], cls: type[Any], skip: tuple[str, ...] = ()
) -> None:
    """Check names and types of the arguments at one place of a configuration.

    Args:
        document: The configuration.
        keys: Where the arguments stand, or would stand.
        given: The arguments.
        cls: The class that takes them.
        skip: Arguments that are given elsewhere.

    Raises:
        ConfigurationError: Naming file, line, key, what is allowed and the closest name.
    """
    parser = arguments_of(cls, skip=skip)
    if given:
        document.mapping(keys, _names(parser))
    for name, value in given.items():
        try:
            parse(parser, {name: value}, defaults=False)
        except Exception as error:  # as in Component.__call__
            if "required" not in str(error):
                raise document.error((*keys, name), f"got {value!r}. {_one_line(error)}") from error
    try:
        parse(parser, given)
    except Exception as error:  # as in Component.__call__
        raise document.error(keys, _one_line(error).replace(f"{_GROUP}.", "")) from error


def arguments_of(cls: type[Any], *, instantiate: bool = True, skip: tuple[str, ...] = ()) -> ArgumentParser:
    """Return a parser of a class's arguments, under the key "arguments"."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(cls, _GROUP, instantiate=instantiate, fail_untyped=False, skip=set(skip))
    return parser


def parse(parser: ArgumentParser, given: Mapping[str, Any], *, defaults: bool = True) -> Namespace:
    """Return checked arguments; a copy goes in, because jsonargparse rewrites nested lists in place."""
    return parser.parse_object({_GROUP: copy.deepcopy(dict(given))}, defaults=defaults)


def make(parser: ArgumentParser, settings: Namespace) -> Any:
    """Return the instance, or with instantiate=False its arguments with the classes among them made."""
    return parser.instantiate(settings)[_GROUP]


def _names(parser: ArgumentParser) -> list[str]:
    found = (action.dest for action in parser._actions if action.dest.startswith(f"{_GROUP}."))
    return [name.removeprefix(f"{_GROUP}.") for name in found if not name.endswith(".help")]


def _one_line(error: BaseException) -> str:
    """Return the part of a message that says what is wrong; jsonargparse spreads it over several lines."""
    lines = [line.strip(" -") for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    first = next((place for place, line in enumerate(lines) if line.startswith(_TELLING)), 0)
    until = first + 1
    while lines[until - 1].endswith(":") and until < len(lines):
        until += 1
    return " ".join(lines[first:until]).replace("<class '", "").replace("'>", "")


def _where(error: BaseException) -> str:
    """Return the place in the user's code that raised."""
    frames = traceback.extract_tb(error.__traceback__)
    return f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
