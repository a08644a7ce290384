"""Methods that a user's class gives a module, with their syntax: read from source, found by line."""

import ast
import inspect
import linecache
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import FunctionType
from typing import Any

from torch import nn

from autoact.conversion.grid import LIBRARIES

_STEP = re.compile(r".*_step$|.*loss.*|^on_.*|^configure_.*")


@dataclass(frozen=True, slots=True, eq=False)
class Method:
    """One method as it is written.

    Attributes:
        name: Under which its class has it.
        owner: The class.
        function: What stands inside its decorators.
        tree: Its syntax, with the line numbers of its file.
        static: Whether it has no object of its own: a static or class method, or a property.
    """

    name: str
    owner: type
    function: FunctionType
    tree: ast.FunctionDef
    static: bool = False

    @property
    def own_name(self) -> str:
        """What the method calls its object, usually self."""
        arguments = [*self.tree.args.posonlyargs, *self.tree.args.args]
        return arguments[0].arg if arguments and not self.static else ""

    @property
    def file(self) -> str:
        """Name of the file, without folders."""
        return Path(self.function.__code__.co_filename).name

    def is_own(self, node: ast.AST) -> bool:
        """Tell whether an expression is the object itself."""
        return isinstance(node, ast.Name) and node.id == self.own_name

    def resolve(self, node: ast.AST) -> Any:
        """Return the object that a dotted name stands for outside of the method, or None."""
        if isinstance(node, ast.Attribute):
            return getattr(self.resolve(node.value), node.attr, None)
        if not isinstance(node, ast.Name):
            return None
        imported = _imported(self.tree)
        if node.id in imported:
            return imported[node.id]
        code = self.function.__code__
        if node.id in code.co_freevars:
            return _cell(self.function, code.co_freevars.index(node.id))
        return None if node.id in code.co_varnames else self.function.__globals__.get(node.id)


@lru_cache(maxsize=1024)
def methods(kind: type) -> dict[str, Method]:
    """Return the methods that users' classes give a module; special ones and overridden ones left out."""
    found: dict[str, Method | None] = {}
    for owner in kind.__mro__:
        written = _written_in(owner)
        for name in vars(owner):
            if not name.startswith("__"):
                found.setdefault(name, written.get(name))
    return {name: method for name, method in found.items() if method is not None}


def unread(kind: type, name: str) -> bool:
    """Tell whether a method comes from a user's class but without source."""
    owner = _owner(kind, name)
    return not of_library(kind, name) and name not in _written_in(owner)


def of_library(kind: type, name: str) -> bool:
    """Tell whether a method comes from a library's class, or from none."""
    owner = _owner(kind, name)
    return owner is object or owner.__module__.partition(".")[0] in LIBRARIES


def _owner(kind: type, name: str) -> type:
    return next(owner for owner in kind.__mro__ if name in vars(owner) or owner is object)


def is_step(method: str) -> bool:
    """Tell whether a method is a loss, a training step or a hook, by its name."""
    return bool(_STEP.match(method))


def covered(kind: type) -> list[Method]:
    """Return methods of base classes that a subclass overrides: they run by super() only."""
    return [
        method
        for owner in kind.__mro__[1:]
        for name, method in _written_in(owner).items()
        if name in methods(kind) and methods(kind)[name].owner is not owner
    ]


def constructors(kind: type) -> list[Method]:
    """Return the __init__ methods of users' classes: functions made there may run later."""
    return [written["__init__"] for owner in kind.__mro__ if "__init__" in (written := _written_in(owner))]


def plain_function(function: Any) -> Method | None:
    """Return a function outside of classes that users wrote, or None for anything else."""
    if not isinstance(function, FunctionType) or function.__module__ is None:
        return None
    if function.__module__.partition(".")[0] in (*LIBRARIES, *sys.stdlib_module_names):
        return None
    return _read(function.__name__, object, staticmethod(function))


@lru_cache(maxsize=1024)
def _written_in(owner: type) -> dict[str, Method]:
    """Return the methods that a class itself defines, by name; none of a library's."""
    ours = owner is not nn.GLU  # torch's module around F.glu, a call that is rewritten as in users' classes
    if owner is object or (ours and owner.__module__.partition(".")[0] in LIBRARIES):
        return {}
    found = {name: _read(name, owner, attribute) for name, attribute in vars(owner).items()}
    return {name: method for name, method in found.items() if method is not None}


def _read(name: str, owner: type, attribute: Any) -> Method | None:
    static = isinstance(attribute, staticmethod | classmethod | property)
    inside = attribute.fget if isinstance(attribute, property) else getattr(attribute, "__func__", attribute)
    function = inspect.unwrap(inside) if callable(inside) and not isinstance(inside, type) else None
    if not isinstance(function, FunctionType):
        return None
    code = function.__code__
    tree = _definitions(code.co_filename).get((code.co_name, code.co_firstlineno))
    if tree is None or not _same_arguments(tree, code.co_varnames):
        return None  # no source, as of classes made by exec, or a file that changed since it was imported
    return Method(name, owner, function, tree, static)


@lru_cache(maxsize=256)
def _definitions(file: str) -> dict[tuple[str, int], ast.FunctionDef]:
    """Return every function of a file by name and first line, decorators included."""
    try:
        module = ast.parse("".join(linecache.getlines(file)))
    except SyntaxError:
        return {}
    return {
        (node.name, min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])): node
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef)
    }


def _same_arguments(tree: ast.FunctionDef, names: tuple[str, ...]) -> bool:
    given = [argument.arg for argument in (*tree.args.posonlyargs, *tree.args.args, *tree.args.kwonlyargs)]
    return tuple(given) == names[: len(given)]


@lru_cache(maxsize=1024)
def _imported(tree: ast.FunctionDef) -> dict[str, Any]:
    """Return modules and members that a function imports itself."""
    found: dict[str, Any] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                known = alias.name if alias.asname else alias.name.partition(".")[0]
                found[alias.asname or known] = sys.modules.get(known)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                found[alias.asname or alias.name] = getattr(
                    sys.modules.get(node.module or ""), alias.name, None
                )
    return found


def _cell(function: FunctionType, index: int) -> Any:
    try:
        return (function.__closure__ or ())[index].cell_contents
    except (IndexError, ValueError):
        return None  # a name that its function has not bound yet


def in_order(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield a syntax tree's nodes as the source is read; inner calls come before those around them."""
    for child in ast.iter_child_nodes(tree):
        yield from in_order(child)
    yield tree


def names_in(node: ast.AST) -> set[str]:
    """Return the names that stand in an expression or a target."""
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def first_name(node: ast.AST) -> str:
    """Return the name that an expression such as self.layers[0] begins with; "" where it begins otherwise."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
