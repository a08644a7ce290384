"""A Dask cluster: a worker is killed, then the scheduler goes away; nothing is lost or done twice."""

import os
import signal
from functools import partial
from pathlib import Path

import dask
import pytest
from distributed import LocalCluster

from autoact import run_search
from autoact.errors import SearchFailedError
from autoact.records import Ledger
from autoact.search import Settings
from autoact.search.clusters import place_for
from tests.search.clusters.held import Held, when_held
from tests.search.clusters.values import require_same
from tests.search.models import SMALLEST, CurveData

SEARCH = {**SMALLEST, "budget": 4}


@pytest.mark.long
@pytest.mark.slow
def test_nothing_is_lost_with_a_worker_or_with_the_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = partial(Held, str(tmp_path))
    run_search(model, CurveData, out=tmp_path / "here", **SEARCH)
    with LocalCluster(n_workers=2, threads_per_worker=2, dashboard_address=None) as cluster:
        executor = cluster.scheduler_address.replace("tcp://", "dask://")
        with place_for(Settings(executor=executor)) as place:
            assert place.workers == 2  # processes, not threads
        with place_for(Settings(executor=executor, resources={"gpus": 1})) as place:
            assert place.workers == 1  # which is waited for

        out = tmp_path / "killed"
        killing = when_held(out, tmp_path, lambda held: os.kill(int(held[0]), signal.SIGKILL))
        result = run_search(model, CurveData, out=out, executor=executor, **SEARCH)
        killing.join()
        require_same(out, tmp_path / "here")
        assert result.report["cost"]["search"]["trainings"] == 4

        monkeypatch.setattr("autoact.search.clusters._remote.SILENT", 3.0)
        out = tmp_path / "gone"
        closing = when_held(out, tmp_path, lambda _: cluster.close())
        with pytest.raises(SearchFailedError, match=r"^The Dask cluster at dask://.* does not answer any"):
            run_search(model, CurveData, out=out, executor=executor, **SEARCH)
        closing.join()
    done = Ledger(out / "trainings.jsonl").trainings
    assert len(done) >= 2
    run_search(model, CurveData, out=out, resume=True, executor="local", **SEARCH)
    assert Ledger(out / "trainings.jsonl").trainings[: len(done)] == done
    require_same(out, tmp_path / "here")


@pytest.mark.long
@pytest.mark.slow
def test_no_scheduler_is_an_error() -> None:
    said = r"^The Dask cluster at dask://127\.0\.0\.1:1 does not answer: Timed out"
    with dask.config.set({"distributed.comm.timeouts.connect": "1s"}):
        with pytest.raises(SearchFailedError, match=said), place_for(Settings(executor="dask://127.0.0.1:1")):
            pass
