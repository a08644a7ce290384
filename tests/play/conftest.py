"""The page in a browser, made once for all tests of the folder."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autoact.play import write_page
from tests.dashboard.browser import Browser, browsing


class Page:
    """The page of all tabs, open in a browser."""

    def __init__(self, browser: Browser, path: Path) -> None:
        self.browser, self.path = browser, path

    def open(self, tab: str, **look: Any) -> Browser:
        """Open a tab anew, and wait until it is drawn."""
        self.browser.open("about:blank")
        self.browser.errors.clear()
        self.browser.requests.clear()
        self.browser.open(f"{self.path.as_uri()}#{tab}", **look)
        self.browser.wait(f"document.querySelector('#panel-{tab}')?.dataset.drawn")
        return self.browser

    def call(self, module: str, function: str, *arguments: Any) -> Any:
        """Call a function of one of the page's modules; numbers that are not finite come as text."""
        plain = "(k, v) => typeof v === 'number' && !Number.isFinite(v) ? String(v) : v"
        given = ", ".join(map(json.dumps, arguments))
        made = f"JSON.stringify(autoactPlay.modules.{module}.{function}({given}), {plain})"
        return json.loads(self.browser.run(made))

    def choose(self, selector: str, value: str) -> None:
        """Choose an option of a select."""
        found = f"document.querySelector({json.dumps(selector)})"
        self.browser.run(f"{found}.value = {json.dumps(value)}, {found}.dispatchEvent(new Event('change'))")

    def drag(self, selector: str, *steps: tuple[float, float]) -> None:
        """Press the mouse in the middle of an element, move it by so many pixels, and let go."""
        box = f"document.querySelector({json.dumps(selector)}).getBoundingClientRect()"
        x, y = self.browser.run(
            f"(() => {{ const b = {box}; return [b.x + b.width / 2, b.y + b.height / 2]; }})()"
        )
        path = [(x + across, y + down) for across, down in ((0, 0), *steps)]
        kinds = ["mousePressed", *["mouseMoved"] * len(steps), "mouseReleased"]
        for kind, (at, level) in zip(kinds, [*path, path[-1]], strict=True):
            self.browser.call(
                "Input.dispatchMouseEvent", type=kind, x=at, y=level, button="left", buttons=1, clickCount=1
            )

    def fitted(self) -> Any:
        """Wait until the tab match has fitted the present target, and return its state."""
        self.browser.wait("document.querySelector('#panel-match [data-done]')")
        return self.state("match")

    def state(self, tab: str) -> Any:
        """Return what a tab says of itself for tests."""
        return self.browser.run(f"document.querySelector('#panel-{tab} > div').state()")


@pytest.fixture(scope="package")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    path = write_page(tmp_path_factory.mktemp("play") / "play.html")
    with browsing() as browser:
        yield Page(browser, path)
