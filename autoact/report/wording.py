"""How the report says numbers, activations and verdicts."""

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

NOTHING = "–"


def number(value: float | None, digits: int = 4) -> str:
    """Return a value with a few significant digits.

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


def setting(value: Any) -> str:
    """Return the value of a hyperparameter.

    Example:
        >>> setting(0.00312345), setting("adam"), setting(64)
        ('0.00312', 'adam', '64')
    """
    return number(value, 3) if isinstance(value, float) else str(value)


def duration(seconds: float | None) -> str:
    """Return a time span in the unit that suits it.

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


def choice(data: Mapping[str, Any] | None) -> str:
    """Return an activation with its parameters.

    Example:
        >>> choice({"activation": "elu", "parameters": {"alpha": 0.70001}})
        'elu (alpha 0.7)'
        >>> choice({"activation": "prelu", "parameters": {"slope": [0.1, 0.3]}})
        'prelu (slope 0.1 … 0.3)'
    """
    if not data:
        return NOTHING
    values = ", ".join(f"{name} {_value(value)}" for name, value in (data.get("parameters") or {}).items())
    return f"{data['activation']} ({values})" if values else str(data["activation"])


def _value(value: float | list[float]) -> str:
    if isinstance(value, list | tuple):
        return f"{number(min(value), 3)} … {number(max(value), 3)}"
    return number(value, 3)


def assignment(layers: Mapping[str, Any]) -> str:
    """Return an assignment in a few words, however many layers it has.

    Example:
        >>> relu, tanh = {"activation": "relu"}, {"activation": "tanh"}
        >>> assignment({"a": relu, "b": relu}), assignment({"a": relu, "b": tanh})
        ('relu everywhere', 'relu · tanh')
        >>> assignment({str(n): relu if n < 9 else tanh for n in range(12)})
        '9 × relu, 3 × tanh'
    """
    words = [choice(chosen) for chosen in layers.values()]
    counts = Counter(words)
    if len(counts) == 1 and len(words) > 1:
        return f"{words[0]} everywhere"
    if len(words) <= 8:
        return " · ".join(words)
    return ", ".join(f"{count} × {word}" for word, count in counts.most_common())


def trained(layers: Mapping[str, Any], hyperparameters: Mapping[str, Any]) -> str:
    """Return an assignment and the hyperparameters that it was trained with, in a few words.

    Example:
        >>> trained({"a": {"activation": "relu"}}, {"model.lr": 0.01})
        'relu, model.lr 0.01'
    """
    return ", ".join([assignment(layers), *_settings(hyperparameters)])


def _settings(hyperparameters: Mapping[str, Any]) -> list[str]:
    return [f"{name} {setting(value)}" for name, value in hyperparameters.items()]


def p_value(value: float | None) -> str:
    """Return a p value; very small ones as a bound.

    Example:
        >>> p_value(0.0312), p_value(1e-9)
        ('0.031', '< 0.0001')
    """
    return "< 0.0001" if value is not None and value < 1e-4 else number(value, 2)


def headline(verdict: str | None) -> str:
    """Return the verdict as the title of the report."""
    return {
        "improved": "Improved",
        "no significant difference": "No significant difference",
        "worse": "Worse",
    }.get(verdict or "", "No verdict")


