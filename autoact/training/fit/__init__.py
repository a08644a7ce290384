"""Fit of one fresh model: silent, seeded, measured; with its clock and its place for events."""

from autoact.training.fit._beginnings import Beginnings
from autoact.training.fit._carried_state import KeptModule, ShortValidations
from autoact.training.fit._doubtful_batches import require_finite
from autoact.training.fit._laid_out import laid_out, silent_trainer, with_activations
from autoact.training.fit._one_run import Run, reseed, save, second_seed, validated
from autoact.training.fit._probe_callbacks import Clock, ReachedLayers
from autoact.training.fit._refining import Refining
from autoact.training.fit._row_groups import MOST_BYTES, Batches, LoggedValues, RowValues, nbytes
from autoact.training.fit._shared_state import Snapshot, shared_objects
from autoact.training.fit._train import ApplyAssignment, Measurement, train
from autoact.training.fit._trainer_arguments import (
    devices_of,
    event_log,
    on_one_device,
    remarks,
    trainer_arguments,
)

__all__ = [
    "MOST_BYTES",
    "ApplyAssignment",
    "Batches",
    "Beginnings",
    "Clock",
    "KeptModule",
    "LoggedValues",
    "Measurement",
    "ReachedLayers",
    "Refining",
    "RowValues",
    "Run",
    "ShortValidations",
    "Snapshot",
    "devices_of",
    "event_log",
    "laid_out",
    "nbytes",
    "on_one_device",
    "remarks",
    "require_finite",
    "reseed",
    "save",
    "second_seed",
    "shared_objects",
    "silent_trainer",
    "train",
    "trainer_arguments",
    "validated",
    "with_activations",
]
