"""Close matches for a name that is not among the allowed ones."""

from collections.abc import Iterable
from difflib import get_close_matches


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
    close = get_close_matches(str(value), list(allowed), n=1, cutoff=0.6)
    return f" Did you mean {close[0]!r}?" if close else ""
