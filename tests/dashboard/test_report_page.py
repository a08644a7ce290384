"""report.html in Chromium: no request, nothing cut at 390 px, no label on another, the original in charts."""

from pathlib import Path
from typing import Any

import pytest

from autoact.records import Look
from autoact.report import Live, Run, write_live, write_report
from autoact.report._run import read_run
from tests.dashboard.browser import Browser, needs_browser
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
    whole = read_run(run_directory)
    partial: Any = {
        name: getattr(whole.report, name) for name in ("autoact", "space", "metric", "mode", "original")
    }
    run = Run(run_directory, type(whole.report)(**partial), whole.trainings[:12])
    look = Look(seeds=5, difference=0.01, ci95=(-0.02, 0.04))
    write_live(run, Live(phase="search", done=11.5, total=74, left=125.0, looks=(look,)))
    browser.open((run_directory / "report.html").as_uri())
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
    assert browser.run("document.querySelector('meta[http-equiv=refresh]').content") == "5"
    write_live(run, Live(phase="search", done=11.5, total=74, left=125.0, stopped=True))
    browser.open((run_directory / "report.html").as_uri())
    assert "The search was stopped" in browser.run("document.body.innerText")
    assert browser.run("document.querySelector('meta[http-equiv=refresh]')") is None


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
