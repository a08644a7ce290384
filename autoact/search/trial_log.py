"""One TensorBoard run per trial, with what was tried, what came out and how it ended."""

from typing import Any

from autoact.search.ledger import Entry
from autoact.search.run_directory import RunDirectory
from autoact.tracking import write_trial


def log_trial(directory: RunDirectory, entry: Entry, monitor: str) -> None:
    """Write a trial to TensorBoard's HParams page, once; entries of other phases are left out."""
    if entry.phase != "trial" or entry.trial is None:
        return
    target = directory.tensorboard(f"trial-{entry.trial:04d}")
    if target.exists():
        return
    metrics = {monitor: entry.selection} if entry.usable else {}
    write_trial(target, _hparams(entry), metrics, "SUCCESS" if entry.usable else "FAILURE", step=entry.steps)


def _hparams(entry: Entry) -> dict[str, Any]:
    tried: dict[str, Any] = dict(entry.hyperparameters)
    for path, choice in (entry.assignment or {}).items():
        tried[path] = choice["activation"]
        for name, value in choice["parameters"].items():
            tried[f"{path}.{choice['activation']}.{name}"] = value
    return tried
