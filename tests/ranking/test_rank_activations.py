"""Rankings are trained once, go on where they were, and refuse what is another one by now."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sympy as sp

import autoact
from autoact.errors import ConfigurationError, RunDirectoryError, UnknownActivationError
from autoact.ranking import Ranking, opponents, rank_activations, require_finite
from autoact.spaces.files import load, write_yaml
from autoact.training.tasks import Task, get_task

BRIEF = {"max_epochs": 1, "accelerator": "cpu"}


def brief(name: str) -> Task:
    return replace(get_task(name), trainer=BRIEF)


def ranked(out: Path, **settings: Any) -> Ranking:
    settings = {"tasks": [brief("cancer")], "against": ["relu"], "seeds": 2, "quiet": True, **settings}
    return rank_activations(["gelu"], out=out, **settings)


def lines(out: Path, task: str = "cancer") -> list[str]:
    return (out / f"{task}.jsonl").read_text().splitlines()


def test_all_that_come_with_autoact_are_opponents_and_relu_always() -> None:
    every = opponents(["gelu"], None)
    assert {"relu", "tanh", "silu"} <= set(every)
    assert "gelu" not in every
    assert all(autoact.get(name).family not in ("test", "example") for name in every)
    assert opponents(["relu"], ["GELU"]) == ("gelu",)
    with pytest.raises(UnknownActivationError, match="Did you mean 'gelu'"):
        opponents(["relu"], ["geluu"])


def test_what_is_not_finite_or_constant_is_refused_before_any_training(tmp_path: Path) -> None:
    @autoact.activation(family="test")
    def unbounded_log(x):
        """A logarithm that is not finite at 0."""
        return sp.log(sp.Abs(x))

    @autoact.activation(family="test")
    def ranked_constant(x):
        """No function of its input."""
        return 0 * x + 2

    with pytest.raises(ConfigurationError, match=r"'unbounded_log' has the value -inf at x = 0\.00"):
        rank_activations(["unbounded_log"], out=tmp_path / "out", tasks=[brief("cancer")])
    with pytest.raises(ConfigurationError, match="'ranked_constant' is constant, 2, on"):
        require_finite("ranked_constant")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"seeds": 1}, "seeds is 1; an interval needs 2"),
        ({"tasks": []}, "There is no task"),
        ({"tasks": [brief("cancer"), brief("cancer")]}, "Two tasks are named 'cancer'"),
        ({"tasks": [replace(brief("cancer"), name="a/b")]}, "'a/b' of a task is no name of a file"),
    ],
)
def test_what_cannot_be_ranked_is_told(tmp_path: Path, settings: Any, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        ranked(tmp_path / "out", **settings)


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("words")
    with pytest.raises(RunDirectoryError, match="holds no ranking, and is left untouched"):
        ranked(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.slow
def test_a_ranking_goes_on_where_it_was_and_grows(tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = ranked(out)
    known = lines(out)
    assert len(known) == 4
    assert first.ranks.keys() == {"gelu", "relu"}
    (out / "cancer.jsonl").write_text("\n".join(known[:3]) + "\n" + known[3][:20])  # killed while it wrote
    again = ranked(out)
    assert len(lines(out)) == 4
    for name, values in first.tasks[0].values.items():
        assert again.tasks[0].values[name] == pytest.approx(values, rel=1e-5)
    more = ranked(out, seeds=3, against=["tanh"], tasks=[brief("cancer"), brief("diabetes")])
    assert lines(out)[:3] == known[:3]
    assert len(lines(out)) == 9
    assert len(lines(out, "diabetes")) == 9
    assert more.tasks[0].values["gelu"][:2] == again.tasks[0].values["gelu"]
    assert [each.rows is not None for each in more.tasks[0].trainings["gelu"]] == [True] * 3
    with pytest.raises(ConfigurationError, match=r"seeds seed of the ranking in .* was another one"):
        ranked(out, seed=1)
    longer = replace(brief("cancer"), trainer={**BRIEF, "max_epochs": 2})
    with pytest.raises(ConfigurationError, match=r"trainer\.max_epochs was 1, is 2\. Give another folder"):
        ranked(out, tasks=[longer])
    asked = dict(load(out / "ranking.yaml").data)
    write_yaml(out / "ranking.yaml", {**asked, "activation": {"gelu": "x"}}, ended=True)
    with pytest.raises(ConfigurationError, match="activation gelu of the ranking"):
        ranked(out)
