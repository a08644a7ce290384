"""Rays add up lengths, counts follow Beer and Lambert, back projection inverts, and nothing is negative."""

import math

import numpy as np
import pytest
import torch

import autoact
from scripts.examples.applications import tomography as run


def test_a_ray_through_a_disk_sees_its_chord() -> None:
    disk = run.draw_ellipses([(1.0, 0.6, 0.6, 0.0, 0.0, 0.0)])
    lines = (run.projector() @ disk.ravel()).reshape(run.ANGLES, run.SIZE)
    s = (np.arange(run.SIZE) + 0.5) * run.PIXEL - 1
    chord = 2 * np.sqrt(np.maximum(0.36 - s**2, 0))
    assert np.abs(lines - chord).max() < 0.15
    assert lines.mean() == pytest.approx(chord.mean(), rel=0.02)


def test_counts_are_poisson_around_what_beer_and_lambert_say() -> None:
    images = np.repeat(run.draw_ellipses([(1.0, 0.8, 0.8, 0.0, 0.0, 0.0)])[None], 400, axis=0)
    counts = run.PHOTONS * np.exp(-run.measured(images, np.random.default_rng(0)))
    expected = run.PHOTONS * np.exp(-run.projector() @ images[0].ravel())
    assert counts.mean(0) == pytest.approx(expected, rel=0.03)
    assert (counts.var(0) / expected).mean() == pytest.approx(1.0, abs=0.05)


def test_back_projection_keeps_values_where_there_is_no_noise(monkeypatch) -> None:
    monkeypatch.setattr(run, "ANGLES", 60)
    run.projector.cache_clear()
    disk = run.draw_ellipses([(1.0, 0.7, 0.5, 0.1, 0.0, 0.0)])
    found = run.back_projected((run.projector() @ disk.ravel())[None])[0]
    run.projector.cache_clear()
    inside, outside = disk == 1, disk == 0
    assert found[inside].mean() == pytest.approx(1.0, abs=0.05)
    assert found[outside].mean() == pytest.approx(0.0, abs=0.05)


def test_phantoms_differ_and_are_not_negative() -> None:
    seen, truth = run.pairs(4, 0)
    assert seen.shape == truth.shape == (4, 1, run.SIZE, run.SIZE)
    assert truth.min() == 0
    assert (truth[0] - truth[1]).abs().max() > 0.1
    assert (seen - truth).square().mean() > 0.005


def test_whatever_is_chosen_at_the_output_is_not_negative() -> None:
    seen, _ = run.pairs(2, 0)
    for name in run.LAYERS[0]["candidates"]:
        model = autoact.apply(run.Denoiser(), {"output": str(name)})
        assert model(10 * seen).min() >= 0, name
        low, _ = autoact.analysis.limits(str(name))
        assert math.isclose(low, 0.0)


@pytest.mark.slow
def test_the_search_runs_to_a_verdict_and_a_picture(tmp_path, capsys) -> None:
    run.main(["--short", "--out", str(tmp_path)])
    assert "Verdict:" in capsys.readouterr().out
    assert (tmp_path / "tomography.png").stat().st_size > 10_000


def test_models_are_images_in_images_out() -> None:
    with torch.no_grad():
        assert run.Denoiser()(torch.zeros(3, 1, run.SIZE, run.SIZE)).shape == (3, 1, run.SIZE, run.SIZE)
