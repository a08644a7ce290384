"""Computed facts of an activation at every point that its parameters can reach."""

import math
from collections.abc import Iterator

from autoact import analysis
from autoact._cache import remembered
from autoact.activations import Parameter, get
from autoact.errors import ConfigurationError

Values = tuple[tuple[str, float], ...]
MOST = 8  # parameters; of a free-form activation's, which are all of one kind, one is moved by itself


def reachable(parameters: tuple[Parameter, ...]) -> Iterator[Values]:
    """Iterate over parameter values worth a look: the defaults, each range's ends, and ordinary points.

    A fact can hold at one special value only (ELU is smooth at alpha = 1), or fail at an end (hill at n = 1),
    so the defaults come first, then each parameter by itself, then all moved at once.

    Example:
        >>> [dict(values) for values in reachable(get("celu").parameters)][:2]
        [{'alpha': 1.0}, {'alpha': 0.001}]
    """
    defaults = {parameter.name: parameter.default for parameter in parameters}
    moving = [parameter for parameter in parameters if _moves(parameter)]
    yield tuple(defaults.items())
    for parameter in moving if len(moving) <= MOST else moving[:1]:
        for value in _values(parameter):
            yield tuple({**defaults, parameter.name: value}.items())
    if len(moving) > 1:
        yield tuple({**defaults, **{p.name: _elsewhere(p) for p in moving}}.items())


def _moves(parameter: Parameter) -> bool:
    return (parameter.learnable or parameter.search is not None) and parameter.lower < parameter.upper


def _values(parameter: Parameter) -> list[float]:
    ends = [parameter.lower, parameter.upper, *(parameter.search or ())]
    values = dict.fromkeys(value for value in ends if math.isfinite(value))
    return [value for value in (*values, _elsewhere(parameter)) if value != parameter.default]


def _elsewhere(parameter: Parameter) -> float:
    """Return an admissible value that is special for nobody."""
    if math.isfinite(parameter.lower) and math.isfinite(parameter.upper):
        return parameter.lower + 0.37 * (parameter.upper - parameter.lower)
    value = parameter.default * 1.1 + 0.0371
    return value if parameter.lower < value < parameter.upper else parameter.default * 0.9


@remembered(maxsize=4096)
def smoothness(name: str, values: Values, up_to: int) -> float | None:
    """Return the number of continuous derivatives; inf for `up_to` or more, None if it cannot be known."""
    try:
        return analysis.smoothness(get(name), up_to=up_to, **dict(values))
    except ConfigurationError:  # a torch callable: there is no formula
        return None


@remembered(maxsize=4096)
def growth(name: str, values: Values) -> analysis.Growth:
    """Return how the function grows."""
    return analysis.growth(get(name), **dict(values))


@remembered(maxsize=4096)
def least_value(name: str, values: Values) -> float:
    """Return the least output on a grid of inputs from -1000 to 1000, dense around 0."""
    import torch

    magnitudes = torch.logspace(-4, 3, 400, dtype=torch.float64)
    grid = torch.cat([-magnitudes.flip(0), torch.zeros(1, dtype=torch.float64), magnitudes])
    value = get(name)(grid, **dict(values)).min().item()
    return value if math.isfinite(value) else -math.inf
