"""Checks of trainings and searches that a GPU machine runs: on a CPU they pass as well."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import gpu_checks

ROOT = Path(__file__).parents[1]
ELSEWHERE = {
    "compiled_and_eager_agree",
    "a_search_with_its_resume",
    "a_search_with_two_workers",
}  # have tests


@pytest.mark.slow
@pytest.mark.long
def test_on_a_cpu(tmp_path: Path) -> None:
    names = [name for name in gpu_checks.check if name not in ELSEWHERE]
    file = tmp_path / "results.json"
    command = [
        sys.executable,
        "tests/gpu_checks.py",
        "--device",
        "cpu",
        "--json",
        str(file),
        "--only",
        *names,
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(file.read_text())
    assert list(found) == names
    assert [name for name, result in found.items() if result["skipped"]] == ["which_way_a_layer_takes"]
