"""The tab of TensorBoard in Chromium: click, slide, keys, and what stands in the SVG."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import autoact.dashboard
from tests.dashboard.browser import Browser, needs_browser
from tests.dashboard.conftest import layers_record, search_record, write

pytestmark = [pytest.mark.slow, needs_browser]
ROOT = Path(__file__).parents[2]
SERVE = """
import sys
from tensorboard import program
from tensorboard.plugins.core.core_plugin import CorePluginLoader
from autoact.dashboard import DashboardPlugin

board = program.TensorBoard(plugins=[CorePluginLoader(), DashboardPlugin])
flags = ["--port", "0", "--load_fast", "false", "--reload_interval", "0"]
board.configure(argv=["", "--logdir", sys.argv[1], *flags])
print(board.launch(), flush=True)
sys.stdin.read()
"""
NAME = '<img src=x onerror="window.harmed=1">&amp;"\''


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start TensorBoard on a log folder, and give the address of the dashboard's frame."""
    root = tmp_path_factory.mktemp("logs")
    write(root / "training", layers_record(6, 4, 20))
    write(root / "vast", layers_record(100, 40, 200))
    write(root / "search", search_record(NAME))
    begun = search_record()[:-1]
    begun[-1] = {**begun[-1], "training": {**begun[-1]["training"], "share": 0.5}}
    write(root / "going-on", begun)
    (root / "worn").mkdir()
    (root / "worn" / "autoact.jsonl").write_text('{"autoact": 99}\n')
    command = [sys.executable, "-W", "ignore", "-c", SERVE, str(root)]
    pipe, null = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(command, cwd=ROOT, text=True, stdin=pipe, stdout=pipe, stderr=null) as process:
        assert process.stdout is not None
        yield f"{process.stdout.readline().strip()}data/plugin_entry.html?name=autoact"
        process.terminate()


def open_run(browser: Browser, address: str, run: str, **how: Any) -> None:
    browser.open(address, **how)
    browser.wait("document.querySelector('#page')?.dataset.run")
    if browser.run("document.querySelector('#page').dataset.run") == run:
        return
    browser.run(f"document.querySelector('#run').value = '{run}'")
    browser.run("document.querySelector('#run').dispatchEvent(new Event('change')), 0")
    browser.wait(f"document.querySelector('#page').dataset.run === '{run}'")


def opacity(browser: Browser, row: int, column: int) -> float:
    (found,) = attributes(browser, f"[data-row='{row}'] [data-column=candidate{column}]", "fill-opacity")
    return float(found)


def attributes(browser: Browser, selector: str, name: str) -> list[str]:
    script = f"[...document.querySelectorAll({json.dumps(selector)})].map((e) => e.getAttribute('{name}'))"
    return [str(value) for value in browser.run(script)]


def test_slide_the_heatmap_and_the_detail_follow_the_step(browser: Browser, address: str) -> None:
    open_run(browser, address, "training")
    browser.wait("document.querySelector('.detail svg')")
    assert browser.run("document.querySelectorAll('.cell').length") == 24
    assert opacity(browser, 2, 2) == pytest.approx(1.0)
    assert browser.run("document.querySelector('.step').textContent") == "200 of 200"
    rule = "Number(document.querySelector('.now').getAttribute('x1'))"
    at_the_end = browser.run(rule)
    browser.slide("input[type=range]", 0)
    browser.wait("document.querySelector('.step').textContent === '10 of 200'")
    assert opacity(browser, 2, 2) == pytest.approx(0.04 + 0.96 * (0.05 + 0.237), abs=0.01)
    assert opacity(browser, 2, 1) == pytest.approx(0.04 + 0.96 * 0.237, abs=0.01)
    assert browser.run(rule) < at_the_end - 100
    assert "function at step 10" in browser.run("document.querySelector('.detail').textContent")
    assert "0.05" in browser.run("document.querySelector('.detail table').textContent")  # the parameter


def test_click_a_layer_opens_its_function_derivative_and_history(browser: Browser, address: str) -> None:
    open_run(browser, address, "training")
    browser.click('[data-row="3"] text')
    browser.wait("document.querySelector('.detail h3')?.textContent === 'net.3'")
    labels = attributes(browser, ".detail svg", "aria-label")
    for said in (
        "Function of net.3",
        "Derivative of net.3",
        "Weights of net.3",
        "κ, relative",
        "χ, factor",
        "share of the units",
    ):
        assert any(said in label for label in labels), said
    paths = attributes(browser, ".detail .charts > div:first-child path", "class")
    assert paths.count("area density") == 1
    assert "line chosen" in paths
    assert "line original" in paths
    assert len(paths) == 1 + 5 + 2  # inputs, members, start and learned


