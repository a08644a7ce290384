"""What the parts of the GPU checks wrote is gathered, also where one of them came to nothing."""

from pathlib import Path

from scripts.benchmarks.gpu_results import gathered


def test_a_part_without_results_keeps_its_status(tmp_path: Path) -> None:
    (tmp_path / "checks.status").write_text("0\n")
    (tmp_path / "checks.json").write_text('{"worst": 1e-6}')
    (tmp_path / "step.status").write_text("124\n")
    assert gathered(tmp_path) == {
        "checks": {"exit_status": 0, "results": {"worst": 1e-6}},
        "step": {"exit_status": 124, "results": None},
    }
