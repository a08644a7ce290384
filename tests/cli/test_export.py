from pathlib import Path

import pytest
import torch

from autoact.cli import main


def test_a_task_is_exported_with_an_assignment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("layers: {net.1: mish, net.3: relu, net.5: squareplus}")
    assert main(["export", "digits", "--assignment", "mine.yaml"]) == 0
    assert capsys.readouterr().out.startswith("exported: read back, it differs by ")
    text = Path("exported", "activations.py").read_text()
    assert "nn.Mish()" in text
    assert "Elementwise(squareplus)" in text
    assert set(torch.load("exported/weights.pt")) >= {"net.0.weight", "net.6.bias"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["digits", "--format", "tflite"], "format 'tflite' is none of module, torch-export, onnx"),
        (["digits", "--format", "onnx", "--out", "model"], "model does not end in .onnx"),
        (["digits", "--weights", "none.pt"], "none.pt"),
        (["."], "has no config.yaml"),
    ],
)
def test_bad_input_is_one_line(
    given: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["export", *given]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1 or "No weights are given" in told
    assert list(tmp_path.iterdir()) == []
