"""TensorBoard run of a trial: what was tried, what came out and how it ended."""

import shutil
from pathlib import Path
from typing import Any

from autoact.errors import log
from autoact.records import RunDirectory, State, Training
from autoact.tracking import Status, write_trial

_STATUS: dict[State, Status] = {"finished": "SUCCESS", "pruned": "UNKNOWN"}


def log_trial(directory: RunDirectory, training: Training, monitor: str) -> None:
    """Write a trial to TensorBoard's HParams page, once.

    Where that fails, a line says so and the search goes on: a resume writes what is missing.
    """
    if training.phase != "trial":
        return
    target = directory.trial_log(training.trial or 0)
    if target.exists():
        return
    # Whole or not at all: a kill must leave no row that says nothing of how its trial ended.
    partial = target.with_name(f".{target.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        _write(partial, training, monitor)
        partial.rename(target)
    except Exception as error:  # a full disk, or whatever a writer says of names
        shutil.rmtree(partial, ignore_errors=True)
        why = (str(error).splitlines() or [type(error).__name__])[0]
        log.warning("%s is not in TensorBoard, the search goes on: %s", training.label, why)


def _write(folder: Path, training: Training, monitor: str) -> None:
    metrics = {monitor: training.selection} if training.usable else {}
    status = _STATUS.get(training.state, "FAILURE")
    write_trial(folder, _hparams(training), metrics, status, step=training.steps)


def _hparams(training: Training) -> dict[str, Any]:
    tried: dict[str, Any] = dict(training.hyperparameters)
    for path, choice in (training.assignment or {}).items():
        tried[path] = choice.activation
        for name, value in choice.parameters.items():
            tried[f"{path}.{choice.activation}.{name}"] = value
    return tried
