"""Interruption of a run: Ctrl-C, and what schedulers send before they kill, end it so that it can go on."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from autoact.errors import log

_DEFAULTS: dict[str, Any] = {
    "SIGINT": signal.default_int_handler,
    "SIGTERM": signal.SIG_DFL,
    "SIGHUP": signal.SIG_DFL,
}
SIGNALS = {getattr(signal, name): default for name, default in _DEFAULTS.items() if hasattr(signal, name)}
_come: list[int] = []


class Interrupted(BaseException):
    """A signal that ends the run.

    Not a KeyboardInterrupt, on which Lightning ignores every further Ctrl-C while it cleans up, and which
    training code may catch.
    """


class Terminated(SystemExit):
    """The end of a process by a signal other than Ctrl-C: exit status 128 and its number."""


def _interrupt(number: int, frame: object) -> None:
    _come.append(number)
    raise Interrupted(number)


def require_no_interruption() -> None:
    """Raise `Interrupted` if a signal has come.

    Python drops what a handler raises while an object is deleted, and training code may catch it.
    """
    if _come:
        raise Interrupted(_come[0])


@contextmanager
def interruptible(remedy: Callable[[], str] = str) -> Iterator[None]:
    """Let signals end a run; in the main thread, and only those that nobody else handles.

    Args:
        remedy: Says how to go on, once a signal has come; empty where nothing is kept.

    Raises:
        KeyboardInterrupt: There was a Ctrl-C; its note says how to go on.
        Terminated: There was a SIGTERM or SIGHUP; a warning says how to go on.

    Example:
        >>> with interruptible():
        ...     signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        False
    """
    main = threading.current_thread() is threading.main_thread()
    ours = {n: default for n, default in SIGNALS.items() if main and signal.getsignal(n) == default}
    for number in ours:
        signal.signal(number, _interrupt)
    report = sys.unraisablehook
    sys.unraisablehook = lambda dropped: None if dropped.exc_type is Interrupted else report(dropped)
    try:
        yield
    except BaseException:
        if _come:
            raise _known(_come[0], remedy()) from None
        raise
    finally:
        sys.unraisablehook = report
        for number, default in ours.items():
            signal.signal(number, default)
        if ours:
            _come.clear()


def _known(number: int, remedy: str) -> BaseException:
    """Return what a signal is known as, and say how to go on."""
    if number == signal.SIGINT:
        interrupt = KeyboardInterrupt()
        if remedy:
            interrupt.add_note(remedy)
        return interrupt
    log.warning("%s", " ".join(filter(None, (f"Ended by {signal.Signals(number).name}.", remedy))))
    return Terminated(128 + number)
