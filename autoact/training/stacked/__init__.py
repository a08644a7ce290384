"""Many trainings of one small network, with different activations, as a single batched model."""

from autoact.training.stacked.perceptrons import PerceptronStack, perceptron
from autoact.training.stacked.plain import train_one
from autoact.training.stacked.regime import Regime, Rows
from autoact.training.stacked.training import Measured, train_stack

__all__ = ["Measured", "PerceptronStack", "Regime", "Rows", "perceptron", "train_one", "train_stack"]
