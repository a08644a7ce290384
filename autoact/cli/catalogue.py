"""What `autoact list` and `autoact show` print about activations."""

import math

import autoact
from autoact.errors import ConfigurationError


def print_list() -> None:
    """Print every activation in one line."""
    rows = [("name", "family", "parameters", "smoothness", "growth")]
    for act in map(autoact.get, autoact.list_activations()):
        parameters = ", ".join(f"{p.name}={p.default:g}" for p in act.parameters)
        rows.append((act.name, act.family, parameters or "-", _smoothness(act), autoact.analysis.growth(act)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


def _smoothness(act: autoact.Activation) -> str:
    """Return how often the function is continuously differentiable; a torch callable does not say."""
    try:
        order = autoact.analysis.smoothness(act)
    except ConfigurationError:
        return "unknown"
    return "smooth" if math.isinf(order) else f"C{order}"


def print_facts(name: str) -> None:
    """Print formula, parameters and facts of an activation."""
    act = autoact.get(name)
    analysis = autoact.analysis
    print(f"{act.name}: {act.description}")
    print(f"  f(x) = {act.expression}")
    print(f"  LaTeX       {act.latex}")
    for p in act.parameters:
        learned = "learnable" if p.learnable else "fixed"
        print(f"  parameter   {p.name} = {p.default:g} in [{p.lower:g}, {p.upper:g}], {learned}")
    print(f"  family      {act.family}")
    print(f"  reference   {act.reference or '-'}")
    print(f"  torch       {act.module() or '- (autoact.FixedActivation)'}")
    print(f"  smoothness  {_smoothness(act)}, growth {analysis.growth(act)}")
    print(f"  under N(0, 1)  mean {analysis.mean(act):.4g}, variance {analysis.variance(act):.4g}, ", end="")
    print(f"gain {analysis.gain(act):.4g}, gradient noise {analysis.gradient_noise(act):.4g}")
