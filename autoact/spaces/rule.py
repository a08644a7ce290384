"""What a search space says about the layers whose path matches a glob."""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from autoact.errors import ConfigurationError
from autoact.spaces.candidates import check_candidates
from autoact.spaces.suggestion import did_you_mean

SHARES = ("layer", "group")


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRule:
    """How the layers that match are searched; the first rule that matches a layer counts.

    Args:
        match: Glob on module paths; `*` also crosses dots.
        keep: Leave these layers as they are.
        share: "layer": each layer chooses for itself; "group": all layers of this rule make one choice.
        candidates: Names that compete here; None takes the space's.

    Example:
        >>> LayerRule(match="net.*").matches("net.3.act")
        True
    """

    match: str
    keep: bool = False
    share: str = "layer"
    candidates: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Check every setting."""
        if not isinstance(self.match, str) or not self.match:
            raise ConfigurationError(f"match is a glob on module paths such as 'net.*'; got {self.match!r}.")
        if not isinstance(self.keep, bool):
            raise ConfigurationError(f"keep is true or false; got {self.keep!r}.")
        if self.share not in SHARES:
            raise ConfigurationError(
                f"share is one of {', '.join(SHARES)}; got {self.share!r}.{did_you_mean(self.share, SHARES)}"
            )
        if self.candidates is not None:
            object.__setattr__(self, "candidates", check_candidates(self.candidates))

    def matches(self, path: str) -> bool:
        """Tell whether the rule speaks about a layer path."""
        return fnmatchcase(path, self.match)

    def check_use(self, available: Iterable[str]) -> None:
        """Complain if the rule matches none of a model's layer paths.

        Raises:
            ConfigurationError: No path matches; lists those there are.
        """
        paths = list(available)
        if not any(self.matches(path) for path in paths):
            raise ConfigurationError(
                f"The rule match: {self.match!r} matches no activation of this model; "
                f"there are: {', '.join(paths)}.{did_you_mean(self.match, paths)}"
            )
