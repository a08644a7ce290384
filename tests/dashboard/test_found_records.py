"""Records below a log directory: which are found, what is read of them, and what is refused."""

import json
from pathlib import Path

import pytest

from autoact.dashboard import find_records, layer_of, read_record
from tests.dashboard.conftest import layers_record, search_record, training, write


def test_records_are_found_by_the_names_of_their_runs_and_links_are_not_followed(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside", search_record())
    root = tmp_path / "logs"
    write(root, search_record())
    write(root / "a" / "version_0", layers_record(2, 2, 2))
    (root / "linked").symlink_to(outside.parent)
    (root / "b").mkdir()
    (root / "b" / "autoact.jsonl").symlink_to(outside)
    (root / "c" / "autoact.jsonl").mkdir(parents=True)
    assert sorted(find_records(root)) == [".", "a/version_0"]


def test_a_training_is_read_by_step_the_last_line_of_each(tmp_path: Path) -> None:
    lines = layers_record(3, 2, 4)
    again = {**lines[4], "weights": [[0.25, 0.75]] * 3}
    view = read_record(write(tmp_path, [*lines, again]))
    assert view["kind"] == "layers"
    assert view["steps"] == [10, 20, 30, 40]
    assert view["weights"][3] == [[0.25, 0.75]] * 3
    assert [row[0] for row in view["quantities"]["kappa"]] == [0.25, 0.5, 0.75, 1.0]
    found = layer_of(tmp_path / "autoact.jsonl", 2)
    assert found["parameters"] == {"candidate0.alpha": [0.25, 0.5, 0.75, 1.0]}
    assert [each["step"] for each in found["functions"]] == [10, 40]


def test_a_training_of_other_layers_in_the_same_folder_begins_anew(tmp_path: Path) -> None:
    view = read_record(write(tmp_path, [*layers_record(3, 2, 4), *layers_record(2, 2, 2)]))
    assert (len(view["layers"]), view["steps"]) == (2, [10, 20])


def test_lines_that_are_torn_or_not_finite_do_no_harm(tmp_path: Path) -> None:
    file = write(tmp_path, layers_record(1, 2, 3))
    file.write_bytes(
        file.read_bytes() + b'{"step": 40, "weights": [[NaN, 1.0]], "parameters": [{}]}\n{"step": 50, "wei'
    )
    view = read_record(file)
    assert view["steps"] == [10, 20, 30, 40]
    assert view["weights"][-1] == [[None, 1.0]]
    json.dumps(view, allow_nan=False)


def test_a_result_counts_only_for_the_trainings_that_it_tells_of(tmp_path: Path) -> None:
    lines = search_record()
    assert read_record(write(tmp_path, lines))["result"]["verdict"] == "improved"
    more = {"training": training(9, ["relu", "tanh"], 0.3), "time": 1040}
    assert read_record(write(tmp_path, [*lines, more]))["result"] is None


def test_wall_time_is_that_of_every_process_and_not_of_what_lies_between(tmp_path: Path) -> None:
    first = search_record()  # from 1000 to 1030
    again = [{**first[0], "began": 9000}, {"training": training(9, ["relu", "tanh"], 0.3), "time": 9007}]
    view = read_record(write(tmp_path, [*first, *again]))
    assert (view["wall"], view["last"]) == (37.0, 9007)
    assert read_record(write(tmp_path, first[:1]))["last"] is None
    assert len(view["trainings"]) == 6


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no record of autoact"),
        ("[1, 2]\n", "is no record of autoact"),
        ('{"autoact": 2, "kind": "layers"}\n', "is of version 2; this autoact reads 1"),
        ('{"autoact": 1, "kind": "other"}\n', "is of version 1"),
    ],
)
def test_what_is_no_record_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "autoact.jsonl"
    file.write_text(text)
    with pytest.raises(ValueError, match=said):
        read_record(file)


@pytest.mark.parametrize("place", [-1, 3])
def test_a_layer_that_is_not_there_is_refused(tmp_path: Path, place: int) -> None:
    with pytest.raises(ValueError, match=f"there is no layer {place}"):
        layer_of(write(tmp_path, layers_record(3, 2, 2)), place)
