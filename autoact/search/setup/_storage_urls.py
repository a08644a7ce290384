"""URL of a storage: what is kept and shown of one has no password."""

import re
from urllib.parse import unquote

_LOGIN = re.compile(r"(?<=://)([^:/?#@]*):([^?]*|.*)(?=@)")  # the last @ ends it: passwords may have others
_QUERY = re.compile(r"(?i)(?<=[?&])([^=&]*(?:passw|pwd|secret|token)[^=&]*)=([^&]*)&?")


def without_password(url: str) -> str:
    """Return a URL that names the same storage and holds no password.

    Args:
        url: A URL, well-formed or not.

    Example:
        >>> without_password("postgresql://me:se@cret@host/db?sslmode=require&password=secret")
        'postgresql://me@host/db?sslmode=require'
    """
    return _QUERY.sub("", _LOGIN.sub(r"\1", url)).rstrip("?&")


def hide_password(text: str, url: str) -> str:
    """Return a text, such as the message of a driver, without the password of a URL.

    Args:
        text: The text.
        url: The URL.

    Example:
        >>> hide_password("cannot reach redis://:a%2Fb@host with 'a/b'", "redis://:a%2Fb@host")
        "cannot reach redis://@host with '***'"
    """
    text = text.replace(url, without_password(url))
    found = [match[2] for pattern in (_LOGIN, _QUERY) for match in pattern.finditer(url)]
    for secret in sorted(
        {word for each in found for word in (each, unquote(each)) if word}, key=len, reverse=True
    ):
        text = text.replace(secret, "***")
    return text
