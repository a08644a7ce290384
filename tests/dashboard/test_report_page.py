"""report.html in Chromium: no request, nothing cut at 390 px, no label on another, the original in charts."""

from pathlib import Path
from typing import Any

import pytest

from autoact.records import Look
from autoact.report import Live, Run, write_live, write_report
from autoact.report._run import read_run
from tests.dashboard.browser import Browser, needs_browser
from tests.dashboard.conftest import layers_record, write
from tests.report.conftest import run_directory  # noqa: F401
from tests.report.test_write import change, known

pytestmark = [pytest.mark.slow, needs_browser]

OVERLAPS = """(() => {
  const found = [];
  for (const figure of document.querySelectorAll("svg")) {
    const whole = figure.getBoundingClientRect();
    const texts = [...figure.querySelectorAll("text")];
    const level = texts.filter((e) => !e.hasAttribute("transform"));
    const straight = level.map((e) => [e.textContent, e.getBoundingClientRect()]);
    for (const e of texts) {
      const box = e.getBoundingClientRect();
      if (box.left < whole.left - 1 || box.right > whole.right + 1) found.push(["cut", e.textContent]);
    }
    for (const [n, [one, a]] of straight.entries()) for (const [two, b] of straight.slice(n + 1)) {
      const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (across > 1 && down > 3) found.push([one, two]);
    }
  }
  return found;
})()"""


def count(browser: Browser, selector: str, condition: str) -> int:
    """Return how many elements fulfil a condition on `e`."""
    return int(browser.run(f"[...document.querySelectorAll({selector!r})].filter((e) => {condition}).length"))


def going_on(directory: Path, *, trainings: int, stopped: bool = False) -> Path:
    """Write the page that a run had after some trainings."""
    whole = read_run(directory)
    known = ("autoact", "space", "metric", "mode", "original")
    partial: Any = {name: getattr(whole.report, name) for name in known}
    run = Run(directory, type(whole.report)(**partial), whole.trainings[:trainings])
    look = Look(seeds=5, difference=0.01, ci95=(-0.02, 0.04))
    looks = () if stopped else (look,)
    write_live(run, Live(phase="search", done=11.5, total=74, left=125.0, looks=looks, stopped=stopped))
    return directory / "report.html"


@pytest.fixture
def page(run_directory: Path) -> str:  # noqa: F811
    return write_report(change(run_directory, **known(run_directory))).as_uri()


def figures(browser: Browser, selector: str) -> list[str]:
    """Return the figures that hold something."""
    script = f"document.querySelectorAll({f'[data-figure]:has({selector})'!r})"
    return [str(name) for name in browser.run(f"[...{script}].map((e) => e.dataset.figure)")]


def test_every_figure_is_drawn_and_nothing_is_asked_for(browser: Browser, page: str) -> None:
    browser.requests.clear()
    browser.errors.clear()
    browser.open(page)
    browser.wait("document.querySelector('[data-figure=mixture] svg')")
    assert browser.errors == []
    assert browser.requests == [page]
    assert count(browser, "[data-figure]", "!e.querySelector('svg')") == 0
    assert set(figures(browser, "svg")) == {
        *(
            "values",
            "differences",
            "curves",
            "progress",
            "beliefs",
            "uniforms",
            "pareto",
            "mixture",
            "function",
        ),
    }


@pytest.mark.long
def test_the_original_is_in_every_chart_of_values(browser: Browser, page: str) -> None:
    browser.open(page)
    browser.wait("document.querySelector('[data-figure=mixture] svg')")
    shown = set(figures(browser, ".original"))
    assert {"values", "differences", "curves", "progress", "uniforms", "function"} <= shown


@pytest.mark.long
@pytest.mark.parametrize("width", [390, 1100])
def test_no_label_is_cut_or_lies_on_another_and_no_table_is_clipped(
    browser: Browser, page: str, width: int
) -> None:
    browser.open(page, width=width)
    browser.wait("document.querySelector('[data-figure=mixture] svg')")
    assert browser.run(OVERLAPS) == []
    assert count(browser, "text.title", "e.firstChild.textContent.endsWith('…')") == 0
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert count(browser, "table, pre", "e.getBoundingClientRect().right > window.innerWidth") == 0
    assert count(browser, ".scroll", "e.querySelector('table') && e.scrollWidth > e.clientWidth + 1") == 0


