"""Record of a run beside its TensorBoard events: lines of JSON that the dashboard and report.html read."""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autoact.errors import log

NAME = "autoact.jsonl"
MOST_BYTES = 64 * 2**20  # a training of 100 layers x 40 candidates has about 16 MB


class RecordFile:
    r"""Append lines to `autoact.jsonl` of a folder of events; where that fails, say so once and go on.

    Args:
        folder: Where the events are; made when the first line is written.

    Example:
        >>> import tempfile
        >>> file = RecordFile(tempfile.mkdtemp())
        >>> file.append({"step": 1, "kappa": [2.0, math.nan]})
        >>> file.path.read_text()
        '{"step":1,"kappa":[2.0,null]}\n'
    """

    def __init__(self, folder: str | Path) -> None:
        self.path = Path(folder) / NAME
        self._closed = "://" in str(folder)  # a remote folder, which only TensorBoard's writer knows

    def append(self, line: Mapping[str, Any]) -> None:
        """Add a line; numbers are kept with 4 significant digits, those that are not finite as null."""
        if self._closed:
            return
        text = json.dumps(rounded(line), separators=(",", ":"), allow_nan=False) + "\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a+b") as file:
                end = file.seek(0, os.SEEK_END)
                if end + len(text) > MOST_BYTES:
                    raise OSError(f"it would be larger than {MOST_BYTES // 2**20} MB")
                file.seek(max(end - 1, 0))
                torn = file.read(1) not in (b"", b"\n")  # by a kill
                file.write((b"\n" if torn else b"") + text.encode())
        except OSError as error:
            self._closed = True
            log.warning("%s is not written any more: %s", self.path, error.strerror or error)


def rounded(value: Any) -> Any:
    """Return plain types with shorter numbers.

    Example:
        >>> rounded({"a": (0.123456, math.inf, 7)})
        {'a': [0.1235, None, 7]}
    """
    if isinstance(value, Mapping):
        return {str(key): rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.4g}") if math.isfinite(value) else None
    return value
