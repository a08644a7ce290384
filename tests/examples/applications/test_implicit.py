"""The image is scikit-learn's, its parts share no pixel, and the search runs to a verdict."""

import pytest
import torch

from scripts.examples.applications import implicit as run


def test_the_photograph_is_a_picture_and_its_places_are_those_of_its_pixels() -> None:
    image = run.photograph()
    assert image.shape == (run.SIZE, run.SIZE, 3)
    assert 0 <= image.min() < 0.2
    assert 0.8 < image.max() <= 1
    places = run.coordinates()
    assert places[0].tolist() == pytest.approx([-1 + 1 / run.SIZE] * 2)
    assert places[1].tolist() == pytest.approx([-1 + 1 / run.SIZE, -1 + 3 / run.SIZE])  # along a row first


def test_parts_share_no_pixel() -> None:
    rows = torch.cat(run.parts())
    assert rows.sort().values.equal(torch.arange(run.SIZE**2))
    assert [len(part) for part in run.parts()] == [2048, 1024, 1024]


def test_the_loss_is_the_squared_error_of_colors() -> None:
    model = run.Image(8)
    batch = next(iter(run.loaders(run.photograph())[1]))
    with torch.no_grad():
        squares = (model(batch[0]) - batch[1]).square()
        assert model.loss(batch).item() == pytest.approx(squares.mean().item())
    assert squares.shape == (1024, 3)


@pytest.mark.slow
def test_the_search_runs_to_a_verdict_and_a_picture(tmp_path, capsys) -> None:
    run.main(["--short", "--out", str(tmp_path)])
    assert "Verdict:" in capsys.readouterr().out
    assert (tmp_path / "implicit.png").stat().st_size > 10_000
