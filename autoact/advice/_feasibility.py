"""Feasibility of activations: those that satisfy all demands, and under which bounds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from autoact.activations import Parameter, get
from autoact.advice._demands import Demand
from autoact.spaces import Bounds, Values, facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What demands say about an activation.

    Attributes:
        name: Its name.
        ruled_out: Why it cannot be a candidate; None if it can.
        demand: What it breaks; empty if nothing.
        fixed: Parameters that must keep their default, or it would break a demand.
    """

    name: str
    ruled_out: str | None = None
    demand: str = ""
    fixed: dict[str, float] = field(default_factory=dict)


def judge(name: str, demands: Sequence[Demand]) -> Judged:
    """Ask every demand about an activation, at its defaults and wherever its parameters may move.

    Example:
        >>> from autoact.advice._demands import demands_of
        >>> from autoact.advice._needs import Needs
        >>> one = demands_of(Needs(derivatives=1))
        >>> judge("relu", one).ruled_out, judge("elu", one).fixed
        ('has 0 continuous derivatives', {'alpha': 1.0})
    """
    parameters = get(name).parameters
    at = tuple((p.name, p.default) for p in parameters)
    for demand in demands:
        if why := demand.broken(name, at):
            return Judged(name=name, ruled_out=why, demand=demand.asks)
    moving = [demand for demand in demands if demand.everywhere]
    return Judged(name=name, fixed=_fixed(name, parameters, moving))


def _fixed(name: str, parameters: tuple[Parameter, ...], demands: Sequence[Demand]) -> dict[str, float]:
    """Return the parameters to fix: those that break a demand alone, or else all."""
    defaults = {p.name: p.default for p in parameters}
    alone = {p.name: p.default for p in parameters if _breaks(name, _moved(p, defaults), demands)}
    left = Bounds().fixed(name, alone).parameters(name)
    return defaults if _breaks(name, facts.reachable(left), demands) else alone


def _moved(parameter: Parameter, defaults: dict[str, float]) -> Iterable[Values]:
    return (tuple({**defaults, **dict(values)}.items()) for values in facts.reachable((parameter,)))


def _breaks(name: str, points: Iterable[Values], demands: Sequence[Demand]) -> bool:
    return any(demand.broken(name, values) for values in points for demand in demands)
