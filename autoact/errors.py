"""What autoact raises: one base class, and leaves that also are the builtin a caller would expect."""


class AutoActError(Exception):
    """Base of everything autoact raises on purpose: what came, what was allowed, what to do next."""

    def __str__(self) -> str:
        """Return the message itself (KeyError would show its repr)."""
        return str(self.args[0]) if self.args else ""


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
