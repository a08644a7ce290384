"""One TensorBoard run per trial, with what was tried, what came out and how it ended."""

from typing import Any

from autoact.search.ledger import Entry, Ledger
from autoact.search.run_directory import RunDirectory

from autoact.tracking import Status, write_trial


def log_trial(directory: RunDirectory, entry: Entry, monitor: str) -> None:
    """Write a trial to TensorBoard's HParams page, once; one that may go on is left out."""
    if entry.phase == "trial" and (entry.stop >= 1 or not entry.usable):
        _write(directory, entry, monitor, pruned=False)


def log_unfinished(directory: RunDirectory, ledger: Ledger, monitor: str) -> None:
    """Write the trials that were paused and will not go on."""
    last = {entry.trial: entry for entry in ledger.of("trial")}
    for entry in last.values():
        if entry.stop < 1 and entry.usable:
            _write(directory, entry, monitor, pruned=True)


def _write(directory: RunDirectory, entry: Entry, monitor: str, *, pruned: bool) -> None:
    if entry.trial is None:
        return
    target = directory.tensorboard(f"trial-{entry.trial:04d}")
    if target.exists():
        return
    metrics = {monitor: entry.selection} if entry.usable else {}
    ended: Status = "SUCCESS" if entry.usable else "FAILURE"
    write_trial(target, _hparams(entry), metrics, "UNKNOWN" if pruned else ended, step=entry.steps)


def _hparams(entry: Entry) -> dict[str, Any]:
    tried: dict[str, Any] = dict(entry.hyperparameters)
    if entry.stop < 1:
        tried["share of a training"] = entry.stop
    for path, choice in (entry.assignment or {}).items():
        tried[path] = choice["activation"]
        for name, value in choice["parameters"].items():
            tried[f"{path}.{choice['activation']}.{name}"] = value
    return tried
