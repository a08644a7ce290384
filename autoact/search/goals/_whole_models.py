"""Whole finalized models side by side: what each costs, and how far that is known."""

import copy
import math
import random
from collections.abc import Sequence
from statistics import fmean, median, stdev

import torch
from scipy import stats
from torch import nn

from autoact import conversion
from autoact.latency import in_turns
from autoact.records import CostDifference, Goal
from autoact.search.goals._size_costs import learnable
from autoact.search.trainings import ModelTask
from autoact.spaces import Assignment
from autoact.training import ForwardPasses, restored_randomness, silence

_BLOCKS, _FEWEST = 12, 6  # each with fresh copies in an order of its own; of slow models fewer
_SECONDS = 0.25  # of a block and model
_SLOW = 0.2  # seconds of a forward pass


def whole_costs(
    task: ModelTask, goal: Goal, assignments: Sequence[Assignment], level: float
) -> tuple[float, list[CostDifference]]:
    """Return the cost of the original, and of each finalized model with its difference to the original's.

    Args:
        task: The model and its data.
        goal: What to count or to measure.
        assignments: Activations of the models.
        level: Confidence of each interval; a size is exact.
    """
    with restored_randomness(), silence():
        original = task.build()
        models = [conversion.finalize(conversion.apply(task.build(), each)) for each in assignments]
        if goal == "size":
            own = float(learnable(original))
            sizes = [float(learnable(model)) for model in models]
            return own, [_exact(size, own) for size in sizes]
        passes = ForwardPasses(task.trainer)
        inputs = passes.inputs(task.parts.example())
        blocks = timed([passes.ready(model) for model in (original, *models)], inputs, passes)
    times = list(zip(*blocks, strict=True))
    return fmean(times[0]), [difference(own, times[0], level) for own in times[1:]]


def timed(models: Sequence[nn.Module], inputs: object, passes: ForwardPasses) -> list[list[float]]:
    """Return milliseconds of a forward pass of each model in every block, (blocks, models).

    A block has fresh copies of all models, in an order of its own, because where a model lies in memory is
    worth some percent; in it they are measured in turns.

    Args:
        models: On the device.
        inputs: Of a forward pass.
        passes: Where.
    """
    order, blocks, count = random.Random(0), list[list[float]](), _BLOCKS
    while len(blocks) < count:
        places = order.sample(range(len(models)), len(models))
        copies = {place: copy.deepcopy(models[place]) for place in places}
        with passes.passing():
            found = in_turns(
                {str(place): passes.call(copies[place], inputs) for place in places},
                _SECONDS * len(models),
            )
        blocks.append([1e3 * median(found[str(place)]) for place in range(len(models))])
        count = _FEWEST if blocks[0][0] > 1e3 * _SLOW else _BLOCKS
        del copies
        if passes.device.type == "cuda":
            torch.cuda.empty_cache()
    return blocks


def difference(times: Sequence[float], reference: Sequence[float], level: float) -> CostDifference:
    """Return the mean paired difference over blocks with its t interval.

    Args:
        times: Of a model, one for each block.
        reference: Of the original.
        level: Confidence.

    Example:
        >>> difference([1.0, 1.25, 1.0], [2.0, 2.0, 2.0], 0.95).found
        'lower'
    """
    each = [own - other for own, other in zip(times, reference, strict=True)]
    half = float(stats.t.ppf((1 + level) / 2, len(each) - 1)) * stdev(each) / math.sqrt(len(each))
    mean = fmean(each)
    return CostDifference(value=fmean(times), difference=mean, interval=(mean - half, mean + half))


def _exact(size: float, original: float) -> CostDifference:
    more = size - original
    return CostDifference(value=size, difference=more, interval=(more, more))
