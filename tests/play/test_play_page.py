"""The page as a file: one, small, with what users named as text; and as a page: keys, colors, widths."""

import json
import re
from pathlib import Path

import pytest
import torch

from autoact import Parameter, activation
from autoact.cli import main
from autoact.errors import ConfigurationError
from autoact.play import TABS, write_page
from autoact.play import page as made_page
from tests.dashboard.browser import needs_browser
from tests.dashboard.test_report_page import OVERLAPS
from tests.play.conftest import Page


@pytest.fixture
def own_activations() -> None:
    """Register two activations for one test."""

    def bent(x, function=Parameter(default=1.0)):
        """</script><b>bold</b>"""
        return x * function

    def measured(x):
        return torch.special.i0e(x)

    activation(family="<i>own</i>", reference="&amp;")(bent)
    activation(family="own")(measured)


@pytest.mark.slow
def test_the_file_is_one_and_small() -> None:
    text = made_page()
    assert len(text.encode()) < 1_500_000
    assert re.findall(r"(?:src|href)=[\"'](?!data:)", text) == []
    assert "default-src 'none'" in text
    assert re.findall(r"^(?:import|export) ", text, re.MULTILINE) == []


def test_what_users_name_is_text_and_callables_are_told(own_activations: None) -> None:
    text = made_page(["smooth"])
    assert text.count("</script>") == 2
    assert "<b>bold" not in text
    assert "<i>own" not in text
    found = re.search(r'"left":(\[[^]]*\])', text)
    assert found is not None
    assert "measured" in json.loads(found[1])


@pytest.mark.parametrize(
    ("tabs", "message"),
    [
        (["carving"], "No tab 'carving'. There are: carve, match"),
        ([], "name at least one"),
        (["carve", "carve"], "each once"),
    ],
)
def test_unknown_tabs_are_told(tabs: list[str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        made_page(tabs)


def test_only_a_page_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine.html").write_text("<p>mine")
    for name, message in {
        "mine.html": "is no page of autoact play",
        "play.txt": "does not end in .html",
        "no/play.html": "is no folder",
    }.items():
        with pytest.raises(ConfigurationError, match=message):
            write_page(tmp_path / name)
    assert (tmp_path / "mine.html").read_text() == "<p>mine"
    first = write_page(tmp_path / "play.html", ["carve"])
    assert write_page(first, ["smooth"]).read_text() == made_page(["smooth"])


def test_the_command_writes_and_tells(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "play.html"
    assert main(["play", "--no-open", "--out", str(out)]) == 0
    assert str(out) in capsys.readouterr().out
    assert main(["play", "--no-open", "--out", str(tmp_path / "play.txt")]) == 2
    assert "does not end in .html" in capsys.readouterr().err


@pytest.mark.slow
@needs_browser
def test_every_tab_opens_by_the_keyboard_and_asks_for_nothing(page: Page) -> None:
    browser = page.open("carve")
    assert browser.requests == [f"{page.path.as_uri()}#carve".partition("#")[0]]
    browser.run("document.querySelector('#tab-carve').focus()")
    for tab in (*TABS[1:], TABS[0]):
        browser.press("ArrowRight")
        assert browser.run("document.activeElement.id") == f"tab-{tab}"
        assert browser.run(f"document.querySelector('#panel-{tab}').hidden") is False
    assert browser.errors == []


@pytest.mark.long
@needs_browser
@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize(("width", "dark"), [(1100, False), (390, True)])
def test_nothing_is_cut_or_collides(page: Page, tab: str, width: int, dark: bool) -> None:
    browser = page.open(tab, width=width, dark=dark)
    if tab == "match":
        browser.wait("document.querySelector('[data-done]')")
    assert browser.run("document.documentElement.scrollWidth") == width
    assert browser.run(OVERLAPS) == []
    paper = browser.run("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(20, 23, 27)" if dark else "rgb(255, 255, 255)")
    assert browser.errors == []


@pytest.mark.long
@needs_browser
@pytest.mark.parametrize("tab", TABS)
def test_a_tab_opens_within_two_seconds(page: Page, tab: str) -> None:
    page.browser.call("Performance.enable", timeDomain="threadTicks")  # of the processor, whoever else has it
    browser = page.open(tab)
    found = {each["name"]: each["value"] for each in browser.call("Performance.getMetrics")["metrics"]}
    assert 0 < found["TaskDuration"] < 2


@pytest.mark.long
@needs_browser
def test_a_page_of_one_tab_has_no_bar(page: Page, tmp_path: Path) -> None:
    one = Page(page.browser, write_page(tmp_path / "one.html", ["smooth"]))
    browser = one.open("smooth")
    assert browser.run("document.querySelectorAll('[role=tab]').length") == 0
    assert browser.run("document.querySelectorAll('svg[role=img]').length") == 3
    assert browser.errors == []
