"""Logger of searched layers: their state in TensorBoard, within a budget of time."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from autoact.errors import left_out
from autoact.geometry import FlowMeter, flow_warnings
from autoact.nn import AutoActivation
from autoact.tracking import _tags as tags
from autoact.tracking._described_scalars import write_scalars
from autoact.tracking._layer_function import LayerFunction
from autoact.tracking._layer_record import LayerRecord
from autoact.tracking._tags import FLOW, layout, tag

APART = 0.02  # of the elapsed time: a training of a month has 400 states more than one of ten minutes
POINTS, PICTURES = 32, 6  # of every training whose length is known, whatever they cost


class TimeBudget:
    """Keep what is spent below a share of the elapsed wall time, give or take one piece of work.

    Args:
        share: Of the elapsed time.
        clock: Returns seconds.
        apart: Least distance of two pieces of work, as a part of the elapsed time: their number then grows
            with its logarithm, and so does what they write.

    Example:
        >>> ticks = iter([0.0, 0.0, 1.0, 2.0, 50.0, 200.0])
        >>> budget = TimeBudget(0.01, clock=lambda: next(ticks))
        >>> with budget.spending():  # from 0.0 to 1.0
        ...     pass
        >>> budget.allows(), budget.allows(), budget.allows(expected=0.5)  # at 2, 50 and 200 seconds
        (False, False, True)
    """

    def __init__(
        self, share: float = 0.01, clock: Callable[[], float] = time.perf_counter, apart: float = 0.0
    ) -> None:
        self.share, self.apart, self.spent = share, apart, 0.0
        self._clock = clock
        self._started = self._ended = clock()

    def allows(self, expected: float = 0.0) -> bool:
        """Return whether a piece of work that is expected to take some seconds may be done now."""
        now = self._clock()
        elapsed = now - self._started
        return self.spent + expected <= self.share * elapsed and now - self._ended >= self.apart * elapsed

    def used(self) -> float:
        """Return the share of the elapsed time that was spent."""
        return self.spent / max(self._clock() - self._started, 1e-9)

    @contextmanager
    def spending(self) -> Iterator[None]:
        """Count the time spent inside."""
        begin = self._clock()
        try:
            yield
        finally:
            self._ended = self._clock()
            self.spent += self._ended - begin


class Fact(NamedTuple):
    """A number of a layer at one step."""

    path: str
    quantity: str
    value: Tensor


class LayerLogger:
    """Log weights, entropy, margin, parameters, κ, χ and dead units of every layer, and two figures.

    The same goes into `autoact.jsonl` beside the events, which the dashboard and report.html read.

    Args:
        writer: A `SummaryWriter`, such as `TensorBoardLogger.experiment`.
        layers: Searched layers by path.
        share: Of the elapsed time that logging may take: half of it for scalars, the rest for figures, the
            final ones among them. The first and the last state are always written.
        total: Steps of the training, where known: 32 evenly spaced states and 6 figures are then written
            whatever they cost, the figures in the end, so that a training of less than a few minutes spends
            more: 2 ms for each layer and state, 0.1 s for each figure, and 1 s to import matplotlib.

    Example:
        >>> import tempfile
        >>> from autoact.nn import AutoActivation
        >>> writer = SummaryWriter(tempfile.mkdtemp())
        >>> logger = LayerLogger(writer, {"net.1": AutoActivation(["relu", "tanh"])})
        >>> logger.log(step=1)
        True
    """

    def __init__(
        self,
        writer: SummaryWriter,
        layers: Mapping[str, AutoActivation],
        *,
        share: float = 0.01,
        total: float | None = None,
    ) -> None:
        self._writer, self._layers, self._total = writer, dict(layers), total
        self._meters = {path: FlowMeter() for path in layers}
        self.budget, self._scalars = TimeBudget(share), TimeBudget(share / 2, apart=APART)
        self._record = LayerRecord(writer.log_dir, self._layers, total)
        self._looked = False
        self._first, self._look_seconds = True, 0.0  # of seeing and writing every layer once
        self._figure_seconds = 0.3  # of both figures: a guess until they are drawn
        self._import_seconds = 0.0 if "matplotlib.figure" in sys.modules else 0.75
        self.owed = TimeBudget(share)  # counts what every training has, and allows nothing
        self._owing = False
        self._written, self._drawn = 0, 0  # states, figures
        self._last: int | None = None
        self._waiting: list[tuple[int, dict[str, LayerFunction]]] = []  # to be drawn
        self._spent = 0.0  # on scalars before the present look
        self._arranged = False

    def due(self, step: int | None = None) -> bool:
        """Return whether it is time to `see` every layer once: one answer for all of them.

        Args:
            step: The present step, whether every training has its state; None: only whether there is time.
        """
        waiting = self._figure_seconds * (len(self._waiting) + bool(self._drawn or self._waiting))
        affordable = self._scalars.allows(self._look_seconds) and self.budget.allows(
            self._look_seconds + waiting + self.owed.spent
        )
        self._owing = not affordable and self._owes(step, self._written, POINTS, self._last)
        return affordable or self._owing

    def _owes(self, step: int | None, done: int, least: int, last: int | None = None) -> bool:
        """Tell whether fewer than the least of every training were written by this step, or none for long."""
        if not self._total or step is None:
            return False
        share = self._total / (least - 1)
        return step >= done * share or (last is not None and step - last >= share)

    @contextmanager
    def _spending(self) -> Iterator[None]:
        """Count time for scalars: on the budget, unless every training has them."""
        with ExitStack() as counted:
            for budget in (self.owed,) if self._owing else (self.budget, self._scalars):
                counted.enter_context(budget.spending())
            yield

    def see(self, path: str, layer: AutoActivation, x: Tensor) -> None:
        """Measure how gradients pass a layer whose pre-activations are x."""
        self._looked = True
        with self._spending():
            self._meters[path].see(layer, x)

    def log(self, step: int) -> bool:
        """Write the present state if there is time, or if layers were seen; return whether it was written."""
        if not (self._looked or self.due()):
            return False
        self._looked = False
        with self._spending():
            self._write_scalars(step)
        if self._first:  # always done, and slow while torch warms up: no measure of those to come
            self._first, self._scalars.spent = False, 0.0
        elif not self._owing:
            self._look_seconds = self._scalars.spent - self._spent
        self._spent = self._scalars.spent
        self._look_at_functions(step)
        return True

    def _look_at_functions(self, step: int) -> None:
        """Draw the figures if there is time; without, what every training has waits for the end."""
        waiting = 2 + len(self._waiting)  # now, at the end, and what waits
        if self.budget.allows(self._import_seconds + waiting * self._figure_seconds + self.owed.spent):
            self._drawn += 1
            with self.budget.spending():
                self._write_figures(step)
        elif self._owes(step, self._drawn + len(self._waiting), PICTURES):
            with self.owed.spending():
                self._waiting.append((step, self._functions(step)))

    def finish(self, step: int) -> None:
        """Write the final state, figures included, whatever the budget."""
        with self.budget.spending():
            self._write_scalars(step)
            self._write_figures(step)
            if found := flow_warnings(self._meters):
                self._writer.add_text(tags.WARNINGS, "\n\n".join(found), step)
            self._writer.flush()

    @torch.no_grad()
    def _write_scalars(self, step: int) -> None:
        if not self._arranged:  # after the user's own layout, which TensorBoard then prefers
            self._writer.add_custom_scalars(layout(self._layers))
            self._arranged = True
        facts = [fact for path, layer in self._layers.items() for fact in self._facts(path, layer)]
        values = torch.stack([fact.value.detach().float().mean() for fact in facts]).tolist()  # one sync
        found = [(fact.path, fact.quantity, value) for fact, value in zip(facts, values, strict=True)]
        named = {tag(path, quantity): value for path, quantity, value in found}
        write_scalars(
            self._writer, {tags.LOGGING_SHARE: self.budget.used() + self.owed.used(), **named}, step
        )
        self._record.look(step, found)
        self._written, self._last = self._written + 1, step

    def _facts(self, path: str, layer: AutoActivation) -> Iterator[Fact]:
        weights = layer.weights().reshape(-1, len(layer.candidates)).T
        for name, weight in zip(layer.candidates, weights, strict=True):
            yield Fact(path, f"weight/{name}", weight)
        yield Fact(path, "entropy", layer.entropy())
        yield Fact(path, "margin", layer.margin())
        for name, value in layer.values().items():
            yield Fact(path, f"parameter/{name}", value)
        for quantity in FLOW:
            if (fact := getattr(self._meters[path], quantity)) is not None:
                yield Fact(path, quantity, fact)

    def _functions(self, step: int) -> dict[str, LayerFunction]:
        found = {path: LayerFunction.of(layer) for path, layer in self._layers.items()}
        self._record.functions(step, found)
        return found

    def _write_figures(self, step: int) -> None:
        """Draw what waits and the present state, in order."""
        drawing = not left_out("matplotlib", "Figures in TensorBoard")
        if drawing:
            from autoact.tracking import _tensorboard_figures as figures  # loads matplotlib

            self._import_seconds = 0.0
        begin = time.perf_counter()
        shown = [*self._waiting, (step, self._functions(step))]
        if drawing:
            for name, kind in (
                (tags.WEIGHTS_FIGURE, figures.Weights),
                (tags.FUNCTIONS_FIGURE, figures.Functions),
            ):
                drawn = kind(shown[0][1])
                for place, (at, functions) in enumerate(shown):
                    if place:
                        drawn.show(functions)
                    self._writer.add_image(name, figures.pixels(drawn.figure), at, dataformats="HWC")
        self._drawn += len(self._waiting)
        self._waiting = []
        self._figure_seconds = (time.perf_counter() - begin) / len(shown)
