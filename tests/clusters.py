"""A cluster of Ray with two nodes on this machine, for tests and benchmarks; patient, as on a busy one."""

import os
import socket
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

NODE = {"num_cpus": 1, "object_store_memory": 100 * 2**20}
PATIENCE, TRIES = 60.0, 4  # seconds in which a node starts, of which Ray gives it 30; and how often it may fail to
VARIABLES = {
    "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), str(Path(__file__).parent)]),  # where our code is
    "RAY_worker_register_timeout_seconds": "300",
    "RAY_agent_register_timeout_ms": "300000",
    "RAY_USAGE_STATS_ENABLED": "0",
}


AGENTS = ("metrics_agent_port", "metrics_export_port", "runtime_env_agent_port", "dashboard_agent_listen_port")


def node():
    """Return the settings of a node, with ports for its agents: fewer of them are waited for."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in AGENTS]
        for one in sockets:
            one.bind(("", 0))
        return NODE | {name: one.getsockname()[1] for name, one in zip(AGENTS, sockets, strict=True)}


class TwoNodes:
    """A head, on which the command is typed, and a second node that can be killed."""

    def __init__(self):
        from ray.cluster_utils import Cluster

        self._cluster = Cluster()
        again(lambda: self._cluster.add_node(**node(), include_dashboard=False))
        self.address, self.second = self._cluster.address, None

    def complete(self):
        """Have a second node, unless there is one."""
        self.second = self.second or again(lambda: self._cluster.add_node(**node()))

    def kill(self):
        """Kill the second node, as a machine dies."""
        self._cluster.remove_node(self.second, allow_graceful=False)
        self.second = None

    def stop(self):
        self._cluster.shutdown()


def again(start):
    """Start a node, again where it failed: on a busy machine its agent is late for the 15 seconds that Ray waits."""
    for _ in range(TRIES - 1):
        try:
            return start()
        except Exception:  # it is of no kind of its own
            time.sleep(1.0)
    return start()


@contextmanager
def two_nodes():
    import ray
    from ray._private import services

    with pytest.MonkeyPatch.context() as patch:
        for name, value in VARIABLES.items():
            patch.setenv(name, value)
        patch.setattr(services, "get_node", _patient(services.get_node))
        cluster = TwoNodes()
        try:
            cluster.complete()
            yield cluster
        finally:
            ray.shutdown()
            cluster.stop()


def _patient(get_node):
    def wait(*place):
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return get_node(*place)
            except RuntimeError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    return wait
