"""Clusters: a node of a local Ray cluster is lost while it trains; the search goes on with the others."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from typing import Any

from scripts import terminal
from scripts.harm.bench import Bench, Tally
from scripts.harm.commands import Around

_CLUSTER = """
import sys
from ray.cluster_utils import Cluster

store = {"object_store_memory": 10**8, "include_dashboard": False}
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **store})
nodes = [cluster.add_node(num_cpus=1, object_store_memory=10**8) for _ in range(2)]
print("at", cluster.address, flush=True)
for line in sys.stdin:  # a word for each node to lose, or to add
    if line.strip() == "lose":
        cluster.remove_node(nodes.pop(), allow_graceful=False)
    else:
        nodes.append(cluster.add_node(num_cpus=1, object_store_memory=10**8))
    print("done", flush=True)
cluster.shutdown()
"""
_AT = (3, 7, 11)  # trainings that are done when a node is lost


@contextmanager
def cluster() -> Iterator[Any]:
    """Give the address of a cluster with two nodes, and a function that loses one or adds one."""
    process = subprocess.Popen(
        [sys.executable, "-c", _CLUSTER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0", "PYTHONPATH": str(terminal.ROOT)},
    )
    assert process.stdin is not None
    assert process.stdout is not None

    def told(word: str) -> str:
        """Return what the cluster says to a word."""
        assert process.stdin is not None
        assert process.stdout is not None
        if word:
            print(word, file=process.stdin, flush=True)
        found = next((line for line in process.stdout if line.startswith(("at", "done"))), "")
        return found.split()[-1]

    try:
        yield told(""), told
    finally:
        process.stdin.close()
        process.wait(60)


def nodes_lost(bench: Bench) -> Tally:
    """Lose one of two nodes while both train: what they trained is repeated, nothing fails."""
    if not find_spec("ray"):
        return Tally(skipped="skipped, no Ray")
    tally = Tally()
    bench.undisturbed()
    with cluster() as (address, told):
        for at in _AT[:1] if bench.short else _AT:
            with bench.trial(executor="ray") as trial:
                command = trial.start(Around(variables={"RAY_ADDRESS": address}))
                if command.wait(partial(trial.has, at)):
                    told("lose")
                    tally.add(f"after {at} trainings")
                if (ended := command.end()).status:
                    tally.faults.append(f"it ended with {ended.status}: {ended.errors[-300:]}")
                else:
                    tally.faults += trial.faults(None)
                told("add")
    return tally
