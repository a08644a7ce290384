"""Requirements: what a problem demands of activations, such as derivatives, bounds, nonnegative outputs."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from autoact.activations import Parameter
from autoact.errors import ConfigurationError
from autoact.spaces import facts
from autoact.spaces._bounds import Bounds
from autoact.spaces._choice import Choice

OUTPUTS = ("nonnegative",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """Conditions that every candidate must meet, wherever training or search may move its parameters.

    Args:
        smoothness: Number of continuous derivatives, at least; up to 8, which smooth functions have.
        bounded: Whether outputs must stay bounded.
        output: "nonnegative" if outputs must never be negative.

    Raises:
        ConfigurationError: A setting is out of range.

    Example:
        >>> Requirements(smoothness=2).violation("relu")
        'relu has 0 continuous derivatives, 2 are required'
    """

    smoothness: int | None = None
    bounded: bool = False
    output: Literal["nonnegative"] | None = None

    def __post_init__(self) -> None:
        """Check every setting."""
        count = self.smoothness
        counts = isinstance(count, int) and not isinstance(count, bool) and 0 <= count <= 8
        if count is not None and not counts:
            raise ConfigurationError(f"smoothness counts derivatives: 0, 1, 2, ... up to 8; got {count!r}.")
        if not isinstance(self.bounded, bool):
            raise ConfigurationError(f"bounded is true or false; got {self.bounded!r}.")
        if self.output is not None and self.output not in OUTPUTS:
            raise ConfigurationError(f"output is one of {', '.join(OUTPUTS)}; got {self.output!r}.")

    @property
    def empty(self) -> bool:
        """Whether nothing is required."""
        return self.smoothness is None and not self.bounded and self.output is None

    def _broken(self, name: str, values: facts.Values) -> str | None:
        """Return how an activation breaks a requirement at some parameter values, {} for where; or None."""
        if self.smoothness is not None:
            found = facts.smoothness(name, values, self.smoothness)
            if found is None:
                return (
                    f"the derivatives of {name} cannot be counted: it is a torch callable without a formula"
                )
            if found < self.smoothness:
                return f"{name} has {found:g} continuous derivatives{{}}, {self.smoothness} are required"
        if self.bounded and (growth := facts.growth(name, values)) != "bounded":
            return f"{name} is not bounded{{}} (growth: {growth})"
        if self.output == "nonnegative" and (low := facts.least_value(name, values)) < -1e-6:
            return f"{name} has negative outputs{{}} (down to {low:.3g}), nonnegative ones are required"
        return None

    def violation(self, name: str, bounds: Bounds | None = None) -> str | None:
        """Return how a candidate breaks a requirement somewhere in its parameters' ranges, or None.

        Args:
            name: A registered name.
            bounds: Narrower ranges of parameters, if there are any.
        """
        if self.empty:
            return None
        parameters = (bounds or Bounds()).parameters(name)
        defaults = {parameter.name: parameter.default for parameter in parameters}
        for values in facts.reachable(parameters):
            if broken := self._broken(name, values):
                moved = [f"{key} = {value:g}" for key, value in values if value != defaults[key]]
                return broken.format(f" with {', '.join(moved)}" if moved else "")
        return None

    def refusal(self, choice: Choice) -> str | None:
        """Return how a choice, with its own parameter values, breaks a requirement, or None."""
        if self.empty:
            return None
        for pick in (min, max):
            values = {k: pick(v) if isinstance(v, tuple) else v for k, v in choice.parameters.items()}
            if broken := self._broken(choice.activation, tuple(values.items())):
                return broken.format(f" as {choice}" if values else "")
        return None

    def fixing(self, name: str, bounds: Bounds | None = None) -> dict[str, float]:
        """Return the parameters that must keep their default for the requirements to hold.

        Empty if that does not help, or is not needed.

        Example:
            >>> Requirements(smoothness=1).fixing("elu"), Requirements(smoothness=1).fixing("relu")
            ({'alpha': 1.0}, {})
        """
        parameters = (bounds or Bounds()).parameters(name)
        if self.empty or self._broken(name, tuple((p.name, p.default) for p in parameters)):
            return {}
        culprits = {p.name: p.default for p in parameters if self._breaks(name, parameters, p)}
        together = Bounds((bounds or Bounds()).ranges).fixed(name, culprits)
        return culprits if self.violation(name, together) is None else {p.name: p.default for p in parameters}

    def _breaks(self, name: str, parameters: tuple[Parameter, ...], one: Parameter) -> bool:
        """Tell whether moving one parameter off its default breaks a requirement."""
        defaults = {p.name: p.default for p in parameters}
        moved = ({**defaults, **dict(values)} for values in islice(facts.reachable((one,)), 1, None))
        return any(self._broken(name, tuple(values.items())) for values in moved)

    def check(self, candidates: Iterable[str], bounds: Bounds | None = None) -> None:
        """Complain about the first candidate that breaks a requirement.

        Raises:
            ConfigurationError: Names the candidate, the fact and the remedy.
        """
        for name in candidates:
            if broken := self.violation(name, bounds):
                raise ConfigurationError(f"{broken}. {self._remedy(name, bounds)}")

    def _remedy(self, name: str, bounds: Bounds | None) -> str:
        remove = f"emove {name!r} from the candidates, or relax `require`."
        if fixed := self.fixing(name, bounds):
            values = ", ".join(f"{key}: {value:g}" for key, value in fixed.items())
            return f"Fix it with `bounds: {{{name}: {{{values}}}}}`, r{remove}"
        return f"R{remove}"
