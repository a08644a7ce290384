"""Progress of a search: one bar with best value and time left, one line per training."""

import math
import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn

from autoact.records import PART_OF, Training
from autoact.report import duration, number, setting
from autoact.search.setup import Settings


class SearchProgress:
    """Tell what happens; nothing at all when quiet, plain lines when nobody watches a terminal.

    Args:
        settings: Of the search.
        total: Trainings that are expected.
        quiet: Whether to print nothing.
        console: Where to print.
        estimate: Seconds that a training takes, as long as none has ended; NaN where nobody knows.
    """

    def __init__(
        self,
        settings: Settings,
        total: int,
        *,
        quiet: bool = False,
        console: Console | None = None,
        estimate: float = math.nan,
    ) -> None:
        self._settings, self._total, self._estimate = settings, total, estimate
        self._done, self._spent, self._new = 0, 0.0, 0.0
        self._best: float | None = None
        self._width = 2 * len(str(total)) + 1  # of "107/107"; a fraction takes two letters more
        self._quiet = quiet
        self._console = console or Console(highlight=False, soft_wrap=True, force_jupyter=False)
        self._began = self._last = time.monotonic()
        self._bar = Progress(
            _Moving(self._move),
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
    def spent(self) -> float:
        """How many full trainings those that ended were worth."""
        return self._spent

    @property
    def total(self) -> int:
        """Number of trainings that are expected."""
        return self._total

    @property
    def left(self) -> float:
        """Seconds that are expected to be left, at most those of the run's time; NaN where nobody knows."""
        expected = max(self._pace * max(self._total - self._spent, 0) - self._since, 0.0)
        if self._settings.hours is None:
            return expected
        limit = 3600 * self._settings.hours - (time.monotonic() - self._began)
        return min(expected, max(limit, 0.0))

    @property
    def _pace(self) -> float:
        """Seconds from one training's end to the next; before the first has ended, by the estimate."""
        if not self._new:
            return self._estimate / self._settings.parallel
        return (self._last - self._began) / self._new

    @property
    def _since(self) -> float:
        """Seconds since a training ended, as far as the next one has not been expected yet."""
        return min(time.monotonic() - self._last, self._pace)

    def _move(self) -> None:
        """Move the bar within the trainings that are being done, as time goes; the next ends at its end."""
        part = 0.95 * self._since / self._pace if self._pace > 0 else 0.0
        self._bar.update(
            self._task, completed=min(self._spent + part, self._total), state=self._state(), refresh=False
        )

    def phase(self, training: Training) -> str:
        """Return what a training is part of, in a word."""
        return PART_OF[training.phase]

    @property
    def _worth(self) -> str:
        """How many full trainings those that ended were worth."""
        spent = round(self._spent, 1)
        return f"{spent:.0f}" if spent == round(spent) else f"{spent:.1f}"

    def say(self, text: str) -> None:
        """Print a line, if there is one."""
        if text and not self._quiet:
            self._console.print(text, markup=False)

    def finished(self, training: Training) -> None:
        """Count a training that has just ended, and print its line."""
        self.count(training)
        self._new += training.share
        self._last = time.monotonic()
        self.say(self._line(training))
        if training.remark is not None:
            self.say(training.remark)
        self._bar.update(
            self._task, completed=self._spent, description=PART_OF[training.phase], state=self._state()
        )

    def shrink(self, total: int) -> None:
        """Correct the number of trainings, where some turn out to be identical."""
        self._total = total
        self._bar.update(self._task, total=total)

    def count(self, training: Training) -> None:
        """Count a training that has ended, in this process or an earlier one."""
        if training.phase != "probe":
            self._done += 1
            self._spent += training.share
        if training.usable and training.phase == "trial":
            better: Callable[..., float] = min if self._settings.minimize else max
            self._best = training.selection if self._best is None else better(self._best, training.selection)

    def _line(self, training: Training) -> str:
        value = number(training.selection) if training.usable else training.error or training.state
        words = [str(choice) for choice in (training.assignment or training.derived or {}).values()]
        words += [f"{name} {setting(value)}" for name, value in training.hyperparameters.items()]
        done = f"{self._worth}/{self._total}"
        width = self._width + 2 * ("." in done)
        left = "" if self._console.is_terminal else f"{duration(self.left):>12} left"
        return (
            f"{done:>{width}} {training.label:<18} "
            f"{self._settings.monitor} {value:<8} {duration(training.seconds):>6}{left}  {', '.join(words)}"
        )

    def _state(self) -> str:
        best = f"best {self._settings.monitor} {number(self._best)}" if self._best is not None else ""
        return f"{best}  {duration(self.left)} left"


class _Moving(ProgressColumn):
    """Column without content that moves the bar whenever it is drawn."""

    def __init__(self, move: Callable[[], None]) -> None:
        super().__init__()
        self._move = move

    def render(self, task: Task) -> RenderableType:
        """Move on."""
        self._move()
        return ""
