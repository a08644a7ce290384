"""Whatever is wrong in a search space: exit status 2, and one line with file, line, key and remedy."""

from pathlib import Path

import pytest

from autoact.cli import main

HEAD = "version: 1\nname: mine\n"
GOOD = f"{HEAD}candidates: [relu, tanh]\n"

# (text, line, key, what else the message says: the value that came, what is allowed, what to do)
MALFORMED = {
    "not a mapping": ("- relu\n- tanh\n", 1, "", ["expected a mapping with version, name, candidates"]),
    "no candidates": (HEAD, 1, "", ["'candidates' is missing: a list of activation names"]),
    "unclosed list": (f"{HEAD}candidates: [relu\n", 4, "", ["not valid YAML"]),
    "tab": (f"{HEAD}candidates:\n\t- relu\n", 4, "", ["not valid YAML", "'\\t'"]),
    "same key twice": (f"{GOOD}candidates: [gelu]\n", 4, "", ["given twice (first on line 3)"]),
    "unknown key": (f"{GOOD}layer: []\n", 4, "layer", ["Did you mean 'layers'?"]),
    "number as key": (f"{GOOD}3: relu\n", 4, "3", ["unknown key 3; allowed: version"]),
    "newer version": (
        "version: 2\ncandidates: [relu]\n",
        1,
        "version",
        ["reads version 1; got 2", "update the clone that autoact is installed from"],
    ),
    "version 0": ("version: 0\ncandidates: [relu]\n", 1, "version", ["got 0", "Write version: 1"]),
    "version as text": ("version: '1'\ncandidates: [relu]\n", 1, "version", ["got '1'", "Write version: 1"]),
    "version as truth": (
        "version: yes\ncandidates: [relu]\n",
        1,
        "version",
        ["got True", "Write version: 1"],
    ),
    "name as list": ("name: [a]\ncandidates: [relu]\n", 1, "name", ["got ['a']", "in quotes"]),
    "name as number": ("name: 7\ncandidates: [relu]\n", 1, "name", ["got 7", "in quotes"]),
    "misspelled": (f"{HEAD}candidates:\n  - relu\n  - tahn\n", 5, "candidates[1]", ["Did you mean 'tanh'?"]),
    "truth as name": (f"{HEAD}candidates: [relu, on]\n", 3, "candidates[1]", ["named True"]),
    "number as name": (f"{HEAD}candidates: [relu, 1]\n", 3, "candidates[1]", ["named 1"]),
    "null as name": (f"{HEAD}candidates: [relu, ~]\n", 3, "candidates[1]", ["named None"]),
    "listed twice": (
        f"{HEAD}candidates: [relu, tanh, relu]\n",
        3,
        "candidates",
        ["'relu' is listed twice; remove"],
    ),
    "no names": (
        f"{HEAD}candidates: []\n",
        3,
        "candidates",
        ["at least one", "such as [relu, tanh]; got []"],
    ),
    "nothing": (f"{HEAD}candidates:\n", 3, "candidates", ["at least one", "got None"]),
    "a word": (f"{HEAD}candidates: relu\n", 3, "candidates", ["such as [relu, tanh]; got 'relu'"]),
    "unknown family": (
        f"{HEAD}candidates:\n  families: [rectifier, periodc]\n",
        4,
        "candidates.families[1]",
        ["Did you mean 'periodic'?"],
    ),
    "family as word": (f"{HEAD}candidates: {{families: bell}}\n", 3, "candidates.families", ["got 'bell'"]),
    "family key": (
        f"{HEAD}candidates:\n  family: [bell]\n",
        4,
        "candidates.family",
        ["Did you mean 'families'?"],
    ),
    "unknown include": (
        f"{HEAD}candidates:\n  families: [bell]\n  include: [sine]\n",
        5,
        "candidates.include[0]",
        ["Did you mean 'sin"],
    ),
    "exclude not in": (
        f"{HEAD}candidates:\n  families: [bell]\n  exclude:\n    - gaussian\n    - relu\n",
        7,
        "candidates.exclude[1]",
        ["'relu' is not among garf, gaussian; remove it"],
    ),
    "all excluded": (
        f"{HEAD}candidates:\n  families: [bell]\n  exclude: [gaussian, garf]\n",
        3,
        "candidates",
        ["No candidate is left of bell"],
    ),
    "nothing fits": (
        f"{HEAD}candidates: {{families: [shrink]}}\nrequire: {{bounded: true}}\n",
        3,
        "candidates",
        ["No candidate is left of shrink", "softshrink is not bounded"],
    ),
    "only exclude": (
        f"{HEAD}candidates: {{exclude: [relu]}}\n",
        3,
        "candidates",
        ["give `families` or `include`"],
    ),
    "not smooth": (
        f"{HEAD}candidates:\n  - tanh\n  - relu\nrequire: {{smoothness: 2}}\n",
        5,
        "candidates[1]",
        ["relu has 0 continuous derivatives, 2 are required", "Remove 'relu'"],
    ),
    "not smooth when learned": (
        f"{HEAD}candidates: [tanh, elu]\nrequire: {{smoothness: 1}}\n",
        3,
        "candidates[1]",
        ["with alpha = 0", "Fix it with `bounds: {elu: {alpha: 1}}`"],
    ),
    "not bounded": (
        f"{HEAD}candidates: [tanh, silu]\nrequire: {{bounded: true}}\n",
        3,
        "candidates[1]",
        ["silu is not bounded", "Remove 'silu'"],
    ),
    "negative in a rule": (
        f"{HEAD}candidates: [relu]\nrequire: {{output: nonnegative}}\nlayers:\n"
        "  - match: head\n    candidates: [tanh]\n",
        7,
        "layers[0].candidates[0]",
        ["tanh has negative outputs", "Remove 'tanh'"],
    ),
    "require as word": (f"{GOOD}require: smooth\n", 4, "require", ["expected a mapping with smoothness"]),
    "unknown requirement": (
        f"{GOOD}require: {{smooth: 2}}\n",
        4,
        "require.smooth",
        ["Did you mean 'smoothness'?"],
    ),
    "half a derivative": (
        f"{GOOD}require:\n  smoothness: 1.5\n",
        5,
        "require.smoothness",
        ["0, 1, 2, ... up to 8; got 1.5"],
    ),
    "bounded as number": (f"{GOOD}require:\n  bounded: 1\n", 5, "require.bounded", ["true or false; got 1"]),
    "unknown output": (
        f"{GOOD}require: {{output: positive}}\n",
        4,
        "require.output",
        ["one of nonnegative; got 'positive'"],
    ),
    "relaxation as word": (f"{GOOD}relaxation: softmax\n", 4, "relaxation", ["expected a mapping with kind"]),
    "unknown kind": (
        f"{GOOD}relaxation:\n  kind: softmx\n",
        5,
        "relaxation.kind",
        ["Did you mean 'softmax'?"],
    ),
    "cold": (f"{GOOD}relaxation: {{temperature: 0}}\n", 4, "relaxation.temperature", ["above 0; got 0"]),
    "endless": (
        f"{GOOD}relaxation: {{temperature: .inf}}\n",
        4,
        "relaxation.temperature",
        ["above 0; got inf"],
    ),
    "granularity": (
        f"{GOOD}relaxation: {{granularity: chanel}}\n",
        4,
        "relaxation.granularity",
        ["Did you mean 'channel'?"],
    ),
    "rules as mapping": (
        f"{GOOD}layers: {{match: 'a'}}\n",
        4,
        "layers",
        ["expected a list like [{match: 'net.*'}]"],
    ),
    "rule as word": (f"{GOOD}layers: [net]\n", 4, "layers[0]", ["expected a mapping with match"]),
    "rule without match": (
        f"{GOOD}layers:\n  - keep: true\n",
        5,
        "layers[0]",
        ["'match' is missing: a glob"],
    ),
    "match as number": (f"{GOOD}layers:\n  - match: 3\n", 5, "layers[0].match", ["such as 'net.*'; got 3"]),
    "rule key": (
        f"{GOOD}layers:\n  - match: a\n    mach: b\n",
        6,
        "layers[0].mach",
        ["Did you mean 'match'?"],
    ),
    "keep as text": (
        f"{GOOD}layers:\n  - match: a\n    keep: 'yes'\n",
        6,
        "layers[0].keep",
        ["true or false; got 'yes'"],
    ),
    "share": (
        f"{GOOD}layers:\n  - match: a\n    share: grup\n",
        6,
        "layers[0].share",
        ["Did you mean 'group'?"],
    ),
    "depth": (
        f"{GOOD}layers:\n  - match: a\n    depth: frist half\n",
        6,
        "layers[0].depth",
        ["Did you mean 'first half'?"],
    ),
    "depth reversed": (
        f"{GOOD}layers:\n  - match: a\n    depth: [1, 0]\n",
        6,
        "layers[0].depth",
        ["0 <= low < high <= 1; got [1, 0]"],
    ),
    "kept and searched": (
        f"{GOOD}layers:\n  - match: a\n    keep: true\n    candidates: [relu]\n",
        5,
        "layers[0]",
        ["remove `candidates` and `share`, or `keep`"],
    ),
    "rule that never counts": (
        f"{GOOD}layers:\n  - match: 'net.*'\n  - match: 'net.head.*'\n",
        6,
        "layers[1]",
        ["never counts", "layers[0] (match: 'net.*')", "Put it before"],
    ),
    "bounds as list": (f"{GOOD}bounds: [elu]\n", 4, "bounds", ["bounds are like {elu: {alpha: 1}"]),
    "bounds of a stranger": (f"{GOOD}bounds:\n  hil: {{n: 2}}\n", 5, "bounds.hil", ["Did you mean 'hill'?"]),
    "bounds of what is not there": (
        f"{GOOD}bounds:\n  elu: {{alfa: 2}}\n",
        5,
        "bounds.elu.alfa",
        ["Did you mean 'alpha'?"],
    ),
    "bounds too wide": (
        f"{GOOD}bounds:\n  hill:\n    n: [0, 2]\n",
        6,
        "bounds.hill.n",
        ["lies in [1, inf]; got 0.0"],
    ),
    "bounds reversed": (
        f"{GOOD}bounds:\n  hill:\n    n: [3, 2]\n",
        6,
        "bounds.hill.n",
        ["write the smaller number first"],
    ),
    "bounds as number": (f"{GOOD}bounds: {{elu: 1}}\n", 4, "bounds.elu", ["like {alpha: [0.5, 2]}; got 1"]),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_space_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text, line, key, said = MALFORMED[name]
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(text)
    assert main(["search", "--task", "digits", "--space", "mine.yaml", "--out", "run", "--quiet"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    place = f"autoact: mine.yaml, line {line}{f', {key}' if key else ''}: "
    assert captured.err.startswith(place), captured.err
    assert [part for part in said if part not in captured.err.removeprefix(place)] == [], captured.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.yaml"]


def test_the_space_around_the_mistakes_is_right(tmp_path: Path) -> None:
    from autoact.spaces import SearchSpace

    (tmp_path / "mine.yaml").write_text(f"{GOOD}layers: [{{match: a, depth: first half, keep: true}}]\n")
    assert SearchSpace.load(tmp_path / "mine.yaml").candidates == ("relu", "tanh")


def test_there_are_enough_of_them() -> None:
    assert len(MALFORMED) >= 50
