"""Threads of linear algebra: one for a while, in a process that may have other threads and children."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock

from threadpoolctl import ThreadpoolController

_turn = Lock()


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep linear algebra on one thread: with two an ask took twice as long, as its matrices are small.

    The limit is the process's. Those who want it take turns, for two that overlap would restore each other's.

    Example:
        >>> with one_thread():
        ...     pass
    """
    with _turn, _libraries().limit(limits=1, user_api="blas"):
        yield


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()


def _take_no_turn_over() -> None:
    """Let the child of a fork ask, whoever of the parent's threads was asking."""
    global _turn
    _turn = Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_take_no_turn_over)
