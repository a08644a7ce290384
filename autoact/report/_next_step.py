"""Next step: what to do after a verdict, in words and as code."""

from collections.abc import Mapping
from shlex import quote

from autoact.errors import RunDirectoryError
from autoact.records import DECISIVE, Report, RunDirectory
from autoact.report._run import Run
from autoact.report._verdict import keep, needed, stopped
from autoact.report._wording import duration, settings


def next_step(run: Run) -> tuple[str, str]:
    """Return what to do with the model, in words and as code; no code where there is nothing to apply.

    Improved: apply the choice. Undecided: keep the model, or pay for more seeds. Worse: keep the model.
    """
    report = run.report
    if report.verdict is None:
        return f"Go on with the search: {RunDirectory(run.path).resumption()}", ""
    if report.verdict == "improved" and run.keeps_activations and not run.keeps_original:
        return f"Keep its activations, and train it with {_tuned(report)}.", ""
    predicting = _predicting(RunDirectory(run.path))
    if report.verdict == "improved" and not run.keeps_original:
        if predicting:
            return f"Let the chosen network predict new rows: {predicting}", ""
        return "Give your model the chosen activations:", _applied(RunDirectory(run.path))
    rows = f" For new rows: {predicting}" if predicting else ""
    return f"{keep(report)}{rows}{_more_seeds(run)}", ""


def _predicting(directory: RunDirectory) -> str:
    """Return the command that predicts new rows by a run on a CSV file; "" of another run."""
    try:
        source = directory.configuration().get("source")
    except RunDirectoryError:  # said where it matters
        return ""
    of_table = isinstance(source, Mapping) and "target" in source
    return f"autoact predict {quote(str(directory.path))} NEW.csv" if of_table else ""


def _applied(directory: RunDirectory) -> str:
    lines = [
        "import autoact",
        "",
        f'autoact.apply(model, autoact.Assignment.load("{directory.assignment_file}"))  # then train it',
    ]
    if directory.checkpoint_file.is_file():
        loaded = f'autoact.load_weights(model, "{directory.checkpoint_file}")'
        lines.append(f"{loaded}  # or take what the first fresh seed has trained")
    return "\n".join(lines)


def _tuned(report: Report) -> str:
    """Return the chosen hyperparameters in words."""
    found = report.hyperparameters
    return ", ".join(settings(found.chosen)) if found is not None else ""


def _more_seeds(run: Run) -> str:
    """Return what would decide and what it costs, where more seeds can; nothing otherwise."""
    compared, had = run.compared.get("original"), run.report.confirmation
    if compared is None or run.report.verdict != "no significant difference" or not needed(run):
        return ""
    if (stopped(run.report) and not compared.seeds_needed) or (had is not None and had.cut):
        return ""  # where time has cut it, a remark says how to go on
    least = 0 if had is None else (had.most or len(had.seeds)) + 1
    seeds = max(compared.seeds_needed or 0, DECISIVE, least)
    command = RunDirectory(run.path).resumption(seeds=seeds)
    return f" Or ask again with {_price(run.report, seeds)}: {command}"


def _price(report: Report, seeds: int) -> str:
    """Return how many seeds are missing of some, and what they cost at most: a look may decide before."""
    had, cost = report.confirmation, report.cost.get("confirmation")
    if had is None or cost is None or not had.seeds:
        return f"{seeds:,} seeds"
    more = seeds - len(had.seeds)
    each, seconds = cost.trainings / len(had.seeds), cost.seconds / len(had.seeds)
    return (
        f"{more:,} more seeds (at most {more * each:,.0f} trainings, {duration(more * seconds)} in training)"
    )
