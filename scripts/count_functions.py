"""Functions and files of autoact that one search enters, by folder: how far a reader has to walk.

    python scripts/count_functions.py

One search on handwritten digits with one worker, 2 epochs, a budget of 4, 2 seeds. Comprehensions, lambdas,
and module bodies do not count. The package that is importable is counted: PYTHONPATH chooses another version.
"""

import sys
import tempfile
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import autoact

PACKAGE = Path(autoact.__file__).parent


def entered() -> set[tuple[str, int]]:
    """Return file and line of every function that one search enters."""
    found: set[tuple[str, int]] = set()

    def note(frame: FrameType, event: str, argument: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(str(PACKAGE)) and code.co_name[0] != "<":
            found.add((code.co_filename, code.co_firstlineno))

    from autoact.search import run_search
    from autoact.training.tasks import get_task

    task = get_task("digits")
    with tempfile.TemporaryDirectory() as folder:
        sys.setprofile(note)
        try:
            run_search(
                task.model,
                task.data,
                monitor=task.monitor,
                trainer={**task.trainer, "max_epochs": 2},
                budget=4,
                seeds=2,
                out=Path(folder) / "run",
                quiet=True,
            )
        finally:
            sys.setprofile(None)
    return found


def main() -> None:
    """Print the counts."""
    found = entered()
    folders = Counter(Path(file).relative_to(PACKAGE).parts[0] for file, _ in found)
    for folder, count in folders.most_common():
        print(f"{count:6}  {folder}")
    print(f"{len(found):6}  functions in {len({file for file, _ in found})} files")


if __name__ == "__main__":
    main()
