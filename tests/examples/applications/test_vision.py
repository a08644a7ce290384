"""Images are read from their file, refused by name, and the search runs on any in the same form."""

from typing import Any

import numpy as np
import pytest
import torch

from scripts.examples.applications import vision as run

ROLES = ("train", "test")


def write(folder, train: int = 240, test: int = 60, leave_out: str = "") -> None:
    random = np.random.default_rng(0)
    arrays: dict[str, Any] = {}
    for part, count in zip(ROLES, (train, test), strict=True):
        labels = random.integers(0, 10, count).astype(np.uint8)
        noise = random.integers(0, 100, (count, 32, 32, 3))
        arrays |= {f"{part}_images": (noise + 15 * labels[:, None, None, None]).astype(np.uint8)}
        arrays |= {f"{part}_labels": labels}
    arrays.pop(leave_out, None)
    np.savez(folder / run.FILE, **arrays)


def test_parts_share_no_image_and_the_fifth_sixth_compares(tmp_path) -> None:
    write(tmp_path)
    data = run.images(tmp_path, 200, 30)
    parts = [part.tensors for part in (data.train, data.guide, data.compare)]
    assert [tuple(x.shape) for x, _ in parts] == [(200, 3, 16, 16), (30, 3, 16, 16), (40, 3, 16, 16)]
    assert all(x.abs().max() <= 2 and y.dtype == torch.int64 for x, y in parts)
    assert len(torch.cat([x.flatten(1) for x, _ in parts]).unique(dim=0)) == 270
    with np.load(tmp_path / run.FILE) as stored:
        files = {part: stored[f"{part}_images"].reshape(-1, 16, 2, 16, 2, 3).mean((2, 4)) for part in ROLES}
    begins = ((0, 0, "train", 0), (0, 160, "test", 0), (1, 0, "train", 200), (2, 0, "train", 160))
    for part, place, file, row in begins:
        image = parts[part][0][place].permute(1, 2, 0).numpy()
        assert image == pytest.approx(files[file][row] / 64 - 2, abs=1e-5)


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


def test_settings_are_shown_without_a_search(tmp_path, capsys, monkeypatch) -> None:
    write(tmp_path)
    monkeypatch.setattr(run, "search", pytest.fail)
    run.main(["--short", "--settings", "--data-dir", str(tmp_path), "--out", str(tmp_path)])
    rows = capsys.readouterr().out.splitlines()[2:]
    assert len(rows) == len(run.SETTINGS)
    assert rows[0].startswith("| width 16, rate 0.01, batch 128 | 2.")
