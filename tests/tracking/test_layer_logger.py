import itertools
import math
import re
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from tensorboard.plugins.custom_scalar import layout_pb2
from torch.utils.tensorboard import SummaryWriter

from autoact import AutoActivation
from autoact.tracking import LayerLogger
from autoact.tracking import _layer_logger as layer_logger
from autoact.tracking import _tensorboard_figures as figures
from autoact.tracking._layer_logger import TimeBudget
from tests.tracking.noted_budget import NotedBudget

LAYER_TAGS = ["entropy", "margin", "kappa", "chi", "dead", "own_kappa", "saturated", "mean", "second_moment"]


@pytest.fixture
def writer(tmp_path):
    with SummaryWriter(tmp_path) as made:
        yield made


def feed(model, logger, layers):
    x = torch.randn(64, 3)
    for (path, layer), inner in zip(layers.items(), (model[0], model[2]), strict=True):
        x = inner(x)
        logger.see(path, layer, x)
        x = layer(x)


def test_the_tags_are_those_of_the_contract(model, layers, writer, tmp_path, read):
    logger = LayerLogger(writer, layers, share=1.0)
    feed(model, logger, layers)
    logger.log(7)
    logger.finish(8)
    events = read(tmp_path)
    expected = {f"autoact/{path}/{tag}" for path in layers for tag in LAYER_TAGS}
    expected |= {f"autoact/{p}/weight/{c}" for p, layer in layers.items() for c in layer.candidates}
    expected |= {"autoact/net.3/parameter/elu.alpha", "autoact/logging_share"}
    assert set(events.Tags()["scalars"]) == expected
    assert set(events.Tags()["images"]) == {"autoact/weights", "autoact/functions"}
    assert {event.step for event in events.Scalars("autoact/net.1/entropy")} == {7, 8}


def test_values_are_the_weights_in_effect(model, layers, writer, tmp_path, read):
    LayerLogger(writer, layers).finish(0)
    events = read(tmp_path)

    def value(tag):
        return events.Scalars(f"autoact/{tag}")[-1].value

    assert value("net.1/weight/relu") == pytest.approx(0.5)
    assert value("net.1/entropy") == pytest.approx(math.log(2))
    assert value("net.3/weight/elu") == pytest.approx(1.0)
    assert value("net.3/margin") == pytest.approx(1.0)
    assert value("net.3/parameter/elu.alpha") == pytest.approx(1.0)


def test_pictures_can_be_opened(layers, writer, tmp_path, read):
    LayerLogger(writer, layers).finish(3)
    events = read(tmp_path)
    for tag in ("autoact/weights", "autoact/functions"):
        (image,) = events.Images(tag)
        assert image.encoded_image_string.startswith(b"\x89PNG")
        assert image.width > 200
        assert image.height > 100


@pytest.mark.slow
def test_logging_takes_its_share_of_the_time_and_no_more(model, layers, writer, monkeypatch):
    monkeypatch.setattr(layer_logger, "TimeBudget", NotedBudget)
    logger = LayerLogger(writer, layers, share=0.05)
    assert isinstance(logger.budget, NotedBudget)
    written = 0
    while written < 3:
        if logger.due():
            feed(model, logger, layers)
        written += logger.log(written)
        logger.budget.require_share()


def test_a_layer_per_channel_is_logged_as_its_mean(writer, tmp_path, read):
    from autoact import AutoActivation

    layer = AutoActivation(["relu", "elu"], granularity="channel", channels=4)
    layer.logits.data[0, 0] = 100.0
    LayerLogger(writer, {"": layer}).finish(0)
    events = read(tmp_path)
    assert events.Scalars("autoact/model/weight/relu")[0].value == pytest.approx((1 + 3 * 0.5) / 4)


def test_nothing_seen_means_no_flow_tags(layers, writer, tmp_path, read):
    LayerLogger(writer, layers).finish(0)
    assert not any("kappa" in tag for tag in read(tmp_path).Tags()["scalars"])