def against_original(report: Mapping[str, Any]) -> str:
    """Return what the comparison with the original model means, in one or two sentences."""
    compared = (report.get("comparisons") or {}).get("original") or {}
    verdict, metric, seeds = (
        report.get("verdict"),
        report.get("metric", "the metric"),
        _seeds(report, compared),
    )
    size, span = number(abs(compared.get("difference") or 0.0), 3), f"95% interval {interval(compared)}"
    keep = "Keep its activations." if report.get("hyperparameters") else "Keep the model as it is."
    if report.get("chosen") and report["chosen"] == report.get("original"):
        why = report.get("note") or "The search chose the activations that the model has already."
        return f"{why} {keep}"
    if verdict is not None and (missing := _no_interval(report, compared)):
        return f"{missing} {keep}"
    if verdict == "improved":
        what = f"the chosen activations beat the original model: {metric} is better by {size} ({span})."
    elif verdict == "worse":
        what = (
            f"the chosen activations lose to the original model: {metric} is worse by {size} ({span}). {keep}"
        )
    elif verdict == "no significant difference" and not compared.get("decides", True):
        found = f"{signed(compared.get('difference'))} ({span}; positive is better)"
        return f"{seeds} are too few to decide: the difference in {metric} is {found}. {keep}"
    elif verdict == "no significant difference":
        found = f"{signed(compared.get('difference'))} ({span}; positive is better)"
        what = (
            f"chosen and original model cannot be told apart: the difference in {metric} is {found}. {keep}"
        )
    else:
        why = f": {report['failure']}" if report.get("failure") else "."
        return f"The search ended before its choice could be compared with the original model{why}"
    return f"On {seeds} {what}"


def tuning(report: Mapping[str, Any]) -> str:
    """Return how the compared models were tuned, in one sentence; nothing where nothing was searched.

    Example:
        >>> searched = {"chosen": {"model.lr": 0.01}, "baselines": {"original": {"model.lr": 0.003}}}
        >>> tuning({"hyperparameters": {**searched, "trainings_per_baseline": 9}})
        'Tuned alike, with 9 trainings for each baseline: model.lr 0.01 for the chosen, model.lr 0.003 for the
        original activations.'
    """
    searched = report.get("hyperparameters") or {}
    if not searched.get("trainings_per_baseline"):
        return ""
    ours, theirs = (
        ", ".join(_settings(values))
        for values in (searched["chosen"], searched["baselines"].get("original") or {})
    )
    return (
        f"Tuned alike, with {searched['trainings_per_baseline']} trainings for each baseline: "
        f"{ours} for the chosen, {theirs} for the original activations."
    )


def detectable(report: Mapping[str, Any]) -> str:
    """Return which difference the comparison could have seen, in one sentence."""
    seen = ((report.get("comparisons") or {}).get("original") or {}).get("detectable")
    if not seen:
        return ""
    return f"A true difference of {number(seen, 3)} or more would have been found four times out of five."


def needed(report: Mapping[str, Any]) -> str:
    """Return how many seeds would decide, in one sentence; nothing where the verdict has decided.

    Example:
        >>> compared = {"pairs": 4, "decides": False, "seeds_needed": 37}
        >>> needed({"verdict": "no significant difference", "comparisons": {"original": compared}})
        'With --seeds 10 a difference of one standard deviation between seeds would be found four times out of
        five; one as large as the difference seen takes about 37 seeds.'
    """
    compared = (report.get("comparisons") or {}).get("original") or {}
    if report.get("verdict") != "no significant difference" or not compared.get("difference", 1):
        return ""
    count = compared.get("seeds_needed")
    seen = f"one as large as the difference seen takes about {count:,} seeds" if count else ""
    if not compared.get("decides", True):
        least = (
            "With --seeds 10 a difference of one standard deviation between seeds would be found four times "
            "out of five"
        )
        return f"{least}; {seen}." if seen else f"{least}."
    return f"A true difference as large as the one seen takes about {count:,} seeds to find." if count else ""


def replaced(report: Mapping[str, Any]) -> str:
    """Return that a baseline took the place of the search's own choice, in one sentence, where it did."""
    found = report.get("recommendation") or {}
    if not found.get("replaced") or not found.get("searched"):
        return ""
    return (
        f"The search itself chose {assignment(found['searched'])}; on the selection seeds, before any "
        "comparison data were read, a baseline did better and took its place."
    )


