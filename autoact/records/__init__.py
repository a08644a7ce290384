"""Records of a run: its trainings, the ledger that holds them, the directory that holds everything."""

from autoact.records._comparison import DECISIVE, Comparison, Verdict
from autoact.records._ledger import Ledger
from autoact.records._run_directory import RunDirectory
from autoact.records._training import SEARCH_PHASES, Phase, State, Training, Value, finite, model_key

__all__ = [
    "DECISIVE",
    "SEARCH_PHASES",
    "Comparison",
    "Ledger",
    "Phase",
    "RunDirectory",
    "State",
    "Training",
    "Value",
    "Verdict",
    "finite",
    "model_key",
]
