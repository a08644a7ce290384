"""Assignments: the activation of every layer, a value that search, conversion and report pass around."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from autoact._card import NAMES, card
from autoact.activations import Activation
from autoact.errors import AutoActError, ConfigurationError, first_few
from autoact.spaces._choice import Choice
from autoact.spaces.files import VERSION, Document, check_version, load, write_yaml

if TYPE_CHECKING:
    from autoact.spaces._space import SearchSpace


@dataclass(frozen=True, slots=True)
class Assignment(Mapping[str, Choice]):
    """A choice for each layer path, in the order of the model; pure data, equal by value.

    Args:
        choices: By layer path a `Choice`, or what `Choice.of` takes: a name, torch's class or module.
        name: What people call it; not part of equality.

    Raises:
        ConfigurationError: Not a mapping, or a value that is no choice.

    Example:
        >>> assignment = Assignment({"net.1": "relu", "net.3": Choice("elu", alpha=0.5)}, name="mine")
        >>> assignment["net.3"]
        Choice('elu', alpha=0.5)
        >>> assignment
        Assignment(net.1=relu, net.3=elu(alpha=0.5), name='mine')
    """

    choices: Mapping[str, Any]
    name: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        """Check the paths, turn names into choices, forbid changes."""
        if not isinstance(self.choices, Mapping):
            raise ConfigurationError(f"An assignment maps layer paths to choices; got {self.choices!r}.")
        checked = {str(path): _as_choice(path, choice) for path, choice in self.choices.items()}
        object.__setattr__(self, "choices", MappingProxyType(checked))

    @classmethod
    def load(cls, path: str | Path) -> "Assignment":
        """Read an assignment from YAML.

        Raises:
            ConfigurationError: The file cannot be read or is no assignment; names file, line and key.
        """
        return _parse(load(path))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, source: str = "assignment") -> "Assignment":
        """Build an assignment from what `to_dict` returned; `source` names it in messages."""
        return _parse(Document(data=data, source=source))

    def to_dict(self) -> dict[str, Any]:
        """Return plain types: {"version": 1, "name": ..., "layers": {path: {"activation", "parameters"}}}."""
        layers = {path: choice.to_dict() for path, choice in self.choices.items()}
        return {"version": VERSION, "name": self.name, "layers": layers}

    def save(self, path: str | Path) -> None:
        """Write the assignment as YAML, whole or not at all.

        Raises:
            ConfigurationError: The place cannot be written.
        """
        write_yaml(path, self.to_dict())

    def stretched(self, paths: Iterable[str], space: "SearchSpace | None" = None) -> "Assignment":
        """Return this assignment for a deeper or shallower model of the same make.

        Each layer takes the choice of the layer of its kind that stands nearest in relative depth; layers in
        a rule with share: group take that rule's choice.

        Args:
            paths: Layer paths of the other model, such as `find_layers(model, space).layers`.
            space: The space in which the assignment was found; needed only where it shares choices.

        Raises:
            ConfigurationError: A kind of layer that this assignment does not name.

        Example:
            >>> small = Assignment({"layers.0.act": "relu", "layers.1.act": "gelu"})
            >>> print(small.stretched([f"layers.{i}.act" for i in range(4)]))
            layers.0.act=relu, layers.1.act=relu, layers.2.act=gelu, layers.3.act=gelu
        """
        from autoact.spaces._stretching import stretch

        return Assignment(stretch(self.choices, paths, space), name=self.name)

    def __getitem__(self, path: str) -> Choice:
        """Return the choice of one layer."""
        return self.choices[path]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the layer paths."""
        return iter(self.choices)

    def __len__(self) -> int:
        """Return the number of layers."""
        return len(self.choices)

    def __hash__(self) -> int:
        """Hash by value; the order of layers does not matter, as in equality."""
        return hash(frozenset(self.choices.items()))

    def __reduce__(self) -> tuple[type["Assignment"], tuple[dict[str, Choice], str]]:
        """Pickle and copy by value."""
        return Assignment, (dict(self.choices), self.name)

    def __repr__(self) -> str:
        """Return the first choices and the name in one line."""
        name = [f"name={self.name!r}"] if self.name else []
        choices = first_few([f"{path}={choice}" for path, choice in self.choices.items()], NAMES)
        return f"Assignment({', '.join([*([choices] if choices else []), *name])})"

    def _repr_html_(self) -> str:
        """Return the choices for a notebook."""
        title = f"Assignment {self.name}" if self.name else "Assignment"
        return card(title, ["layer", "activation"], self.choices.items())

    def __str__(self) -> str:
        """Return net.1=relu, net.3=elu(alpha=0.5)."""
        return ", ".join(f"{path}={choice}" for path, choice in self.choices.items())


def _as_choice(path: object, choice: Any) -> Choice:
    if not (isinstance(choice, Choice | str | Activation) or callable(choice)):
        raise ConfigurationError(f"Layer {path!r} needs a Choice or an activation's name; got {choice!r}.")
    try:
        return Choice.of(choice)
    except AutoActError as error:
        raise type(error)(f"Layer {path!r}: {error}") from error


def _parse(document: Document) -> Assignment:
    data = document.mapping((), ("version", "name", "layers"))
    check_version(document, "an assignment")
    layers = data.get("layers")
    if not isinstance(layers, Mapping):
        raise document.error(("layers",), "expected a mapping of layer paths to activations.")
    _check_paths(document, layers)
    choices = {str(path): _choice(document, ("layers", path)) for path in layers}
    return Assignment(choices, name=str(data.get("name") or ""))


def _check_paths(document: Document, layers: Mapping[Any, Any]) -> None:
    """Complain about a path that YAML reads as another one, such as 1.10 as the number 1.1."""
    read = {"<<", *map(str, layers)}  # YAML's key for what another mapping has
    for keys, line in document.lines.items():
        if len(keys) == 2 and keys[0] == "layers" and keys[1] not in read:
            what = f"YAML reads the layer path {keys[1]} as something else: write '{keys[1]}'"
            raise ConfigurationError(f"{document.source}, line {line}: {what}.")


def _choice(document: Document, keys: tuple[str, str]) -> Choice:
    entry = document.at(keys)
    if not isinstance(entry, str):
        entry = document.mapping(keys, ("activation", "parameters"))
        if "activation" not in entry:
            raise document.error(keys, "the key 'activation' is missing.")
    try:
        return Choice.of(entry) if isinstance(entry, str) else Choice.from_dict(entry)
    except AutoActError as error:
        raise type(error)(f"{document.place(keys)}: {error}") from error
