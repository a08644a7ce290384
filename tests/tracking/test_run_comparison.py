import pytest
import torch
from torch.utils.tensorboard import SummaryWriter

from autoact import AutoActivation
from autoact.errors import DataError
from autoact.tracking import LayerLogger, compare_runs


def write(folder, layers, step=0):
    with SummaryWriter(str(folder)) as writer:
        LayerLogger(writer, layers).finish(step)


@pytest.fixture
def runs(tmp_path):
    """Two runs: in the first the leader changes, the second has a layer more."""
    layer = AutoActivation(["relu", "tanh"])
    with SummaryWriter(str(tmp_path / "a" / "version_0")) as writer:
        logger = LayerLogger(writer, {"net.1": layer})
        layer.logits.data = torch.tensor([5.0, 0.0])
        logger.finish(0)
        layer.logits.data = torch.tensor([0.0, 3.0])
        logger.finish(9)
    write(
        tmp_path / "b", {"net.1": AutoActivation(["relu", "elu"], start="elu"), "": AutoActivation(["silu"])}
    )
    (tmp_path / "other").mkdir()
    with SummaryWriter(str(tmp_path / "other")) as writer:
        writer.add_scalar("loss", 1.0, 0)
    return tmp_path


def test_the_last_leader_of_every_layer_and_run_is_shown(runs):
    axes = compare_runs(runs).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a/version_0", "b"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["net.1", "model"]
    texts = {text.get_position(): text.get_text() for text in axes.texts}
    assert texts == {(0, 0): "tanh\n0.95", (1, 0): "elu\n1.00", (1, 1): "silu\n1.00"}


@pytest.mark.slow
def test_tensorboard_gets_it_as_a_run_of_its_own(runs, read):
    compare_runs(runs)
    compare_runs(runs)  # again, and the comparison itself is no run to compare
    events = read(runs / "comparison")
    assert events.Tags()["images"] == ["autoact/comparison"]
    text = events.Tensors("autoact/comparison/text_summary")[-1].tensor_proto.string_val[0].decode()
    assert text.splitlines() == [
        "| layer | a/version_0 | b |",
        "| --- | --- | --- |",
        "| net.1 | tanh 0.95 | elu 1.00 |",
        "| model | - | silu 1.00 |",
    ]


def test_nothing_to_compare_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"holds no run with weights.*ActivationSearch"):
        compare_runs(tmp_path)
    assert list(tmp_path.iterdir()) == []
