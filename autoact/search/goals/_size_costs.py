"""Size: learnable parameters of a model, and what activations add to them."""

from collections.abc import Mapping

from torch import nn

from autoact.nn import module_for
from autoact.records import Costs
from autoact.search.setup import Variables
from autoact.search.trainings import ModelTask
from autoact.spaces import Choice
from autoact.training import restored_randomness

UNIT = "learnable parameters"


def size_costs(task: ModelTask, variables: Variables) -> Costs:
    """Return the parameters of the original, and what every candidate of every layer adds to them.

    Args:
        task: The model.
        variables: The layers.
    """
    with restored_randomness():
        model = task.build()
    return Costs(
        goal="size",
        unit=UNIT,
        original=float(learnable(model)),
        differences={
            path: _differences(model, path, now, {name: v.choice(path, name) for name in v.candidates})
            for v in variables
            for path, now in v.layers.items()
        },
    )


def learnable(model: nn.Module) -> int:
    """Return how many learnable parameters a model has.

    Args:
        model: Any module.

    Example:
        >>> learnable(nn.Sequential(nn.Linear(2, 3), nn.PReLU(3)))
        12
    """
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def _differences(
    model: nn.Module, path: str, now: Choice | None, candidates: Mapping[str, Choice]
) -> dict[str, float]:
    own = learnable(model.get_submodule(path) if now is None else module_for(now))
    added = {name: float(learnable(module_for(choice)) - own) for name, choice in candidates.items()}
    return added if now is None else {now.activation: 0.0, **added}
