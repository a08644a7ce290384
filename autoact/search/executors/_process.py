"""Process of a worker, as its parent sees it."""

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO, Any, cast

from autoact.errors import SearchFailedError
from autoact.records import Training
from autoact.search.executors._watchdog import Watchdog
from autoact.search.executors._worker import end_with_children
from autoact.search.trainings import Ended, Undone, failed

_START = """
import os, sys
sys.path[:] = {path!r}
orders, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
os.dup2(2, 1)
answers.write({mark!r})
try:
    from autoact._names import imported
    serve = imported("autoact.search.executors._worker").serve
except BaseException as error:
    import pickle
    pickle.dump(f"{{type(error).__name__}}: {{error}}", answers)
else:
    serve(orders, answers)
"""
_MARK = b"answers of a worker\n"  # what an interpreter prints when it starts comes before
_PATIENCE = 10.0  # seconds
_END_WITH_THIS = 'read nothing; kill -s KILL -- "-$0"'  # a shell's, whose input ends with this process


class Process:
    """A worker, seen from its parent.

    It is in a group of its own: Ctrl-C on a terminal reaches the parent alone, which decides. When the parent
    is gone, a shell ends the group, even if it is stopped or hangs. It does not run the parent's main module,
    as `multiprocessing` would. Its standard input and output are for orders and answers; what it prints goes
    to standard error.

    Args:
        environment: Variables that it has beside those of this process.
        watchdog: Over its trainings.
    """

    def __init__(self, environment: Mapping[str, str], watchdog: Watchdog) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START.format(path=sys.path, mark=_MARK)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, **environment},
        )
        self._orders = cast(IO[bytes], self._process.stdin)
        self._answers = cast(IO[bytes], self._process.stdout)
        self._watchdog = watchdog
        self._busy, self._why, self._lock = False, "", threading.Lock()
        self._shell = _ending(self._process.pid)

    def alive(self) -> bool:
        """Tell whether it runs."""
        return self._process.poll() is None

    def begin(self, sent: Any) -> None:
        """Give it what `send` wrote.

        Raises:
            SearchFailedError: It cannot hold it.
        """
        reason = self._asked(sent, after=_MARK)
        if reason:
            raise SearchFailedError(
                f"A worker process cannot begin: {reason.rstrip('.')}. Correct that, or set workers to 1."
            )

    def train(self, asked: Sequence[Training], order: bytes) -> Ended:
        """Have it do trainings as one; its death is a training that failed, or a stack that was not done."""
        self._busy, began = True, time.perf_counter()
        with self._watchdog.over(len(asked), self._end_training, self._process.pid):
            answer = self._asked(pickle.dumps(order))
            with self._lock:
                self._busy = False
        if isinstance(answer, list | Undone):
            return answer
        seconds = time.perf_counter() - began
        return [failed(asked[0], answer, seconds)] if len(asked) == 1 else Undone(answer)

    def _asked(self, sent: Any, after: bytes = b"") -> Any:
        """Send something and return the answer; how the process ended where there is none."""
        with suppress(BrokenPipeError):  # it has ended, maybe with an answer
            self._orders.write(sent)
            self._orders.flush()
        try:
            if after:
                next((line for line in self._answers if line.endswith(after)), None)
            return pickle.load(self._answers)
        except (EOFError, pickle.UnpicklingError):
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0)
            self.end()
            status = self._process.wait()
            self._end_rest()
            return self._why or _how(status)

    def _end_training(self, why: str) -> None:
        with self._lock:
            if self._busy:
                self._why = why
                self.end()

    def end(self) -> None:
        """End it, and what it has started, at once; not if it has ended: its number may be another's."""
        with suppress(ProcessLookupError):
            if self.alive():
                end_with_children(self._process.pid)

    def _end_rest(self) -> None:
        """End what it has started, when it has just ended."""
        if self._shell is not None:
            self._shell.communicate()

    def close(self) -> None:
        """Let it end."""
        with suppress(BrokenPipeError):
            self._orders.close()

    def wait(self) -> None:
        """Wait until it has ended; one that does not is ended."""
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:  # a thread of the user's goes on
            self.end()
            self._process.wait()
        self._answers.close()
        self._end_rest()


def _ending(group: int) -> "subprocess.Popen[bytes] | None":
    """Start a process that ends a group of processes when this process ends, or closes its input."""
    if not hasattr(os, "killpg"):
        return None
    return subprocess.Popen(
        ["/bin/sh", "-c", _END_WITH_THIS, str(group)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _how(status: int) -> str:
    """Return in words how a worker ended."""
    if status >= 0:
        return f"its process ended itself with exit status {status}"
    if -status == signal.SIGKILL:
        return (
            "its process was killed (SIGKILL), as happens when memory runs out: fewer workers or smaller "
            "batches need less"
        )
    return f"its process crashed ({signal.Signals(-status).name})"
