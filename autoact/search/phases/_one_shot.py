"""One-shot model, the mixture of all candidates: trained once, it derives the first choice to try."""

from autoact.records import Training
from autoact.search.study import Search
from autoact.search.trainings import Extras

_TUNED_FROM, _LEAST_EPOCHS = 6, 4  # trainings of budget, epochs of a training


def train_one_shot(search: Search) -> None:
    """Train one mixture of all candidates, if there is to be one."""
    if not search.variables.mixture:
        return
    asked = Training(phase="one-shot", label="one-shot", assignment=None, seed=search.seeds.search[0])
    extras = Extras(fine_tune=_fine_tuning(search), logs=search.directory.tensorboard("one-shot"))
    search.trainings.run([asked], extras)


def _fine_tuning(search: Search) -> float:
    """Return the share of a training that learns a derived model's parameters; nothing of a small budget."""
    epochs = search.settings.trainer.get("max_epochs") or 0
    small = search.settings.planned_budget < _TUNED_FROM or epochs < _LEAST_EPOCHS
    return 0.0 if small or search.settings.parameters else float(epochs // 2 / epochs)
