"""Search spaces: which activations may compete, and where."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar, overload

from autoact._card import card
from autoact.activations import Named
from autoact.errors import ConfigurationError
from autoact.spaces._bounds import Bounds
from autoact.spaces._candidates import check_candidates
from autoact.spaces._choice import Choice
from autoact.spaces._relaxation import Relaxation
from autoact.spaces._requirements import Requirements
from autoact.spaces._rule import LayerRule
from autoact.spaces.files import VERSION

T = TypeVar("T")


@dataclass(frozen=True, slots=True, init=False)
class SearchSpace:
    """Candidates for every layer, rules for some, and what all of them must satisfy.

    Args:
        name: What people call it; may be left out: `SearchSpace(["relu", "tanh"])`.
        candidates: Activations that compete, by name or torch's class.
        layers: Rules by module path; the first that matches a layer counts.
        require: Conditions on every candidate.
        relaxation: Settings of the mixtures.
        bounds: Narrower ranges of parameters, as {"elu": {"alpha": 1}, "hill": {"n": [2, 6]}}; training,
            search and the projection of a mixture keep to them.
        source: The file it came from, for messages; not part of equality.
        notes: What was done about members of families that do not fit; not part of equality.

    Raises:
        UnknownActivationError: A candidate is not registered.
        ConfigurationError: A setting is wrong, or a candidate breaks a requirement.

    Example:
        >>> space = SearchSpace("mine", ["relu", "tanh"], layers=[LayerRule(match="head.*", keep=True)])
        >>> space.candidates_for("net.1"), space.candidates_for("head.1")
        (('relu', 'tanh'), ())
        >>> SearchSpace(["ReLU", "SiLU"]).candidates
        ('relu', 'silu')
    """

    name: str
    candidates: tuple[str, ...]
    layers: tuple[LayerRule, ...]
    require: Requirements
    relaxation: Relaxation
    bounds: Bounds
    source: str = field(compare=False)
    notes: tuple[str, ...] = field(compare=False)

    @overload
    def __init__(
        self,
        name: str,
        candidates: Sequence[Named],
        layers: Iterable[LayerRule | Mapping[str, Any]] = (),
        require: Requirements | Mapping[str, Any] | None = None,
        relaxation: Relaxation | Mapping[str, Any] | None = None,
        bounds: Bounds | Mapping[str, Mapping[str, Any]] | None = None,
        source: str = "search space",
        notes: tuple[str, ...] = (),
    ) -> None: ...

    @overload
    def __init__(
        self,
        candidates: Sequence[Named],
        /,
        *,
        layers: Iterable[LayerRule | Mapping[str, Any]] = (),
        require: Requirements | Mapping[str, Any] | None = None,
        relaxation: Relaxation | Mapping[str, Any] | None = None,
        bounds: Bounds | Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None: ...

    def __init__(
        self,
        name: Any,
        candidates: Any = None,
        layers: Any = (),
        require: Any = None,
        relaxation: Any = None,
        bounds: Any = None,
        source: str = "search space",
        notes: tuple[str, ...] = (),
    ) -> None:
        name, candidates = _named(name, candidates)
        settings = {
            "name": name,
            "candidates": check_candidates(candidates),
            "layers": tuple(_made(LayerRule, rule, f"layers[{index}]") for index, rule in enumerate(layers)),
            "require": _made(Requirements, require or {}, "require"),
            "relaxation": _made(Relaxation, relaxation or {}, "relaxation"),
            "bounds": Bounds.of(bounds),
            "source": source,
            "notes": notes,
        }
        for key, value in settings.items():
            object.__setattr__(self, key, value)
        self.require.check(self.candidates, self.bounds)
        for rule in self.layers:
            self.require.check(rule.candidates or (), self.bounds)
        check_order(self.layers)

    @classmethod
    def load(cls, name_or_path: str | Path) -> "SearchSpace":
        """Read a shipped space by name, or any space from its file.

        Raises:
            ConfigurationError: No such space or file, or something in it is wrong; names file, line and key.

        Example:
            >>> SearchSpace.load("default").candidates[0]
            'relu'
        """
        from autoact.spaces._parsing import parse_space
        from autoact.spaces.files import find_space, load

        return parse_space(load(find_space(name_or_path)))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, source: str = "search space") -> "SearchSpace":
        """Build a space from plain data, as `to_dict` returns them or as a file has them."""
        from autoact.spaces._parsing import parse_space
        from autoact.spaces.files import Document

        return parse_space(Document(data=data, source=source))

    @classmethod
    def of(cls, space: "SearchSpace | str | Path | Sequence[Named] | Mapping[str, Any]") -> "SearchSpace":
        """Return a space however it was given: itself, a name, a path, a list of candidates, plain data."""
        if isinstance(space, SearchSpace):
            return space
        if isinstance(space, str | Path):
            return cls.load(space)
        if isinstance(space, Mapping):
            return cls.from_dict(space)
        if isinstance(space, Sequence):
            return cls(space)
        raise ConfigurationError(
            "A search space is a name, a path, a list of activation names, a mapping or a SearchSpace; "
            f"got {space!r}."
        )

    def within(self, paths: Iterable[str]) -> "SearchSpace":
        """Return this space for a model with these layer paths, in order: relative depths are then known."""
        every = tuple(paths)
        return replace(self, layers=tuple(rule.within(every) for rule in self.layers))

    def refusal(self, choice: Choice) -> str | None:
        """Return why a choice may not be made in this space, whoever makes it; None if it may.

        Example:
            >>> SearchSpace("smooth", ["tanh"], require=Requirements(smoothness=1)).refusal(Choice("relu"))
            'relu has 0 continuous derivatives, 1 are required'
        """
        return self.bounds.violation(choice) or self.require.refusal(choice)

    def rule_for(self, path: str) -> LayerRule | None:
        """Return the first rule that matches a layer path, if any."""
        return next((rule for rule in self.layers if rule.matches(path)), None)

    def candidates_for(self, path: str) -> tuple[str, ...]:
        """Return the names that compete in a layer; none if a rule keeps it as it is."""
        rule = self.rule_for(path)
        if rule is None:
            return self.candidates
        return () if rule.keep else rule.candidates or self.candidates

    def to_dict(self) -> dict[str, Any]:
        """Return plain types, with everything that differs from the defaults."""
        data: dict[str, Any] = {"version": VERSION, "name": self.name, "candidates": list(self.candidates)}
        plain = {"depth": None, "keep": False, "share": "layer", "candidates": None}
        optional = {
            "layers": [_changed(rule, plain) for rule in self.layers],
            "bounds": self.bounds.to_dict(),
            "require": _changed(self.require, asdict(Requirements())),
            "relaxation": _changed(self.relaxation, asdict(Relaxation())),
        }
        return data | {key: value for key, value in optional.items() if value}

    def __repr__(self) -> str:
        """Return the call that makes it, with everything that differs from the defaults."""
        data = {key: value for key, value in self.to_dict().items() if key != "version"}
        first = [repr(data.pop("name")), repr(data.pop("candidates"))]
        return f"SearchSpace({', '.join(first + [f'{key}={value!r}' for key, value in data.items()])})"

    def _repr_html_(self) -> str:
        """Return candidates, rules and requirements for a notebook."""
        kept = ("version", "name", "candidates", "layers")
        rows: list[tuple[str, str]] = [("every layer", ", ".join(self.candidates))]
        for rule in self.layers:
            said = (
                "kept"
                if rule.keep
                else ", ".join(self.candidates if rule.candidates is None else rule.candidates)
            )
            rows.append((rule.match, said + (", one choice together" if rule.share == "group" else "")))
        further = [f"{key}: {value}" for key, value in self.to_dict().items() if key not in kept]
        return card(f"Search space {self.name}", ["layers", "candidates"], rows, [*further, *self.notes])

    def fingerprint(self) -> str:
        """Return a short text that is the same for equal spaces, whatever their name."""
        data = {key: value for key, value in self.to_dict().items() if key != "name"}
        return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16]


def _made(kind: type[T], given: Any, key: str) -> T:
    """Return an object of a kind, made of a mapping where one is given."""
    if isinstance(given, kind):
        return given
    try:
        return kind(**given)
    except TypeError as error:
        wanted = f"a {kind.__name__}, or a mapping of its arguments"
        raise ConfigurationError(f"{key} is {given!r}; it must be {wanted} ({error}).") from None


def _named(name: Any, candidates: Any) -> tuple[Any, Any]:
    """Return name and candidates, whether or not a name came first."""
    if candidates is not None:
        return name, candidates
    if isinstance(name, str):
        raise ConfigurationError(
            f"The candidates are missing: SearchSpace([{name!r}, ...]), or SearchSpace.load({name!r}) for a "
            "space that has this name."
        )
    return "custom", name


def check_order(rules: Sequence[LayerRule]) -> None:
    """Complain about a rule that never counts, because one before it matches all that it could match."""
    for index, rule in enumerate(rules):
        for before, earlier in enumerate(rules[:index]):
            if earlier.covers(rule):
                place = f"{rule.place}: " if rule.place else ""
                raise ConfigurationError(
                    f"{place}The rule match: {rule.match!r} never counts, because layers[{before}] (match: "
                    f"{earlier.match!r}) takes all of its layers. Put it before that one, or remove it."
                )


def _changed(settings: Any, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a dataclass that differ from their defaults, without those for messages."""
    compared = [entry.name for entry in fields(settings) if entry.compare]
    values = {key: getattr(settings, key) for key in compared}
    plain = {key: list(v) if isinstance(v, tuple) else v for key, v in values.items()}
    return {key: value for key, value in plain.items() if key not in defaults or value != defaults[key]}
