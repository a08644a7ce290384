"""The plugin's side of HTTP: what is served, to whom, and that nothing outside of the log directory is."""

import json
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from tensorboard.plugins.base_plugin import TBContext
from werkzeug.test import Client

from autoact.dashboard import DashboardPlugin
from autoact.dashboard import _plugin as plugin
from tests.dashboard.conftest import layers_record, search_record, write

ROOT = Path(__file__).parents[2]


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    write(tmp_path / "secret", search_record())
    write(tmp_path / "logs" / "training", layers_record(2, 3, 4))
    write(tmp_path / "logs" / "search", search_record())
    return tmp_path / "logs"


def get(logs: Path, path: str, **query: Any) -> tuple[int, Any]:
    app = DashboardPlugin(TBContext(logdir=str(logs))).get_plugin_apps()[path]
    answer = Client(app).get(path, query_string=query)
    return answer.status_code, json.loads(answer.text) if answer.is_json else answer


def test_runs_and_what_their_records_say_are_served(logs: Path) -> None:
    assert get(logs, "/runs") == (200, ["search", "training"])
    assert get(logs, "/run", run="training")[1]["steps"] == [10, 20, 30, 40]
    assert get(logs, "/run", run="search")[1]["result"]["headline"] == "Improved"
    assert len(get(logs, "/layer", run="training", layer=1)[1]["functions"]) == 2


@pytest.mark.parametrize(
    "run", ["../secret", "/etc", "training/../../secret", "%2e%2e/secret", "", "training\0"]
)
def test_a_name_leads_nowhere_but_to_a_run_that_was_found(logs: Path, run: str) -> None:
    status, content = get(logs, "/run", run=run)
    assert (status, content["error"]) == (404, "There is no such run below the log directory.")


def test_only_files_of_the_package_are_served(logs: Path) -> None:
    apps = DashboardPlugin(TBContext(logdir=str(logs))).get_plugin_apps()
    assert set(apps) == {
        *("/runs", "/run", "/layer"),
        *("/dashboard.js", "/heatmap.js", "/report.js", "/views.js", "/widgets.js", "/widgets.css"),
    }
    _, answer = get(logs, "/widgets.js")
    assert answer.content_type == "text/javascript; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_record_that_cannot_be_read_is_told_and_an_answer_is_bounded(
    logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (logs / "training" / "autoact.jsonl").write_text('{"autoact": 1, "kind": "layers"}\n')
    status, content = get(logs, "/run", run="training")
    assert status == 422
    assert content["error"].startswith("The record of this run cannot be read")
    assert get(logs, "/layer", run="search", layer="x")[0] == 422
    monkeypatch.setattr(plugin, "MOST_BYTES", 100)
    status, content = get(logs, "/run", run="search")
    assert (status, content["error"][:34]) == (413, "The record of this run is larger t")


def test_without_records_there_is_no_tab(tmp_path: Path) -> None:
    for logdir in ("", str(tmp_path), str(tmp_path / "missing")):
        assert not DashboardPlugin(TBContext(logdir=logdir)).is_active()
    write(tmp_path / "run", search_record())
    assert DashboardPlugin(TBContext(logdir=str(tmp_path))).is_active()


def test_tensorboard_finds_the_plugin_by_its_entry_point() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    module, _, name = project["entry-points"]["tensorboard_plugins"]["autoact"].partition(":")
    assert getattr(import_module(module), name) is DashboardPlugin


def test_the_plugin_loads_neither_torch_nor_the_rest_of_the_package() -> None:
    code = "import sys; from autoact.dashboard import DashboardPlugin; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = set(found.stdout.split())
    assert not loaded & {"torch", "lightning", "optuna", "sympy", "scipy", "matplotlib", "jinja2"}
    ours = {name for name in loaded if name.startswith("autoact.")}
    assert {name for name in ours if not name.startswith("autoact.dashboard")} == {
        "autoact._names",
        "autoact._on_import",
    }
