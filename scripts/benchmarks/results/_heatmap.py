"""Picture of the ranks of all fixed activations on all tasks."""

import numpy as np
from matplotlib.figure import Figure

from scripts.benchmarks.results._arms import MIXTURE, SEARCHED
from scripts.benchmarks.results._record import Record
from scripts.benchmarks.results._tables import ranks


def draw(record: Record) -> Figure:
    """Draw tasks against activations, the best on average first; a cell is a rank, 1 for the best.

    Args:
        record: All tasks.
    """
    tasks = record.tasks()
    by_task = []
    for task in tasks:
        values = record.values(task)
        by_task.append(ranks({arm: v for arm, v in values.items() if arm not in (MIXTURE, SEARCHED)}))
    arms = sorted(by_task[0], key=lambda arm: np.mean([one[arm] for one in by_task]))
    grid = np.array([[one[arm] for arm in arms] for one in by_task])
    figure = Figure(figsize=(0.21 * len(arms) + 1.6, 0.26 * len(tasks) + 1.6), layout="constrained")
    plot = figure.subplots()
    drawn = plot.imshow(grid, cmap="viridis_r", aspect="auto")
    plot.set_xticks(range(len(arms)), arms, rotation=90, fontsize=7)
    plot.set_yticks(range(len(tasks)), tasks, fontsize=8)
    for row, line in enumerate(grid):
        for place in np.flatnonzero(line <= 3).tolist():
            plot.text(place, row, f"{line[place]:g}", ha="center", va="center", fontsize=7)
    figure.colorbar(drawn, ax=plot, label="rank: 1 is the best", pad=0.01)
    return figure
