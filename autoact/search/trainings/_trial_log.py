"""TensorBoard run of a trial: what was tried, what came out and how it ended."""

import shutil
from typing import Any

from autoact.records import RunDirectory, State, Training
from autoact.tracking import Status, write_trial

_STATUS: dict[State, Status] = {"finished": "SUCCESS", "pruned": "UNKNOWN"}


def log_trial(directory: RunDirectory, training: Training, monitor: str) -> None:
    """Write a trial to TensorBoard's HParams page, once."""
    if training.phase != "trial":
        return
    target = directory.trial_log(training.trial or 0)
    if target.exists():
        return
    # Whole or not at all: a kill must leave no row that says nothing of how its trial ended.
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    metrics = {monitor: training.selection} if training.usable else {}
    status = _STATUS.get(training.state, "FAILURE")
    write_trial(partial, _hparams(training), metrics, status, step=training.steps)
    partial.rename(target)


def _hparams(training: Training) -> dict[str, Any]:
    tried: dict[str, Any] = dict(training.hyperparameters)
    for path, choice in (training.assignment or {}).items():
        tried[path] = choice.activation
        for name, value in choice.parameters.items():
            tried[f"{path}.{choice.activation}.{name}"] = value
    return tried
