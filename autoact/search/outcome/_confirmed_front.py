"""Front of a search for two goals, with what it is known to be worth and to cost."""

from collections.abc import Iterator, Mapping, Sequence

from autoact.records import CostDifference, Front, FrontPoint, Training, model_key, write_front
from autoact.search.goals import whole_costs
from autoact.search.phases import Confirmed
from autoact.search.study import MEMBER, ORIGINAL, SELECTED, Search
from autoact.search.trainings import ModelTask


def labelled(models: Sequence[Training]) -> dict[str, Training]:
    """Return models of the front by the labels of their trainings, the cheapest first."""
    return {f"{MEMBER} {number}": model for number, model in enumerate(models, 1)}


def note_front(search: Search, models: Mapping[str, Training]) -> list[str]:
    """Write the assignments of the front, before comparison data are read; return the names of the files.

    Args:
        search: The search.
        models: What is going to be compared, by label.
    """
    if search.costs is None:
        return []
    return write_front(search.directory.path, [model.activations for _, model in _members(models)])


def front(search: Search, models: Mapping[str, Training], confirmed: Confirmed) -> Front | None:
    """Return the front with intervals that hold at once; None without two goals.

    Each interval has a part of the error (Bonferroni): those of values hold over all looks, those of measured
    latencies over repeated measurements of the whole finalized models.

    Args:
        search: The search.
        models: What was compared, by label.
        confirmed: Its trainings.
    """
    costs, task = search.costs, search.trainings.task
    if costs is None or not isinstance(task, ModelTask):
        return None
    members = dict(_members(models))
    claims = len(members) * (2 if costs.goal == "latency" else 1)
    level = 1 - (1 - search.level) / max(claims, 1)
    assignments = {label: model.activations for label, model in members.items()}
    found: Sequence[CostDifference | None]
    original, found, unmeasured = costs.original, [None] * len(members), ""
    try:
        original, found = whole_costs(task, costs.goal, list(assignments.values()), level)
    except Exception as error:  # the user's forward may raise anything; the values are known all the same
        unmeasured = f"{type(error).__name__}: {error}"
    return Front(
        goal=costs.goal,
        unit=costs.unit,
        level=search.level,
        original=original,
        unmeasured=unmeasured,
        points=tuple(
            FrontPoint(
                file=file,
                layers=assignments[label],
                hyperparameters=model.hyperparameters,
                chosen=label == SELECTED,
                expected=costs.of(assignments[label]),
                compared=confirmed.of_front(search, label, level),
                cost=cost,
            )
            for (label, model), file, cost in zip(
                members.items(), note_front(search, models), found, strict=True
            )
        ),
        tried={
            model_key(assignment): costs.of(assignment)
            for training in search.ledger.of("trial", "baseline")
            if (assignment := training.assignment) is not None
        },
    )


def _members(models: Mapping[str, Training]) -> Iterator[tuple[str, Training]]:
    """Give the models of the front, the selected one last; the original is no member of it."""
    yield from ((label, model) for label, model in models.items() if label.startswith(f"{MEMBER} "))
    if models[SELECTED].key != models[ORIGINAL].key:
        yield SELECTED, models[SELECTED]
