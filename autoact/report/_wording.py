"""Words for people: numbers, time spans, assignments, intervals; a choice says its activation itself."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from autoact.errors import counted
from autoact.records import Comparison, Front, FrontPoint, Report
from autoact.spaces import Assignment

NOTHING = "–"
_KINDS = 6  # of activations that the words on an assignment name
MIXTURE = "mixture"  # of an AutoActivation that the model makes itself, which no assignment names


def number(value: float | None, digits: int = 4) -> str:
    """Return a value with a few significant digits.

    Args:
        value: Any number; None and values that are not finite give a dash.
        digits: Significant digits, at least 1.

    Example:
        >>> number(0.128949), number(None), number(-1234567.0)
        ('0.1289', '–', '−1,234,567')
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    text = f"{value:,.0f}" if abs(value) >= 10**digits else f"{value:.{digits}g}"
    return text.replace("-", "−")


def signed(value: float | None, digits: int = 3) -> str:
    """Return a difference with its sign.

    Example:
        >>> signed(0.01034), signed(-2.0), signed(None)
        ('+0.0103', '−2', '–')
    """
    text = number(value, digits)
    return f"+{text}" if value is not None and value > 0 and text != NOTHING else text


def alike(values: Sequence[float], digits: int = 3) -> list[str]:
    """Return values that are compared, with equally many decimals.

    Example:
        >>> alike([0.12, 0.0877]), alike([1234.5, 2.0])
        (['0.1200', '0.0877'], ['1,234.50', '2.00'])
    """
    known = [abs(value) for value in values if math.isfinite(value) and value]
    decimals = max(0, digits - 1 - math.floor(math.log10(min(known)))) if known else 0
    return [f"{v:,.{decimals}f}".replace("-", "−") if math.isfinite(v) else NOTHING for v in values]


def setting(value: Any) -> str:
    """Return the value of a hyperparameter.

    Args:
        value: A number is shown with 3 significant digits, others as they are.

    Example:
        >>> setting(0.00312345), setting("adam"), setting(64)
        ('0.00312', 'adam', '64')
    """
    return number(value, 3) if isinstance(value, float) else str(value)


def duration(seconds: float | None) -> str:
    """Return a time span in the unit that suits it.

    Args:
        seconds: Time, at least 0; None and values that are not finite give a dash.

    Example:
        >>> duration(0.4), duration(75), duration(7320)
        ('0.4 s', '1 min 15 s', '2 h 2 min')
    """
    if seconds is None or not math.isfinite(seconds):
        return NOTHING
    if seconds < 60:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def p_value(value: float | None) -> str:
    """Return a p value; very small ones as a bound.

    Example:
        >>> p_value(0.0312), p_value(1e-9)
        ('0.031', '< 0.0001')
    """
    return "< 0.0001" if value is not None and value < 1e-4 else number(value, 2)


def assignment(layers: Assignment) -> str:
    """Return an assignment in a few words, however many layers it has.

    Example:
        >>> assignment(Assignment({"a": "relu", "b": "relu"}))
        'relu everywhere'
        >>> assignment(Assignment({"a": "relu", "b": "tanh"}))
        'relu · tanh'
        >>> assignment(Assignment({str(n): "relu" if n < 9 else "tanh" for n in range(12)}))
        '9 × relu, 3 × tanh'
        >>> many = ["relu", "elu", "tanh", "sin", "silu", "gelu", "selu", "mish", "erf"]
        >>> assignment(Assignment({str(n): many[n * n // 50] for n in range(21)}))
        '8 × relu, 3 × tanh, 2 × elu(alpha=1), 2 × sin, 2 × gelu, 1 × silu, 3 × others'
    """
    words = [str(choice) for choice in layers.values()]
    counts = Counter(words)
    if len(counts) == 1 and len(words) > 1:
        return f"{words[0]} everywhere"
    if len(words) <= 8:
        return " · ".join(words)
    named = counts.most_common(None if len(counts) <= _KINDS + 1 else _KINDS)
    rest = len(words) - sum(count for _, count in named)
    return ", ".join(f"{count} × {word}" for word, count in [*named, *([("others", rest)] if rest else [])])


def trained(layers: Assignment, hyperparameters: Mapping[str, Any]) -> str:
    """Return an assignment and the hyperparameters that it was trained with, in a few words.

    Example:
        >>> trained(Assignment({"a": "relu"}), {"model.lr": 0.01})
        'relu, model.lr 0.01'
    """
    return ", ".join([assignment(layers), *settings(hyperparameters)])


