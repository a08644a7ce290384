"""Fit of one fresh model: silent, seeded, measured; with its clock and its place for events."""

from autoact.training.fit._clock import Clock
from autoact.training.fit._event_log import event_log
from autoact.training.fit._measurement import Measurement
from autoact.training.fit._reached_layers import ReachedLayers
from autoact.training.fit._refining import Refining
from autoact.training.fit._train import train
from autoact.training.fit._trainer_arguments import trainer_arguments

__all__ = ["Clock", "Measurement", "ReachedLayers", "Refining", "event_log", "train", "trainer_arguments"]
