"""Servers: a PostgreSQL that mirrors the study is restarted, or gone, while a search runs."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import optuna

from autoact.records import Ledger, RunDirectory
from scripts.harm.bench import Bench, Tally, Trial
from scripts.harm.commands import ALONE, Around
from scripts.harm.invariants import study_faults
from scripts.harm.traps import Trap

SECRET = "hunter2"
_PLACES = ("/usr/lib/postgresql", "/usr/local/pgsql", "/opt/homebrew/opt")


@dataclass(frozen=True, slots=True)
class Server:
    """A PostgreSQL server in a folder of its own.

    Attributes:
        programs: Folder of `pg_ctl`.
        folder: Of its data.
        port: On this machine.
    """

    programs: Path
    folder: Path
    port: int

    @property
    def url(self) -> str:
        """Where it is, with the password."""
        return f"postgresql+psycopg2://me:{SECRET}@127.0.0.1:{self.port}/postgres"

    def make(self) -> None:
        """Make its data; a password is needed for every connection."""
        if os.geteuid() == 0:
            shutil.chown(self.folder, "nobody")
        password = self.folder / "password"
        password.write_text(SECRET)
        password.chmod(0o644)
        self._do(
            "initdb", "-D", str(self.data), "-U", "me", "-A", "scram-sha-256", "--pwfile", str(password), "-N"
        )
        password.unlink()

    @property
    def data(self) -> Path:
        """Folder of its data."""
        return self.folder / "data"

    def start(self) -> None:
        """Start it."""
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self._do("pg_ctl", "start", "-w", "-D", str(self.data), "-l", str(self.folder / "log"), "-o", options)

    def stop(self) -> None:
        """Stop it at once, as when its machine is lost."""
        self._do("pg_ctl", "stop", "-m", "immediate", "-D", str(self.data))

    def _do(self, program: str, *arguments: str) -> None:
        command = [str(self.programs / program), *arguments]
        if os.geteuid() == 0:  # which PostgreSQL refuses to run as
            command = ["setpriv", "--reuid=nobody", "--clear-groups", *command]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stdout[-300:]} {done.stderr[-300:]}")


@contextmanager
def server(folder: Path) -> Iterator[Server]:
    """Give a server that runs."""
    found = programs()
    assert found is not None
    with TemporaryDirectory(dir=folder) as own, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        made = Server(found, Path(own), port)
        for above in (Path(own), *Path(own).parents):
            if above.stat().st_uid == os.geteuid() and above.stat().st_mode & 0o077 == 0:
                above.chmod(0o755)
        made.make()
        made.start()
        try:
            yield made
        finally:
            if (made.data / "postmaster.pid").exists():
                made.stop()


def programs() -> Path | None:
    """Return the folder of PostgreSQL's programs; None: there is none, or no driver for Python."""
    places = [found for place in _PLACES for found in sorted(Path(place).glob("*/bin"), reverse=True)]
    on_path = shutil.which("pg_ctl")
    places += [Path(on_path).resolve().parent] if on_path else []
    found = (place for place in places if (place / "pg_ctl").exists() and (place / "initdb").exists())
    return next(found, None) if find_spec("psycopg2") else None


def mirrored(bench: Bench) -> Tally:
    """Restart or lose the server while a search runs: it goes on, and the next resume fills the mirror."""
    if programs() is None:
        return Tally(skipped="skipped, no PostgreSQL")
    tally = Tally()
    bench.undisturbed()
    with server(bench.folder) as postgres:
        harms = [("restarted", "trial")] if bench.short else [
            (how, phase) for how in ("restarted", "gone") for phase in ("trial", "confirmation")
        ]  # fmt: skip
        for how, phase in harms:
            with bench.trial(storage=postgres.url) as trial:
                tally.add(f"{how} in {phase}")
                tally.faults += [
                    f"{how} in {phase}: {fault}" for fault in _mirrored(trial, postgres, how, phase)
                ]
    return tally


def _mirrored(trial: Trial, postgres: Server, how: str, phase: str) -> Iterator[str]:
    at = trial.bench.moment("plain", phase)[0]
    command = trial.start(Around(trap=Trap("wait", at)))
    if command.reached():
        postgres.stop()
        if how == "restarted":
            postgres.start()
        command.go()
    ended = command.end()
    if ended.status:
        yield f"it ended with {ended.status}: {ended.errors[-300:]}"
    yield from trial.faults(trial.bench.undisturbed().report)
    if how == "gone":
        postgres.start()
    again = trial.go_on(ALONE, "--storage", postgres.url)
    if again.status:
        yield f"the resume ended with {again.status}: {again.errors[-300:]}"
    yield from trial.faults(trial.bench.undisturbed().report)
    study = optuna.load_study(
        study_name=RunDirectory(trial.run).configuration()["study"], storage=postgres.url
    )
    yield from (
        f"mirror: {fault}"
        for fault in study_faults(study.trials, Ledger(trial.run / "trainings.jsonl").trainings)
    )
    (trial.folder / "search.yaml").unlink()  # the user's own
    files = [
        file for file in trial.folder.rglob("*") if file.is_file() and SECRET.encode() in file.read_bytes()
    ]
    if files:
        yield f"the password is in {', '.join(file.name for file in files)}"
