"""The process that talks with Ray: ``python -m evalkit.compose.ray_cluster.session FD``, asked over a socket.

Ray ends a process of its own that has lost it (the head gone for a minute, the node of this machine killed), takes
signals, and prints. None of that may happen to the command that runs a sweep, so all of Ray's driver is in here. It
ends when the other end of the socket closes; a cluster that it has started ends with it, jobs and all.

Requests are ``(count, verb, arguments)``, answers ``(count, whether it went well, the answer or a sentence)``.
The verbs are the methods of :class:`RaySession`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

import ray

from evalkit.compose.ray_cluster.keeper import JobKeeper
from evalkit.compose.ray_cluster.words import ClusterChoice, KeptJob, ToldByRay
from evalkit.runner.job_watch import QueueState

NAMESPACE = "evalkit"
_OBJECT_STORE_BYTES = 80 * 1024 * 1024  # the least Ray takes; jobs answer with files, not with objects
_ANSWER_S = 1.0
_METHODS_AT_ONCE = 4


class RaySession:
    """Jobs on a cluster: each is a named actor.

    Args:
        choice: Which cluster, and what jobs ask of it.

    """

    def __init__(self, choice: ClusterChoice) -> None:
        ray.init(**_init_arguments(choice))
        self._options = choice.options
        self._address = choice.address if (choice.address or "").startswith("ray://") else None
        self._keepers: dict[str, Any] = {}
        self._runs: dict[str, Any] = {}
        self._pings: dict[str, Any] = {}
        self._nodes: dict[str, str] = {}

    def give(self, name: str, job: KeptJob, environ: Mapping[str, str]) -> None:
        """Have `job` run as soon as a node has room for it."""
        self._keepers[name] = (
            ray.remote(JobKeeper)
            .options(
                name=name,
                namespace=NAMESPACE,
                lifetime="detached",
                max_restarts=0,
                max_task_retries=0,
                max_concurrency=_METHODS_AT_ONCE,
                **self._options,
            )
            .remote()
        )
        self._runs[name] = self._keepers[name].run.remote(job, environ)

    def ask(self, names: Sequence[str]) -> dict[str, ToldByRay]:
        """Return what Ray says of each of these jobs, of other processes of this kind too."""
        for name in names:
            keeper = self._find(name)
            if keeper is not None and name not in self._pings:
                self._pings[name] = keeper.tell.remote()
        asked = [self._pings[name] for name in names if name in self._pings]
        if asked:
            ray.wait(asked, num_returns=len(asked), timeout=_ANSWER_S)
        return {name: self._judge(name) for name in names}

    def interrupt(self, names: Sequence[str]) -> None:
        """Send SIGINT to jobs."""
        for name in names:
            keeper = self._find(name)
            if keeper is not None:
                keeper.interrupt.remote()

    def stop(self, names: Sequence[str]) -> None:
        """End jobs at once, whatever they do."""
        for name in names:
            keeper = self._find(name)
            if keeper is not None:
                ray.kill(keeper)

    def find_address(self) -> str:
        """Return where the cluster is joined, for another process on any of its nodes."""
        return self._address or str(ray.get_runtime_context().gcs_address)

    def find_obstacle(self) -> str:
        """Return why a job waits, in a sentence without a full stop."""
        wanted = _wanted_resources(self._options)
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        if any(all(node.get(name, 0) >= count for name, count in wanted.items()) for node in nodes):
            return f"no node has room for another job now, which takes {_in_words(wanted)}"
        most = {name: max((node.get(name, 0) for node in nodes), default=0) for name in wanted}
        return (
            f"none of the cluster's {len(nodes)} nodes can ever hold a job: it takes {_in_words(wanted)}, and the most "
            f"that a node has is {_in_words(most)}; it waits for a node that can, or change hydra.launcher.ray.remote"
        )

    def _find(self, name: str) -> Any:
        if name not in self._keepers:
            try:
                self._keepers[name] = ray.get_actor(name, namespace=NAMESPACE)
            except ValueError:  # there is none, or there is no more
                return None
        return self._keepers[name]

    def _judge(self, name: str) -> ToldByRay:
        known = QueueState.RUNNING if name in self._nodes else QueueState.WAITING
        ended = self._read_run(name)
        if ended is not None or name not in self._pings:
            return ended or ToldByRay(QueueState.GONE)
        if not _is_ready(self._pings[name]):
            return ToldByRay(known)
        try:
            self._nodes[name], has_job = ray.get(self._pings.pop(name))
        except ray.exceptions.ActorUnavailableError:  # which Ray says while it does not know
            return ToldByRay(known)
        except ray.exceptions.RayError as error:
            is_node_lost = self._is_node_lost(name)
            is_sure = is_node_lost or "ray.kill" in str(error)
            return ToldByRay(QueueState.GONE, _first_line(error), is_node_lost, is_sure)
        return ToldByRay(QueueState.RUNNING, has_job=has_job)

    def _read_run(self, name: str) -> ToldByRay | None:
        """Return how a job ended that this process has given; None while it has not, or its keeper has more to say."""
        if name not in self._runs or not _is_ready(self._runs[name]):
            return None
        try:
            return ToldByRay(QueueState.GONE, ray.get(self._runs[name]))
        except ray.exceptions.RayTaskError as error:  # a defect of ours
            return ToldByRay(QueueState.GONE, _first_line(error.cause))
        except ray.exceptions.RayError:
            return None

    def _is_node_lost(self, name: str) -> bool:
        alive = {node["NodeID"] for node in ray.nodes() if node["Alive"]}
        return name in self._nodes and self._nodes[name] not in alive


def _init_arguments(choice: ClusterChoice) -> dict[str, Any]:
    """Return the arguments of ``ray.init``: what only a cluster of our own takes is left out for one that runs."""
    if choice.address is not None:
        return dict(choice.init)
    return {"object_store_memory": _OBJECT_STORE_BYTES, "include_dashboard": False, **choice.init}


def _wanted_resources(options: Mapping[str, Any]) -> dict[str, float]:
    named = {"CPU": options.get("num_cpus"), "GPU": options.get("num_gpus"), "memory": options.get("memory")}
    return {name: float(count) for name, count in {**named, **(options.get("resources") or {})}.items() if count}


def _in_words(resources: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {count:g}" for name, count in resources.items()) or "nothing"


def _is_ready(answer: Any) -> bool:
    ready, _ = ray.wait([answer], timeout=0)
    return bool(ready)


def _first_line(error: BaseException) -> str:
    """Return what Ray says, without the lines that only say which actor."""
    lines = [line for line in str(error).splitlines() if line.strip() and not line.startswith("\t")]
    return " ".join(lines[:2]).strip().rstrip(".") or type(error).__name__


def main() -> None:
    """Join or start a cluster, and answer until the socket closes."""
    with Connection(int(sys.argv[1])) as line:
        count, choice = line.recv()
        try:
            session = RaySession(choice)
        except Exception as error:  # noqa: BLE001  whatever Ray raises while it is joined
            line.send((count, False, _first_line(error)))
            return
        with suppress(EOFError, ConnectionError):
            line.send((count, True, None))
            while True:
                count, verb, arguments = line.recv()
                line.send((count, *_answer(session, verb, arguments)))


def _answer(session: RaySession, verb: str, arguments: Sequence[Any]) -> tuple[bool, Any]:
    try:
        return True, getattr(session, verb)(*arguments)
    except Exception as error:  # noqa: BLE001  whatever Ray raises: said by whoever asked
        return False, _first_line(error)


if __name__ == "__main__":
    main()