def discretization(report: Mapping[str, Any]) -> str:
    """Return what replacing the mixture by single activations cost, in one sentence.

    Example:
        >>> gap = {"mixture": 0.21, "derived": 0.35, "fine_tuned": 0.22}
        >>> discretization({"metric": "val_loss", "prior": {"discretization": gap}})
        'val_loss of the mixture 0.21, with the nearest single activations 0.35, after some epochs more 0.22.'
    """
    gap = (report.get("prior") or {}).get("discretization") or {}
    said = [f"{report.get('metric', 'value')} of the mixture {number(gap.get('mixture'))}"]
    if "derived" in gap:
        said.append(f"with the nearest single activations {number(gap['derived'])}")
    if "fine_tuned" in gap:
        said.append(f"after some epochs more {number(gap['fine_tuned'])}")
    return f"{', '.join(said)}." if gap else ""


def worth(report: Mapping[str, Any]) -> str:
    """Return what the budget of the search was spent on, in a few words; nothing for older runs.

    Example:
        >>> reached = {"0.1": 31, "0.5": 6, "1": 9}
        >>> worth({"rungs": {"reached": reached}, "prior": {}, "cost": {"search": {"trainings": 20}}})
        "20 trainings' worth: 1 mixture, 37 short, 9 full"
    """
    reached = (report.get("rungs") or {}).get("reached")
    if not reached:
        return ""
    full = sum(count for share, count in reached.items() if float(share) >= 1)
    short = sum(reached.values()) - full
    spent = number(((report.get("cost") or {}).get("search") or {}).get("trainings"), 3)
    parts = (["1 mixture"] if "prior" in report else []) + ([f"{short} short"] if short else [])
    return f"{spent} trainings' worth: {', '.join([*parts, f'{full} full'])}"


def against_best_uniform(report: Mapping[str, Any]) -> str:
    """Return whether choosing per layer was worth it, in one sentence."""
    compared = (report.get("comparisons") or {}).get("best_uniform") or {}
    low, high = compared.get("ci95") or (None, None)
    if low is None or high is None:
        return ""
    name = compared.get("name", "the best uniform")
    if low > 0:
        return f"Choosing per layer was worth it: it beats the best single activation, {name} in every layer."
    if high < 0:
        return f"One activation for all layers does better: {name} in every layer beats the choice per layer."
    return f"The best single activation, {name} in every layer, does as well within the noise."


def interval(compared: Mapping[str, Any]) -> str:
    """Return the 95% interval of a comparison."""
    low, high = compared.get("ci95") or (None, None)
    return f"{signed(low)} … {signed(high)}"


def _no_interval(report: Mapping[str, Any], compared: Mapping[str, Any]) -> str:
    """Return why no interval could be estimated; nothing where there is one."""
    pairs = compared.get("pairs")
    if pairs is None or (compared.get("ci95") or (None, None))[0] is not None:
        return ""
    metric = report.get("metric", "the metric")
    if pairs >= 2:
        values = set((report.get("confirmation") or {}).get("comparison") or ())
        same = "the same values" if len(values) == 1 else "the same difference"
        found = f"{signed(compared.get('difference'))}; positive is better"
        return (
            f"All {pairs} seeds gave {same} of {metric} ({found}), so how much it varies cannot be estimated "
            "and no difference can be told from chance. A model that calls manual_seed or seed_everything "
            "trains the same on every seed: remove that call from the model and search again."
        )
    ours, theirs, both = (
        compared.get(name, 0) for name in ("selected_diverged", "baseline_diverged", "both_diverged")
    )
    seeds = pairs + ours + theirs + both
    return (
        f"Too few seeds gave a finite {metric} for both models to compare them: of {seeds}, "
        f"{ours + both} diverged with the chosen activations and {theirs + both} with the original model."
    )


def _seeds(report: Mapping[str, Any], compared: Mapping[str, Any]) -> str:
    count = compared.get("pairs", len((report.get("confirmation") or {}).get("seeds") or ()))
    return f"{count} fresh paired seeds"
