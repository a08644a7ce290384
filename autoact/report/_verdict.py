"""Verdict in sentences."""

import math
from collections.abc import Iterator, Sequence
from statistics import fmean

from autoact.records import Comparison, Failure, Report, confidence
from autoact.report._run import Run
from autoact.report._wording import assignment, interval, number, percent, settings, signed

# phases in which one label is one model: what is named where none of its trainings ended without an error
_NAMED = {"one-shot": "the mixture of all candidates", "baseline": ""}


def sentences(run: Run) -> list[str]:
    """Return what the run says of the choice: against the original, how sure, against the best uniform."""
    report = run.report
    said = (
        _against_original(run),
        _added(report),
        _questions(report),
        _untold(report),
        _left_out(run),
        _tuning(report),
        _looks(report),
        _rows(run),
        _detectable(run),
        needed(run),
        _replaced(report),
        _against_best_uniform(run),
        _reference(run),
    )
    return [sentence for sentence in said if sentence]


def headline(report: Report) -> str:
    """Return the verdict as a headline."""
    return (report.verdict or "no verdict").capitalize()


def failures(report: Report) -> list[str]:
    """Return what raised: first what could not be trained at all, then the rest, one line for each error."""
    never: dict[str, list[str]] = {}
    some: dict[tuple[str, str], list[Failure]] = {}
    for found in report.failures:
        if found.never and found.phase in _NAMED:
            never.setdefault(found.error, []).append(_NAMED[found.phase] or _named(found.what))
        else:
            some.setdefault((found.phase, found.error), []).append(found)
    lines = [f"{_joined(whats)} could not be trained: {error}" for error, whats in never.items()]
    return lines + [_raised(phase, error, found) for (phase, error), found in some.items()]


def _raised(phase: str, error: str, found: Sequence[Failure]) -> str:
    count, trained = sum(len(each.seeds) for each in found), sum(each.trained for each in found)
    whats = ", ".join(dict.fromkeys(_named(each.what) for each in found))
    of = f" of {count + trained}" if trained else ""
    return f"{count}{of} training{'s' if count > 1 or of else ''} ({phase}, {whats}) raised: {error}"


def _named(what: str) -> str:
    known = {"original": "the original model", "choice": "the choice", "selected": "the selected model"}
    return known.get(what, what)


