"""HParams of TensorBoard: one run per trial, with hyperparameters, metrics and how it really ended."""

import os
import platform
import time
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2
from tensorboard.summary.writer.record_writer import RecordWriter
from torch.utils.tensorboard.summary import hparams as hparams_summaries
from torch.utils.tensorboard.summary import scalar, text

from autoact.errors import ConfigurationError

Status = Literal["SUCCESS", "FAILURE", "RUNNING", "UNKNOWN"]
_STATUSES: tuple[Status, ...] = ("SUCCESS", "FAILURE", "RUNNING", "UNKNOWN")


def write_trial(
    directory: str | Path,
    hparams: Mapping[str, Any],
    metrics: Mapping[str, float],
    status: Status = "SUCCESS",
    *,
    step: int = 0,
    curve: Sequence[tuple[int, float]] = (),
) -> None:
    """Write one trial for TensorBoard's HParams page.

    Args:
        directory: The trial's own directory; its name is the trial's name there.
        hparams: What was tried. Values other than numbers and strings are shown as text, None is left out.
        metrics: What came out; also written as scalars, for the page to find.
        status: How the trial ended; pruned trials are UNKNOWN, since TensorBoard has no word for them.
        step: Training steps at the end.
        curve: Steps and values of the first metric before.

    Raises:
        ConfigurationError: TensorBoard has no such status.

    Example:
        >>> import tempfile
        >>> write_trial(tempfile.mkdtemp(), {"net.1": "elu", "lr": 0.1}, {"val_loss": 0.5}, status="FAILURE")
    """
    if status not in _STATUSES:
        raise ConfigurationError(f"TensorBoard has no status {status!r}; allowed: {', '.join(_STATUSES)}.")
    given = {name: value for name, value in hparams.items() if value is not None}
    numbers = {n: v for n, v in given.items() if isinstance(v, int | float) and not isinstance(v, bool)}
    shown = {name: numbers.get(name, str(value)) for name, value in given.items()}
    # torch also makes a summary of the experiment. TensorBoard takes the first trial's for all of them and
    # hides what only other trials have; without any it reads the columns off all trials.
    _, start, _ = hparams_summaries(shown, dict(metrics))
    events = [Event(file_version="brain.Event:2")]
    events += [Event(summary=summary) for summary in (start, _end(status))]
    if metrics:
        events += _curve_events(next(iter(metrics)), curve)
    events += [Event(summary=scalar(name, value), step=step) for name, value in metrics.items()]
    _write(Path(directory), events)


def write_curve(directory: str | Path, name: str, curve: Sequence[tuple[int, float]]) -> None:
    """Write the curve of a training that is done.

    Args:
        directory: The training's own directory; its name is the run's name in TensorBoard.
        name: Tag of the curve.
        curve: Steps and values.

    Example:
        >>> import tempfile
        >>> write_curve(tempfile.mkdtemp(), "val_loss", [(17, 0.5), (34, 0.25)])
    """
    _write(Path(directory), [Event(file_version="brain.Event:2"), *_curve_events(name, curve)])


def write_texts(directory: str | Path, texts: Mapping[str, str]) -> None:
    """Write texts for TensorBoard's Text page.

    Args:
        directory: Of the run that they belong to.
        texts: Markdown by tag.

    Example:
        >>> import tempfile
        >>> write_texts(tempfile.mkdtemp(), {"autoact/verdict": "**improved**"})
    """
    events = [Event(file_version="brain.Event:2")]
    _write(Path(directory), [*events, *(Event(summary=text(tag, said)) for tag, said in texts.items())])


def _curve_events(name: str, curve: Sequence[tuple[int, float]]) -> list[Event]:
    return [Event(summary=scalar(name, value), step=step) for step, value in curve]


def _write(directory: Path, events: Sequence[Event]) -> None:
    """Write an event file in this thread: TensorBoard's own one prints a traceback when a disk is full."""
    now, records = time.time(), BytesIO()
    writer = RecordWriter(records)
    for event in events:
        event.wall_time = now
        writer.write(event.SerializeToString())
    directory.mkdir(parents=True, exist_ok=True)
    name = f"events.out.tfevents.{now:.0f}.{platform.node()}.{os.getpid()}"
    (directory / name).write_bytes(records.getvalue())


def _end(status: Status) -> Any:
    """Return the end of a session; torch's helper always says SUCCESS."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    info = plugin_data_pb2.SessionEndInfo(status=api_pb2.Status.Value(f"STATUS_{status}"))
    content = metadata.create_summary_metadata(plugin_data_pb2.HParamsPluginData(session_end_info=info))
    return Summary(value=[Summary.Value(tag=metadata.SESSION_END_INFO_TAG, metadata=content)])
