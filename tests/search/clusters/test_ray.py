"""A Ray cluster of two nodes, of which one is removed: nothing is lost or done twice."""

import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from autoact import run_search
from autoact.errors import ConfigurationError
from autoact.search import Settings
from autoact.search.clusters import place_for
from tests.search.clusters.held import Held, when_held
from tests.search.clusters.values import require_same
from tests.search.models import SMALLEST, CurveData

SEARCH = {**SMALLEST, "budget": 4}
MEMORY = 80_000_000  # bytes of each object store: about the least that Ray takes


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A head, to which this process is connected, and a node, with one processor each."""
    monkeypatch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # else a warning of what Ray will change
    import ray
    from ray.cluster_utils import Cluster

    before = signal.getsignal(signal.SIGTERM)  # which Ray replaces
    head = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": MEMORY}
    made = Cluster(initialize_head=True, head_node_args=head)
    try:
        made.add_node(num_cpus=1, object_store_memory=MEMORY)
        ray.init(address=made.address, log_to_driver=False)
        yield made
    finally:
        ray.shutdown()
        made.shutdown()
        signal.signal(signal.SIGTERM, before)


@pytest.mark.slow
def test_nothing_is_lost_with_a_node(tmp_path: Path, cluster: Any, caplog: pytest.LogCaptureFixture) -> None:
    with place_for(Settings(executor="ray")) as place:
        assert place.workers == 2
    with place_for(Settings(executor="ray", resources={"cpus": 0.25}, workers=7)) as place:
        assert place.workers == 7  # of eight
    with place_for(Settings(executor="ray", resources={"gpus": 1})) as place:
        assert place.workers == 1
    said = "The Ray cluster has no worker with {'cpus': 1, 'gpus': 1} yet; the search waits for one, at most"
    assert caplog.messages[-1] == f"{said} 10 min 0 s."
    other = Settings(executor="ray://127.0.0.1:1")
    with pytest.raises(ConfigurationError, match="connected to a Ray cluster already"), place_for(other):
        pass

    model, out = partial(Held, str(tmp_path)), tmp_path / "there"
    run_search(model, CurveData, out=tmp_path / "here", **SEARCH)
    (node,) = cluster.worker_nodes

    def remove(held: list[str]) -> None:
        assert node.node_id in held
        cluster.remove_node(node, allow_graceful=False)

    removing = when_held(out, tmp_path, remove)
    result = run_search(model, CurveData, out=out, executor="ray", **SEARCH)
    removing.join()
    require_same(out, tmp_path / "here")
    assert result.report["cost"]["search"]["trainings"] == 4
    assert result.report["executor"] == "ray"
    assert (out / "checkpoints" / "final.ckpt").exists()
