"""Errors: one base class, leaves that also are the builtin a caller would expect, and words they share."""

import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module

log = logging.getLogger("autoact")
OF_USERS = (Exception, SystemExit)  # what code of users ends in, a sys.exit() in it too; no Ctrl-C
_LONG_WORD = re.compile(r"(\S{100})\S{400,}(\S{100})")  # the ends of it are what one searches a file for


class AutoActError(Exception):
    """Base of everything autoact raises on purpose: what came, what was allowed, what to do next.

    Example:
        >>> import autoact
        >>> try:
        ...     autoact.get("reluu")
        ... except AutoActError as error:
        ...     print(error)
        No activation named 'reluu'. Did you mean 'relu'?
    """

    def __str__(self) -> str:
        """Return the message itself (KeyError would show its repr), words of 600 letters cut short."""
        return _LONG_WORD.sub(r"\1...\2", str(self.args[0])) if self.args else ""


class UnknownActivationError(AutoActError, KeyError):
    """A name that is not in the registry."""


class ConfigurationError(AutoActError, ValueError):
    """A setting, search space, assignment or run configuration that cannot be used."""


class ConversionError(AutoActError, ValueError):
    """A model that cannot be converted, or an assignment that does not fit it."""


class DataError(AutoActError, ValueError):
    """Data that is empty, not finite, or lacks a part that the search needs."""


class RunDirectoryError(AutoActError, OSError):
    """A run directory that exists already, cannot be written, or cannot be resumed."""


class SearchFailedError(AutoActError, RuntimeError):
    """A search that started properly and could not finish."""


class UnsupportedInputError(AutoActError, TypeError):
    """Tensors whose dtype, shape or device an operation cannot take."""


class MissingPackageError(AutoActError, ImportError):
    """An optional package that is needed here and not installed."""


@contextmanager
def needs(package: str, purpose: str, *, module: str | None = None) -> Iterator[None]:
    """Import an optional package in this context; if it is missing, the error says how to get it.

    Args:
        package: Its name for pip.
        purpose: What needs it; begins the message.
        module: What is imported; default: the package.

    Raises:
        MissingPackageError: The package is not installed. Other import errors pass.

    Example:
        >>> with needs("a-package", "A picture of nothing", module="no_such_module"):
        ...     import no_such_module
        Traceback (most recent call last):
        autoact.errors.MissingPackageError: A picture of nothing needs a-package, which is not installed:
        pip install a-package
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != (module or package):
            raise
        raise MissingPackageError(
            f"{purpose} needs {package}, which is not installed: pip install {package}"
        ) from error


@lru_cache
def left_out(package: str, what: str) -> bool:
    """Tell whether something is left out because an optional package is missing; say so in one line, once.

    Args:
        package: Its name, for pip and as a module.
        what: What is left out; begins the line.

    Example:
        >>> left_out("json", "Nothing")
        False
    """
    try:
        import_module(package)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != package:
            raise
        log.warning("%s are left out: %s is not installed (pip install %s)", what, package, package)
        return True
    return False


def first_line(error: BaseException) -> str:
    r"""Return the first line of an error's message, or its type where it has none.

    Args:
        error: What was raised.

    Example:
        >>> first_line(ValueError("no row\nin the file")), first_line(KeyboardInterrupt())
        ('no row', 'KeyboardInterrupt')
    """
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def in_one_line(error: BaseException) -> str:
    r"""Return type and first line of an error.

    Args:
        error: What was raised.

    Example:
        >>> in_one_line(ValueError("no row\nin the file"))
        'ValueError: no row'
    """
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"


def counted(count: int, noun: str) -> str:
    """Return a count and its noun.

    Args:
        count: How many.
        noun: What, one of them.

    Example:
        >>> counted(1, "row"), counted(1200, "row")
        ('1 row', '1,200 rows')
    """
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def first_few(names: Sequence[str], most: int) -> str:
    """Return names in one line, the first ones of many and how many more there are.

    Args:
        names: In their order.
        most: That are named.

    Example:
        >>> first_few(["a", "b"], 2), first_few(["a", "b", "c"], 2)
        ('a, b', 'a, b and 1 more')
    """
    left = len(names) - most
    return ", ".join(names[:most]) + (f" and {left} more" if left > 0 else "")


def did_you_mean(value: object, allowed: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the closest allowed name, or an empty string.

    Args:
        value: What came in.
        allowed: What would have been accepted.

    Returns:
        Text to append to an error message.

    Example:
        >>> did_you_mean("grup", ("layer", "group"))
        " Did you mean 'group'?"
    """
    from difflib import get_close_matches

    close = get_close_matches(str(value), list(allowed), n=1, cutoff=0.6)
    return f" Did you mean {close[0]!r}?" if close else ""
