import math
from typing import Any

import pytest
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins import base_plugin
from tensorboard.plugins.hparams import api_pb2, backend_context, metadata, plugin_data_pb2

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


def test_the_page_has_a_column_for_what_only_some_trials_have(tmp_path):
    """Asked as the page asks: a parameter of the second trial's activation is there beside the first's."""
    write_trial(tmp_path / "trial-0", {"net.1": "elu", "net.1.elu.alpha": 0.5}, {"val_loss": 1.0})
    write_trial(tmp_path / "trial-1", {"net.1": "prelu", "net.1.prelu.slope": 0.1}, {"val_loss": 2.0})
    multiplexer = EventMultiplexer().AddRunsFromDirectory(str(tmp_path)).Reload()
    context = base_plugin.TBContext(
        multiplexer=multiplexer, data_provider=MultiplexerDataProvider(multiplexer, "")
    )
    page = backend_context.Context(context)
    runs = page.hparams_metadata(RequestContext(), "")
    found = page.experiment_from_metadata(RequestContext(), "", True, runs, [])
    assert {info.name for info in found.hparam_infos} == {"net.1", "net.1.elu.alpha", "net.1.prelu.slope"}
    assert {info.name.tag for info in found.metric_infos} == {"val_loss"}


def test_an_unknown_status_is_refused(tmp_path):
    wrong: Any = "PRUNED"
    with pytest.raises(ConfigurationError, match=r"no status 'PRUNED'; allowed: SUCCESS"):
        write_trial(tmp_path, {}, {}, wrong)
    assert not list(tmp_path.iterdir())
