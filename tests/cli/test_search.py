"""Options of `autoact search`: the plain fields of `Settings`; what is wrong with one is said in one line."""

import argparse
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from autoact.cli import main
from autoact.cli._search import search_parser, typed_settings
from autoact.records import RunDirectory
from autoact.search import Settings

OTHERS = {
    *(
        "help",
        "config",
        "task",
        "data",
        "resume",
        "accept_changes",
        "target",
        "problem",
        "groups",
        "time",
        "space",
        "out",
    ),
    *("dry_run", "quiet", "json"),
}
OBJECTS = {"trainer", "parameters", "sampler", "pruner", "resources"}  # Python and YAML only

CONFIG = """\
model: {class_path: tests.search.models.Curve}
data: {class_path: tests.search.models.CurveData}
trainer: {max_epochs: 1, accelerator: cpu}
search:
  budget: 2
"""


def options() -> dict[str, argparse.Action]:
    return {action.dest: action for action in search_parser()._actions}


UNKNOWN = {
    "model": {"class_path": "tests.search.models.Curve"},
    "data": {"class_path": "tests.search.models.CurveData"},
    "trainer": {"max_epochs": 1},
    "space": {"name": "own", "candidates": ["elq"]},
}


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the one line of complaint of a search that must not start."""
    assert main(["search", *arguments]) == 2
    shown = capsys.readouterr()
    (line,) = shown.err.splitlines()
    assert line.startswith("autoact: ")
    return line


def test_the_options_are_exactly_the_plain_fields_of_the_settings() -> None:
    plain = {item.name for item in fields(Settings)} - OBJECTS
    assert set(typed_settings()) == plain
    assert set(options()) - OTHERS == plain
    for name in plain:
        assert options()[name].option_strings == [f"--{name.replace('_', '-')}"]


def test_help_tells_type_meaning_and_default_of_each(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["search", "--help"])
    assert ended.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "--budget N full trainings to spend on the search, the mixture included" in text
    assert "--mode min|max" in text
    assert "--hours X" in text
    for item in fields(Settings):
        if item.name in typed_settings() and item.default is not None:
            assert f"(default: {item.default})" in text
    assert not {f"--{name}" for name in OBJECTS} & set(text.split())


def test_types_are_those_of_the_fields() -> None:
    given = search_parser().parse_args(
        "--task digits --budget 7 --hours 1.5 --mode max --monitor val_acc --selection-seeds 2".split()
    )
    assert (given.budget, given.hours, given.mode, given.selection_seeds) == (7, 1.5, "max", 2)
    for text, stack in (("16", 16), ("off", "off")):
        assert search_parser().parse_args(["--task", "digits", "--stack", text]).stack == stack
    assert given.seeds is None  # the settings have the defaults, and a file comes before them


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("--budgte 3", "Did you mean '--budget'?"),
        ("--selection_seed 3", "--selection-seeds"),
        ("--budget 2.5", "argument --budget: invalid int value: '2.5'"),
        ("--hours long", "argument --hours: invalid float value: 'long'"),
        ("--mode up", "mode"),
        ("--seeds", "argument --seeds: expected one argument"),
        ("--seed -1", "seed"),
    ],
)
def test_a_wrong_option_is_named_with_its_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], given: str, said: str
) -> None:
    complaint = refused(capsys, "--task", "digits", "--out", str(tmp_path / "run"), *given.split())
    assert said in complaint
    assert given.split()[-1] in complaint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("budgte: 3", "line 5, search.budgte: unknown key 'budgte'"),
        ("budgte: 3", "Did you mean 'budget'?"),
        ("budget: few", "line 5, search.budget: budget is 'few'; it must be an integer of at least 1"),
        ("sampler: optuna.samplers.TPESample", "line 5, search.sampler: "),
    ],
)
def test_a_wrong_key_or_value_of_a_file_is_named_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, said: str
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG.replace("budget: 2", line))
    complaint = refused(capsys, "--config", str(file), "--out", str(tmp_path / "run"))
    assert str(file) in complaint
    assert said in complaint
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"motel": {}}, "unknown key 'motel'"),
        (UNKNOWN, "No activation named 'elq'"),
        (None, "was started from Python"),
    ],
)
def test_what_is_wrong_in_the_configuration_of_a_run_is_named_with_its_file(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: dict[str, Any] | None,
    said: str,
) -> None:
    source = (
        {}
        if content is None
        else {"file": "search.yaml", "folders": [str(tmp_path)], "configuration": content}
    )
    run = RunDirectory.create(
        tmp_path / "run", {"task": "B", "study": "b", "space": {}, "search": {}, "source": source}
    )
    complaint = refused(capsys, "--resume", str(run.path))
    assert said in complaint
    assert "config.yaml" in complaint


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["cost"], "autoact cost my_model:NET"),
        (["export", "--weights", "mine.pt"], "autoact export my_model:NET"),
        (["invent", "--name", "mine"], "autoact.invention.invent("),
    ],
)
def test_what_takes_the_model_of_a_run_says_how_to_name_one_that_only_python_knows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str], said: str
) -> None:
    stored = {"task": "B", "study": "b", "space": {}, "search": {}, "source": {}}
    run = RunDirectory.create(tmp_path / "run", stored)
    assert main([command[0], str(run.path), *command[1:]]) == 2
    complaint = capsys.readouterr().err
    assert f"{run.path} was started from Python" in complaint
    assert said in complaint
    assert "run_search" not in complaint


@pytest.mark.slow
def test_an_option_comes_before_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG)
    assert main(["search", "--config", str(file), "--dry-run", "--budget", "5"]) == 0
    assert "5  search (1 mixture, 4 trials)" in capsys.readouterr().out
    assert main(["search", "--config", str(file), "--dry-run"]) == 0
    assert "2  search (1 mixture, 1 trial)" in capsys.readouterr().out
