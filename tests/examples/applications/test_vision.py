"""Images are read from their file, refused by name, and the search runs on any in the same form."""

from typing import Any

import numpy as np
import pytest
import torch

from scripts.examples.applications import vision as run


def write(folder, train: int = 240, test: int = 60, leave_out: str = "") -> None:
    random = np.random.default_rng(0)
    arrays: dict[str, Any] = {}
    for part, count in (("train", train), ("test", test)):
        labels = random.integers(0, 10, count).astype(np.uint8)
        noise = random.integers(0, 100, (count, 32, 32, 3))
        arrays |= {f"{part}_images": (noise + 15 * labels[:, None, None, None]).astype(np.uint8)}
        arrays |= {f"{part}_labels": labels}
    arrays.pop(leave_out, None)
    np.savez(folder / run.FILE, **arrays)


def test_parts_are_of_their_sizes_and_share_no_image(tmp_path) -> None:
    write(tmp_path)
    data = run.images(tmp_path, 100, 50)
    parts = [part.tensors for part in (data.train, data.guide, data.compare)]
    assert [tuple(x.shape) for x, _ in parts] == [(100, 3, 16, 16), (50, 3, 16, 16), (60, 3, 16, 16)]
    assert all(x.abs().max() <= 2 and y.dtype == torch.int64 for x, y in parts)
    assert len(torch.cat([x.flatten(1) for x, _ in parts]).unique(dim=0)) == 210
    with np.load(tmp_path / run.FILE) as stored:
        first = stored["train_images"][100].reshape(16, 2, 16, 2, 3).mean((1, 3))
    assert parts[1][0][0].permute(1, 2, 0).numpy() == pytest.approx(first / 64 - 2, abs=1e-5)


def test_what_is_missing_is_named(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=r"There is no file cifar10_15k.npz; --data-dir takes the folder of"):
        run.main([])
    with pytest.raises(
        SystemExit, match=r"There is no file /.*cifar10_15k.npz; --data-dir takes the folder of"
    ):
        run.main(["--data-dir", str(tmp_path), "--out", str(tmp_path)])
    write(tmp_path, leave_out="test_labels")
    with pytest.raises(SystemExit, match=r"cifar10_15k.npz lacks test_labels; it must hold train_images"):
        run.main(["--data-dir", str(tmp_path), "--out", str(tmp_path)])


def test_the_network_names_ten_classes() -> None:
    model = run.ResNet()
    assert model(torch.zeros(2, 3, 16, 16)).shape == (2, 10)
    assert sum(isinstance(layer, torch.nn.ReLU) for layer in model.modules()) == 7


@pytest.mark.slow
def test_the_search_runs_to_a_verdict_and_a_picture(tmp_path, capsys) -> None:
    write(tmp_path)
    run.main(["--short", "--data-dir", str(tmp_path), "--out", str(tmp_path)])
    out = capsys.readouterr().out
    assert "Verdict:" in out
    assert "accuracy, one seed: original " in out
    assert (tmp_path / "vision.png").stat().st_size > 10_000
