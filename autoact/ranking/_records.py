"""Folder of a ranking: what was asked, and a ledger a task, so that one that was killed goes on."""

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoact.errors import ConfigurationError, RunDirectoryError
from autoact.records import Ledger, RunDirectory
from autoact.spaces.files import is_ended, load, write_yaml

_ASKED = "ranking.yaml"


@dataclass(frozen=True, slots=True)
class Records:
    """What was trained for a ranking.

    Args:
        path: The folder.
    """

    path: Path

    @classmethod
    def of(cls, out: str | os.PathLike[str]) -> "Records":
        """Return the records in a folder, which is made if need be.

        Raises:
            RunDirectoryError: The folder holds something else, or cannot be made.
        """
        path = Path(out)
        known = (path / _ASKED).is_file() and is_ended(path / _ASKED)
        if path.exists() and not known and (not path.is_dir() or any(path.iterdir())):
            raise RunDirectoryError(f"{out} holds no ranking, and is left untouched. Give another folder.")
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunDirectoryError(f"{out} cannot be made: {error.strerror} ({error.filename}).") from error
        return cls(path)

    def locked(self) -> AbstractContextManager[None]:
        """Keep other processes out."""
        return RunDirectory(self.path).locked()

    def how_to_go_on(self) -> str:
        """Return a line on what is kept of a ranking that was interrupted."""
        return f"Go on with the same again: {self.path} has what was trained."

    def ledger(self, task: str) -> Ledger:
        """Return the trainings of a task."""
        return Ledger(self.path / f"{task}.jsonl")

    def agree(self, asked: Mapping[str, Mapping[str, Any]]) -> None:
        """Keep what is asked; what was asked before must be the same, more may come.

        Args:
            asked: Texts by kind and name.

        Raises:
            ConfigurationError: Something is another than it was when its trainings were done.
        """
        file = self.path / _ASKED
        before: dict[str, Any] = dict(load(file).data) if file.exists() else {}
        for kind, known in asked.items():
            earlier = before.get(kind, {})
            for name, said in known.items():
                if name in earlier and earlier[name] != said:
                    raise ConfigurationError(
                        f"{kind} {name} of the ranking in {self.path} was another one when it was trained: "
                        f"{_first_difference(earlier[name], said)}. Give another folder (out, --out)."
                    )
            before[kind] = {**earlier, **known}
        write_yaml(file, before, ended=True)


def _first_difference(before: Any, now: Any) -> str:
    if not (isinstance(before, Mapping) and isinstance(now, Mapping)):
        return f"{before}, now {now}"
    name = next(name for name in {**before, **now} if before.get(name) != now.get(name))
    return f"{name} was {before.get(name)}, is {now.get(name)}"
