"""Compatibility: whatever leans on private names and habits of Lightning and torch.

Each is tested by what it does: a new version of either fails in `tests/training/test_compat.py` first.
"""

import logging
import math
import os
import random
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule, Trainer, seed_everything
from lightning.pytorch.core import saving
from lightning.pytorch.strategies.launchers import _MultiProcessingLauncher
from lightning.pytorch.trainer.connectors.signal_connector import _SignalConnector
from lightning.pytorch.tuner import lr_finder
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from autoact.conversion import SharingWarning

INSTANTIATOR = "_instantiator"  # hyperparameter of a checkpoint: the function that makes its module
LIGHTNING_CLI = "lightning.pytorch.cli.instantiate_module"  # that of LightningCLI
_LOGGERS = (  # the second package is the first under its old name; whichever is imported last speaks
    "lightning",
    "lightning.pytorch",
    "lightning.fabric",
    "lightning.pytorch.utilities.rank_zero",
    "pytorch_lightning",
    "pytorch_lightning.utilities.rank_zero",
)
_SEEDS = ("PL_GLOBAL_SEED", "PL_SEED_WORKERS")


@contextmanager
def silence() -> Iterator[None]:
    """Hide what Lightning reports and advises; warnings of the user's own code and of torch still show.

    Example:
        >>> with silence():
        ...     logging.getLogger("lightning.pytorch").level == logging.ERROR
        True
    """
    levels: dict[logging.Logger, int] = {}
    for logger in map(logging.getLogger, _LOGGERS):  # parents first: what they silence is not set again,
        if (
            logger.getEffectiveLevel() < logging.ERROR
        ):  # for a level set makes every logger forget what it knew
            levels[logger] = logger.level
            logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"lightning(\.|$)")
            # raised inside torch.utils._pytree, by Lightning's use of it
            warnings.filterwarnings(
                "ignore", message=r".*isinstance\(treespec, LeafSpec\)", category=FutureWarning
            )
            # a search leaves alone what never runs before it trains; what runs in evaluation only is no news
            warnings.filterwarnings("ignore", message="Nothing was ever observed at", category=UserWarning)
            warnings.filterwarnings("ignore", category=SharingWarning)  # a search warns before it trains
            with without_bars():
                yield
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)


@contextmanager
def without_bars() -> Iterator[None]:
    """Hide the bars of Lightning's tuners (`LearningRateFinder`), which no argument turns off."""
    tuner = vars(lr_finder)
    shown = tuner["tqdm"]
    tuner["tqdm"] = partial(shown, disable=True)
    try:
        yield
    finally:
        tuner["tqdm"] = shown


def transforms_active() -> bool:
    """Tell whether a transform of `torch.func` (vmap, grad, jvp, ...) runs: buffers are read-only then."""
    return torch._C._are_functorch_transforms_active()


def saving_is_watched() -> bool:
    """Tell whether something watches which tensors are saved for backward, as checkpointing does."""
    return torch._C._autograd._top_saved_tensors_default_hooks(False) is not None


@contextmanager
def batched_kernels() -> Iterator[None]:
    """Let `torch.vmap` use nothing but kernels for all rows at once: an operation that has none raises.

    Attention and transformer layers then take torch operations, of which all have such kernels.
    """
    functorch: Any = torch._C._functorch
    quick, alone = torch.backends.mha.get_fastpath_enabled(), functorch._is_vmap_fallback_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    functorch._set_vmap_fallback_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(quick)
        functorch._set_vmap_fallback_enabled(alone)


def at_progress(trainer: Trainer, epoch: int, step: int) -> None:
    """Let a Trainer say that a fit has got this far.

    Args:
        trainer: A Trainer.
        epoch: Becomes its `current_epoch`.
        step: Becomes its `global_step`.
    """
    done: Any = trainer.fit_loop.epoch_progress.current
    done.processed = done.completed = epoch
    trainer.fit_loop.epoch_loop.automatic_optimization.optim_progress.optimizer.step.total.completed = step