def test_of_two_layers_chosen_in_turn_the_last_stays_whichever_answer_is_slower(
    browser: Browser, address: str
) -> None:
    open_run(browser, address, "training")
    shown = browser.run(
        """(async () => {
          const { element } = await import("./widgets.js");
          const { layersView } = await import("./views.js");
          const host = document.body.appendChild(element("div", {}));
          const later = (ms) => new Promise((done) => setTimeout(done, ms));
          const layers = ["first", "second"].map((path) => ({ path, candidates: ["relu"] }));
          const view = { layers, steps: [1], weights: [[[1], [1]]], quantities: {}, total: null };
          const at = { step: 1, low: 0, high: 1, density: [], members: {}, y: [0, 1], slope: [1, 1] };
          const found = { functions: [at], parameters: {} };
          layersView(host, view, (row) => later(row ? 10 : 150).then(() => found));
          host.querySelector("[data-row='1'] text").dispatchEvent(new Event("click", { bubbles: true }));
          await later(300);
          return host.querySelector("h3").textContent;
        })()"""
    )
    assert shown == "second"


def test_a_chart_wraps_long_titles_and_leaves_out_a_rule_off_its_axis(browser: Browser, address: str) -> None:
    open_run(browser, address, "training")
    title = "milliseconds per batch of 192 on the CPU, difference; left of 0 is faster"
    drawn = browser.run(
        """(async () => {
          const { chart, element } = await import("./widgets.js");
          const host = document.body.appendChild(element("div", { style: "width: 300px" }));
          const line = { kind: "line", points: [{ x: 0, y: 0.1 }, { x: 1, y: 0.2 }] };
          const rules = [1, 0.15].map((y) => ({ kind: "rule", y, floating: true }));
          chart(host, { label: "", x: { title: TITLE }, y: { title: "χ" }, marks: [line, ...rules] });
          const lines = [...host.querySelectorAll("text.title tspan")].map((e) => e.textContent);
          return [lines, host.querySelectorAll("line.muted").length];
        })()""".replace("TITLE", json.dumps(title))
    )
    assert [len(drawn[0]), " ".join(drawn[0])] == [2, title]
    assert drawn[1] == 1


def test_names_that_differ_at_their_ends_stay_different_where_they_are_shortened(
    browser: Browser, address: str
) -> None:
    open_run(browser, address, "training")
    rows = [f"transformer.encoder.layers.{n}.feed_forward.activation" for n in (3, 11)]
    words = [f"elu(alpha=3.361) · leaky_relu(negative_slope=0.01) · {name}" for name in ("gelu", "relu")]
    drawn = browser.run(
        """(async () => {
          const { chart, element } = await import("./widgets.js");
          const { heatmap } = await import("./heatmap.js");
          const host = () => document.body.appendChild(element("div", { style: "width: 340px" }));
          const [map, list] = [host(), host()];
          heatmap(map, { label: "", rows: ROWS, columns: ["relu"], values: [[1], [0]] });
          chart(list, { label: "", x: {}, y: { names: WORDS }, marks: [] });
          const one = host();
          chart(one, { label: "", height: 140, x: { names: [""] }, y: { low: -3.9, high: 4.3 }, marks: [] });
          if (one.querySelectorAll("line.grid").length < 2) throw new Error("a scale of one number");
          const text = (e) => e.querySelector("title") ? e.firstChild.textContent : e.textContent;
          return [map, list].map((e) => [...e.querySelectorAll("text[text-anchor=end]")].map(text));
        })()""".replace("ROWS", json.dumps(rows)).replace("WORDS", json.dumps(words))
    )
    assert drawn[0] == ["…3…", "…11…"]
    assert [line.replace(" ", "") for line in drawn[1]] == [word.replace(" ", "") for word in words]


def test_of_a_hundred_layers_the_candidates_and_the_detail_stay_in_sight(
    browser: Browser, address: str
) -> None:
    open_run(browser, address, "training", width=390)
    browser.wait("document.querySelector('.detail svg')")
    found = browser.run(
        """(async () => {
          const { element } = await import("./widgets.js");
          const { heatmap } = await import("./heatmap.js");
          const host = document.body.appendChild(element("div", {}));
          const rows = Array.from({ length: 100 }, (_, n) => `layer.${n}`);
          heatmap(host, { label: "", rows, columns: ["relu", "tanh"], values: rows.map(() => [0.5, 0.5]) });
          host.style.width = "300px"; // a phone that is turned
          await new Promise((done) => setTimeout(done, 200));
          const wide = Number(host.querySelector("[role=img]").getAttribute("width"));
          host.scrollTop = 900;
          const [at, head] = [host, host.querySelector(".head")].map((e) => e.getBoundingClientRect());
          const grid = host.querySelector("[role=img]");
          return [wide, at.height / window.innerHeight, head.top - at.top, grid.tabIndex];
        })()"""
    )
    assert found[0] <= 300
    assert found[1:] == [pytest.approx(0.75, abs=0.01), pytest.approx(0, abs=1), -1]


