"""Classes of a run come from the user's files, as what they have to be, and never from the run directory."""

from pathlib import Path
from typing import Any

import pytest

from autoact.errors import ConfigurationError
from autoact.search import Settings
from autoact.training.configuration import Component, load_configuration, read_stored

TOUCH = {"class_path": "subprocess.Popen", "init_args": {"args": ["touch", "ran"]}}


def test_what_a_run_keeps_makes_the_same_model(user_folder: Path) -> None:
    found = load_configuration(user_folder / "config.yaml")
    again = read_stored(found.to_dict(), user_folder / "run")
    assert (again.model, again.trainer, again.search) == (found.model, found.trainer, found.search)


def test_nothing_is_imported_from_a_run_directory(user_folder: Path) -> None:
    kept = load_configuration(user_folder / "config.yaml").to_dict()
    run = user_folder / "run"
    run.mkdir()
    (run / "planted.py").write_text("open('ran', 'w')")
    planted = {**kept["configuration"], "model": {"class_path": "planted.Model"}}
    for folder in (run, run / ".." / "run", run / "deeper"):
        changed = {**kept, "configuration": planted, "folders": [str(user_folder), str(folder)]}
        with pytest.raises(
            ConfigurationError, match=r"config\.yaml, source\.folders: .* is in the run directory"
        ):
            read_stored(changed, run)
    with pytest.raises(ConfigurationError, match=r"cannot import 'planted\.Model'"):
        read_stored({**kept, "configuration": planted}, run)


@pytest.mark.parametrize("key", ["model", "data"])
def test_a_class_of_another_kind_is_not_made(
    user_folder: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.chdir(user_folder)
    kept = load_configuration("config.yaml").to_dict()
    with pytest.raises(ConfigurationError, match=r"subprocess\.Popen is not a Lightning(Data)?Module"):
        read_stored({**kept, "configuration": {**kept["configuration"], key: TOUCH}}, Path("run"))
    assert not Path("ran").exists()


@pytest.mark.parametrize("name", ["file", "folders", "configuration"])
@pytest.mark.parametrize("value", [None, 3, [], [3], {"a": 1}])
def test_a_source_of_another_form_is_named(user_folder: Path, name: str, value: Any) -> None:
    kept = load_configuration(user_folder / "config.yaml").to_dict()
    with pytest.raises(ConfigurationError) as refused:
        read_stored({**kept, name: value}, user_folder / "run")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["sampler", "pruner"])
@pytest.mark.parametrize(
    "given", [TOUCH, "subprocess.Popen", {**TOUCH, "more": 1}, {"class_path": 3}, {"init_args": {}}, [TOUCH]]
)
def test_a_sampler_or_pruner_of_another_class_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, given: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=rf"^{name} is .*; it must be an optuna\.{name}s\.Base"):
        Settings(**{name: given})
    assert not list(tmp_path.iterdir())


def test_a_class_without_its_module_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"class_path is 'median'; it must be 'module\.Class'"):
        Component(class_path="median").load()
