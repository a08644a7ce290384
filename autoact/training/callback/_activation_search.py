"""Callback that makes any Lightning training learn its activation functions."""

import math
import warnings
from collections.abc import Callable
from typing import Any, Literal

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_info
from torch import Tensor
from torch.optim import Optimizer

from autoact import conversion
from autoact.errors import ConfigurationError
from autoact.nn import AutoActivation, DoubtfulChoiceWarning
from autoact.spaces import Assignment
from autoact.tracking import LayerLogger
from autoact.training._compat import planned_steps, steps_done, when_built
from autoact.training.callback._activation_optimizer import ActivationOptimizer, take_over
from autoact.training.callback._first_step import FirstStep
from autoact.training.callback._hidden_parameters import hide_while_configuring
from autoact.training.callback._input_observer import Observation
from autoact.training.callback._kept_originals import with_originals
from autoact.training.callback._manual_optimization import ManualOptimizers
from autoact.training.callback._schedule import Schedule
from autoact.training.callback._support import (
    NoMixtureError,
    averagers,
    check_averages,
    check_optimizers,
    check_supported,
    kept_layers,
)
from autoact.training.checkpoints import remember

_OBSERVATIONS = 50  # per training: 50 quantile estimates cost less than one validation
_TRAVEL = 10.0  # how far Adam can move a logit in one training: e^10 between two candidates
GUESS = (
    "ActivationSearch: its choice (`assignment`) is a guess that no training has verified; "
    "`autoact search` or autoact.run_search compares it with the activations that the model has."
)


