"""Reference beside a verdict: what something else than a network reaches on the comparison data."""

from collections.abc import Callable

from autoact.errors import log
from autoact.records import Reference

Measure = Callable[[str], Reference]


def measured(measure: Measure | None, metric: str) -> Reference | None:
    """Return what is measured; where that raises, that it did.

    Args:
        measure: Measures it, given the name of the metric; None where there is nothing to measure.
        metric: Of the run.
    """
    if measure is None:
        return None
    try:
        found = measure(metric)
        if not isinstance(found, Reference):
            raise TypeError(f"expected an autoact.records.Reference, got {found!r:.60}")
        return found
    except Exception as error:  # a verdict that many trainings have decided must not be lost with it
        log.debug("The reference could not be measured.", exc_info=True)
        return Reference(name="a reference", why_not=f"{type(error).__name__}: {error}")
