import math
from typing import Any

import pytest
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

from autoact.errors import ConfigurationError
from autoact.tracking import write_trial


def plugin_data(events, tag):
    content = events.SummaryMetadata(tag).plugin_data.content
    return plugin_data_pb2.HParamsPluginData.FromString(content)


@pytest.mark.parametrize("status", ["SUCCESS", "FAILURE", "RUNNING", "UNKNOWN"])
def test_the_status_is_the_true_one(tmp_path, read, status):
    write_trial(tmp_path, {"net.1": "elu"}, {"val_loss": 1.0}, status)
    end = plugin_data(read(tmp_path), metadata.SESSION_END_INFO_TAG).session_end_info
    assert end.status == api_pb2.Status.Value(f"STATUS_{status}")


def test_hyperparameters_and_metrics_come_back(tmp_path, read):
    hparams = {"net.1": "elu", "lr": 0.1, "layers": 2, "flag": True, "none": None, "shape": (1, 2)}
    write_trial(tmp_path, hparams, {"val_loss": 0.25, "bad": math.nan}, step=9)
    events = read(tmp_path)
    start = plugin_data(events, metadata.SESSION_START_INFO_TAG).session_start_info.hparams
    assert start["net.1"].string_value == "elu"
    assert start["lr"].number_value == 0.1
    assert start["flag"].string_value == "True"
    assert start["shape"].string_value == "(1, 2)"
    assert "none" not in start
    (event,) = events.Scalars("val_loss")
    assert (event.step, event.value) == (9, 0.25)
    assert math.isnan(events.Scalars("bad")[0].value)
    experiment = plugin_data(events, metadata.EXPERIMENT_TAG).experiment
    assert {info.name.tag for info in experiment.metric_infos} == {"val_loss", "bad"}


def test_an_unknown_status_is_refused(tmp_path):
    wrong: Any = "PRUNED"
    with pytest.raises(ConfigurationError, match=r"no status 'PRUNED'; allowed: SUCCESS"):
        write_trial(tmp_path, {}, {}, wrong)
    assert not list(tmp_path.iterdir())
