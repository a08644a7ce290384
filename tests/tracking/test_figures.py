import sys
from typing import Any

import numpy as np
import torch

from autoact import AutoActivation
from autoact.tracking import figures


def test_the_heatmap_shows_every_layer_and_candidate(layers):
    figure = figures.weights(layers)
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["relu", "tanh", "elu"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["net.1", "net.3"]
    table: Any = np.ma.asarray(axes.images[0].get_array())
    np.testing.assert_allclose(table[0, :2], [0.5, 0.5])
    np.testing.assert_allclose(table[1, [0, 2]], [0.0, 1.0])
    assert np.ma.is_masked(table[1, 1]) or np.isnan(table[1, 1])  # net.3 has no tanh


def test_curves_are_the_learned_functions(layers):
    (first, second) = figures.functions(layers).axes[0].lines
    x, y = map(np.asarray, first.get_data())
    np.testing.assert_allclose(y, 0.5 * (np.maximum(x, 0) + np.tanh(x)), atol=1e-6)
    assert second.get_label() == "net.3"


def test_a_curve_per_channel_is_the_mean():
    for channel_dim in (1, -1, 2):
        layer = AutoActivation(
            ["relu", "identity"], granularity="channel", channels=2, channel_dim=channel_dim
        )
        layer.logits.data = torch.tensor([[100.0, 0.0], [0.0, 100.0]])
        z = torch.tensor([-1.0, 2.0])
        torch.testing.assert_close(figures.curve(layer, z), torch.tensor([-0.5, 2.0]))


def test_pyplot_is_not_used(layers):
    before = "matplotlib.pyplot" in sys.modules
    assert figures.pixels(figures.functions(layers)).shape[2] == 4
    assert ("matplotlib.pyplot" in sys.modules) == before