def test_of_forty_candidates_the_names_of_layers_stay_in_sight(browser: Browser, address: str) -> None:
    open_run(browser, address, "vast", width=390)
    browser.wait("document.querySelector('.detail svg')")
    browser.run("document.querySelector('.heatmap').scrollTo(9999, 900)")
    places = browser.run(
        """(() => {
          const map = document.querySelector(".heatmap");
          const place = (e) => e.getBoundingClientRect();
          const at = place(map);
          const rows = ["name", "row"].map((kind) => place(map.querySelector(`.${kind}[data-row='55']`)));
          const over = document.elementFromPoint(at.left + 5, rows[0].top + 5).closest("svg").classList.value;
          const last = place(map.querySelector("[data-row='55'] [data-column=candidate39]"));
          const [name, row] = rows;
          return [map.scrollLeft, name.left - at.left, name.top - row.top, over, at.right - last.right];
        })()"""
    )
    assert places[0] > 300
    assert places[1:4] == [pytest.approx(0, abs=1), pytest.approx(0, abs=1), "names"]
    assert places[4] >= 0
    browser.click("[data-row='60'] text")
    browser.wait("document.querySelector('.detail h3').textContent === 'net.60'")


def test_a_candidate_has_one_color_in_all_charts_of_a_layer(browser: Browser, address: str) -> None:
    open_run(browser, address, "training")
    browser.click("[data-row='3'] text")
    browser.wait("document.querySelector('.detail h3')?.textContent === 'net.3'")
    script = """[1, 3].map((place) =>
        [...document.querySelectorAll(`.detail .charts > div:nth-child(${place}) .legend span`)].map(
            (e) => [e.textContent.split(" ")[0], e.querySelector("i").classList.item(1)]))"""
    functions, weights = map(dict, browser.run(script))
    assert next(iter(weights)) == "candidate3"
    assert len(set(weights.values())) == 4
    assert {name: functions[name] for name in weights} == weights


def test_what_was_chosen_stays_when_the_record_is_read_again(browser: Browser, address: str) -> None:
    open_run(browser, address, "training")
    browser.click("[data-row='2'] text")
    browser.slide("input[type=range]", 4)
    browser.wait("document.querySelector('.step').textContent === '50 of 200'")
    browser.run("document.querySelector('.detail').remove()")
    browser.click(".bar button")
    browser.wait("document.querySelector('.detail h3')?.textContent === 'net.2'")
    assert browser.run("document.querySelector('.step').textContent") == "50 of 200"
    assert browser.run("document.querySelector('input[type=range]').ariaValueText") == "50 of 200"


@pytest.mark.long
def test_keys_move_through_the_layers(browser: Browser, address: str) -> None:
    open_run(browser, address, "training")
    browser.wait("document.querySelector('.detail h3')")
    browser.run("document.querySelector('.heatmap svg[role=listbox]').focus()")
    browser.press("ArrowDown")
    browser.wait("document.querySelector('.detail h3').textContent === 'net.1'")
    browser.press("PageDown")
    browser.wait("document.querySelector('.detail h3').textContent === 'net.5'")
    browser.press("ArrowUp")
    browser.wait("document.querySelector('.detail h3').textContent === 'net.4'")
    for chosen in (".row.selected", "[role=option][aria-selected=true]"):
        assert browser.run(f"document.querySelectorAll('{chosen}').length") == 1


