"""`autoact invent` says in one line what it cannot do."""

from pathlib import Path

import pytest

from autoact.cli import main


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere", "--name", "mine"], "There is no run directory or configuration 'nowhere'"),
        (["nowhere"], "the following arguments are required: --name"),
        (["nowhere", "--name", "mine", "--seeds", "0"], "--seeds is 0; give at least 1"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["invent", *arguments]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1