class ActivationSearch(Callback):
    """Train a LightningModule, unchanged, with a learned mixture of activations in place of each activation.

    The layers are converted before the optimizers are made; `AutoActivation` layers that are there already
    keep their candidates and take part, unless a rule of the space keeps them. Logits and activation
    parameters leave the optimizer groups of the module and get an Adam of their own without weight decay,
    stepped together with the module's optimizer (in manual optimization one Adam beside each);
    `configure_optimizers` sees the module's own parameters only; gradient accumulation, clipping, schedules
    of the learning rate, mixed precision, DDP, checkpoints and resuming work as before. With a TensorBoard
    logger the state of every layer is logged. The choice at the end is a guess, which one line says:
    `run_search` compares it with the original. A warning names layers that ran neither in training nor in
    validation.

    Args:
        space: Name or file of a search space, a `SearchSpace`, or names of candidates.
        start: "same" begins as the module's own activations, "uniform" as the mean of the candidates. Layers
            that the model has already keep their own start.
        lr: Learning rate of the logits; None: 10 / steps of the training, within [0.001, 0.03].
        parameter_lr: Learning rate of slopes, alphas and betas; None: `lr`.
        release: Shares of the training between which the start gives way to the mixture: early, because
            weights that settle around the start keep it (0 to 50 % kept ReLU where sine halves the loss).
            None: never, the logits then learn from straight-through gradients only.
        temperature: Temperature of the relaxation at the start and at the end; None: the space's, throughout.
        observe_every: Optimizer steps between measurements of the pre-activations; None: 50 measurements.
        total_steps: Optimizer steps of the training, where the Trainer cannot know them.

    Raises:
        ConfigurationError: On sharded strategies, LBFGS, an unknown length, a wrong order of callbacks.
        ConversionError: When the training starts: the module has no activation to search.

    Example:
        >>> import lightning as L
        >>> from autoact.training import ActivationSearch
        >>> trainer = L.Trainer(max_epochs=3, callbacks=[ActivationSearch(["relu", "tanh"])], logger=False)
    """

    def __init__(
        self,
        space: Any = "default",
        *,
        start: Literal["same", "uniform"] = "same",
        lr: float | None = None,
        parameter_lr: float | None = None,
        release: tuple[float, float] | None = (0.0, 0.05),
        temperature: tuple[float, float] | None = None,
        observe_every: int | None = None,
        total_steps: int | None = None,
    ) -> None:
        for name, value in {"lr": lr, "parameter_lr": parameter_lr, "observe_every": observe_every}.items():
            if value is not None and not value > 0:
                raise ConfigurationError(f"{name}={value} must be positive; None chooses it from the length.")
        self.space, self.start = space, start
        self.lr, self.parameter_lr = lr, parameter_lr
        self.schedule = Schedule(release=release, temperature=temperature)
        self.observe_every, self.total_steps = observe_every, total_steps
        self.derived: Assignment | None = None  # nearest to what was learned
        self._assignment: Assignment | None = None  # the same, with the original where they hardly differ
        self.learned: dict[str, Any] = {}
        self._restored: dict[str, Any] = {}
        self._optimizer: ActivationOptimizer | ManualOptimizers | None = None
        self._show: Callable[[], None] = _nothing
        self._layers: dict[str, AutoActivation] = {}
        self._kept: frozenset[str] = frozenset()
        self._observation = Observation({})
        self._logger: LayerLogger | None = None
        self._first: FirstStep | None = None
        self._length, self._every, self._seen_step = 1.0, 1, -1

    @property
    def assignment(self) -> Assignment:
        """What to train a fresh model with: one activation per layer, after a fit.

        A layer keeps the activation that it had unless its learned function is clearly another: more than 0.4
        of its standard deviations away, further than SiLU is from ReLU. What this model itself learned, and
        is finalized to, says `autoact.derive(model)`: the nearest activation, however little it differs.
        """
        if self._assignment is None:
            raise ConfigurationError(
                "There is no assignment: it is derived when Trainer.fit ends, unless the training diverged."
            )
        return self._assignment

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Convert the module, or have it converted as soon as its layers exist."""
        check_supported(trainer, pl_module, self)
        when_built(pl_module, self._convert_for_fit if stage == "fit" else self._convert)

    def _convert_for_fit(self, module: LightningModule) -> None:
        self._convert(module)
        self._show = hide_while_configuring(module, lambda: self._searched(module).values())

    def _convert(self, module: LightningModule) -> None:
        conversion.convert(module, self.space, start=self.start)
        self._kept = kept_layers(module, self.space)
        remember(module)

    def _searched(self, module: LightningModule) -> dict[str, AutoActivation]:
        layers = conversion.auto_layers(module)
        return {path: layer for path, layer in layers.items() if conversion.unwrapped(path) not in self._kept}

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take logits and activation parameters out of the module's optimizers, before their restore."""
        self._show()
        self._show = _nothing  # of the module, and not to be pickled
        conversion.follow_sources(pl_module)
        self._layers = self._searched(pl_module)
        if not self._layers:
            raise ConfigurationError(
                f"{type(pl_module).__name__} has no searched activation left when the training starts: its "
                "configure_model makes new layers when called a second time. Return early where they exist."
            )
        check_optimizers(trainer, self)
        check_averages(trainer, pl_module, self)
        take_over(trainer.optimizers, self._layers.values())

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Make our optimizer, and continue it after a resume."""
        conversion.follow_sources(pl_module)  # of copies that its own on_fit_start made
        self._length = total = self._total(trainer)
        lr = self.lr if self.lr is not None else min(max(_TRAVEL / total, 1e-3), 3e-2)
        rates = {"lr": lr, "parameter_lr": self.parameter_lr or lr}
        self._optimizer = (
            ActivationOptimizer(self._layers.values(), trainer.optimizers, **rates)
            if pl_module.automatic_optimization
            else ManualOptimizers(pl_module, self._layers, trainer, **rates)
        )
        self._optimizer.load_state_dict(self._restored)
        self._restored = {}
        self._manage(True)
        self._observation = Observation(self._layers)
        self._first = FirstStep(pl_module, self.space)
        self._every = self.observe_every or max(1, math.ceil(total / _OBSERVATIONS))
        self._seen_step = -1
        writer = _writer(trainer)
        self._logger = LayerLogger(writer, self._layers, total=total) if writer is not None else None

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Move release and temperature along; watch the pre-activations at some steps."""
        step = steps_done(trainer)
        if step == self._seen_step:  # a further batch of an accumulated step
            return
        self._seen_step = step
        self._move_schedules(step / self._length)
        if self._first is not None:
            self._first.begin()
        watchers = [self._logger.see] if self._logger is not None and self._logger.due(step) else []
        if step % self._every == 0:
            watchers.append(_observe)
        if watchers:
            self._observation.attach(*reversed(watchers))

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        """Tell what ran in the first step and is no layer."""
        self._end_first()

    def _end_first(self) -> None:
        if self._first is not None:
            self._first.end()
            self._first = None

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Stop watching, and log if it is time to."""
        self._end_first()
        self._observation.detach()
        if self._logger is not None:
            self._logger.log(trainer.global_step)

    def on_validation_batch_start(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Watch for layers that run in evaluation mode only."""
        layers = self._layers.values()
        if batch_idx == 0 and not trainer.sanity_checking and not all(layer.observed for layer in layers):
            self._observation.attach(_observe_first)

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Stop watching."""
        self._observation.detach()

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer
    ) -> None:
        """Step our optimizer beside the module's."""
        if self._optimizer is not None:
            self._optimizer.step(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Derive the assignment, unless callbacks that come later change the weights once more."""
        self._observation.detach()
        if not averagers(trainer):
            self._conclude(trainer, pl_module)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Derive the assignment of an averaged model."""
        if averagers(trainer):
            self._move_schedules(
                steps_done(trainer) / self._length
            )  # an average of them is none of its steps
            self._conclude(trainer, pl_module)

    def _conclude(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the final state and derive the assignment; rank 0 decides for all."""
        if self._logger is not None:
            self._logger.finish(trainer.global_step)
        learned = [tensor for layer in self._layers.values() for tensor in (layer.logits, layer.raw)]
        finite = all(bool(tensor.isfinite().all()) for tensor in learned)
        self._manage(False)
        if trainer.is_global_zero and self._seen_step >= 0 and not self._observation.reached:
            conversion.warn_of_idle(self._layers, watched=True)  # else derive speaks of those that are
        found: Any = None, None
        if finite and trainer.is_global_zero:
            nearest = self._nearest(pl_module)
            found = self._named(nearest), self._named(with_originals(pl_module, nearest))
        self.learned = {path: _learned(layer) for path, layer in self._layers.items()} if found[0] else {}
        self.derived, self._assignment = trainer.strategy.broadcast(found)
        if found[0]:
            rank_zero_info(GUESS)

    def _nearest(self, module: LightningModule) -> Assignment:
        """Return the assignment without the doubts of `derive`: `GUESS` says that every choice is one."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=DoubtfulChoiceWarning)
            found = conversion.derive(module)
        kept = {path for path in found if conversion.unwrapped(path) in self._kept}
        return Assignment({path: found[path] for path in found if path not in kept}, name=found.name)

    def _named(self, derived: Assignment) -> Assignment:
        """Return an assignment with the paths at the start, before hooks that compile parts of the module."""
        before = {conversion.unwrapped(path): path for path in self._layers}
        named = {before.get(conversion.unwrapped(path), path): choice for path, choice in derived.items()}
        return Assignment(named, name=derived.name)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Leave no hook on a model whose training failed."""
        self._show()
        self._show = _nothing  # of the module, and not to be pickled
        self._end_first()
        self._observation.detach()
        self._manage(False)

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Save the state of our optimizer in plain types; schedules follow from the step.

        Of two callbacks with a `state_dict` the Trainer says less than `setup` does.
        """
        state = self._restored if self._optimizer is None else self._optimizer.state_dict()
        if state:
            checkpoint["callbacks"][self.state_key] = state

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Keep the state until the training starts."""
        self._restored = checkpoint["callbacks"].get(self.state_key, {})

    @torch.no_grad()
    def _manage(self, managed: bool) -> None:
        """Have the layers wait for this schedule, or follow their own again."""
        if not managed and self._optimizer is not None:
            self._optimizer.detach()
        for layer in self._layers.values():
            layer.managed = managed
            if not managed:
                layer.seen.copy_(layer.logits)  # what was trained here counts for no step of its own

    def _total(self, trainer: Trainer) -> float:
        total = self.total_steps or planned_steps(trainer)
        if not math.isfinite(total):
            raise NoMixtureError(
                "the length of this training is unknown (no max_steps, or a loader without length), so "
                "release and temperature cannot be scheduled",
                "set Trainer(max_steps=...) or ActivationSearch(total_steps=...).",
            )
        return float(total)

    @torch.no_grad()
    def _move_schedules(self, progress: float) -> None:
        release, temperature = self.schedule.release_at(progress), self.schedule.temperature_at(progress)
        for layer in self._layers.values():
            if release is not None and layer.start != "uniform":
                layer.release.fill_(release)
            if temperature is not None:
                layer.temperature.fill_(temperature)


def _nothing() -> None:
    """Give back nothing: nothing is hidden."""


def _observe(path: str, layer: AutoActivation, x: Tensor) -> None:
    layer.observe(x.detach())


def _observe_first(path: str, layer: AutoActivation, x: Tensor) -> None:
    if not layer.observed:
        layer.observe(x.detach())


def _learned(layer: AutoActivation) -> dict[str, Any]:
    """Return what a layer learned, in plain types: weights, and how far candidates are from the mixture."""
    projection = layer.projection()
    weights = layer.weights().detach().reshape(-1, len(layer.candidates)).mean(0).tolist()
    return {
        "weights": dict(zip(layer.candidates, weights, strict=True)),
        "margin": float(layer.margin().detach()),
        "error": projection.error,
        "errors": dict(projection.errors),
        "values": {key: float(value.detach().mean()) for key, value in layer.values().items()},
    }


def _writer(trainer: Trainer) -> Any:
    """Return the writer of the first TensorBoard logger, on the process that logs."""
    loggers = [logger for logger in trainer.loggers if isinstance(logger, TensorBoardLogger)]
    return loggers[0].experiment if loggers and trainer.is_global_zero else None
