"""Record of a run for the dashboard, and report.html while it runs."""

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from autoact.dashboard import NAME, read_record
from autoact.errors import AutoActError, SearchFailedError, log
from autoact.records import Look, Report, Training
from autoact.report import (
    Live,
    Run,
    record_head,
    record_result,
    record_training,
    texts,
    write_live,
    write_report,
)
from autoact.search.outcome._content import build_partial_report
from autoact.search.phases import SearchPlan
from autoact.search.study import ORIGINAL, SELECTED, Search
from autoact.search.trainings import ROLE, SearchProgress, log_training
from autoact.spaces import Assignment
from autoact.tracking import RecordFile, write_texts, write_trial

_FOLDER = "search"  # of TensorBoard, beside those of the trainings
_GAP, _SHARE = 2.0, 50  # seconds between pages at least, and times what one takes


class LiveRecord:
    """Keep the record of a run and its page up to date.

    Args:
        search: The search.
        plan: What was announced.
        progress: Tells how far it is; None of a run that is over.
    """

    def __init__(self, search: Search, plan: SearchPlan, progress: SearchProgress | None = None) -> None:
        self._search, self._plan, self._progress = search, plan, progress
        self._file = RecordFile(search.directory.tensorboard(_FOLDER))
        self._looks: tuple[Look, ...] = ()
        self._next, self._phase = time.monotonic(), ""
        self._head = record_head(self._run(build_partial_report(search, plan, "")))
        self._begin()

    def _begin(self) -> None:
        """Continue the record of an earlier process, or one that lacks lines."""
        known = self._read()
        recorded = len(known.get("trainings", ()))
        if recorded > len(self._search.ledger.trainings):  # of a ledger that was set aside
            self._file.path.unlink()
            recorded = 0
        if self._progress is not None or not known:  # a run that is over stays as it is
            planned = None if self._progress is None else self._progress.total
            self._file.append({"autoact": 1, **self._head, "planned": planned, "began": int(time.time())})
        for place, training in enumerate(self._search.ledger.trainings):
            log_training(self._search.directory, training, self._search.settings.monitor)
            if place >= recorded:
                self._file.append({"training": record_training(training, self._head["layers"])})

    def _read(self) -> dict[str, Any]:
        try:
            return read_record(self._search.directory.tensorboard(_FOLDER) / NAME)
        except (OSError, ValueError):  # none yet
            return {}

    def finished(self, training: Training) -> None:
        """Tell of a training that has just ended, everywhere; write the page if it is time."""
        if self._progress is not None:
            self._progress.finished(training)
        log_training(self._search.directory, training, self._search.settings.monitor)
        view = record_training(training, self._head["layers"])
        self._file.append({"training": view, "time": int(time.time())})
        self._phase = self._progress.phase(training) if self._progress is not None else ""
        if time.monotonic() >= self._next:
            began = time.monotonic()
            self._write_page()
            self._next = time.monotonic() + max(_GAP, _SHARE * (time.monotonic() - began))

    def look(self, found: Look) -> None:
        """Add a look at the comparison."""
        self._looks = (*self._looks, found)

    def __enter__(self) -> "LiveRecord":
        """Watch until the end."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write the report of a search that failed; of another that ends early, that nobody works on it."""
        if isinstance(error, SearchFailedError):
            failed = build_partial_report(self._search, self._plan, str(error))
            self._search.directory.write_report(failed)
            write_report(self._search.directory.path)
        elif error is not None and self._phase:
            self._write_page(stopped=True)

    def _write_page(self, *, stopped: bool = False) -> None:
        progress = self._progress
        assert progress is not None, "a run that is over has no page of this kind"
        live = Live(
            phase=self._phase,
            done=progress.spent,
            total=progress.total,
            left=progress.left,
            looks=self._looks,
            stopped=stopped,
        )
        try:
            partial = build_partial_report(self._search, self._plan, "")
            write_live(self._run(partial), live)
        except (AutoActError, OSError) as error:  # a full disk: the report at the end will say so
            log.warning("report.html is not written while the search runs: %s", error)
            self._next = float("inf")

    @property
    def is_told(self) -> bool:
        """Whether the record has a result."""
        return self._read().get("result") is not None

    def end(self, report: Report) -> None:
        """Add the result to the record, and tell it in TensorBoard."""
        run, directory = self._run(report), self._search.directory
        self._file.append({"result": record_result(run), "time": int(time.time())})
        try:
            write_texts(directory.tensorboard(_FOLDER), texts(run))
            for label in (ORIGINAL, SELECTED):
                self._write_row(label, report)
        except (OSError, ValueError) as error:
            log.warning("The verdict is not in TensorBoard: %s", error)

    def _write_row(self, label: str, report: Report) -> None:
        """Write the original or the chosen model as a row of the HParams page, once."""
        target = self._search.directory.tensorboard("chosen" if label == SELECTED else label)
        layers = report.chosen if label == SELECTED else report.original
        values = [t.selection for t in self._search.confirmations if t.label == label and t.usable]
        if layers is None or not values or target.exists():
            return
        metric = {self._search.settings.monitor: sum(values) / len(values)}
        write_trial(target, {ROLE: target.name, **_row(layers)}, metric)

    def _run(self, report: Report) -> Run:
        return Run(self._search.directory.path, report, tuple(self._search.ledger.trainings))


def _row(layers: Assignment) -> Mapping[str, Any]:
    return {path: choice.activation for path, choice in layers.items()}
