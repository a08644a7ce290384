"""Rules: what a search space says about the layers whose path matches a glob."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any, Literal, get_args

from autoact.errors import ConfigurationError, did_you_mean
from autoact.spaces._candidates import check_candidates
from autoact.spaces._depth import Depth, literal, positions

Share = Literal["layer", "group"]
SHARES: tuple[str, ...] = get_args(Share)


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRule:
    """How the layers that match are searched; the first rule that matches a layer counts.

    Args:
        match: Glob on module paths; `*` also crosses dots.
        depth: Part of the stack of blocks that match, such as "first quarter" or [0, 0.25]; None for all.
            Blocks are counted in a model, so a rule with a depth must be bound to one first: see `within`.
        keep: Leave these layers as they are.
        share: "layer": each layer chooses for itself; "group": all layers of this rule make one choice.
        candidates: Names that compete here; None takes the space's.
        place: File, line and key, for messages; not part of equality.
        stack: Relative depth of every path that `match` finds in a model; not part of equality.

    Raises:
        ConfigurationError: A setting is out of range, or contradicts another one.

    Example:
        >>> rule = LayerRule(match="layers.*", depth="first half")
        >>> bound = rule.within(["layers.0.act", "layers.1.act", "head"])
        >>> bound.matches("layers.0.act"), bound.matches("layers.1.act")
        (True, False)
    """

    match: str
    depth: Any = None
    keep: bool = False
    share: Share = "layer"
    candidates: tuple[str, ...] | None = None
    place: str = field(default="", compare=False)
    stack: tuple[tuple[str, float], ...] | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Check every setting."""
        if not isinstance(self.match, str) or not self.match:
            raise ConfigurationError(f"match is a glob on module paths such as 'net.*'; got {self.match!r}.")
        if self.depth is not None:
            part = Depth.of(self.depth)
            name = " ".join(self.depth.split()) if isinstance(self.depth, str) else (part.low, part.high)
            object.__setattr__(self, "depth", name)
        if not isinstance(self.keep, bool):
            raise ConfigurationError(f"keep is true or false; got {self.keep!r}.")
        if self.share not in SHARES:
            raise ConfigurationError(
                f"share is one of {', '.join(SHARES)}; got {self.share!r}.{did_you_mean(self.share, SHARES)}"
            )
        if self.candidates is not None:
            object.__setattr__(self, "candidates", check_candidates(self.candidates))
        if self.keep and (self.candidates or self.share == "group"):
            raise ConfigurationError(
                "keep: true leaves the layers as they are; remove `candidates` and `share`, or `keep`."
            )

    def within(self, paths: Iterable[str]) -> "LayerRule":
        """Return this rule for a model with these layer paths: only then are depths known."""
        if self.depth is None:
            return self
        found = [path for path in paths if fnmatchcase(path, self.match)]
        return replace(self, stack=tuple(positions(found, literal(self.match)).items()))

    def matches(self, path: str) -> bool:
        """Tell whether the rule speaks about a layer path.

        Raises:
            ConfigurationError: The rule has a depth, and it is not known in which model.
        """
        if not fnmatchcase(path, self.match):
            return False
        if self.depth is None:
            return True
        if self.stack is None:
            raise ConfigurationError(
                f"The rule match: {self.match!r}, depth: {self.depth} needs to know a model's layers: "
                "call space.within(paths) first."
            )
        position = dict(self.stack).get(path)
        return position is not None and position in Depth.of(self.depth)

    def covers(self, other: "LayerRule") -> bool:
        """Tell whether every path that another rule matches is matched here: the other then never counts.

        Example:
            >>> LayerRule(match="net.*").covers(LayerRule(match="net.head.*"))
            True
        """
        if self.match == other.match:
            return self.depth in (None, other.depth)
        return self.depth is None and not set("?[") & set(self.match) and fnmatchcase(other.match, self.match)

    def check_use(self, available: Iterable[str]) -> None:
        """Complain if the rule's glob matches none of a model's layer paths.

        Raises:
            ConfigurationError: No path matches; lists those there are.
        """
        paths = list(available)
        if not any(fnmatchcase(path, self.match) for path in paths):
            place = f"{self.place}: " if self.place else ""
            raise ConfigurationError(
                f"{place}The rule match: {self.match!r} matches no activation of this model; "
                f"there are: {', '.join(paths)}.{did_you_mean(self.match, paths)}"
            )
