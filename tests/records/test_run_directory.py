"""A run directory is made whole, never overwritten, and used by one process at a time."""

import errno
import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from autoact.errors import AutoActError, RunDirectoryError
from autoact.records import Belief, Cost, Ledger, Report, RunDirectory, Training
from autoact.spaces import Assignment

HOLD_THE_LOCK = """
import fcntl, sys, time
with open(sys.argv[1] + "/.lock", "w") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    print("locked", flush=True)
    time.sleep(60)
"""


def test_a_new_run_holds_its_configuration_and_nothing_else(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "deep" / "er" / "run", {"budget": 3, "trainer": {"max_epochs": 2}})
    assert [file.name for file in run.path.iterdir()] == ["config.yaml"]
    assert [file.name for file in run.path.parent.iterdir()] == ["run"]
    assert run.configuration() == {"budget": 3, "trainer": {"max_epochs": 2}}
    assert run.report() is None


def test_a_full_disk_leaves_nothing_of_a_run_that_did_not_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(AutoActError, match="No space left on device"):
        RunDirectory.create(tmp_path / "run", {"budget": 3})
    assert list(tmp_path.iterdir()) == []


def test_of_two_searches_that_make_the_same_directory_one_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_free, calls = RunDirectory.check_free, []

    def slow(path: Path) -> None:
        check_free(path)
        calls.append(path)
        if len(calls) == 1:  # the other one comes in between
            RunDirectory.create(path, {"of": "the other"})

    monkeypatch.setattr(RunDirectory, "check_free", slow)
    with pytest.raises(RunDirectoryError, match=r"run exists already and is left untouched"):
        RunDirectory.create(tmp_path / "run", {"of": "this one"})
    assert RunDirectory(tmp_path / "run").configuration() == {"of": "the other"}
    assert [file.name for file in tmp_path.iterdir()] == ["run"]


def test_an_existing_run_is_untouched(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run", {"budget": 3})
    before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in run.path.iterdir()}
    with pytest.raises(RunDirectoryError, match=r"exists already.*resume=True.*or choose another directory"):
        RunDirectory.create(tmp_path / "run", {"budget": 4})
    assert {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in run.path.iterdir()} == before


@pytest.mark.parametrize("kind", ["file", "empty directory", "broken link"])
def test_whatever_exists_is_left_alone(tmp_path: Path, kind: str) -> None:
    target = tmp_path / "out"
    if kind == "file":
        target.write_text("precious")
    elif kind == "empty directory":
        target.mkdir()
    else:
        target.symlink_to(tmp_path / "nowhere")
    with pytest.raises(RunDirectoryError, match="exists already and is left untouched"):
        RunDirectory.check_free(target)
    assert kind != "file" or target.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [target]


def test_an_unwritable_place_is_known_before_anything_is_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RunDirectoryError, match=r"file/run cannot be created: Not a directory.*--out"):
        RunDirectory.check_free(tmp_path / "file" / "run")
    with pytest.raises(RunDirectoryError, match=r"/proc/run cannot be created"):
        RunDirectory.create("/proc/run", {})
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_checking_leaves_no_trace(tmp_path: Path) -> None:
    RunDirectory.check_free(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["run", "a[b]"])
def test_what_a_killed_process_left_beside_a_run_goes_when_it_is_made(tmp_path: Path, name: str) -> None:
    mine = tmp_path / f".{name}-backup"
    other = tmp_path / f".autoact-run-{name}-2-abcdefgh"  # that makes the run `name`-2
    for left in (".autoact-probe-abcdefgh", f".autoact-run-{name}-abcdefgh", mine.name, other.name):
        (tmp_path / left).mkdir()
        (tmp_path / left / "config.yaml").touch()
    RunDirectory.create(tmp_path / name, {})
    assert {file.name for file in tmp_path.iterdir()} == {name, mine.name, other.name}


def test_what_a_killed_process_was_writing_is_swept(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run", WHOLE)
    for folder in (run.path, run.path / "checkpoints", run.tensorboard(".trial-0001.partial")):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".config.yaml.99999.tmp").touch()
        (folder / ".final.ckpt.partial").touch()
        (folder / ".mine").touch()
    run.sweep()
    left = {str(file.relative_to(run.path)) for file in run.path.rglob("*") if file.is_file()}
    assert left == {"config.yaml", ".mine", "checkpoints/.mine"}


def test_resuming_needs_a_run(tmp_path: Path) -> None:
    with pytest.raises(RunDirectoryError, match=r"missing does not exist, so there is no run to resume"):
        RunDirectory.open(tmp_path / "missing")
    with pytest.raises(RunDirectoryError, match=r"has no config\.yaml"):
        RunDirectory.open(tmp_path)


def test_a_configuration_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("budget: [1")
    with pytest.raises(RunDirectoryError, match=r"config\.yaml cannot be read"):
        RunDirectory.open(tmp_path).configuration()


WHOLE = {"task": "t", "study": "s", "space": {"candidates": ["relu"]}, "search": {"budget": 1}}


