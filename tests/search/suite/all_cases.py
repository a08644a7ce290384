"""Every case of the suite: importing the modules that hold them registers them."""

from tests.search.suite import (
    data,
    generative,
    graphs,
    late,
    learning,
    loops,
    physics,
    schedules,
    sequences,
    sound,
    tables,
    tasks,
    vision,
    wiring,
)
from tests.search.suite.registry import CASES

KINDS = (data, generative, graphs, late, learning, loops, physics, schedules)
MORE = (sequences, sound, tables, tasks, vision, wiring)

__all__ = ["CASES", "KINDS", "MORE"]
