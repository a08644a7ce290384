"""TensorBoard: what a search writes there, under which names, and how little time it takes."""

from autoact.tracking.comparison import compare_runs
from autoact.tracking.hparams import write_trial
from autoact.tracking.layer_logger import LayerLogger

__all__ = ["LayerLogger", "compare_runs", "write_trial"]
