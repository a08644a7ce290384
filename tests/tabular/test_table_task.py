"""What a table's task tells of columns that give the target away, and of rows that depend on each other."""

from collections.abc import Callable
from pathlib import Path

import pytest

from autoact.tabular import load_task


def notes_of(folder: Path, header: str, row: Callable[[int], str], rows: int = 120) -> list[str]:
    file = folder / "table.csv"
    file.write_text(f"{header}\n" + "\n".join(map(row, range(rows))))
    return list(load_task(file, "y").notes)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (lambda i: f"{i * 2 + 1},{i % 7},{i * 0.5}", True),  # another unit
        (lambda i: f"{i * i},{i % 7},{i * 0.5}", True),  # another scale
        (lambda i: f"{'xyz'[i % 3]},{i % 7},{'abc'[i % 3]}", True),  # other names of the classes
        (lambda i: f"{'wxyz'[i % 4]},{i % 7},{'ab'[i % 2]}", True),  # more names than classes, all of one
        (lambda i: f"{i % 10},{i % 7},{'ab'[i % 10 > 4]}", True),  # a threshold
        (lambda i: f"{i % 10 if i % 3 else ''},{i % 7},{'ab'[i % 3 > 0]}", True),  # missing or not
        (lambda i: f"{i * i % 50},{i % 7},{i * 0.5}", False),
        (lambda i: f"{'xy'[i % 3 > 0]},{i % 7},{'abc'[i % 3]}", False),
        (lambda i: f"name {i},{i % 7},{'ab'[i % 2]}", False),
    ],
)
def test_a_column_that_is_the_target_in_other_words_is_told(
    tmp_path: Path, row: Callable[[int], str], told: bool
) -> None:
    said = [note for note in notes_of(tmp_path, "a,b,y", row) if "tells the target in every row" in note]
    assert [note.partition(" alone")[0] for note in said] == ["column 'a'"] * told


@pytest.mark.parametrize(("error", "told"), [(0, True), (1, False)])
def test_columns_that_add_up_to_the_target_are_told(tmp_path: Path, error: int, told: bool) -> None:
    """As the counts of casual and registered users do, whose sum is to be predicted."""
    notes = notes_of(
        tmp_path,
        "a,b,c,y",
        lambda i: f"{i * i % 31},{i % 17},{i % 5},{i * i % 31 + i % 17 + error * (i % 2)}",
    )
    assert (
        any(note.startswith("columns 'a', 'b', weighted and added, give the target") for note in notes)
        is told
    )


@pytest.mark.parametrize(
    ("header", "row", "said"),
    [
        (
            "x,z,y",
            lambda i: f"{i % 60 + 0.5},{i % 60 % 7},{i % 60 % 11}.5",
            "60 of 120 rows repeat another in all columns",
        ),
        (
            "patient_id,x,y",
            lambda i: f"{i % 6},{i * i % 31},{i * i % 37}.5",
            "'patient_id' names 6 groups of rows",
        ),
        (
            "x,date,y",
            lambda i: f"{i * i % 31},2024-{1 + i // 28:02d}-{1 + i % 28:02d},{i * i % 37}.5",
            "'date'",
        ),
    ],
)
def test_rows_that_depend_on_each_other_are_told(
    tmp_path: Path, header: str, row: Callable[[int], str], said: str
) -> None:
    assert said in notes_of(tmp_path, header, row)[-1]


def test_independent_rows_need_no_note(tmp_path: Path) -> None:
    notes = notes_of(
        tmp_path, "id,x,date,y", lambda i: f"{i},{i * 7 % 31}.{i},2024-01-{1 + i % 28},{i * i % 37}.5"
    )
    assert (
        notes[-1] == "5 folds of 90 rows guide the search; 30 rows set aside compare; so few rows can only "
        "show large differences"
    )


def test_columns_left_out_for_one_reason_share_a_note(tmp_path: Path) -> None:
    notes = notes_of(tmp_path, "a,b,x,y", lambda i: f"1,2,{i * 7 % 31},{i * i % 37}.5")
    assert "columns 'a', 'b' are left out, each because it is constant" in notes