def settings(hyperparameters: Mapping[str, Any]) -> list[str]:
    """Return each hyperparameter with its value."""
    return [f"{name} {setting(value)}" for name, value in hyperparameters.items()]


def interval(compared: Comparison) -> str:
    """Return the interval of a comparison."""
    low, high = compared.ci95
    return f"{signed(low)} … {signed(high)}"


def percent(level: float) -> str:
    """Return a level of confidence in percent.

    Example:
        >>> percent(0.95), percent(0.975)
        ('95%', '97.5%')
    """
    return f"{100 * level:g}%"


def discretization(report: Report) -> str:
    """Return what replacing the mixture by single activations cost, in one sentence."""
    gap = report.prior.discretization if report.prior is not None else {}
    said = [f"{report.metric} of the mixture {number(gap.get('mixture'))}"]
    if "derived" in gap:
        said.append(f"with the nearest single activations {number(gap['derived'])}")
    if "fine_tuned" in gap:
        said.append(f"after some more epochs {number(gap['fine_tuned'])}")
    return f"{', '.join(said)}." if gap else ""


def beside_original(point: FrontPoint, front: Front, metric: str) -> str:
    """Return what holds of a model of the front beside the original: intervals, never that two are equal.

    Args:
        point: The model.
        front: The front that it is on.
        metric: Name of the value.

    Example:
        >>> from autoact.records import CostDifference
        >>> found = Comparison(
        ...     name="original", difference=0.1, ci95=(-0.1, 0.3), p_value=0.3, detectable=0.3, pairs=5
        ... )
        >>> cost = CostDifference(value=0.75, difference=-0.25, interval=(-0.3, -0.2))
        >>> point = FrontPoint(
        ...     file="front/1.yaml", layers=Assignment({"a": "relu"}), expected=0.8, compared=found, cost=cost
        ... )
        >>> front = Front(goal="latency", unit="ms", level=0.95, original=1.0, points=(point,))
        >>> beside_original(point, front, "loss")
        'faster: loss between 0.1 worse and 0.3 better; time 20% to 30% less'
    """
    value, cost = point.value, "undecided" if point.cost is None else point.cost.found
    words = [value if value in ("better", "worse") else "", _COST_WORDS[front.goal].get(cost, "")]
    against = (value, cost) in (("better", "higher"), ("worse", "lower"))
    diverged = point.compared.selected_diverged
    found = (" but " if against else " and ").join(word for word in words if word)
    head = found or ("diverges" if diverged else "not told apart")
    said = [f"{head}: {_value(point, metric)}", _cost(point, front)]
    said += [f"diverged on {diverged} of the seeds on which the original did not"] if diverged else []
    return "; ".join(said)


_COST_WORDS: Mapping[str, Mapping[str, str]] = {
    "latency": {"lower": "faster", "higher": "slower"},
    "size": {"lower": "smaller", "higher": "larger", "same": "of the same size"},
}


def _value(point: FrontPoint, metric: str) -> str:
    low, high = point.compared.ci95
    ends = [number(abs(end), 3) for end in (low, high)]
    if point.value == "unknown":
        return f"nothing is known of {metric}"
    if point.value == "same":
        return f"{metric} was the same on every seed"
    if low > 0:
        return f"{metric} better by {ends[0]} to {ends[1]}"
    if high < 0:
        return f"{metric} worse by {ends[1]} to {ends[0]}"
    return f"{metric} between {ends[0]} worse and {ends[1]} better"


def _cost(point: FrontPoint, front: Front) -> str:
    """Return the difference in cost: a size as it is, a time in percent of the original's."""
    if point.cost is None:
        return "its latency could not be measured" if front.goal == "latency" else "its size is not known"
    low, high = point.cost.interval
    if front.goal == "size":
        more = counted(round(abs(low)), f"{'fewer' if low < 0 else 'more'} parameter")
        return more if low else "as many parameters"
    shares = [100 * abs(end) / front.original for end in (low, high)]
    digits = 2 if number(shares[0], 2) != number(shares[1], 2) else 3  # a narrow interval has two ends, too
    less = [f"{number(share, digits)}%" for share in shares]
    if high < 0:
        return f"time {less[1]} to {less[0]} less"
    if low > 0:
        return f"time {less[0]} to {less[1]} more"
    return f"time between {less[0]} less and {less[1]} more"