def count_epochs(trainer: Trainer, epochs: int, batches: int, schedules: int) -> None:
    """Let a Trainer's counters, which its checkpoints hold, be those of a fit of whole epochs.

    Args:
        trainer: A Trainer that has fitted nothing by itself.
        epochs: Epochs that are done, with one step a batch.
        batches: Of an epoch.
        schedules: Steps of schedules that were done.
    """
    loop, steps = trainer.fit_loop.epoch_loop, epochs * batches
    loop._batches_that_stepped = steps
    optimizer = loop.automatic_optimization.optim_progress.optimizer
    counted: Any = (
        (trainer.fit_loop.epoch_progress, epochs, epochs),
        (loop.batch_progress, steps, batches),
        (optimizer.step, steps, batches),
        (optimizer.zero_grad, steps, batches),
        (loop.scheduler_progress, schedules, schedules // epochs),
    )
    for progress, total, current in counted:
        for tracker, count in ((progress.total, total), (progress.current, current)):
            vars(tracker).update(dict.fromkeys(vars(tracker), count))
    loop.batch_progress.is_last_batch = loop.val_loop.batch_progress.is_last_batch = True


def uncompiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Keep `torch.compile` out of a function that a compiled module calls."""
    kept: Callable[..., Any] = vars(torch)["_disable_dynamo"](function)
    return kept


@contextmanager
def restored_randomness(seed: int | None = None) -> Iterator[None]:
    """Put the global random generators and Lightning's seed variables back afterwards.

    Args:
        seed: To begin with; None: as they are.

    Example:
        >>> with restored_randomness():
        ...     first = torch.rand(3)
        >>> bool((torch.rand(3) == first).all())
        True
    """
    python, numpy, cpu = random.getstate(), np.random.get_state(), torch.get_rng_state()
    devices = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    environment = {name: os.environ.get(name) for name in _SEEDS}
    try:
        if seed is not None:
            seed_everything(seed, verbose=False)
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_rng_state(cpu)
        if devices:
            torch.cuda.set_rng_state_all(devices)
        for name, value in environment.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def without_signal_handlers() -> Iterator[None]:
    """Keep Lightning from handling signals: it makes a SIGTERM an exit with status 0, and lets Slurm requeue.

    Example:
        >>> before = _SignalConnector.register_signal_handlers
        >>> with without_signal_handlers():
        ...     before is _SignalConnector.register_signal_handlers
        False
    """
    register = _SignalConnector.register_signal_handlers
    _SignalConnector.register_signal_handlers = lambda self: None  # type: ignore[method-assign]
    try:
        yield
    finally:
        _SignalConnector.register_signal_handlers = register  # type: ignore[method-assign]


@contextmanager
def plain_interrupt() -> Iterator[None]:
    """Let Ctrl-C come out as KeyboardInterrupt: Lightning makes it a SystemExit and ignores later SIGINTs."""
    main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGINT) if main else None
    try:
        yield
    except SystemExit as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        raise
    finally:
        if main:
            signal.signal(signal.SIGINT, handler)


def spawns(trainer: Trainer) -> bool:
    """Tell whether a Trainer trains in processes that end with the training, such as those of ddp_spawn."""
    return isinstance(trainer.strategy.launcher, _MultiProcessingLauncher)


def trust_instantiators(*names: str) -> None:
    """Let checkpoints name these functions as the ones that make their modules.

    Lightning trusts them by name from 2.6.6 on, and asks for this in its own error message.

    Args:
        names: Full names of the functions.
    """
    if hasattr(saving, "_ALLOWED_INSTANTIATORS"):
        saving._ALLOWED_INSTANTIATORS.update(names)


def averaged_copy(callback: Any) -> nn.Module | None:
    """Return the copy of the model in which a callback averages weights; None before it has made one.

    Args:
        callback: A `StochasticWeightAveraging` or `WeightAveraging`.
    """
    copied = callback._average_model
    return copied.module if isinstance(copied, AveragedModel) else copied


def faces(trainer: Trainer, optimizer: Optimizer) -> list[Any]:
    """Return an optimizer and Lightning's wrapper of it, which `LightningModule.optimizers` gives out.

    Args:
        trainer: A Trainer that has optimizers.
        optimizer: One of them.
    """
    wrapped = [each for each in trainer.strategy._lightning_optimizers if each.optimizer is optimizer]
    return [optimizer, *wrapped]


def steps_done(trainer: Trainer) -> int:
    """Return the optimizer steps of a fit so far; of manual optimization, the batches.

    Args:
        trainer: A Trainer that fits, or has.
    """
    if trainer.lightning_module is None or trainer.lightning_module.automatic_optimization:
        return trainer.global_step
    done: Any = trainer.fit_loop.epoch_loop.batch_progress.total  # of a kind that Lightning does not declare
    return int(done.processed)


def end_at_step(trainer: Trainer, step: int) -> None:
    """Make an optimizer step the last one of a training, whatever its least length; schedules see it.

    Args:
        trainer: A Trainer that fits.
        step: Optimizer steps after which the training ends; at least those done.
    """
    trainer.fit_loop.epoch_loop.max_steps = step


def validate_after(trainer: Trainer, step: int) -> None:
    """Have the batch that reaches a step validated before its epoch ends, if the epoch is one to validate.

    Otherwise callbacks that look for a validation at the end of the epoch find none in one that is cut short.

    Args:
        trainer: A Trainer that fits.
        step: Optimizer steps after which the training ends.
    """
    also = partial(_also_at_the_end, trainer, step)  # no closure: a data module that workers get holds it
    trainer.fit_loop.epoch_loop._should_check_val_fx = also  # type: ignore[method-assign]


def _also_at_the_end(trainer: Trainer, step: int, data_fetcher: Any) -> bool:
    loop = trainer.fit_loop.epoch_loop
    ends = steps_done(trainer) >= step and loop._should_check_val_epoch()
    return ends or type(loop)._should_check_val_fx(loop, data_fetcher)


def end_after_epochs(trainer: Trainer, epochs: int) -> None:
    """Make an epoch the last one of a training.

    Args:
        trainer: A Trainer that fits.
        epochs: Epochs after which the training ends.
    """
    trainer.fit_loop.max_epochs = epochs


def planned_steps(trainer: Trainer) -> float:
    """Return the optimizer steps of the whole training, infinity where nobody can know.

    Lightning says -1 for data without length under `max_epochs`, and infinity for training without end.

    Args:
        trainer: A Trainer that has been given its model and data, as in every hook of a callback.
    """
    steps = float(trainer.estimated_stepping_batches)
    return steps if steps > 0 else math.inf


def loads_by_itself(trainer: Trainer) -> bool:
    """Tell whether a fit trains on the loader that its module makes: no data were given.

    Args:
        trainer: A Trainer that fits.
    """
    return trainer.fit_loop._data_source.instance is trainer.lightning_module


@contextmanager
def without_layer_hooks(module: LightningModule) -> Iterator[None]:
    """Keep a trained module's layers: `setup` and `configure_model` would run again and make others.

    Args:
        module: A module that has been fitted, before another stage of a Trainer.
    """
    once = {"setup": lambda stage: None, "teardown": lambda stage: None}  # the fit has done both
    with replaced(module, configure_model=lambda: None, **once):
        yield


@contextmanager
def replaced(module: nn.Module, **methods: Callable[..., Any]) -> Iterator[None]:
    """Put other methods in place of a module's own, and these back afterwards.

    Args:
        module: A module.
        methods: What to call instead, by name, without the module as an argument.

    Example:
        >>> layer = nn.Identity()
        >>> with replaced(layer, forward=lambda x: 2 * x):
        ...     doubled = layer(3)
        >>> doubled, layer(3)
        (6, 3)
    """
    before = {name: module.__dict__[name] for name in methods if name in module.__dict__}
    module.__dict__.update(methods)
    try:
        yield
    finally:
        for name in methods:
            module.__dict__.pop(name, None)
        module.__dict__.update(before)


def when_built(module: LightningModule, action: Callable[[LightningModule], object]) -> None:
    """Run `action(module)` now, or after `configure_model` where the module makes layers in its own hooks.

    Meant for `Callback.setup`, which Lightning calls before the module's own `setup`.

    Args:
        module: A module whose layers are made in `__init__`, `setup` or `configure_model`.
        action: What to do with it; may run once per stage, so it must do nothing the second time.
    """
    if not (is_overridden("setup", module) or is_overridden("configure_model", module)):
        action(module)
        return
    configure = module.configure_model

    def configure_and_act() -> None:
        module.__dict__.pop("configure_model", None)
        configure()
        action(module)

    module.__dict__["configure_model"] = configure_and_act
