"""Record of the results: a line per task, arm and seed, so that a run that was killed goes on."""

import json
import math
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

Values = Mapping[str, np.ndarray]  # of one task: by arm, the loss on comparison rows by seed; NaN: diverged


class Record:
    """What has been trained, in one file that only grows.

    Args:
        file: JSON lines, made with the first entry; a last line that was cut short is left out.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lines: list[dict[str, Any]] = []
        if file.exists():
            for line in file.read_text(encoding="utf-8").splitlines():
                try:
                    self._lines.append(json.loads(line))
                except json.JSONDecodeError:
                    break
            whole = "".join(json.dumps(line) + "\n" for line in self._lines)
            file.write_text(whole, encoding="utf-8")

    def add(self, **line: Any) -> None:
        """Keep a line: `task`, `arm`, `seed`, `selection`, `comparison`; or `task`, `search`."""
        self._lines.append(line)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as out:
            out.write(json.dumps(line) + "\n")

    def has(self, task: str, arm: str, seed: int) -> bool:
        """Tell whether a training was done."""
        return self.line_of(task, arm, seed) is not None

    def line_of(self, task: str, arm: str, seed: int) -> dict[str, Any] | None:
        """Return what was kept of a training; None: it was not done."""
        wanted = task, arm, seed
        found = (one for one in self._lines if (one["task"], one.get("arm"), one.get("seed")) == wanted)
        return next(found, None)

    def search_of(self, task: str) -> dict[str, Any] | None:
        """Return what the search of a task found; None: it has not ended."""
        return next((one["search"] for one in self._lines if one["task"] == task and "search" in one), None)

    def tasks(self) -> list[str]:
        """Return the tasks, in their order."""
        return list(dict.fromkeys(one["task"] for one in self._lines))

    def values(self, task: str, part: str = "comparison") -> dict[str, np.ndarray]:
        """Return a task's losses by arm, in the order of seeds."""
        found: dict[str, dict[int, float]] = defaultdict(dict)
        for one in self._lines:
            if one["task"] == task and "arm" in one:
                value = one[part]
                found[one["arm"]][one["seed"]] = math.nan if value is None else value
        return {arm: np.array([by[seed] for seed in sorted(by)]) for arm, by in found.items()}
