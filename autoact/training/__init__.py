"""Training with Lightning: a callback that searches activations, one silent training, parts of the data."""

from autoact.training.activation_search import ActivationSearch
from autoact.training.checkpoint import remember
from autoact.training.data_check import check
from autoact.training.data_parts import DataParts, split
from autoact.training.fit import Measurement, train
from autoact.training.param_groups import param_groups
from autoact.training.weights import LoadedWeights, load_weights

__all__ = [
    "ActivationSearch",
    "DataParts",
    "LoadedWeights",
    "Measurement",
    "check",
    "load_weights",
    "param_groups",
    "remember",
    "split",
    "train",
]
