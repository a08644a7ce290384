"""Records of a run: its trainings, the ledger that holds them, the directory that holds everything."""

from autoact.records._comparison import DECISIVE, LEVEL, Comparison, Verdict
from autoact.records._comparison_rows import RowEffect, RowGroups
from autoact.records._findings import (
    Baseline,
    Belief,
    Confirmation,
    Cost,
    Failure,
    FoundHyperparameters,
    Latency,
    Look,
    MixtureLayer,
    ParetoPoint,
    Prior,
    Recommendation,
    Reference,
    Stack,
)
from autoact.records._json import finite, plain, require_unchanged, sealed, typed
from autoact.records._ledger import Ledger
from autoact.records._questions import (
    EarlierVerdict,
    Question,
    confidence,
    questions_of,
    with_questions,
)
from autoact.records._report import SCHEMA, Report
from autoact.records._run_directory import RunDirectory
from autoact.records._runs_nearby import runs_nearby, suggested_run
from autoact.records._second_goal import (
    CostDifference,
    Costs,
    Front,
    FrontPoint,
    Goal,
    front_checkpoint,
    on_front,
    write_front,
)
from autoact.records._training import PART_OF, Phase, State, Training, Value, model_key

__all__ = [
    "DECISIVE",
    "LEVEL",
    "PART_OF",
    "SCHEMA",
    "Baseline",
    "Belief",
    "Comparison",
    "Confirmation",
    "Cost",
    "CostDifference",
    "Costs",
    "EarlierVerdict",
    "Failure",
    "FoundHyperparameters",
    "Front",
    "FrontPoint",
    "Goal",
    "Latency",
    "Ledger",
    "Look",
    "MixtureLayer",
    "ParetoPoint",
    "Phase",
    "Prior",
    "Question",
    "Recommendation",
    "Reference",
    "Report",
    "RowEffect",
    "RowGroups",
    "RunDirectory",
    "Stack",
    "State",
    "Training",
    "Value",
    "Verdict",
    "confidence",
    "finite",
    "front_checkpoint",
    "model_key",
    "on_front",
    "plain",
    "questions_of",
    "require_unchanged",
    "runs_nearby",
    "sealed",
    "suggested_run",
    "typed",
    "with_questions",
    "write_front",
]


def __dir__() -> list[str]:
    return sorted(__all__)
