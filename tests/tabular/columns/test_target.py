"""Which problem a target poses, and which targets are refused."""

import numpy as np
import pytest

from autoact.errors import ConfigurationError, DataError
from autoact.tabular.columns._target import read_target


@pytest.mark.parametrize(
    ("cells", "problem", "classes"),
    [
        (["yes", "no", "no", "yes"], "classification", ("no", "yes")),
        (["True", "False", "True", "False"], "classification", ("False", "True")),
        (["0", "1", "1", "0"], "classification", ("0", "1")),
        (["0", "1.0", "1", "0.0"], "classification", ("0", "1")),
        (["10", "9", "2"] * 12, "classification", ("2", "9", "10")),
        (["1", "2", "3"], "regression", ()),
        (["1.5", "2.5"] * 9, "regression", ()),
        ([str(i) for i in range(40)], "regression", ()),
        (["1,5", "2,5", "3,0"], "regression", ()),
    ],
)
def test_the_problem_is_read_off_the_values(cells: list[str], problem: str, classes: tuple[str, ...]) -> None:
    target = read_target("y", cells)
    assert target.problem == problem
    assert target.classes == classes
    assert len(target.y) == len(cells)


def test_the_problem_can_be_said() -> None:
    assert read_target("y", ["0", "1", "0"], "regression").y.tolist() == [0, 1, 0]
    grades = read_target("y", ["3", "1", "3", "1", "3", "1"], "classification")
    assert [grades.classes[i] for i in grades.y] == ["3", "1", "3", "1", "3", "1"]


def test_rows_without_a_target_and_lone_classes_are_left_out_and_told() -> None:
    target = read_target("y", ["a", "", "b", "a", "?", "b", "a", "b", "c", "a", "b"])
    assert target.rows.tolist() == [0, 2, 3, 5, 6, 7, 9, 10]
    assert target.notes == (
        "target 'y': 2 rows with no value are left out",
        "target 'y': 1 class with a single row is left out (c)",
    )
    case = read_target("y", ["Yes", "yes", "No"] * 3)
    assert case.notes == ("target 'y': 'Yes', 'yes' are different classes, though only their case differs",)
    numbers = read_target("y", ["1.5", "inf", "x", *map(str, np.linspace(0, 1, 20))])
    assert numbers.rows.tolist() == [0, *range(3, 23)]
    assert numbers.notes == ("target 'y': 2 rows with no finite number are left out",)


@pytest.mark.parametrize(
    ("cells", "problem", "said"),
    [
        (["", "NA"], None, "is empty"),
        (["1", "1", "1.0"], None, "one value only"),
        (["a", "a", ""], None, "one value only ('a' in all 2 rows)"),
        (["1.5", "1.5"], "regression", "one value only (1.5 in all 2 rows)"),
        ([f"name {i}" for i in range(30)], None, "30 different values in 30 rows, too many to be classes"),
        ([str(i / 7) for i in range(30)], "classification", "too many to be classes"),
        (["a", "b", "c", "a"], "regression", "holds text such as 'a'; a regression needs numbers"),
        (["a", "b"], None, "fewer than two classes with at least two rows"),
        (["a", "a", "a", "b"], None, "fewer than two classes with at least two rows"),
        (["1e300", "-1e300", "2.5"], None, "too large to square"),
    ],
)
def test_useless_targets_are_refused(cells: list[str], problem: str | None, said: str) -> None:
    with pytest.raises(DataError) as refused:
        read_target("y", cells, problem, "t.csv")
    assert said in str(refused.value)
    assert "t.csv: the target 'y'" in str(refused.value)


@pytest.mark.parametrize(
    ("cells", "other"), [(["3", "1", "2"] * 12, "regression"), (["3", "1", "2"], "classification")]
)
def test_a_guess_is_told_and_how_to_overrule_it(cells: list[str], other: str) -> None:
    guess = read_target("y", cells)
    assert f'say so by --problem {other} (problem="{other}")' in guess.notes[0]
    assert read_target("y", cells, guess.problem).notes == ()


def test_an_unknown_problem_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="problem is 'ranking'"):
        read_target("y", ["1", "2"], "ranking")


def test_none_that_may_be_a_class_is_quoted() -> None:
    target = read_target("y", ["None", "a", "b", ""] * 3)
    assert target.notes == (
        "target 'y': 6 rows with no value ('None'; if that is a class, rename it) are left out",
    )


def test_a_few_different_numbers_as_a_regression_are_told() -> None:
    (note,) = read_target("y", ["0.5", "1", "1.5", "2"] * 20).notes
    assert note.startswith(
        "target 'y': 4 different numbers are taken as a regression; if they are classes, say so by --problem"
    )
