"""What the documentation shows works as it is written."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import autoact

ROOT = Path(autoact.__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks() -> list[Any]:
    """Return page and code of each block; those that fit estimators are slow."""
    found = [(page.name, code) for page in PAGES for code in BLOCK.findall(page.read_text(encoding="utf-8"))]
    return [pytest.param(*each, marks=[pytest.mark.slow] * (each[0] == "tables.md")) for each in found]


@pytest.mark.parametrize(
    ("page", "code"), blocks(), ids=lambda value: value[:12] if value.endswith("md") else ""
)
def test_python_blocks_run(
    page: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, brief_searches: None
) -> None:
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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_anchors_are_headings(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text(encoding="utf-8"))
    missing = [f"{to}#{at}" for to, at in links if at not in anchors(page.parent / to if to else page)]
    assert missing == []


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_index_names_every_page_once() -> None:
    links = re.findall(r"\]\(([^)#]+\.md)\)", (DOCS / "README.md").read_text(encoding="utf-8"))
    named = [str((DOCS / link).resolve().relative_to(DOCS)) for link in links if not link.startswith("../")]
    pages = [str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")]
    api = [page for page in pages if page.startswith("api/") and page != "api/README.md"]
    assert sorted(named) == sorted(set(pages) - {"README.md", *api})


def test_the_glossary_is_in_order() -> None:
    rows = re.findall(r"^\| \*\*(.+?)\*\*", (DOCS / "glossary.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) >= 30
    assert rows == sorted(rows, key=str.casefold)


def test_the_api_pages_are_what_the_script_writes() -> None:
    """Run `python scripts/build_api.py` after a change of a signature or docstring."""
    made = build_api().pages()
    kept = {page.name: page.read_text(encoding="utf-8") for page in (DOCS / "api").glob("*.md")}
    assert sorted(kept) == sorted(made)
    assert [name for name, text in made.items() if kept[name] != text] == []


def test_an_api_page_holds_signature_first_sentence_and_arguments() -> None:
    text = build_api().pages()["nn.md"]
    assert "## AutoActivation" in text
    assert "    temperature: float = 1.0," in text
    assert "| `channel_dim` | Dimension of x that C runs along. |" in text
    assert "- `observe(x)`: Take a batch of pre-activations into account" in text


def build_api() -> ModuleType:
    """Return scripts/build_api.py as a module."""
    spec = importlib.util.spec_from_file_location("build_api", ROOT / "scripts" / "build_api.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_commands_of_the_readme_exist() -> None:
    from autoact.cli._commands import _parser
    from autoact.cli._search import search_parser

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"^autoact (.*?)(?:\s+#.*)?$", text, re.MULTILINE)
    assert len(commands) >= 6
    for command in commands:
        name, *options = command.split()
        if name == "search":
            search_parser().parse_args(options)
        else:
            _parser().parse_args([name, *options])
