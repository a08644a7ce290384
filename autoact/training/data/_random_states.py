"""States of the random generators that data draw from."""

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch


def random_state(own: Sequence[torch.Generator] = ()) -> tuple[Any, ...]:
    """Return the states of the global generators, and of some of data.

    Args:
        own: The generators of data.
    """
    states = [generator.get_state() for generator in own]
    return random.getstate(), np.random.get_state(), torch.get_rng_state(), states


def set_random_state(state: tuple[Any, ...], own: Sequence[torch.Generator] = ()) -> None:
    """Put back what `random_state` returned.

    Args:
        state: The states.
        own: The generators of data that they were of.
    """
    random.setstate(state[0])
    np.random.set_state(state[1])
    torch.set_rng_state(state[2])
    for generator, kept in zip(own, state[3], strict=True):
        generator.set_state(kept)
