"""Paired comparison over seeds and rows: do the chosen activations beat a baseline?"""

import math
from collections.abc import Sequence
from statistics import fmean

from autoact.errors import ConfigurationError
from autoact.records import LEVEL, Comparison, RowEffect, Training
from autoact.search.setup import Mode
from autoact.search.statistics._looks import levels, repeated_p_value, share_of_rows
from autoact.search.statistics._power import detectable, seeds_needed
from autoact.search.statistics._spread import Groups, Spread, spread_of

_RESOLUTION = 2.0**-23  # metrics are float32 means: a smaller relative difference is rounding, not an effect


def compare(
    selected: Sequence[float | None],
    baseline: Sequence[float | None],
    mode: Mode,
    *,
    name: str = "baseline",
    looks: Sequence[int] = (),
    level: float = LEVEL,
    groups: Sequence[Groups] | None = None,
) -> Comparison:
    """Compare two models trained on the same seeds: d = mean(selected - baseline), a paired t interval.

    With values by group of comparison rows the interval holds for other rows of the same kind, too.

    Where the seeds are looked at several times, interval and p value hold over all looks: they may be read at
    each of them, and the last that was read counts.

    Args:
        selected: The metric of the selected model on the comparison data, one value per seed: not finite
            where the training diverged, None where it raised, so that the seed is left out.
        baseline: The baseline's values, in the same order of seeds.
        mode: "min" when a smaller metric is better, "max" when a larger one is.
        name: The baseline's name, carried into the result.
        looks: Numbers of seeds at which the comparison was to be looked at, growing; none: this once. Seeds
            beyond the last are judged like it.
        level: Confidence of the interval, over all looks.
        groups: Both models' values by group of comparison rows, one pair per seed; None where there are no
            rows.

    Returns:
        Difference, interval, p value and detectable difference, oriented so that positive is better.

    Raises:
        ConfigurationError: If the lengths differ, fewer than two seeds came, or the mode is unknown.

    Example:
        >>> result = compare([0.9, 0.8, 0.85, 0.8], [1.0, 1.0, 0.95, 1.1], "min")
        >>> result.verdict, round(result.difference, 4)
        ('improved', 0.175)
        >>> compare([0.9, 0.8, 0.85, 0.8], [1.0, 1.0, 0.95, 1.1], "min", looks=(4, 8)).verdict
        'no significant difference'
    """
    _check(selected, baseline, mode)
    planned = tuple(looks) or (len(selected),)
    sign = 1.0 if mode == "max" else -1.0
    found = list(zip(selected, baseline, strict=True))
    pairs = [(a, b) for a, b in found if a is not None and b is not None]
    rounding = _RESOLUTION * max(
        (abs(value) for pair in pairs for value in pair if math.isfinite(value)), default=0.0
    )
    made = min(sum(n < len(found) for n in planned) + 1, len(planned))
    gains = _gains(found, sign)
    spread = spread_of(gains, rounding, _finite(found, groups))
    share = share_of_rows(spread.seeds, spread.rows, len(gains), planned)
    due = levels(planned, level, rows=share)[made - 1]
    difference = fmean(gains) if gains else math.nan
    half = spread.half(due)
    return Comparison(
        name=name,
        difference=difference,
        ci95=(difference - half, difference + half),
        p_value=repeated_p_value(planned, spread.p_value(difference), made, share),
        detectable=detectable(spread, due),
        pairs=len(gains),
        seeds_needed=seeds_needed(difference, spread, level=due),
        selected_diverged=sum(not math.isfinite(a) and math.isfinite(b) for a, b in pairs),
        baseline_diverged=sum(math.isfinite(a) and not math.isfinite(b) for a, b in pairs),
        both_diverged=sum(not math.isfinite(a) and not math.isfinite(b) for a, b in pairs),
        left_out=len(found) - len(pairs),
        level=level,
        rows=None if groups is None or not any(gains) else _rows(spread, difference, due),
    )


def compare_trainings(
    selected: Sequence[Training],
    baseline: Sequence[Training],
    mode: Mode,
    *,
    name: str = "baseline",
    looks: Sequence[int] = (),
    level: float = LEVEL,
    has_rows: bool = True,
) -> Comparison:
    """Compare two models by their trainings on the same seeds.

    Args:
        selected: Of the selected model, one per seed.
        baseline: Of the baseline, in the same order of seeds.
        mode: As in `compare`.
        name: As in `compare`.
        looks: As in `compare`.
        level: As in `compare`.
        has_rows: Whether there are comparison rows.
    """
    ours, theirs = (
        [None if each.raised else each.comparison for each in same] for same in (selected, baseline)
    )
    groups = [(a.rows, b.rows) for a, b in zip(selected, baseline, strict=True)] if has_rows else None
    return compare(ours, theirs, mode, name=name, looks=looks, level=level, groups=groups)


def _check(selected: Sequence[float | None], baseline: Sequence[float | None], mode: str) -> None:
    if mode not in ("min", "max"):
        raise ConfigurationError(f"mode is {mode!r}; it must be 'min' or 'max'.")
    if len(selected) != len(baseline):
        raise ConfigurationError(
            f"A paired comparison needs one value per seed of both, got {len(selected)} and {len(baseline)}."
        )
    if len(selected) < 2:
        raise ConfigurationError(f"A paired comparison needs at least 2 seeds, got {len(selected)}.")


def _gains(found: Sequence[tuple[float | None, float | None]], sign: float) -> list[float]:
    """Return the finite differences, positive where the selected model is better."""
    pairs = [(a, b) for a, b in found if a is not None and b is not None]
    return [sign * _gain(a, b) for a, b in pairs if math.isfinite(a) and math.isfinite(b)]


def _gain(value: float, reference: float) -> float:
    difference = value - reference
    return 0.0 if abs(difference) <= _RESOLUTION * max(abs(value), abs(reference)) else difference


def _finite(
    found: Sequence[tuple[float | None, float | None]], groups: Sequence[Groups] | None
) -> list[Groups] | None:
    """Return the values by group of rows where both models have a finite value."""
    if groups is None:
        return None
    return [
        each
        for (a, b), each in zip(found, groups, strict=True)
        if a is not None and b is not None and math.isfinite(a) and math.isfinite(b)
    ]


def _rows(spread: Spread, difference: float, level: float) -> RowEffect:
    """Return what the choice of rows does to a difference."""
    if not spread.groups:
        return RowEffect(unknown=spread.unknown)
    half = spread.half_of_rows(level)
    limit = spread.share > 0.5 and abs(difference) <= half
    return RowEffect(
        groups=spread.groups,
        sd=math.sqrt(spread.rows),
        share=spread.share,
        degrees=spread.degrees,
        grouped=spread.grouped,
        limit=limit,
    )
