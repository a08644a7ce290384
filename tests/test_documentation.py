"""What the documentation shows works as it is written."""

import re
from pathlib import Path

import pytest

import autoact

ROOT = Path(autoact.__file__).parent.parent
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks() -> list[tuple[str, str]]:
    return [(page.name, code) for page in PAGES for code in BLOCK.findall(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize(
    ("page", "code"), blocks(), ids=lambda value: value[:12] if value.endswith("md") else ""
)
def test_python_blocks_run(page: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each block as it stands, only with a smaller search."""
    monkeypatch.chdir(tmp_path)
    code = re.sub(r'"max_epochs": \d+', '"max_epochs": 1', code)
    code = re.sub(r"budget=\d+", "budget=2, seeds=2, selection_seeds=1, quiet=True", code)
    exec(compile(code, page, "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if not link.startswith("http") and not (page.parent / link).exists()]
    assert missing == []


def test_the_commands_of_the_readme_exist() -> None:
    from autoact.cli._commands import _parser

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"^autoact (.*?)(?:\s+#.*)?$", text, re.MULTILINE)
    assert len(commands) >= 6
    for command in commands:
        _parser().parse_args(command.split())