class Clock:
    """A clock that moves only when told to."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def move(self, seconds):
        self.now += seconds


def test_the_share_of_time_is_logged(layers, writer, tmp_path, read, monkeypatch):
    logger, clock = LayerLogger(writer, layers), Clock()
    logger.budget, logger._scalars = TimeBudget(0.01, clock), TimeBudget(0.005, clock)
    write = logger._write_scalars
    monkeypatch.setattr(logger, "_write_scalars", lambda step: (write(step), clock.move(0.1)))
    clock.move(0.1)
    logger.log(0)
    clock.move(0.3)
    logger.finish(1)
    shares = [event.value for event in read(tmp_path).Scalars("autoact/logging_share")]
    assert shares == pytest.approx([0.0, 0.1 / 0.5], abs=1e-6)  # of what was before


@pytest.mark.parametrize("first", [0.3, 1.3])  # matplotlib's import may take longer than expected
@pytest.mark.parametrize(("steps", "step_seconds"), [(6000, 0.05), (60_000, 0.01), (300, 10.0)])
def test_final_state_included_logging_takes_at_most_its_share(
    layers, writer, monkeypatch, steps, step_seconds, first
):
    """Looks that take 4 ms, figures that take 0.3 s: trainings of five minutes and more stay below 1 %."""
    logger, clock = LayerLogger(writer, layers), Clock()
    logger._import_seconds = 0.75 if first > 1 else 0.0
    drawn: list[int] = []
    logger.budget, logger._scalars = TimeBudget(0.01, clock), TimeBudget(0.005, clock)

    def draw(step):
        clock.move(0.3 if drawn else first)
        drawn.append(step)
        logger._figure_seconds, logger._import_seconds = 0.3, 0.0

    monkeypatch.setattr(logger, "_write_scalars", lambda step: clock.move(0.004))
    monkeypatch.setattr(logger, "_write_figures", draw)
    written = 0
    for step in range(steps):
        written += logger.log(step)
        clock.move(step_seconds)
    logger.finish(steps)
    assert logger.budget.spent <= 0.01 * clock.now
    assert written > min(steps / 2, 0.003 * clock.now / 0.004)
    assert len(drawn) >= 1 + (clock.now > 400)


@pytest.mark.parametrize("seconds", [3.0, 300.0, 3000.0])
def test_every_training_has_32_states_and_6_figures_and_of_minutes_they_take_a_hundredth(
    layers, writer, tmp_path, read, monkeypatch, seconds
):
    """Looks that take 4 ms, figures that take 0.3 s each; short trainings spend more, and not without end."""
    steps, clock = 600, Clock()
    for name in ("TimeBudget", "time"):
        patched = (
            partial(TimeBudget, clock=clock) if name == "TimeBudget" else SimpleNamespace(perf_counter=clock)
        )
        monkeypatch.setattr(layer_logger, name, patched)
    monkeypatch.setattr(figures, "pixels", lambda figure: clock.move(0.15) or np.zeros((4, 4, 3), np.uint8))
    for name in ("Weights", "Functions"):
        monkeypatch.setattr(
            figures, name, lambda state: SimpleNamespace(figure=None, show=lambda state: None)
        )
    logger = LayerLogger(writer, layers, total=steps)
    logger._import_seconds = 0.0
    write = logger._write_scalars
    monkeypatch.setattr(logger, "_write_scalars", lambda step: (clock.move(0.004), write(step)))
    for step in range(steps):
        if logger.due(step):
            for path, layer in layers.items():
                logger.see(path, layer, torch.randn(8, 3))
        logger.log(step)
        clock.move(seconds / steps)
    logger.finish(steps)
    writer.flush()
    events = read(tmp_path)
    at = [event.step for event in events.Scalars("autoact/net.1/weight/relu")]
    drawn = [event.step for event in events.Images("autoact/functions")]
    assert at == sorted(set(at))
    assert len(at) >= 32
    assert max(b - a for a, b in itertools.pairwise(at)) <= steps / 30
    assert drawn == sorted(set(drawn))
    assert len(drawn) >= 6
    spent = logger.budget.spent + logger.owed.spent
    assert spent <= 0.01 * clock.now + (0 if seconds >= 300 else 32 * 0.004 + 7 * 0.3)
    assert events.Scalars("autoact/logging_share")[-2].value <= spent / clock.now


def test_custom_scalars_are_laid_out_once(layers, writer, tmp_path, read):
    logger = LayerLogger(writer, layers)
    for step in range(3):
        logger.log(step)
    logger.finish(3)
    events = read(tmp_path)
    config = events.Tensors("custom_scalars__config__")
    assert len(config) == 1
    page = layout_pb2.Layout.FromString(config[0].tensor_proto.string_val[0])
    charts = {(c.title, chart.title): list(chart.multiline.tag) for c in page.category for chart in c.chart}
    scalars = events.Tags()["scalars"]

    def shown(category, chart):
        return {tag for tag in scalars for pattern in charts[category, chart] if re.match(pattern, tag)}

    assert shown("autoact: weights by layer", "net.1") == {
        "autoact/net.1/weight/relu",
        "autoact/net.1/weight/tanh",
    }
    assert shown("autoact: layers side by side", "entropy") == {f"autoact/{p}/entropy" for p in layers}
    assert shown("autoact: parameters", "elu.alpha") == {"autoact/net.3/parameter/elu.alpha"}
    assert shown("autoact: layers side by side", "kappa") == set()  # nothing was seen


def test_a_path_that_begins_like_another_stays_apart(writer):
    from autoact import AutoActivation
    from autoact.tracking._tags import layout

    found: Any = layout({"net.1": AutoActivation(["relu"]), "net.11": AutoActivation(["relu"])})
    (pattern,) = found["autoact: weights by layer"]["net.1"][1]
    assert re.match(pattern, "autoact/net.1/weight/relu")
    assert not re.match(pattern, "autoact/net.11/weight/relu")
    assert not re.match(pattern, "autoact/netx1/weight/relu")
    assert "autoact: parameters" not in found


def test_what_is_wrong_with_the_flow_is_written_at_the_end(writer, tmp_path, read):
    layer = AutoActivation(["relu"])
    logger = LayerLogger(writer, {"net.1": layer}, share=1.0)
    logger.see("net.1", layer, -torch.rand(64, 10) - 0.1)
    logger.log(1)
    logger.finish(2)
    (event,) = read(tmp_path).Tensors("autoact/warnings/text_summary")
    text = event.tensor_proto.string_val[0].decode()
    assert text.startswith("net.1 (mixture): 100% of the units got no gradient")
    assert "Use a function with a slope below 0" in text
