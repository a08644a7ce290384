"""Many trainings of one small network, with different activations, as a single batched model."""

from autoact.training.tasks import Rows
from scripts.benchmarks.networks._perceptrons import PerceptronStack, perceptron
from scripts.benchmarks.networks._plain import train_network, train_one
from scripts.benchmarks.networks._regime import Regime, losses
from scripts.benchmarks.networks._stack import Measured, train_stack

__all__ = [
    "Measured",
    "PerceptronStack",
    "Regime",
    "Rows",
    "losses",
    "perceptron",
    "train_network",
    "train_one",
    "train_stack",
]
