"""TensorBoard run of a trial: what was tried, what came out and how it ended."""

from typing import Any

from autoact.records import RunDirectory, State, Training
from autoact.tracking import Status, write_trial

_STATUS: dict[State, Status] = {"finished": "SUCCESS", "pruned": "UNKNOWN"}


def log_trial(directory: RunDirectory, training: Training, monitor: str) -> None:
    """Write a trial to TensorBoard's HParams page, once."""
    if training.phase != "trial" or training.trial is None:
        return
    target = directory.tensorboard(f"trial-{training.trial:04d}")
    if not target.exists():
        metrics = {monitor: training.selection} if training.usable else {}
        status = _STATUS.get(training.state, "FAILURE")
        write_trial(target, _hparams(training), metrics, status, step=training.steps)


def _hparams(training: Training) -> dict[str, Any]:
    tried: dict[str, Any] = dict(training.hyperparameters)
    for path, choice in (training.assignment or {}).items():
        tried[path] = choice.activation
        for name, value in choice.parameters.items():
            tried[f"{path}.{choice.activation}.{name}"] = value
    return tried
