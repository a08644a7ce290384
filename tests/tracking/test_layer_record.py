"""Lines beside the events: what they hold, how many there are, and where they cannot be written."""

import json
from pathlib import Path
from typing import Any

import pytest
from torch.utils.tensorboard import SummaryWriter

from autoact import AutoActivation
from autoact.tracking import LayerLogger
from autoact.tracking import _record_file as record_file
from autoact.tracking._layer_record import LOOKS, SNAPSHOTS, LayerRecord
from autoact.tracking._record_file import RecordFile


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "autoact.jsonl").read_text().splitlines()]


def test_a_logger_writes_layers_states_and_functions(layers, tmp_path):
    with SummaryWriter(tmp_path) as writer:
        logger = LayerLogger(writer, layers, total=10)
        logger.log(0)
        logger.finish(10)
    head, *states = lines(tmp_path)
    assert (head["autoact"], head["kind"], head["steps"]) == (1, "layers", 10)
    assert head["layers"][1] == {"path": "net.3", "candidates": ["elu", "relu"], "start": "elu"}
    looks = [state for state in states if "weights" in state]
    assert [look["step"] for look in looks] == [0, 10]
    assert looks[-1]["weights"] == [[0.5, 0.5], [1.0, 0.0]]
    assert looks[-1]["parameters"] == [{}, {"elu.alpha": 1.0}]
    assert looks[-1]["margin"] == [0.0, 1.0]
    last = [state for state in states if "functions" in state][-1]["functions"]
    assert last[1]["members"]["elu"] == last[1]["y"] == last[1]["start"]


@pytest.mark.parametrize("total", [100_000, None])
def test_however_long_a_training_is_its_record_is_bounded(tmp_path, total):
    record = LayerRecord(str(tmp_path), {"": AutoActivation(["relu"])}, total)
    for step in range(0, 100_001, 7):
        record.look(step, [("", "weight/relu", 1.0)])
        record.functions(step, {})
    states = lines(tmp_path)[1:]
    assert LOOKS * 0.9 <= sum("weights" in state for state in states) <= (LOOKS + 2) * (1 if total else 5)
    assert (
        SNAPSHOTS * 0.9
        <= sum("functions" in state for state in states)
        <= (SNAPSHOTS + 2) * (1 if total else 5)
    )


def test_a_file_that_cannot_grow_is_told_once(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(record_file, "MOST_BYTES", 30)
    file = RecordFile(tmp_path)
    for step in range(5):
        file.append({"step": step})
    assert len(lines(tmp_path)) == 2
    assert caplog.text.count("is not written any more: it would be larger than") == 1


def test_nothing_is_written_beside_remote_events(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    RecordFile("s3://bucket/logs").append({"step": 1})
    assert list(tmp_path.iterdir()) == []
