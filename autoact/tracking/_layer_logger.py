"""Logger of searched layers: their state in TensorBoard, within a budget of time."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from autoact.errors import left_out
from autoact.geometry import FlowMeter, flow_warnings
from autoact.nn import AutoActivation
from autoact.tracking import _tags as tags
from autoact.tracking._tags import FLOW, layout, tag

APART = 0.02  # of the elapsed time: a training of a month has 400 states more than one of ten minutes


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


class LayerLogger:
    """Log weights, entropy, margin, parameters, κ, χ and dead units of every layer, and two figures.

    Args:
        writer: A `SummaryWriter`, such as `TensorBoardLogger.experiment`.
        layers: Searched layers by path.
        share: Of the elapsed time that logging may take: half of it for scalars, the rest for figures, the
            final ones among them. The first and the last state are always written, so that a training of
            less than a few minutes spends more: about 0.3 s, and 1 s to import matplotlib.

    Example:
        >>> import tempfile
        >>> from autoact.nn import AutoActivation
        >>> writer = SummaryWriter(tempfile.mkdtemp())
        >>> logger = LayerLogger(writer, {"net.1": AutoActivation(["relu", "tanh"])})
        >>> logger.log(step=1)
        True
    """

    def __init__(
        self, writer: SummaryWriter, layers: Mapping[str, AutoActivation], *, share: float = 0.01
    ) -> None:
        self._writer, self._layers = writer, dict(layers)
        self._meters = {path: FlowMeter() for path in layers}
        self.budget, self._scalars = TimeBudget(share), TimeBudget(share / 2, apart=APART)
        self._looked = False
        self._first, self._look_seconds = True, 0.0  # of seeing and writing every layer once
        self._figure_seconds = 0.25  # of both figures: a guess until they are drawn
        self._import_seconds = 0.0 if "matplotlib.figure" in sys.modules else 0.75
        self._drawn = False
        self._spent = 0.0  # on scalars before the present look
        self._arranged = False

    def due(self) -> bool:
        """Return whether there is time to `see` every layer once: one answer for all of them."""
        final = (
            self._figure_seconds if self._drawn else 0.0
        )  # figures that took longer than expected are repaid
        return self._scalars.allows(self._look_seconds) and self.budget.allows(self._look_seconds + final)

    def see(self, path: str, layer: AutoActivation, x: Tensor) -> None:
        """Measure how gradients pass a layer whose pre-activations are x."""
        self._looked = True
        with self.budget.spending(), self._scalars.spending():
            self._meters[path].see(layer, x)

    def log(self, step: int) -> bool:
        """Write the present state if there is time, or if layers were seen; return whether it was written."""
        if not (self._looked or self.due()):
            return False
        self._looked = False
        with self.budget.spending(), self._scalars.spending():
            self._write_scalars(step)
        if self._first:  # always done, and slow while torch warms up: no measure of those to come
            self._first, self._scalars.spent = False, 0.0
        else:
            self._look_seconds = self._scalars.spent - self._spent
        self._spent = self._scalars.spent
        if self.budget.allows(self._import_seconds + 2 * self._figure_seconds):  # now, and again at the end
            self._drawn = True
            with self.budget.spending():
                self._write_figures(step)
        return True

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
        self._writer.add_scalar(tags.LOGGING_SHARE, self.budget.used(), step)
        facts = [fact for path, layer in self._layers.items() for fact in self._facts(path, layer)]
        values = torch.stack(
            [value.detach().float().mean() for _, value in facts]
        ).tolist()  # one synchronisation
        for (name, _), value in zip(facts, values, strict=True):
            self._writer.add_scalar(name, value, step)

    def _facts(self, path: str, layer: AutoActivation) -> Iterator[tuple[str, Tensor]]:
        weights = layer.weights().reshape(-1, len(layer.candidates)).T
        for name, weight in zip(layer.candidates, weights, strict=True):
            yield tag(path, f"weight/{name}"), weight
        yield tag(path, "entropy"), layer.entropy()
        yield tag(path, "margin"), layer.margin()
        for name, value in layer.values().items():
            yield tag(path, f"parameter/{name}"), value
        for quantity in FLOW:
            if (fact := getattr(self._meters[path], quantity)) is not None:
                yield tag(path, quantity), fact

    def _write_figures(self, step: int) -> None:
        if left_out("matplotlib", "Figures in TensorBoard"):
            return
        from autoact.tracking import _tensorboard_figures as figures  # loads matplotlib

        self._import_seconds, begin = 0.0, time.perf_counter()
        for name, draw in (
            (tags.WEIGHTS_FIGURE, figures.weights),
            (tags.FUNCTIONS_FIGURE, figures.functions),
        ):
            self._writer.add_image(name, figures.pixels(draw(self._layers)), step, dataformats="HWC")
        self._figure_seconds = time.perf_counter() - begin
