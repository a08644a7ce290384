"""The blocks of docs/integrations.md run in order, section by section, where their package is installed."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import autoact

PAGE = (Path(autoact.__file__).parents[1] / "docs" / "integrations.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```python notest\n(.*?)^```", re.MULTILINE | re.DOTALL)
HEAD, *SECTIONS = re.split(r"^## ", PAGE, flags=re.MULTILINE)
NEEDED = {
    "timm": ["timm"],
    "transformers": ["transformers", "accelerate"],
    "PyTorch Geometric": ["torch_geometric"],
}
CODE = {text.partition("\n")[0]: code for text in SECTIONS if (code := BLOCK.findall(text))}


@pytest.fixture(autouse=True)
def names_that_go() -> Iterator[None]:
    """Take what a block adds to the names of transformers away again."""
    yield
    if (names := sys.modules.get("transformers.activations")) is not None:
        for name in set(names.ACT2FN) - set(names.ACT2CLS):
            del names.ACT2FN[name]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*may run several times:autoact.conversion.SharingWarning")
@pytest.mark.filterwarnings("ignore::autoact.nn.DoubtfulChoiceWarning")
@pytest.mark.filterwarnings("ignore:.pin_memory. argument is set as true but no accelerator")
@pytest.mark.parametrize("section", CODE)
def test_a_section_runs(section: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in NEEDED.get(section, []):
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}
    for code in [*BLOCK.findall(HEAD), *CODE[section]]:
        short = "budget=2, seeds=2, selection_seeds=1, quiet=True, trainer={'max_epochs': 2}"
        code = re.sub(r"budget=\d+", short, code).replace("num_train_epochs=20", "num_train_epochs=2")
        exec(compile(code, section, "exec"), names)
    if "run_search" in "".join(CODE[section]):
        assert len(names["result"].assignment) >= 1
        assert names["result"].verdict in ("improved", "no significant difference", "worse")


def test_no_block_is_long() -> None:
    assert len(CODE) == 5
    assert [
        n for code in CODE.values() for block in code if (n := len([*filter(None, block.splitlines())])) > 17
    ] == []
