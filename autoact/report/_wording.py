"""Words for assignments, intervals and mixtures; an activation is said by `str` of its choice."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from autoact.records import Comparison, Report
from autoact.report._numbers import number, setting, signed
from autoact.spaces import Assignment


def assignment(layers: Assignment) -> str:
    """Return an assignment in a few words, however many layers it has.

    Example:
        >>> assignment(Assignment({"a": "relu", "b": "relu"}))
        'relu everywhere'
        >>> assignment(Assignment({"a": "relu", "b": "tanh"}))
        'relu · tanh'
        >>> assignment(Assignment({str(n): "relu" if n < 9 else "tanh" for n in range(12)}))
        '9 × relu, 3 × tanh'
    """
    words = [str(choice) for choice in layers.values()]
    counts = Counter(words)
    if len(counts) == 1 and len(words) > 1:
        return f"{words[0]} everywhere"
    if len(words) <= 8:
        return " · ".join(words)
    return ", ".join(f"{count} × {word}" for word, count in counts.most_common())


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
    """Return the 95% interval of a comparison."""
    low, high = compared.ci95
    return f"{signed(low)} … {signed(high)}"


def discretization(report: Report) -> str:
    """Return what replacing the mixture by single activations cost, in one sentence."""
    gap = report.prior.discretization if report.prior is not None else {}
    said = [f"{report.metric} of the mixture {number(gap.get('mixture'))}"]
    if "derived" in gap:
        said.append(f"with the nearest single activations {number(gap['derived'])}")
    if "fine_tuned" in gap:
        said.append(f"after some more epochs {number(gap['fine_tuned'])}")
    return f"{', '.join(said)}." if gap else ""
