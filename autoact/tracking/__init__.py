"""TensorBoard records: what a search writes there, under which names, and how little time it takes."""

from typing import TYPE_CHECKING

from autoact._names import public_names
from autoact.tracking._hparams import Status, write_curve, write_texts, write_trial
from autoact.tracking._layer_logger import LayerLogger
from autoact.tracking._record_file import RecordFile
from autoact.tracking._run_comparison import compare_runs
from autoact.tracking._tags import MEANINGS

__all__ = [
    "MEANINGS",
    "LayerLogger",
    "RecordFile",
    "Status",
    "compare_runs",
    "write_curve",
    "write_texts",
    "write_trial",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__, __all__)
