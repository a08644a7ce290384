import math
import time

import pytest
import torch
from torch.utils.tensorboard import SummaryWriter

from autoact.tracking import LayerLogger

LAYER_TAGS = ["entropy", "margin", "kappa", "chi", "dead"]


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
    expected |= {"autoact/net.3/parameter/elu.alpha"}
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


def test_logging_takes_its_share_of_the_time_and_no_more(model, layers, writer):
    logger = LayerLogger(writer, layers, share=0.05)
    begin, written = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - begin) < 1.0:
        if logger.due():
            feed(model, logger, layers)
        written += logger.log(written)
        time.sleep(0.001)
    assert written >= 2
    assert logger.budget.spent <= 0.05 * elapsed + 0.05  # one piece of work may run over


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
