"""What the documentation shows works as it is written."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import autoact
from autoact import errors
from scripts import build_notebooks

ROOT = Path(autoact.__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]
SLOW = {"invent.md", "matching.md", "plain-pytorch.md", "tables.md"}
PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)]+)\)")
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks() -> list[Any]:
    """Return page and code of each block, but of notebooks; those that fit estimators or search are slow."""
    pages = [page for page in PAGES if page.stem not in build_notebooks.PAGES]
    found = [(page.name, code) for page in pages for code in BLOCK.findall(page.read_text(encoding="utf-8"))]
    slow = [page in SLOW or "sklearn" in code for page, code in found]
    return [
        pytest.param(*each, marks=[pytest.mark.slow] * late) for each, late in zip(found, slow, strict=True)
    ]


@pytest.mark.parametrize(
    ("page", "code"), blocks(), ids=lambda value: value[:12] if value.endswith("md") else ""
)
def test_python_blocks_run(
    page: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, brief_searches: None
) -> None:
    """Run each block as it stands, only with a smaller search; `my_model` is the block of lightning.md."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_model", raising=False)
    (tmp_path / "my_model.py").write_text(
        BLOCK.findall((DOCS / "lightning.md").read_text("utf-8"))[0], "utf-8"
    )
    code = re.sub(r'"max_epochs": \d+', '"max_epochs": 1', code)
    code = re.sub(r"budget=\d+", "budget=2, seeds=2, selection_seeds=1, quiet=True", code)
    exec(compile(code, page, "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize("name", build_notebooks.PAGES)
def test_a_notebook_is_its_page(name: str) -> None:
    """Run `python scripts/build_notebooks.py` after a change of the page."""
    kept = json.loads((DOCS / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))
    made = build_notebooks.notebook(name)
    assert [cell["source"] for cell in kept["cells"]] == [cell["source"] for cell in made["cells"]]
    assert [cell["outputs"] != [] for cell in kept["cells"] if cell["cell_type"] == "code"] == [
        True,
        True,
        True,
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", build_notebooks.PAGES)
def test_a_notebook_runs(name: str) -> None:
    made = build_notebooks.notebook(name)
    for cell in made["cells"]:
        cell["source"] = cell["source"].replace("300 * fraction", "5 * fraction").replace(", 1000)", ", 50)")
    *_, result, last = [
        cell for cell in build_notebooks.run(made, short=True)["cells"] if cell.get("outputs")
    ]
    assert "<b>Verdict: " in result["outputs"][-1]["data"]["text/html"]
    assert "'" in last["outputs"][-1]["data"]["text/plain"]


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


def test_pictures_say_what_is_seen_and_each_is_shown() -> None:
    said = [(page, *each) for page in PAGES for each in PICTURE.findall(page.read_text(encoding="utf-8"))]
    assert [(page.name, file) for page, alt, file in said if len(alt.split()) < 10] == []
    linked = {
        (page.parent / link).resolve()
        for page in PAGES
        for link in re.findall(r"\]\(([^)#]+\.png)\)", page.read_text(encoding="utf-8"))
    }
    assert {path.resolve() for path in DOCS.rglob("*.png")} - linked == set()


def test_the_index_names_every_page_once() -> None:
    links = re.findall(r"^- \[.*?\]\(([^)#]+\.md)\)", (DOCS / "README.md").read_text(encoding="utf-8"), re.M)
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
    return module("scripts/build_api.py")


def module(path: str) -> ModuleType:
    """Return a file of the repository as a module."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_commands_exist() -> None:
    from autoact.cli._commands import _parser
    from autoact.cli._search import search_parser

    pages = [ROOT / "README.md", DOCS / "command-line.md"]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    commands = re.findall(r"^autoact (.*?)(?:\s+#.*)?$", text, re.MULTILINE)
    assert len(commands) >= 16
    for command in commands:
        name, *options = command.split()
        if name == "search":
            search_parser().parse_args(options)
        else:
            _parser().parse_args([name, *options])


def test_the_sidebar_of_the_site_has_every_page_once() -> None:
    site = module("docs/conf.py")
    named = []
    for index in site.INDEXES:
        source = [(DOCS / f"{index}.md").read_text(encoding="utf-8")]
        site.extend(None, index, source)
        for tree in re.findall(r"```\{toctree\}\n(.*?)```", source[0], re.DOTALL):
            lines = [line for line in tree.splitlines() if line and not line.startswith(":")]
            named += [str(Path(index).parent / line) for line in lines]
    pages = [str(page.relative_to(DOCS).with_suffix("")) for page in DOCS.rglob("*.md")]
    assert sorted(named) == sorted(set(pages) - {site.root_doc})


def test_theory_has_a_place_for_each_interactive_page(monkeypatch: pytest.MonkeyPatch) -> None:
    site = module("docs/conf.py")
    assert [page for page in site.TABS if not (DOCS / f"{page}.md").is_file()] == []
    for found, shown in ((None, False), (object(), True)):
        monkeypatch.setattr(site, "find_spec", lambda name, found=found: found)
        source = ["# Carving\n"]
        site.extend(None, "theory/carving", source)
        assert ('src="../_static/play-carve.html"' in source[0]) is shown


@pytest.mark.long
def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("sphinx", reason="the site needs the extra docs")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", str(DOCS), str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "AutoActivation" in (tmp_path / "api" / "nn.html").read_text(encoding="utf-8")


def test_nothing_tells_to_install_from_pypi_what_is_another_project_there() -> None:
    files = [*PAGES, *ROOT.glob("*.toml"), *(ROOT / "autoact").rglob("*.*"), *(ROOT / "scripts").rglob("*.*")]
    texts = [path for path in files if path.suffix in (".py", ".md", ".toml", ".sh", ".html", ".js")]
    assert len(texts) > 200
    wrong = re.compile(r"pip install(?: -\S+)* [\"']?autoact")
    assert [str(path) for path in texts if wrong.search(path.read_text(encoding="utf-8"))] == []


def test_troubleshooting_quotes_messages_that_exist() -> None:
    page = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    tables = page[page.index("## Errors") : page.index("## A verdict")]
    cells = re.findall(r"^\|(?: `\w+Error` \|)?(.*?)\|", tables, re.MULTILINE)
    quoted = [quote for cell in cells for quote in re.findall(r'"([^"]+)"', cell)]
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "autoact").rglob("*.py"))
    texts = re.sub(r'"\s*\n\s*f?"', "", sources)  # literals over several lines are one
    assert len(quoted) >= 18
    assert [quote for quote in quoted if quote not in texts] == []


def test_troubleshooting_has_every_family_of_errors() -> None:
    page = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    families = [
        name for name, kind in vars(errors).items() if isinstance(kind, type) and name.endswith("Error")
    ]
    assert len(families) >= 9
    assert [name for name in families if f"`{name}`" not in page] == []
