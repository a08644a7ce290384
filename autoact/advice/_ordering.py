"""Order of the allowed activations: what the data prefer, then what is in common use."""

from collections.abc import Iterable, Sequence

from autoact import analysis
from autoact.activations import get, list_activations
from autoact.advice._demands import oscillates
from autoact.advice._needs import Needs
from autoact.advice._side_fitness import fitness, sides
from autoact.advice.evidence import MEANING, Evidence, Unit
from autoact.spaces import SearchSpace, Values, shipped_spaces

_MOST = 8  # candidates: each of them costs every training of the mixture
_SAME = 0.03  # distance of two functions that need not compete
_CONTROLS = 2  # candidates that do not oscillate, beside those that do
_WORSE = 0.05  # share of the line's error by which a unit of the wrong shape must fall behind to be ruled out


def common_use(names: Iterable[str], needs: Needs) -> list[str]:
    """Return names in the order of the shipped space for such problems, then by number of shipped spaces."""
    own = SearchSpace.load("physics" if needs.physics else "default").candidates
    spaces = [SearchSpace.load(path) for path in shipped_spaces().values()]
    rank = {name: place for place, name in enumerate(own)}
    counts = {name: sum(name in space.candidates for space in spaces) for name in list_activations()}
    return sorted(names, key=lambda name: (rank.get(name, len(own)), -counts[name]))


def by_evidence(names: Sequence[str], evidence: Evidence) -> tuple[list[str], dict[str, str]]:
    """Return names as the data prefer them, and why some are ruled out.

    First those that do far out what the target's shape asks for and fit as well as the best, in the order
    given; then those that do so and fit nearly as well; then the others by their error.
    """
    if evidence.shape is None or not evidence.bends:
        bounded = [name for name in names if analysis.growth(name) == "bounded"]
        return [n for n in names if n not in bounded] + bounded if evidence.heavy_tails else list(names), {}
    form, best = evidence.shape.form, evidence.units[0].explained
    fits = {unit.name: fitness(unit.name, _values(unit), form) for unit in evidence.units}
    behind = {unit.name for unit in evidence.units if unit.explained < best - _WORSE}
    ruled_out = {
        unit.name: f"{sides(unit.name, _values(unit))}, but the target {MEANING[form]}; {_share(unit)}"
        for unit in evidence.units
        if fits[unit.name] is None and unit.worse_than_best and unit.name in behind
    }
    units = {unit.name: unit for unit in evidence.units if unit.name not in ruled_out}
    order = [name for name in names if name in units]  # sorting keeps it among equals

    def worth(name: str) -> tuple[float, ...]:
        if fits[name] is not None and not units[name].worse_than_best:
            return 0, fits[name] or 0
        return 1, fits[name] is None or name in behind, -round(units[name].explained, 2)

    return sorted(order, key=worth), ruled_out


def _values(unit: Unit) -> Values:
    return tuple(get(unit.name).settings(**unit.parameters).items())


def _share(unit: Unit) -> str:
    return f"one unit explains {100 * unit.explained:.0f} % of what a line leaves over"


def periodic_first(order: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return oscillating names, learnable ones first, and a few others as controls; and why not the rest."""
    waves = sorted((n for n in order if oscillates(n)), key=lambda name: not get(name).parameters)
    others = [name for name in order if name not in waves]
    controls = different(others)[0][:_CONTROLS]
    why = "does not oscillate, so it cannot repeat beyond the data"
    return waves + controls, {name: why for name in others if name not in controls}


def different(order: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return the first names that are different functions, and why the others are left out."""
    chosen: list[str] = []
    left_out = {}
    for name in order:
        apart = {other: analysis.distance(name, other) for other in chosen}
        twin = min(apart, key=apart.__getitem__, default=None)
        if get(name).family == "linear":
            left_out[name] = "a line: name it by hand to find layers that need no activation"
        elif twin and apart[twin] < _SAME:
            left_out[name] = f"nearly the same function as {twin} ({apart[twin]:.3f} apart)"
        elif len(chosen) == _MOST:
            left_out[name] = f"allowed, but the {_MOST} likeliest are enough for one search"
        else:
            chosen.append(name)
    return chosen, left_out
