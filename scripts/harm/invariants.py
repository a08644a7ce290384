"""Invariants of a search: what holds of its ledger, study and report, however often it was harmed."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import optuna

from autoact.errors import AutoActError
from autoact.records import Ledger, Training
from autoact.search import load_run

Values = dict[tuple[str, str, int], tuple[float, float | None]]
_OWN = {".lock"}  # hidden files that stay
_ENDED = {"finished": "COMPLETE", "pruned": "PRUNED", "diverged": "FAIL", "failed": "FAIL"}
TIMES = ("latency", "pareto", "front", "remarks", "failures", "checksum")  # parts that time or harm decides


def faults(
    run: Path, *, budget: int, expected: dict[str, Any] | None, values: Values, failures: bool = False
) -> Iterator[str]:
    """Give what does not hold of a run that has ended.

    Args:
        run: Its directory.
        budget: Full trainings of the search.
        expected: The report of an undisturbed run; None: another order of trials gives another.
        values: Of trainings by phase, model and seed, of other runs; gets those of this one.
        failures: Whether trainings may have failed.
    """
    trainings = Ledger(run / "trainings.jsonl").trainings
    yield from _ledger(trainings, budget, failures)
    yield from _values(trainings, values)
    yield from _study(run, trainings)
    if not (run / "report.json").is_file():
        yield "there is no report.json"
        return
    if expected is not None and comparable(report(run)) != expected:
        yield f"report.json differs in {_differing(comparable(report(run)), expected)}"
    missing = [name for name in ("report.html", "leaderboard.csv") if not (run / name).is_file()]
    logged = len([*run.glob("tensorboard/trial-*")])
    if missing:
        yield f"there is no {' and no '.join(missing)}"
    if logged != sum(t.phase == "trial" for t in trainings):
        yield f"{logged} trials are in TensorBoard"
    yield from (f"{file.relative_to(run)} is left" for file in run.rglob("*") if _is_temporary(file))
    yield from (f"{file.name} is left beside the run" for file in run.parent.iterdir() if file != run)


def report(run: Path) -> dict[str, Any]:
    """Return the content of report.json."""
    return dict(json.loads((run / "report.json").read_text()))


def comparable(found: dict[str, Any]) -> dict[str, Any]:
    """Return what of a report no clock decides."""
    cost = {part: {k: v for k, v in spent.items() if k != "seconds"} for part, spent in found["cost"].items()}
    stack = {name: value for name, value in (found.get("stack") or {}).items() if name != "speed"}
    return {name: value for name, value in found.items() if name not in TIMES} | {
        "cost": cost,
        "stack": stack,
    }


def _ledger(trainings: Sequence[Training], budget: int, failures: bool) -> Iterator[str]:
    places = Counter((t.phase, t.key, t.seed) for t in trainings if not t.raised and t.phase != "trial")
    twice = [f"{phase} {key}, seed {seed}" for (phase, key, seed), count in places.items() if count > 1]
    if twice:
        yield f"done twice: {'; '.join(twice)}"
    numbers = Counter(
        t.trial for t in trainings if t.trial is not None and t.phase != "tuning" and not t.raised
    )
    if max(numbers.values(), default=1) > 1:
        yield f"trials have the same number: {numbers}"
    spent = sum(t.share for t in trainings if t.phase in ("one-shot", "trial"))
    if not budget - 1 < spent <= budget + 1e-9:
        yield f"{spent:g} of the budget of {budget} are spent"
    odd = [f"{t.label} is {t.state}: {t.error}" for t in trainings if t.state == "asked"]
    odd += [f"{t.label} failed: {t.error}" for t in trainings if t.raised and not failures]
    yield from odd


def _values(trainings: Sequence[Training], values: Values) -> Iterator[str]:
    for training in trainings:
        if training.raised or training.phase == "probe":
            continue
        found = (training.selection, training.comparison)
        known = values.setdefault((training.phase, training.key, training.seed), found)
        if str(known) != str(found):
            yield f"{training.label}, seed {training.seed}: {found}, in another run {known}"


def _study(run: Path, trainings: Sequence[Training]) -> Iterator[str]:
    try:
        trials = load_run(run).study.trials if (run / "report.json").is_file() else []
    except AutoActError as error:
        yield str(error)
    else:
        yield from study_faults(trials, trainings)


def study_faults(trials: Sequence[optuna.trial.FrozenTrial], trainings: Sequence[Training]) -> Iterator[str]:
    """Give what of a study's trials is not what the ledger says.

    Args:
        trials: Of the study.
        trainings: Of the ledger.
    """
    told = {
        t.trial: (_ENDED[t.state], t.selection if t.usable else None)
        for t in trainings
        if t.trial is not None
    }
    found = {t.number: (t.state.name, t.value if t.state.name == "COMPLETE" else None) for t in trials}
    if still := [number for number, (state, _) in found.items() if state in ("RUNNING", "WAITING")]:
        yield f"trials {still} of the study are open"
    unknown = [number for number, (state, _) in found.items() if number not in told and state != "FAIL"]
    if unknown:
        yield f"trials {unknown} of the study are not in the ledger"
    if other := [number for number, each in told.items() if found.get(number) != each]:
        yield f"trials {other} of the ledger are others in the study"


def _is_temporary(file: Path) -> bool:
    return file.name not in _OWN and (
        file.name.startswith(".") or "partial" in file.name or "tmp" in file.name
    )


def _differing(found: dict[str, Any], expected: dict[str, Any]) -> str:
    return ", ".join(name for name in {**found, **expected} if found.get(name) != expected.get(name))
