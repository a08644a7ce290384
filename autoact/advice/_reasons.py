"""Reasons for a candidate, in one line of facts."""

import math

from autoact import analysis
from autoact.activations import get
from autoact.advice._demands import flow, limits, oscillates, value_range
from autoact.advice._needs import Needs
from autoact.advice.evidence import Evidence, Unit


def reason(name: str, needs: Needs, evidence: Evidence | None) -> str:
    """Return what speaks for an activation.

    Example:
        >>> reason("tanh", Needs(saturates="both", derivatives=1), None)
        'saturates at -1 and 1; smooth'
    """
    act = get(name)
    unit = _unit(name, evidence)
    at = tuple(act.settings(**(unit.parameters if unit else {})).items())
    said = [_on_data(unit), "oscillates" if oscillates(name) else _far_out(*limits(name, at))]
    if needs.required_derivatives:
        order = analysis.smoothness(act, up_to=max(1, needs.required_derivatives))
        said.append("smooth" if math.isinf(order) else f"{order:g} continuous derivatives")
    if needs.range or needs.output:
        low, high = value_range(name, at)
        said.append(f"values from {low:.3g} to {high:.3g}")
    if needs.depth:
        noise, growth = flow(name, at)
        said.append(f"χ = {growth:.3g}, κ = {noise:.3g}")
    return "; ".join(text for text in said if text)


def _unit(name: str, evidence: Evidence | None) -> Unit | None:
    if evidence is None or not evidence.bends:
        return None
    return next(unit for unit in evidence.units if unit.name == name)


def _on_data(unit: Unit | None) -> str:
    if unit is None:
        return ""
    own = ", ".join(f"{key} = {round(value, 3):g}" for key, value in unit.parameters.items())
    fitted = f" with {own}" if own else ""
    return f"one unit explains {100 * unit.explained:.0f} % of what a line leaves over{fitted}"


def _far_out(left: float, right: float) -> str:
    ends = [end for end in (left, right) if math.isfinite(end)]
    if len(ends) == 2:
        return f"saturates at {left:.3g} and {right:.3g}"
    if not ends:
        return "adds up on both sides"
    return f"saturates at {ends[0]:.3g} on one side, adds up on the other"
