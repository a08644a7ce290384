"""Whatever a space, a configuration, an assignment or a table holds: it is read, or refused in one line.

`FUZZ=10000 python -m pytest -n 0 tests/cli/test_any_input.py` tries so many other files of each kind.
"""

import os
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from autoact.cli._request import read_request
from autoact.cli._search import search_parser
from autoact.errors import AutoActError
from autoact.spaces import Assignment, SearchSpace
from autoact.tabular import load_task

LONG = int(os.environ.get("FUZZ", "0"))

SPACE = """\
version: 1
name: mine
candidates: {families: [bell, periodic], include: [relu], exclude: [gcu]}
layers:
  - {match: "*.head.*", keep: true}
  - {match: "enc.*", depth: first quarter, share: group, candidates: [gelu, silu]}
require: {bounded: false, smoothness: 0}
bounds: {swish: {beta: [0.5, 5]}, prelu: {slope: 0.25}}
relaxation: {kind: softmax, granularity: layer, temperature: 1.0}
"""
ASSIGNMENT = """\
version: 1
name: chosen
layers:
  net.1: {activation: relu, parameters: {}}
  net.3: {activation: elu, parameters: {alpha: 0.7}}
  "=x": {activation: prelu, parameters: {slope: [0.1, 0.2]}}
"""
CONFIGURATION = """\
seed_everything: null
model:
  class_path: tests.search.models.Curve
  init_args: {lr: 0.01}
data: {class_path: tests.search.models.CurveData}
trainer: {max_epochs: 3, accelerator: cpu, limit_val_batches: 1.0, callbacks: null}
optimizer: {class_path: torch.optim.Adam, init_args: {lr: 0.01}}
space: {candidates: [relu, tanh]}
search:
  monitor: val_loss
  mode: min
  budget: 4
  seeds: 3
  looks: [2, 3]
  hours: 1.5
  storage: null
  parameters: {model.lr: {log: [1e-4, 1e-1]}}
  pruner: {class_path: optuna.pruners.MedianPruner, init_args: {n_startup_trials: 2}}
"""
CITIES, FEES = ("Rome", "Oslo", ""), (3e2, "$6", "7%", "")
TABLE = 'age,city,"a, b",when,x,y\n' + "".join(
    f'"{20 + n}",{CITIES[n % 3]},"{n},5",2021-0{1 + n % 9}-02,{FEES[n % 4]},{n % 2}\n' for n in range(16)
)
STRANGE = """1 -1 0 .inf -.inf .nan true ~ null [] {} [[]] {a:b} {[1]:2} 1e999 1e-400 2020-13-45 *a &a
!!python/object:os !!binary ' " \\0 é - : <<:*a 12:30:00 [relu,[tanh]] relu [1,0.5] {relu:1}
99999999999999999999 10000000000000000000000000000000 =1 @x ../.. /dev/null "" \\x1b[31m os.system
torch.nn.ReLU {class_path:os.system} 0x1F 0b1 1_000 nan inf ${HOME} {{7*7}} %s
# ; | > ? , \ufeff 𝕏 ﷽ \u202e""".split()
MARKS = [
    "\t",
    "\0",
    "\n",
    "\r",
    "\r\n",
    "\n\n",
    "- ",
    ": ",
    "{",
    "[",
    ",",
    '"',
    "'",
    "a" * 5000,
    "9" * 5000,
    "[" * 300,
    "\u2028",
]
PIECES = (
    st.sampled_from([*STRANGE, *MARKS]) | st.text(max_size=8) | st.integers().map(str) | st.floats().map(str)
)


def changed(text: str) -> st.SearchStrategy[bytes]:
    """Return texts like one: words and lines replaced, dropped or doubled, cut short, or as other bytes."""
    words = [match.span() for match in re.finditer(r"[\w.*$%=-]+|\[[^\]]*\]|\{[^}]*\}", text)]
    lines = text.splitlines(keepends=True)
    places = st.integers(0, len(text))
    one = st.one_of(
        st.builds(lambda w, p: [(*w, p)], st.sampled_from(words), PIECES),
        st.builds(
            lambda w, v: [(*w, p) for w, p in zip([w, v], ["a", "a"], strict=True)],
            *[st.sampled_from(words)] * 2,
        ),
        st.builds(lambda at, p: [(at, at, p)], places, PIECES),
        st.builds(lambda at: [(at, len(text), "")], places),
    )

    def apply(edits: list[tuple[int, int, str]], order: list[int], raw: bytes, at: int) -> bytes:
        found = text
        for start, end, piece in sorted(edits, reverse=True):
            found = found[:start] + piece + found[end:]
        kept = found.splitlines(keepends=True)
        if order:
            kept = [kept[n % len(kept)] for n in order] if kept else kept
        content = "".join(kept).encode("utf-8", "surrogatepass")
        return content[:at] + raw + content[at:]

    edits = st.lists(one, min_size=1, max_size=3).map(lambda found: [edit for each in found for edit in each])
    order: st.SearchStrategy[list[int]] = st.just([]) | st.lists(
        st.integers(0, len(lines)), min_size=1, max_size=2 * len(lines)
    )
    return st.builds(apply, edits, order, st.just(b"") | st.binary(max_size=3), places)


def request(file: Path) -> Any:
    return read_request(search_parser().parse_args(["--config", str(file)]))


def table(file: Path) -> Any:
    return load_task(file, "y", seed=0)


KINDS: dict[str, tuple[str, Callable[[Path], Any], int]] = {
    "space": (SPACE, SearchSpace.load, 100),
    "assignment": (ASSIGNMENT, Assignment.load, 150),
    "configuration": (CONFIGURATION, request, 25),
    "table": (TABLE, table, 100),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.slow
def test_any_file_is_read_or_refused_in_one_line(
    kind: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, read, few = KINDS[kind]
    folder = tmp_path_factory.mktemp(kind)
    monkeypatch.chdir(folder)
    file = folder / ("table.csv" if kind == "table" else "file.yaml")

    file.write_text(text)
    read(file)  # as it is, it is read

    @settings(
        max_examples=LONG or few,
        derandomize=not LONG,
        deadline=None,
        suppress_health_check=[*HealthCheck],
    )
    @given(changed(text))
    @example(b"a" * 5000)
    def check(content: bytes) -> None:
        file.write_bytes(content)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                read(file)
        except AutoActError as error:
            said = " ".join(str(error).split())  # as the command line prints it
            assert said
            assert len(said) < 2000

    check()
    assert [each.name for each in folder.iterdir()] == [file.name]
