"""What a search shows while it runs: one bar with best value and time left, one line per training."""

import time
from collections.abc import Callable
from types import TracebackType

from autoact.search.ledger import Entry
from autoact.search.settings import Settings
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from autoact.report.wording import duration, number, setting

_PHASES = {
    "probe": "search",
    "prior": "search",
    "trial": "search",
    "reevaluation": "search",
    "tuning": "tuning",
    "baseline": "baselines",
    "confirmation": "confirmation",
}


class SearchProgress:
    """Tell what happens; nothing at all when quiet, plain lines when nobody watches a terminal."""

    def __init__(
        self, settings: Settings, total: int, *, quiet: bool = False, console: Console | None = None
    ) -> None:
        self._settings, self._total = settings, total
        self._done, self._spent, self._new = 0, 0.0, 0.0
        self._best: float | None = None
        self._quiet = quiet
        self._console = console or Console(highlight=False, soft_wrap=True)
        self._began = time.monotonic()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.1f}/{task.total:.0f}"),
            TextColumn("{task.fields[state]}"),
            console=self._console,
            transient=True,
            disable=quiet or not self._console.is_terminal,
        )
        self._task = self._bar.add_task("search", total=total, state="")

    def __enter__(self) -> "SearchProgress":
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away."""
        self._bar.stop()

    @property
    def done(self) -> int:
        """Number of trainings that have ended."""
        return self._done

    @property
    def _worth(self) -> str:
        """How many full trainings those that ended were worth."""
        spent = round(self._spent, 1)
        return f"{spent:.0f}" if spent == round(spent) else f"{spent:.1f}"

    def say(self, text: str) -> None:
        """Print a line."""
        if not self._quiet:
            self._console.print(text, markup=False)

    def resumed(self, entry: Entry) -> None:
        """Count a training that an earlier process did."""
        self._count(entry)

    def finished(self, entry: Entry) -> None:
        """Count a training that has just ended, and print its line."""
        self._count(entry)
        self._new += entry.share
        self.say(self._line(entry))
        self._bar.update(
            self._task, completed=self._spent, description=_PHASES[entry.phase], state=self._state()
        )

    def shrink(self, total: int) -> None:
        """Correct the number of trainings, where some turn out to be identical."""
        self._total = total
        self._bar.update(self._task, total=total)

    def _count(self, entry: Entry) -> None:
        if entry.phase != "probe":
            self._done += 1
            self._spent += entry.share
        if entry.usable and entry.phase in ("trial", "reevaluation"):
            better: Callable[..., float] = min if self._settings.minimize else max
            self._best = entry.selection if self._best is None else better(self._best, entry.selection)

    def _line(self, entry: Entry) -> str:
        value = number(entry.selection) if entry.usable else entry.error or "diverged"
        words = [_choice(choice) for choice in (entry.assignment or {}).values()]
        words += [f"{name} {setting(value)}" for name, value in entry.hyperparameters.items()]
        width, share = len(str(self._total)), f" {entry.stop:.0%}" if entry.stop < 1 else ""
        return (
            f"{self._worth:>{width}}/{self._total} {entry.label + share:<18} "
            f"{self._settings.monitor} {value:<8} {duration(entry.seconds):>6}  {', '.join(words)}"
        )

    def _state(self) -> str:
        best = f"best {self._settings.monitor} {number(self._best)}" if self._best is not None else ""
        elapsed = time.monotonic() - self._began
        left = elapsed / max(self._new, 0.1) * max(self._total - self._spent, 0)
        return f"{best}  {duration(left)} left"


def _choice(data: dict) -> str:  # type: ignore[type-arg]
    values = ",".join(f"{v:.3g}" for v in data["parameters"].values() if isinstance(v, float))
    return f"{data['activation']}({values})" if values else str(data["activation"])
