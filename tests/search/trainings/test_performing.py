"""One training: what is raised in it, and what of that is the disk's and not the model's."""

import errno
import os
import threading
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from tensorboard.summary.writer.event_file_writer import _AsyncWriterThread

from autoact.records import Training
from autoact.search.trainings import NO_EXTRAS, Extras, perform_stack
from autoact.search.trainings._performing import _WRITER
from autoact.spaces import Assignment
from autoact.training import Measurement

ASKED = Training(phase="one-shot", label="one-shot", assignment=Assignment({"net.1": "relu"}), seed=1)


class Writing:
    """Task that finds a disk full when it writes its log, or whenever it trains."""

    def __init__(self, always: bool = False) -> None:
        self.always, self.trained = always, 0

    def measure(self, training: Training, extras: Extras) -> Measurement:
        self.trained += 1
        if self.always or extras.logs is not None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "events")
        return Measurement(selection=1.0, steps=1, planned_steps=1.0, seconds=1.0)


def performed(task: Any, extras: Extras) -> Training:
    found = perform_stack(task, [ASKED], extras)
    assert isinstance(found, list)
    return found[0]


@pytest.mark.parametrize("logs", [None, Path("tensorboard/one-shot")])
def test_a_log_that_cannot_be_written_fails_no_training(logs: Path | None) -> None:
    ended = performed(Writing(), Extras(logs=logs))
    assert (ended.state, ended.selection) == ("finished", 1.0)
    assert ended.remark == (None if logs is None else f"{logs} was not written: No space left on device")


class Logging:
    """Task that writes events on a disk that is full, or whose own thread fails."""

    def __init__(self, logs: bool) -> None:
        self.logs = logs

    def measure(self, training: Training, extras: Extras) -> Measurement:
        if self.logs:
            assert _WRITER == _AsyncWriterThread.__name__
            thread: threading.Thread = _AsyncWriterThread(Queue(), Full(), 0)
            thread._queue.put(b"event")  # type: ignore[attr-defined]
        else:
            thread = threading.Thread(target=Full().write, args=(b"",), name="of-the-user")
        thread.start()
        thread.join()
        return Measurement(selection=1.0, steps=1, planned_steps=1.0, seconds=1.0)


class Full:
    """A file on a disk that is full."""

    def write(self, data: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("logs", [True, False])
def test_only_a_thread_of_the_users_shows_a_traceback(monkeypatch: pytest.MonkeyPatch, logs: bool) -> None:
    shown: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", shown.append)
    hook = threading.excepthook
    assert performed(Logging(logs), NO_EXTRAS).state == "finished"
    assert [each.thread.name for each in shown] == ([] if logs else ["of-the-user"])
    assert threading.excepthook is hook


@pytest.mark.parametrize(("extras", "times"), [(NO_EXTRAS, 1), (Extras(logs=Path("logs")), 2)])
def test_what_the_users_code_cannot_write_fails_it(extras: Extras, times: int) -> None:
    task = Writing(always=True)
    ended = performed(task, extras)
    assert (ended.state, ended.remark, task.trained) == ("failed", None, times)
    assert ended.error == "OSError: [Errno 28] No space left on device: 'events'"