def _joined(words: Sequence[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def keep(report: Report) -> str:
    """Return the advice to change nothing."""
    return "Keep its activations." if report.hyperparameters is not None else "Keep the model as it is."


def _against_original(run: Run) -> str:
    """Return what the comparison with the original model means, in one or two sentences."""
    report = run.report
    compared = report.comparisons.get("original")
    if run.keeps_original:
        why = report.note or "The choice is the activations that the model has already."
        return f"{why} {keep(report)}"
    if report.verdict is None or compared is None:
        why = f": {report.failure}" if report.failure else "."
        return f"The search ended before its choice could be compared with the original model{why}"
    if missing := _no_interval(report, compared):
        return f"{missing} {keep(report)}"
    return _decided(run, compared)


def _decided(run: Run, compared: Comparison) -> str:
    report, what = run.report, "hyperparameters" if run.keeps_activations else "activations"
    metric, seeds = report.metric, f"{compared.pairs} fresh paired seeds"
    span = f"{percent(compared.level)} interval {interval(compared)}"
    size = number(abs(compared.difference), 3)
    difference = signed(compared.difference)
    found = f"the difference in {metric} is {difference} ({span}; positive is better)"
    if report.verdict == "improved":
        return f"On {seeds} the chosen {what} beat the original model: {metric} is better by {size} ({span})."
    if report.verdict == "worse":
        return (
            f"On {seeds} the chosen {what} lose to the original model: {metric} is worse by {size} "
            f"({span}). {keep(report)}"
        )
    if compared.too_few:
        return f"{seeds} are too few to decide: trainings of {compared.left_out} more raised. {keep(report)}"
    if not (compared.decides or stopped(report) or _limited_by_rows(run)):
        return f"{seeds} are too few to decide: {found}. {keep(report)}"
    return f"On {seeds} chosen and original model cannot be told apart: {found}. {keep(report)}"


def _added(report: Report) -> str:
    """Return that seeds were added after a verdict was reported, in one sentence."""
    if len(report.reported) < 2:
        return ""
    seeds = _joined([str(count) for count in report.reported])
    return f"It was reported with {seeds} seeds: looks that were not planned raise the error (exploratory)."


def _questions(report: Report) -> str:
    """Return what the run has asked before, in one sentence, where it has."""
    if report.questions < 2:
        return ""
    found = [f"{assignment(e.assignment)}: {e.verdict} on {len(e.seeds)} seeds" for e in report.earlier]
    before = f"; before: {'; '.join(found)}" if found else ""
    return (
        f"This is question {report.questions} of the run, asked of seeds of its own at "
        f"{percent(confidence(report.questions))}, because the search went on after a comparison{before}."
    )


def _untold(report: Report) -> str:
    """Return what the search knows nothing of because it raised, in one sentence."""
    whats = list(dict.fromkeys(_named(f.what) for f in report.failures if f.phase == "baseline" and f.never))
    return f"Nothing is known of {_joined(whats)}, which could not be trained." if whats else ""


def _left_out(run: Run) -> str:
    """Return in how many seeds a training raised, in one sentence; nothing where none did."""
    compared = run.compared.get("original")
    if compared is None or not compared.left_out:
        return ""
    seeds = f"{compared.left_out} seed{'s' if compared.left_out > 1 else ''}"
    return f"{seeds} could not be compared, because a training raised; resume the run to repeat what raised."


def _tuning(report: Report) -> str:
    """Return how the compared models were tuned, in one sentence; nothing where nothing was searched."""
    found = report.hyperparameters
    if found is None or not found.trainings_per_baseline:
        return ""
    ours, theirs = (", ".join(settings(values)) for values in (found.chosen, found.of("original")))
    return (
        f"Tuned alike, with {found.trainings_per_baseline} trainings for each baseline: "
        f"{ours} for the chosen, {theirs} for the original activations."
    )


def stopped(report: Report) -> bool:
    """Tell whether the confirmation ended before all of its seeds."""
    return report.confirmation is not None and report.confirmation.stopped


def _looks(report: Report) -> str:
    """Return when a comparison that might have gone on has ended, in one sentence."""
    found = report.confirmation
    if found is None or not found.stopped:
        return ""
    after = f"fter {len(found.seeds)} of at most {found.most} seeds"
    if report.verdict == "no significant difference":
        return f"A{after} more of them would hardly have decided."
    return f"That was decided a{after}; the interval holds over all looks."


def _rows(run: Run) -> str:
    """Return what comparison rows do to the verdict: that they are what is missing, or that nobody knows."""
    compared = run.compared.get("original")
    if compared is None or compared.rows is None or math.isnan(compared.ci95[0]):
        return ""
    if compared.rows.unknown is not None:
        return f"The interval covers seeds and not the choice of comparison rows: {compared.rows.unknown}."
    if _limited_by_rows(run):
        what = "groups of comparison rows" if compared.rows.grouped else "comparison rows"
        return (
            f"{100 * compared.rows.share:.0f}% of the variance comes from the choice of {what}: "
            f"more seeds will not decide this; more {what} would."
        )
    return ""


def _limited_by_rows(run: Run) -> bool:
    compared = run.compared.get("original")
    undecided = run.report.verdict == "no significant difference"
    return undecided and compared is not None and compared.rows is not None and compared.rows.limit


def _detectable(run: Run) -> str:
    """Return which difference the comparison could have seen, in one sentence."""
    compared = run.compared.get("original")
    if compared is None or not compared.detectable or not math.isfinite(compared.detectable):
        return ""
    size = number(compared.detectable, 3)
    return f"A true difference of {size} or more would have been found four times out of five."


def needed(run: Run) -> str:
    """Return how many seeds would decide, in one sentence; nothing where the verdict has decided."""
    compared = run.compared.get("original")
    if compared is None or run.report.verdict != "no significant difference" or not compared.difference:
        return ""
    if _limited_by_rows(run):
        return ""
    count = compared.seeds_needed
    seen = f"one as large as the difference seen takes about {count:,} seeds" if count else ""
    if not (compared.decides or stopped(run.report)):
        least = (
            "With 10 seeds a difference of one standard deviation between seeds would be found four times "
            "out of five"
        )
        return f"{least}; {seen}." if seen else f"{least}."
    return f"A true difference as large as the one seen takes about {count:,} seeds to find." if count else ""


def _replaced(report: Report) -> str:
    """Return that another model took the place of the search's own choice, in one sentence, where it did."""
    found = report.recommendation
    if found is None or not found.replaced or found.searched is None:
        return ""
    return (
        f"The search itself chose {assignment(found.searched)}; on the selection seeds, before any "
        "comparison data were read, another finalist did better and took its place."
    )


def _against_best_uniform(run: Run) -> str:
    """Return whether choosing per layer was worth it, in one sentence."""
    compared = run.report.comparisons.get("best_uniform")
    if compared is None:
        return ""
    whose = "the original's " if run.original_is_uniform else ""
    name = f"{whose}{compared.name} in every layer"
    if run.is_uniform:
        return f"The choice is {name}, the best single activation: layers need not differ."
    if run.is_everywhere:
        return f"The choice is {name}, too, with other hyperparameters: layers need not differ."
    low, high = compared.ci95
    if math.isnan(low) or math.isnan(high) or low == high:
        return ""
    if low > 0:
        return f"Choosing per layer was worth it: it beats the best single activation, {name}."
    if high < 0:
        return f"One activation for all layers does better: {name} beats the choice per layer."
    return f"The best single activation, {name}, does as well within the noise."


def _reference(run: Run) -> str:
    """Return what else was measured on the comparison data beside the networks, in one sentence."""
    found = run.report.reference
    if found is None:
        return ""
    name = f"{found.name[:1].upper()}{found.name[1:]} on the same rows"
    if found.why_not is not None:
        return f"{name}: not measured, {found.why_not}."
    chosen, original = run.report.confirmation, run.report.baselines.get("original")
    values = {
        "chosen": () if chosen is None else chosen.comparison,
        "original": () if original is None or run.keeps_original else original.comparison,
    }
    finite = {role: [v for v in each if math.isfinite(v)] for role, each in values.items()}
    means = [f"{role} {number(fmean(each))}" for role, each in finite.items() if each]
    beside = f" (networks: {', '.join(means)})" if means else ""
    return f"{name}: {run.report.metric} {number(found.value)}{beside}."


def _no_interval(report: Report, compared: Comparison) -> str:
    """Return why no interval could be estimated; nothing where there is one."""
    if not math.isnan(compared.ci95[0]):
        return _no_difference(report, compared) if compared.ci95 == (0.0, 0.0) else ""
    return "".join(_same_seeds(report, compared) if compared.pairs >= 2 else _too_few(report, compared))


def _same_seeds(report: Report, compared: Comparison) -> Iterator[str]:
    values = set(report.confirmation.comparison if report.confirmation is not None else ())
    same = "the same values" if len(values) == 1 else "the same difference"
    yield f"All {compared.pairs} seeds gave {same} of {report.metric} "
    yield f"({signed(compared.difference)}; positive is better), so how much it varies cannot be estimated "
    yield "and no difference can be told from chance. A model that calls manual_seed or seed_everything "
    yield "trains the same on every seed: remove that call from the model and search again."


def _no_difference(report: Report, compared: Comparison) -> str:
    return (
        f"All {compared.pairs} seeds gave both models the same {report.metric}, so how much a difference "
        "varies cannot be estimated. A value that no training changes, such as a constant, tells no models "
        "apart."
    )


def _too_few(report: Report, compared: Comparison) -> Iterator[str]:
    ours, theirs = compared.selected_diverged, compared.baseline_diverged
    both = compared.both_diverged
    seeds = compared.pairs + ours + theirs + both + compared.left_out
    yield f"Too few seeds gave a finite {report.metric} for both models to compare them: of {seeds}, "
    yield f"{ours + both} diverged with the chosen activations and {theirs + both} with the original model"
    yield f"; in {compared.left_out} a training raised." if compared.left_out else "."
