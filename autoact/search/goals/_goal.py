"""Costs of a search for two goals, before its first training."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from autoact.errors import ConfigurationError
from autoact.records import Costs, Goal, Value
from autoact.search.goals._latency_costs import latency_costs
from autoact.search.goals._size_costs import learnable, size_costs
from autoact.search.setup import Hyperparameters, Settings, Variables
from autoact.search.trainings import ModelTask, ObjectiveTask, with_values
from autoact.training import restored_randomness
from autoact.training.fit import laid_out

_REMEDY: Mapping[Goal, str] = {
    "size": "Only activations with learned parameters, such as prelu, have a size: add one to the space, "
    "search with pareto='latency', or leave it out",
    "latency": "No layer of the space is called in a forward pass: search with pareto='size', or leave it "
    "out",
}


def second_goal(task: ModelTask | ObjectiveTask, variables: Variables, settings: Settings) -> Costs | None:
    """Return what assignments cost; None where a search has one goal.

    Args:
        task: The model and its data.
        variables: The layers.
        settings: The settings, which name the goal.

    Raises:
        ConfigurationError: The model cannot be called, every assignment costs the same, or a searched
            hyperparameter changes the size of the model.
    """
    goal = settings.pareto
    if goal is None:
        return None
    assert isinstance(task, ModelTask), "a function is refused before"
    _require_one_size(task, settings.hyperparameters)
    costs = latency_costs(task, variables, settings) if goal == "latency" else size_costs(task, variables)
    low, high = costs.range
    if low == high:
        raise ConfigurationError(
            f"pareto is {goal!r}, but every assignment of the space costs the same, {low:g} {costs.unit}. "
            f"{_REMEDY[goal]}."
        )
    return costs


def _require_one_size(task: ModelTask, searched: Hyperparameters) -> None:
    """Refuse hyperparameters that cost something themselves: what assignments cost would depend on them."""
    for name, values in _ends(searched):
        sizes = {value: _size(task, {name: value}) for value in values}
        if len(set(sizes.values())) > 1:
            told = " and ".join(f"{size:,} with {value!r}" for value, size in sizes.items())
            raise ConfigurationError(
                f"parameters: {name} changes the number of learnable parameters ({told}), and with pareto "
                "only activations may cost something. Leave it out, or search each of its values alone."
            )


def _ends(searched: Hyperparameters) -> Iterator[tuple[str, tuple[Value, ...]]]:
    for one in searched:
        yield one.name, tuple(dict.fromkeys(one.values))


def _size(task: ModelTask, values: Mapping[str, Value]) -> int:
    make: Callable[[], Any] = with_values(task.make_module, values)
    with restored_randomness():
        return learnable(laid_out(make, task.parts, task.trainer))
