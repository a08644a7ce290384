"""The source of a run is read as it was kept, and nothing else is taken for one."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autoact.errors import ConfigurationError
from autoact.records import RunDirectory
from autoact.search.outcome import TableSource, kept_source, source_of
from autoact.training.configuration import Configuration, load_configuration
from autoact.training.tasks import Task, get_task

TABLE = TableSource(data="/data/wine.csv", target="quality", problem=None, sha256="5f")
CONFIGURATION = """
model: {class_path: autoact.training.tasks.DigitsModel}
data: {class_path: autoact.training.tasks.DigitsData}
trainer: {max_epochs: 1}
"""


def run_of(source: dict[str, Any] | None, folder: Path) -> RunDirectory:
    return RunDirectory.create(folder / "run", {"source": source})


def test_tasks_tables_and_python_are_read_as_they_were_kept(tmp_path: Path) -> None:
    sources: tuple[Task | TableSource, ...] = get_task("digits"), TABLE, replace(TABLE, groups="vineyard")
    for number, source in enumerate(sources):
        assert source_of(run_of(kept_source(source), tmp_path / str(number))) == source
    assert source_of(run_of(None, tmp_path)) is None


def test_a_table_of_an_earlier_version_has_neither_groups_nor_times(tmp_path: Path) -> None:
    earlier = {name: value for name, value in kept_source(TABLE).items() if name not in ("groups", "time")}
    assert source_of(run_of(earlier, tmp_path)) == TABLE


def test_a_configuration_makes_the_same_again(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(CONFIGURATION)
    found = load_configuration(file)
    again = source_of(run_of(kept_source(found), tmp_path))
    assert isinstance(again, Configuration)
    assert again.to_dict() == found.to_dict()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"task": "digit"}, "No task named 'digit'. Did you mean 'digits'?"),
        (
            {"data": "wine.csv"},
            "source: expected data, target, problem, groups, time, sha256; got {'data': 'wine.csv'}",
        ),
    ],
)
def test_what_cannot_be_made_again_is_named_with_its_file(
    tmp_path: Path, source: dict[str, Any], said: str
) -> None:
    run = run_of(source, tmp_path)
    with pytest.raises(ConfigurationError) as error:
        source_of(run)
    assert said in str(error.value)
    assert str(run.configuration_file) in str(error.value)
