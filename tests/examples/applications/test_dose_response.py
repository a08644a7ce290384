"""Simulated assays follow Hill's law, and its constants are found again."""

import pytest
import torch

from scripts.examples.applications import dose_response as run


def test_the_assay_is_hills_law_with_noise() -> None:
    dose, response = run.assay(4000, 5, (0.5, 4.0), (2.0, 1.0))
    exact = run.BOTTOM + run.SPAN * dose ** torch.tensor([2.0, 1.0]) / (
        torch.tensor([0.5, 4.0]) ** torch.tensor([2.0, 1.0]) + dose ** torch.tensor([2.0, 1.0])
    )
    assert dose.min() >= 0.01
    assert dose.max() <= 100
    assert (response - exact).std() == pytest.approx(run.NOISE, rel=0.05)
    assert run.hill(torch.tensor(0.5), torch.tensor(0.5), torch.tensor(3.0)) == 0.5  # half at K, whatever n


@pytest.mark.slow
@pytest.mark.parametrize(
    ("k", "n"), [((0.8, 6.0), (1.5, 3.0)), pytest.param((0.2, 15.0), (4.0, 1.2), marks=pytest.mark.slow)]
)
def test_constants_are_recovered(k, n) -> None:
    found_k, found_n, model = run.recover(*run.assay(512, 1, k, n))
    assert found_k.tolist() == pytest.approx(list(k), rel=0.05)
    assert found_n.tolist() == pytest.approx(list(n), rel=0.05)
    assert model.bottom.tolist() == pytest.approx([run.BOTTOM] * 2, abs=0.02)
    assert model.span.tolist() == pytest.approx([run.SPAN] * 2, rel=0.05)


@pytest.mark.slow
def test_the_search_runs_to_a_verdict_and_a_picture(tmp_path, capsys) -> None:
    run.main(["--short", "--out", str(tmp_path)])
    out = capsys.readouterr().out
    assert "Verdict:" in out
    assert "compound   K learned (true)" in out
    assert (tmp_path / "dose_response.png").stat().st_size > 10_000
