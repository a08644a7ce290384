"""What a table's task tells of columns that give the target away."""

from pathlib import Path

import pytest

from autoact.tabular import load_task


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (lambda i: f"{i * 2 + 1},{i % 7},{i * 0.5}", True),  # another unit
        (lambda i: f"{'xyz'[i % 3]},{i % 7},{'abc'[i % 3]}", True),  # other names of the classes
        (lambda i: f"{i * i},{i % 7},{i * 0.5}", False),
        (lambda i: f"{'xy'[i % 3 > 0]},{i % 7},{'abc'[i % 3]}", False),
    ],
)
def test_a_column_that_is_the_target_in_other_words_is_told(tmp_path: Path, row: object, told: bool) -> None:
    assert callable(row)
    file = tmp_path / "table.csv"
    file.write_text("a,b,y\n" + "\n".join(map(row, range(60))))
    said = [note for note in load_task(file, "y").notes if "tells the target in every row" in note]
    assert [note.partition(" alone")[0] for note in said] == ["column 'a'"] * told
