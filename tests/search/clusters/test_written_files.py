"""Files of a training elsewhere come back, or it is said which do not and what to do."""

from pathlib import Path

import pytest

from autoact.search.clusters._written_files import absolute, collected, mark, placed, write
from autoact.search.trainings import NO_EXTRAS, Extras


@pytest.fixture
def wanted(tmp_path: Path) -> Extras:
    run = tmp_path / "run"
    return Extras(checkpoint=run / "checkpoints" / "final.ckpt", logs=run / "tensorboard" / "one-shot")


def written(extras: Extras, folder: Path) -> Extras:
    """Return extras whose files were written into a folder: 8 bytes, 3 bytes, 1 byte."""
    here = placed(extras, folder)
    assert here.checkpoint is not None
    assert here.logs is not None
    (here.logs / "part").mkdir(parents=True)
    here.checkpoint.parent.mkdir(parents=True)
    here.checkpoint.write_bytes(b"weights!")
    (here.logs / "events").write_bytes(b"abc")
    (here.logs / "part" / "more").write_bytes(b"d")
    return here


def test_files_are_where_they_were_asked_for(wanted: Extras, tmp_path: Path) -> None:
    files, said = collected(written(wanted, tmp_path / "worker"), wanted, None)
    assert said == ""
    assert write(files) == ""
    run = tmp_path / "run"
    found = {str(path.relative_to(run)): path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert found == {
        "checkpoints/final.ckpt": b"weights!",
        "tensorboard/one-shot/events": b"abc",
        "tensorboard/one-shot/part/more": b"d",
    }


def test_a_file_that_is_too_large_is_named(
    wanted: Extras, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autoact.search.clusters._written_files.MOST", 6)
    files, said = collected(written(wanted, tmp_path / "worker"), wanted, None)
    assert sorted(files.values()) == [b"abc", b"d"]
    assert said.startswith(f"{wanted.checkpoint} was not saved: it has ")
    assert said.endswith("Put the run directory into a folder that all machines share.")


def test_a_file_that_is_too_large_is_written_into_a_shared_folder(
    wanted: Extras, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autoact.search.clusters._written_files.MOST", 6)
    seen = mark(wanted)
    files, said = collected(written(wanted, tmp_path / "worker"), wanted, seen)
    assert (said, len(files)) == ("", 2)
    assert wanted.checkpoint is not None
    assert wanted.checkpoint.read_bytes() == b"weights!"


def test_nothing_is_marked_where_nothing_is_asked_for() -> None:
    assert mark(NO_EXTRAS) is None


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    target = tmp_path / "file" / "final.ckpt"
    assert write({target: b"weights"}) == f"{target} was not saved: File exists"


def test_paths_mean_the_same_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert absolute(Extras(logs=Path("run"))) == Extras(logs=tmp_path / "run")