@pytest.mark.long
def test_colors_are_those_of_the_system(browser: Browser, page: str) -> None:
    found = []
    for dark in (False, True):
        browser.open(page, dark=dark)
        browser.wait("document.querySelector('[data-figure=curves] path.chosen')")
        found.append(
            browser.run("getComputedStyle(document.querySelector('[data-figure=curves] path.chosen')).stroke")
        )
    assert found[0] != found[1]


@pytest.mark.long
def test_while_the_search_runs_the_page_says_how_far_it_is(browser: Browser, run_directory: Path) -> None:  # noqa: F811
    browser.open(going_on(run_directory, trainings=12).as_uri())
    browser.wait("document.querySelector('[data-figure=current] path')")
    said = " ".join(browser.run("document.body.innerText").split())
    for text in (
        "The search runs",
        "11.5 of about 74 trainings are done; about 2 min 5 s left",
        "After 5 fresh seeds the chosen activations differ from the original by +0.01 (interval −0.02 …",
    ):
        assert text in said
    for text in ("Chosen activations", "trainings in all", "leaderboard.csv"):  # there is no choice yet
        assert text not in said
    assert browser.run("document.documentElement.dataset.reload") == "5"
    browser.open(going_on(run_directory, trainings=12, stopped=True).as_uri())
    assert "The search was stopped" in browser.run("document.body.innerText")
    assert browser.run("document.documentElement.dataset.reload") is None


def test_a_page_that_reads_itself_again_leaves_readers_where_they_were(
    browser: Browser,
    run_directory: Path,  # noqa: F811
) -> None:
    record = layers_record(60, 40, 20)
    for n, layer in enumerate(record[0]["layers"]):
        layer["path"] = f"transformer.encoder.layers.{n}.feed_forward.activation"
    write(run_directory / "tensorboard" / "one-shot", record)
    page = going_on(run_directory, trainings=8)
    at_will = "window.setInterval = (read, every) => { window.again = read; window.every = every; };"
    script = browser.call("Page.addScriptToEvaluateOnNewDocument", source=at_will)
    browser.open(page.as_uri(), width=390)
    browser.wait("document.querySelector('.detail h3')")
    assert browser.run("window.every") == 5000
    assert browser.run("document.documentElement.scrollWidth") <= 390  # the names of the layers are long
    assert browser.run(OVERLAPS) == []
    rows = browser.run("document.querySelectorAll('tbody tr').length")
    browser.run("document.querySelector('details').open = true")
    browser.click("[data-row='45'] text")
    browser.slide("input[type=range]", 3)
    browser.wait("document.querySelector('.step').textContent === '60 of 200'")
    browser.run("document.querySelector('.heatmap').scrollTo(150, 400)")
    browser.run("document.querySelector('input[type=range]').focus({ preventScroll: true })")
    browser.run("scrollBy(0, 40)")
    state = """[
        document.querySelector(".detail h3").textContent, document.querySelector(".step").textContent,
        document.querySelector(".heatmap").scrollLeft, document.querySelector(".heatmap").scrollTop,
        document.querySelector("details").open, document.activeElement.type,
        Math.round(document.querySelector(".heatmap").getBoundingClientRect().top),
    ]"""
    before = browser.run(state)
    assert before[:-1] == [record[0]["layers"][45]["path"], "60 of 200", 150, 400, True, "range"]
    going_on(run_directory, trainings=30)  # there is more above what the reader sees
    browser.run("window.old = true; setTimeout(again)")
    browser.wait("!window.old && document.querySelector('.detail h3') && scrollY")
    browser.call("Page.removeScriptToEvaluateOnNewDocument", identifier=script["identifier"])
    assert browser.run(state) == before
    assert browser.run("document.querySelectorAll('tbody tr').length") > rows
    marked = "getSelection().selectAllChildren(document.querySelector('h1')); again()"
    browser.run(f"history.replaceState(null, ''); {marked}")
    assert browser.run("history.state") is None  # a text that is being marked is not taken away


@pytest.mark.long
def test_on_paper_everything_stands_within_the_page(browser: Browser, page: str) -> None:
    browser.open(page, width=700)
    browser.wait("document.querySelector('[data-figure=mixture] svg')")
    browser.call("Emulation.setEmulatedMedia", media="print")
    assert browser.run("document.documentElement.scrollWidth") <= 700
    assert browser.run("getComputedStyle(document.querySelector('.chart')).breakInside") == "avoid"
    assert browser.run("getComputedStyle(document.querySelector('.heatmap')).maxHeight") == "none"
    pdf = browser.call("Page.printToPDF", printBackground=True)["data"]
    assert len(pdf) > 20_000
    browser.call("Emulation.setEmulatedMedia", media="")
