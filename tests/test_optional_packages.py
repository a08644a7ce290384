"""Without matplotlib or scikit-learn: everything else works, and what needs them says which, for what."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import autoact

ROOT = Path(autoact.__file__).parents[1]
HIDE = """
import sys
from importlib.machinery import PathFinder
class Hiding(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        hidden = name.partition(".")[0] in ("matplotlib", "sklearn")
        return None if hidden else super().find_spec(name, path, target)
    @classmethod
    def find_distributions(cls, context):
        return [] if context.name in ("matplotlib", "scikit-learn") else super().find_distributions(context)
sys.meta_path = [Hiding if finder is PathFinder else finder for finder in sys.meta_path]
"""


def without(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", HIDE + code]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)


MISSING = {
    "import autoact.tracking._tensorboard_figures": (
        "A figure in TensorBoard needs matplotlib, which is not installed: pip install matplotlib"
    ),
    "from autoact.geometry import draw_slice; draw_slice(None, None)": (
        "A picture needs matplotlib, which is not installed: pip install matplotlib"
    ),
    "from autoact.training.tasks._digits import _load_digits; _load_digits()": (
        "The digits task needs scikit-learn, which is not installed: pip install scikit-learn"
    ),
    "from autoact.tabular import AutoActClassifier": (
        "autoact.tabular.AutoActClassifier needs scikit-learn, which is not installed: "
        "pip install scikit-learn"
    ),
}
ALL = """
import autoact, autoact.report, autoact.tabular, autoact.tracking
for name in autoact.__all__:
    getattr(autoact, name)
"""
EACH = """
try:
    exec({code!r})
except Exception as error:
    print(type(error).__name__, error, sep=": ")
"""


COMMAND = """
from autoact.cli import main

print(main(["search", "--task", "digits", "--dry-run"]))
"""
FIGURES = """
from torch.utils.tensorboard import SummaryWriter
from autoact.nn import AutoActivation
from autoact.tracking import LayerLogger

for run in "ab":
    with SummaryWriter(run) as writer:
        LayerLogger(writer, {"net.1": AutoActivation(["relu", "tanh"])}).finish(0)
"""


@pytest.mark.slow
def test_a_missing_package_is_named_where_it_is_needed_and_nothing_else_of_the_api_needs_it(tmp_path):
    """In one process: importing Lightning takes seconds."""
    found = without(ALL + "".join(EACH.format(code=code) for code in MISSING) + COMMAND + FIGURES, tmp_path)
    assert found.returncode == 0, found.stderr
    told = [f"MissingPackageError: {said}" for said in MISSING.values()]
    assert found.stdout.splitlines() == [*told, "2"]  # the exit status of the command line
    assert [line for line in found.stderr.splitlines() if "installed" in line] == [
        "autoact: The digits task needs scikit-learn, which is not installed: pip install scikit-learn",
        "Figures in TensorBoard are left out: matplotlib is not installed (pip install matplotlib)",
    ]
