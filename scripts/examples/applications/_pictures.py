"""Picture of what each fresh seed gave, with the verdict: a part that every application draws."""

from typing import Any

from autoact.search import SearchResult


def draw_seeds(axes: Any, result: SearchResult) -> None:
    """Draw the comparison value of every fresh seed of original, best uniform and chosen.

    Lines join runs of one seed: the comparison is paired.
    """
    report = result.report
    names = {key: str(report["comparisons"][key]["name"]) for key in ("original", "best_uniform")}
    values = [report["baselines"][name]["comparison"] for name in names.values()]
    values.append(report["confirmation"]["comparison"])
    for run in zip(*values, strict=True):
        axes.plot(range(3), run, color="tab:blue", alpha=0.4, marker="o", markersize=3, linewidth=0.8)
    axes.set_xticks(range(3), ["original", f"all {names['best_uniform']}", "chosen"])
    low, high = report["comparisons"]["original"]["ci95"]
    axes.set_title(f"{result.verdict}\nimprovement: {low:+.3g} to {high:+.3g} (95 %)", fontsize=9)
    axes.set(xlabel="a line is a seed", ylabel=f"{report['metric']} on comparison data")
