"""Figure of replays: regret against cost, one plot per table."""

from collections.abc import Collection, Mapping

from matplotlib.figure import Figure

from scripts.benchmarks.replay._tournament import Regrets


def draw(
    results: Mapping[str, Mapping[str, Regrets]],
    drawn: Mapping[str, tuple[str, float]],
    high: Collection[str],
) -> Figure:
    """Draw medians against cost, one plot per table.

    Args:
        results: Regrets by table and strategy.
        drawn: Color and width of line by strategy.
        high: Strategies whose 90th percentile is drawn, too.
    """
    columns = min(4, len(results))
    lines = -(-len(results) // columns)
    figure = Figure(figsize=(2.9 * columns, 2.3 * lines + 0.4), layout="constrained")
    axes = figure.subplots(lines, columns, squeeze=False).ravel()
    for plot, (name, regrets) in zip(axes, results.items(), strict=False):
        for strategy, (color, width) in drawn.items():
            own = regrets[strategy]
            medians, worse = ([own.quantile(cost, level) for cost in own.costs] for level in (0.5, 0.9))
            plot.plot(own.costs, medians, "o-", color=color, markersize=3, linewidth=width, label=strategy)
            if strategy in high:
                plot.plot(own.costs, worse, ":", color=color, linewidth=width, label=f"{strategy}: 90 %")
        plot.set_title(name, fontsize=9)
        plot.set_xscale("log")
        plot.set_ylim(bottom=0)
        plot.set_xticks(own.costs, [f"{cost:g}" for cost in own.costs])
        plot.minorticks_off()
        plot.tick_params(labelsize=8)
    for plot in axes[len(results) :]:
        plot.set_axis_off()
    figure.supxlabel("cost in full trainings", fontsize=9)
    figure.supylabel("regret: 0 is the best assignment, 1 the median one", fontsize=9)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=4, fontsize=8)
    return figure
