import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from autoact.cli import main
from autoact.errors import RunDirectoryError
from autoact.records import Ledger, RunDirectory, Training
from autoact.report import status
from autoact.spaces import Assignment

HOLD = """
import sys
from pathlib import Path
from autoact.records import RunDirectory
with RunDirectory(Path(sys.argv[1])).locked():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    search = {"monitor": "val_acc", "mode": "max", "budget": 20, "seeds": 10, "workers": 2}
    return RunDirectory.create(
        tmp_path / "run",
        {"task": "t", "study": "s", "space": {}, "source": {"task": "digits"}, "search": search},
    )


def trial(number: int, value: float, **more) -> Training:
    asked = Training(
        phase="trial",
        label=f"trial {number}",
        assignment=Assignment({"a": "relu"}),
        seed=number,
        trial=number,
    )
    return replace(asked, **{"state": "finished", "selection": value, "seconds": 2.0, **more})


def test_a_run_that_has_stopped_says_how_to_go_on(run: RunDirectory) -> None:
    mixture = replace(trial(0, 0.5, share=1.5), phase="one-shot", assignment=None, trial=None)
    Ledger(run.ledger_file).append(
        mixture, trial(1, 0.7), trial(2, 0.9), trial(3, 0.1, state="failed", error="no")
    )
    found = status(run.path)
    assert (found.state, found.verdict, found.best, found.failures) == ("stopped", None, 0.9, 1)
    assert found.done == {"one-shot": 1, "trials": 3}
    assert found.planned == {"trials": 18, "pairs": 10}, "the mixture cost 1.5"
    assert found.pace == pytest.approx(3600 * 2 / 2)
    assert found.next == f"autoact search --resume {run.path}"
    assert "trials       3 of 18" in str(found)


def test_pairs_are_seeds_of_both(run: RunDirectory) -> None:
    def confirmed(label: str, seed: int) -> Training:
        return replace(
            trial(0, 0.5), phase="confirmation", label=label, seed=seed, trial=None, comparison=0.5
        )

    Ledger(run.ledger_file).append(
        *(confirmed("selected", seed) for seed in range(4)), confirmed("original", 2)
    )
    found = status(run.path)
    assert found.compared == 1
    assert "1 of at most 10 pairs of seeds" in str(found)
    kept = replace(found, state="finished", compared=0)  # the choice is the original: there are no pairs
    assert "  confirmation 5\n" in str(kept)


@pytest.mark.slow
def test_a_run_is_running_while_a_process_works_on_it(run: RunDirectory) -> None:
    command = [sys.executable, "-c", HOLD, str(run.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert status(run.path).state == "running"
        holder.communicate()
    assert status(run.path).state == "stopped"


def test_who_looks_does_not_keep_a_search_from_going_on(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with run.locked():
        pass
    with open(run.path / ".lock") as looking:
        import fcntl

        def looked(seconds: float) -> None:
            fcntl.flock(looking, fcntl.LOCK_UN)

        monkeypatch.setattr("autoact.records._run_directory.time.sleep", looked)
        fcntl.flock(looking, fcntl.LOCK_EX)
        with run.locked():
            assert status(run.path).state == "running"


def test_the_command_prints_lines_or_json(run: RunDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    Ledger(run.ledger_file).append(trial(1, 0.7))
    assert main(["status", str(run.path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["state"], told["best"], told["layers"]) == ("stopped", 0.7, "relu")
    assert main(["status", str(run.path)]) == 0
    assert capsys.readouterr().out.startswith(f"{run.path}: stopped\n")


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunDirectoryError, match=r"has no config\.yaml"):
        status(tmp_path)


def test_a_probe_is_no_training(run: RunDirectory) -> None:
    Ledger(run.ledger_file).append(replace(trial(0, 0.5), phase="probe", assignment=None, trial=None))
    found = status(run.path)
    assert (found.done, found.quiet, found.pace) == ({}, None, None)
    assert "last ended" not in str(found)