def test_a_configuration_cut_off_anywhere_is_named_in_one_line(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run", WHOLE)
    whole = run.configuration_file.read_bytes()
    for size in range(len(whole) - 1):
        run.configuration_file.write_bytes(whole[:size])
        with pytest.raises(
            RunDirectoryError, match=r"config\.yaml cannot be read \(it is cut short"
        ) as refused:
            RunDirectory.open(run.path)
        assert "\n" not in str(refused.value)
    run.configuration_file.write_bytes(whole)
    assert RunDirectory.open(run.path).configuration() == WHOLE


def test_the_report_is_strict_json(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run", {})
    belief = Belief(mean=float("nan"), sd=float("inf"))
    report = Report(autoact="0.2.0", space="s", metric="val_loss", mode="min", beliefs={"key": belief})
    run.write_report(report)
    read = run.report()
    assert read is not None
    assert read.to_dict() == report.to_dict()
    strict = json.loads(run.report_file.read_text(), parse_constant=lambda name: pytest.fail(name))
    assert strict["beliefs"] == {"key": {"mean": None, "sd": None}}
    run.report_file.write_text(run.report_file.read_text()[:40])
    with pytest.raises(RunDirectoryError, match=r"report\.json cannot be read"):
        run.report()
    report.save(run.report_file)
    assert {file.name for file in run.path.iterdir()} == {"config.yaml", "report.json"}


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run", {})
    (run.path / ".lock").mkdir()  # as root, no file is read-only
    with pytest.raises(RunDirectoryError, match=r"cannot be written: .*\.lock.*Make it writable") as refused:
        with run.locked():
            pass
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", [".lock", "trainings.jsonl", "report.json", "assignment.yaml"])
def test_a_link_in_place_of_a_file_leads_nowhere(tmp_path: Path, name: str) -> None:
    run, precious = RunDirectory.create(tmp_path / "run", {}), tmp_path / "precious"
    precious.write_text("of another program, without a last line")
    (run.path / name).symlink_to(precious)
    with suppress(RunDirectoryError, OSError):
        with run.locked():
            run.write_report(Report(autoact="1", space="s", metric="m", mode="min"))
            run.write_choice(Assignment({"a": "relu"}), {})
            (run.path / name).unlink()
            (run.path / name).symlink_to(precious)
            ledger = Ledger(run.path / "other")
            ledger.path = run.ledger_file
            ledger.append(TRIAL)
    assert precious.read_text() == "of another program, without a last line"


TRIAL = Training(
    phase="trial", label="t", assignment=Assignment({"a": "relu"}), seed=1, trial=0, state="finished"
)


@pytest.mark.parametrize("trace", ["assignment.yaml", "study.db", "states", "tensorboard/one-shot"])
@pytest.mark.parametrize("content", [None, ""])
def test_a_lost_ledger_is_named_with_what_it_explained(
    tmp_path: Path, trace: str, content: str | None
) -> None:
    run = RunDirectory.create(tmp_path / "run", {})
    run.require_whole(Ledger(run.ledger_file))  # killed before its first line
    (run.path / trace).mkdir(parents=True)
    if content is not None:
        run.ledger_file.write_text(content)
    lost = "is missing" if content is None else "lacks trainings"
    with pytest.raises(
        RunDirectoryError, match=rf"jsonl {lost}, although there is {trace.split('/')[0]}, .*copy"
    ):
        run.require_whole(Ledger(run.ledger_file))


def test_a_ledger_that_lacks_what_the_report_counts_is_named(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run", {})
    ledger, cost = Ledger(run.ledger_file), Cost(trainings=2, steps=0, seconds=0.0)
    run.write_report(Report(autoact="1", space="s", metric="m", mode="min", cost={"search": cost}))
    for _ in range(2):
        with pytest.raises(RunDirectoryError, match=r"lacks trainings|is missing.*report\.json.*copy"):
            run.require_whole(ledger)
        ledger.append(TRIAL)
    run.require_whole(ledger)


@pytest.mark.parametrize(
    ("content", "damaged"),
    [
        ('{"schema": 2, "autoact": "1", "space": "s", "metric": "m", "mode": "min"}', False),
        ('{"schema": 2, "autoact": "1"', True),
        ('{"schema": 2, "autoact": "1", "space": "s", "metric": "m", "mode": "min", "checksum": "0"}', True),
        ("", True),
        ("null", True),
        ("\xff\x00", True),
        ("[" * 100_000, True),
        ('{"schema": 2}', True),
        ('{"schema": 9}', False),  # of a later version, which alone may judge it
    ],
)
def test_only_a_damaged_report_is_dropped(tmp_path: Path, content: str, damaged: bool) -> None:
    run = RunDirectory.create(tmp_path / "run", {})
    run.report_file.write_bytes(content.encode("latin-1"))
    assert run.drop_damaged_report() is damaged
    assert run.report_file.exists() is not damaged


def test_a_shorter_ledger_is_named_with_the_first_trial_that_it_lacks(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run", {})
    ledger = Ledger(run.ledger_file)
    ledger.append(TRIAL)
    for log in (run.trial_log(0), run.tensorboard("mine"), run.tensorboard("trials")):
        log.mkdir(parents=True)
    run.require_whole(ledger)
    for number in (1, 2):
        run.trial_log(number).mkdir()
    with pytest.raises(RunDirectoryError, match=r"lacks trainings, .* tensorboard.trial-0001, which"):
        run.require_whole(ledger)


def test_one_process_at_a_time_and_a_killed_one_holds_nothing(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run", {})
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_THE_LOCK, str(run.path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        with pytest.raises(RunDirectoryError, match="in use by another process"), run.locked():
            pass
        holder.kill()
    with run.locked():
        pass


def test_what_resumes_a_run_is_what_can(tmp_path: Path) -> None:
    file = RunDirectory.create(tmp_path / "file", {"source": {"task": "digits"}})
    assert file.resumption() == f"autoact search --resume {file.path}"
    assert file.resumption(seeds=40) == f"autoact search --resume {file.path} --seeds 40"
    python = RunDirectory.create(tmp_path / "python", {"search": {}})
    assert python.resumption() == f"run_search(..., out={str(python.path)!r}, resume=True)"
    assert (
        python.resumption(hours="1.5") == f"run_search(..., out={str(python.path)!r}, resume=True, hours=1.5)"
    )
