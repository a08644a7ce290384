"""Records of a run: its trainings, the ledger that holds them, the directory that holds everything."""

from autoact.records._ledger import Ledger
from autoact.records._run_directory import RunDirectory
from autoact.records._training import SEARCH_PHASES, Phase, State, Training, Value, finite, model_key

__all__ = [
    "SEARCH_PHASES",
    "Ledger",
    "Phase",
    "RunDirectory",
    "State",
    "Training",
    "Value",
    "finite",
    "model_key",
]
