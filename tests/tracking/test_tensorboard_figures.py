import sys
from typing import Any

import numpy as np
import pytest
import torch

from autoact import AutoActivation
from autoact.tracking import _tensorboard_figures as figures


def test_the_heatmap_shows_every_layer_and_candidate(layers):
    figure = figures.Weights(layers).figure
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["relu", "tanh", "elu"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["net.1", "net.3"]
    table: Any = np.ma.asarray(axes.images[0].get_array())
    np.testing.assert_allclose(table[0, :2], [0.5, 0.5])
    np.testing.assert_allclose(table[1, [0, 2]], [0.0, 1.0])
    assert np.ma.is_masked(table[1, 1]) or np.isnan(table[1, 1])  # net.3 has no tanh


def test_every_layer_has_a_panel_with_its_learned_function_and_its_start(layers):
    panels: list[Any] = figures.Functions(layers).figure.axes
    uniform, elu = panels
    (line,) = uniform.lines
    x, y = map(np.asarray, line.get_data())
    np.testing.assert_allclose(y, 0.5 * (np.maximum(x, 0) + np.tanh(x)), atol=1e-6)
    start, now = elu.lines
    np.testing.assert_allclose(start.get_ydata(), now.get_ydata(), atol=1e-6)
    assert start.get_linestyle() == "--"
    assert [axes.get_title().split()[0] for axes in (uniform, elu)] == ["net.1", "net.3"]
    assert "not seen yet" in elu.get_title()


def test_behind_the_function_is_the_histogram_of_what_the_layer_saw(layers):
    torch.manual_seed(0)
    layers["net.1"].observe(3 + 0.5 * torch.randn(8000))
    axes: Any = figures.Functions(layers).figure.axes[0]
    assert "not seen" not in axes.get_title()
    low, high = axes.lines[0].get_xdata()[[0, -1]]
    assert 1 < low < 2 < 4 < high < 5
    (steps,) = axes.patches
    values, edges, baseline = steps.get_data()
    centers, heights = (edges[1:] + edges[:-1]) / 2, values - baseline
    assert np.average(centers, weights=heights) == pytest.approx(3, abs=0.05)
    assert np.average((centers - 3) ** 2, weights=heights) ** 0.5 == pytest.approx(0.5, abs=0.05)
    assert heights.max() == pytest.approx(axes.lines[0].get_ydata().max() - baseline, rel=1e-3)


def test_of_many_layers_some_are_shown_the_first_and_the_last_among_them():
    layers = {f"net.{i}": AutoActivation(["relu", "tanh"]) for i in range(30)}
    figure = figures.Functions(layers).figure
    titles = [axes.get_title().split()[0] for axes in figure.axes]
    assert len(titles) == 12
    assert (titles[0], titles[-1]) == ("net.0", "net.29")
    assert "(12 of 30 layers)" in figure.get_suptitle()


def test_long_names_of_layers_stay_within_their_panels():
    names = [f"transformer.encoder.layers.{n}.feed_forward.activation" for n in range(8)]
    figure = figures.Functions({name: AutoActivation(["relu", "tanh"]) for name in names}).figure
    figures.pixels(figure)
    assert [axes.get_title().replace("\n", "").split(" ")[0].split("(")[0] for axes in figure.axes] == names
    boxes = [axes.title.get_window_extent() for axes in figure.axes]
    boxes += [text.get_window_extent() for text in figure.texts]
    assert not any(one.overlaps(two) for n, one in enumerate(boxes) for two in boxes[:n])
    assert all(box.x0 >= 0 and box.x1 <= figure.bbox.x1 for box in boxes)


def test_pyplot_is_not_used(layers):
    before = "matplotlib.pyplot" in sys.modules
    assert figures.pixels(figures.Functions(layers).figure).shape[2] == 4
    assert ("matplotlib.pyplot" in sys.modules) == before


def test_long_paths_leave_room_for_the_heatmap():
    path = "bert.encoder.layer.0.intermediate.intermediate_act_fn"
    figure = figures.Weights({path: AutoActivation(["relu", "tanh"])}).figure
    figures.pixels(figure)  # a warning would say that nothing is left
    assert figure.axes[0].get_window_extent().width > 50


@pytest.mark.parametrize("kind", [figures.Weights, figures.Functions])
def test_a_figure_that_shows_another_state_is_the_one_made_of_it(layers, kind):
    shown = kind(layers)
    before = figures.pixels(shown.figure).copy()
    torch.manual_seed(0)
    with torch.no_grad():
        layers["net.1"].logits += torch.tensor([0.0, 2.0])
    layers["net.3"].observe(3 + 0.5 * torch.randn(8000))
    shown.show(layers)
    after, anew = figures.pixels(shown.figure), figures.pixels(kind(layers).figure)
    assert (after != before).any()
    np.testing.assert_array_equal(after, anew)
