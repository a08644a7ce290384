"""Questions of a run and the looks at each are kept in its configuration, whole or not at all."""

from pathlib import Path

import pytest

from autoact.errors import RunDirectoryError
from autoact.records import Question, RunDirectory, confidence, with_questions


def test_a_look_is_noted_once_however_often_it_is_reported(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run", {"study": "test"})
    assert run.questions() == (Question(),)
    assert [run.note_look(seeds, (seeds,)) for seeds in (10, 10, 40)] == [(10,), (10,), (10, 40)]
    extended = Question(looks=(10, 40), planned=(40,), added=True)
    assert run.questions() == (extended,)
    run.reconfigure(with_questions(run.configuration(), (*run.questions(), Question(begins=40))))
    assert run.note_look(10, (10, 20)) == (10,)
    second = Question(begins=40, looks=(10,), planned=(10, 20))
    assert RunDirectory(run.path).questions() == (extended, second)
    assert run.configuration()["study"] == "test"


def test_questions_that_were_changed_by_hand_into_nothing_known_are_named(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run", {"questions": [{"begins": "ten"}]})
    with pytest.raises(RunDirectoryError, match=r"config\.yaml .*questions\[0\]\.begins: expected int"):
        run.questions()


def test_all_questions_together_err_in_less_than_a_tenth() -> None:
    errors = [1 - confidence(number) for number in range(1, 30)]
    assert errors[:3] == pytest.approx([0.05, 0.025, 0.0125])
    assert sum(errors) < 0.1