def test_the_search_page_shows_trials_beliefs_and_looks_with_the_original(
    browser: Browser, address: str
) -> None:
    open_run(browser, address, "search")
    browser.wait("document.querySelectorAll('svg').length >= 5")

    def count(figure: str, shape: str) -> int:
        return int(browser.run(f"document.querySelectorAll('[data-figure={figure}] {shape}').length"))

    assert count("progress", "circle") == 4
    assert count("progress", "circle.chosen") == count("progress", "circle.original") == 1
    assert count("progress", "line.original") == 1
    assert count("beliefs", "line.original") == count("beliefs", "line.chosen") == 1
    assert count("looks", "line.chosen") == 2
    ends = [attributes(browser, "[data-figure=looks] line.chosen", end) for end in ("y1", "y2")]
    lengths = [abs(float(low) - float(high)) for low, high in zip(*ends, strict=True)]
    assert lengths[0] > 1.5 * lengths[1] > 0
    assert count("looks", "line.original") == count("differences", "line.original") == 1
    browser.click("[data-figure=progress] circle.chosen")
    browser.wait("document.querySelector('.picked-training h3')")
    said = browser.run("document.querySelector('.picked-training').textContent")
    assert "trial 2 (seed 2): tanh · gelu, 0.3" in said
    assert browser.run("document.querySelector('.picked-training path.line.chosen') !== null")
    browser.run("document.querySelector('[data-figure=progress] svg').focus()")
    browser.press("ArrowLeft")
    browser.wait("document.querySelector('.picked-training h3').textContent.startsWith('trial 1 ')")


def test_a_search_without_a_result_says_how_far_it_was_and_when(browser: Browser, address: str) -> None:
    open_run(browser, address, "going-on")
    said = browser.run("document.querySelector('#page').textContent")
    assert "No verdict yet" in said
    assert "4.5 of about 6 trainings are done. The last one ended at " in said
    assert browser.run("new Date(1010000).toLocaleString()") in said


@pytest.mark.long
def test_names_are_text_and_what_is_damaged_is_told(browser: Browser, address: str) -> None:
    open_run(browser, address, "search")
    assert NAME in browser.run("document.querySelector('#page').textContent")
    assert browser.run("document.querySelectorAll('img').length") == 0
    assert browser.run("window.harmed") is None
    open_run(browser, address, "worn")
    assert "version 99" in browser.run("document.querySelector('.failures').textContent")


@pytest.mark.long
def test_light_and_dark_follow_the_system(browser: Browser, address: str) -> None:
    colors = []
    for dark in (False, True):
        open_run(browser, address, "training", dark=dark)
        browser.wait("document.querySelector('.detail path.chosen')")
        colors.append(
            browser.run(
                "[getComputedStyle(document.body).backgroundColor,"
                "getComputedStyle(document.querySelector('.detail path.line.chosen')).stroke,"
                "getComputedStyle(document.querySelector('.cell')).fill]"
            )
        )
    assert all(light != dark for light, dark in zip(*colors, strict=True))


@pytest.mark.long
def test_a_narrow_page_does_not_scroll_sideways(browser: Browser, address: str) -> None:
    for run in ("training", "search", "vast"):
        open_run(browser, address, run, width=390)
        browser.wait("document.querySelector('svg')")
        assert browser.run("document.documentElement.scrollWidth") <= 390


@pytest.mark.long
def test_100_layers_40_candidates_and_200_steps_take_less_than_200_ms(browser: Browser, address: str) -> None:
    """In processor time of the page's thread: other processes of a busy machine do not count."""
    open_run(browser, address, "vast")
    browser.wait("document.querySelector('.detail svg')")
    browser.call("Performance.enable", timeDomain="threadTicks")

    def spent() -> float:
        browser.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        metrics = browser.call("Performance.getMetrics")["metrics"]
        return 1000 * next(float(each["value"]) for each in metrics if each["name"] == "TaskDuration")

    before = spent()
    browser.slide("input[type=range]", 100)
    browser.wait("document.querySelector('.step').textContent.startsWith('1010')")
    slid = spent()
    click = "new Event('click', { bubbles: true })"
    browser.run(f"document.querySelector('[data-row=\"50\"]').dispatchEvent({click})")
    browser.wait("document.querySelector('.detail h3').textContent === 'net.50'")
    clicked = spent()
    took = {"slide": slid - before, "click": clicked - slid}
    assert all(0 < milliseconds < 200 for milliseconds in took.values()), json.dumps(took)


def test_the_page_asks_for_nothing_from_elsewhere(browser: Browser, address: str) -> None:
    browser.requests.clear()
    browser.errors.clear()
    open_run(browser, address, "search")
    own = address.split("data/")[0]
    assert len(browser.requests) >= 6
    assert [asked for asked in browser.requests if not asked.startswith(own)] == []
    assert [error for error in browser.errors if "favicon" not in error] == []


def test_the_files_are_those_of_the_package() -> None:
    static = Path(autoact.dashboard.__file__).parent / "static"
    assert {path.name for path in static.iterdir()} == {
        "dashboard.js",
        "heatmap.js",
        "report.js",
        "views.js",
        "widgets.css",
        "widgets.js",
    }
