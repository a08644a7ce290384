"""A model whose trainings wait where they are, so that a test can take that place away."""

import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.search.models import Curve


class Held(Curve):
    """Wait at the start of each training after a run's first two, and write down where.

    Args:
        folder: Has a file `hold` with the path of the run, as long as its trainings are to wait; gets a file
            named for each process that waits, or its node of a Ray cluster.
    """

    def __init__(self, folder: str, lr: float = 1e-2) -> None:
        super().__init__(lr)
        self.folder = Path(folder)

    def on_fit_start(self) -> None:
        while self._waits():
            (self.folder / f"held-{_place()}").touch()
            time.sleep(0.02)

    def _waits(self) -> bool:
        with suppress(FileNotFoundError):  # nobody is to wait, or the run has not begun
            run = Path((self.folder / "hold").read_text())
            return (run / "trainings.jsonl").read_text().count("\n") >= 2
        return False


def _place() -> str:
    ray = sys.modules.get("ray")
    known = ray is not None and ray.is_initialized()
    return str(ray.get_runtime_context().get_node_id() if ray is not None and known else os.getpid())


def when_held(run: Path, folder: Path, act: Callable[[list[str]], object]) -> threading.Thread:
    """Hold the trainings after a run's first two, and act once they wait in two places.

    Args:
        run: The run directory, of a run that has not begun.
        folder: Where `hold` is made, and taken away after the act.
        act: Gets the names of the places.
    """
    (folder / "hold").write_text(str(run))

    def watch() -> None:
        try:
            _wait(lambda: len([*folder.glob("held-*")]) >= 2)
            act(sorted(path.name.removeprefix("held-") for path in folder.glob("held-*")))
        finally:  # else a test that fails never ends
            (folder / "hold").unlink()
        for path in folder.glob("held-*"):
            path.unlink()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 600
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
