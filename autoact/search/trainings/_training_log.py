"""TensorBoard run of a training: its curve, and of a trial what was tried and how it ended."""

import re
import shutil
from pathlib import Path
from typing import Any

from autoact.errors import first_line, log
from autoact.records import RunDirectory, State, Training
from autoact.tracking import Status, write_curve, write_trial

ROLE = "model"  # column of the HParams page: trial, original or chosen
_STATUS: dict[State, Status] = {"finished": "SUCCESS", "pruned": "UNKNOWN"}


_WITH_OWN = ("probe", "one-shot")  # phases that write while they train, or nothing


def log_training(directory: RunDirectory, training: Training, monitor: str) -> None:
    """Write a training to TensorBoard, once: its curve, and of a trial a row of the HParams page.

    Where that fails, a line says so and the search goes on: a resume writes what is missing.
    """
    if training.phase in _WITH_OWN:
        return
    target = _target(directory, training)
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
        log.warning("%s is not in TensorBoard, the search goes on: %s", training.label, first_line(error))


def _target(directory: RunDirectory, training: Training) -> Path:
    if training.phase == "trial":
        return directory.trial_log(training.trial or 0)
    label = re.sub(r"[^\w.-]+", "_", training.label)[:60]
    return directory.tensorboard(f"{training.phase}-{label}-{training.seed}")


def _write(folder: Path, training: Training, monitor: str) -> None:
    curve = list(zip(training.curve_steps, training.curve, strict=True))
    if not curve and training.usable:
        curve = [(training.steps, training.selection)]
    if training.phase != "trial":
        write_curve(folder, monitor, curve)
        return
    metrics = {monitor: training.selection} if training.usable else {}
    status = _STATUS.get(training.state, "FAILURE")
    write_trial(folder, _hparams(training), metrics, status, step=training.steps, curve=curve[:-1])


def _hparams(training: Training) -> dict[str, Any]:
    tried: dict[str, Any] = {ROLE: "trial", **training.hyperparameters}
    for path, choice in (training.assignment or {}).items():
        tried[path] = choice.activation
        for name, value in choice.parameters.items():
            tried[f"{path}.{choice.activation}.{name}"] = value
    return tried
