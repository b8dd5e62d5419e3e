"""The keeper of a job: an actor that holds the job's resources on a node, and runs the job in a process of its own.

The job's process has a main thread for signals, none of Ray's handlers, and an output file that can be named. It ends
with its keeper (:mod:`evalkit.compose.ray_cluster.job`). The keeper ends with the job, and needs no command for that.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, cast

import ray

from evalkit.compose.ray_cluster.job import write_work
from evalkit.compose.ray_cluster.words import KeptJob

_UNUSED_S = 30.0
_READ_S = 0.5  # an answer is with the one who asked by then
_KILLED_S = 10.0


class JobKeeper:
    """Runs one job; methods are called at the same time, each in a thread of its own."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._is_interrupted = False
        self._has_job = False
        self._unused = _leave_in(_UNUSED_S)  # whoever was to give it a job has gone

    def tell(self) -> tuple[str, bool]:
        """Return the id of the node where it is, and whether it was given its job."""
        return str(ray.get_runtime_context().get_node_id()), self._has_job

    def run(self, job: KeptJob, environ: Mapping[str, str]) -> str:
        """Run `job`, with variables `environ` beside the node's own; return what went wrong, empty where nothing did.

        Keys are among the variables: they are an argument of their own, too small for Ray's object store.
        """
        self._has_job = True
        self._unused.cancel()
        try:
            return self._run(job, environ)
        finally:
            _leave_in(_READ_S)

    def interrupt(self) -> None:
        """Send the job SIGINT; one that has not begun never does."""
        self._is_interrupted = True
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGINT)

    def _run(self, job: KeptJob, environ: Mapping[str, str]) -> str:
        root = Path(job.root)
        if not (root / "plan.json").is_file():
            return (
                f"{socket.gethostname()} does not see {root}; output_dir must be on a file system that all nodes share"
            )
        said = root / ".ray" / f"{job.number}.log"
        said.parent.mkdir(exist_ok=True)
        with said.open("ab") as output:
            process = _start(output, environ)
            self._process = process
            with suppress(BrokenPipeError):  # its code says more
                write_work(cast("IO[bytes]", process.stdin), job.work)
            if self._is_interrupted:
                self.interrupt()
            code = process.wait()
        return f"its process ended with code {code}; what it said last: {said}" if code else ""


def _start(output: IO[bytes], environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    path = os.pathsep.join(filter(None, sys.path))  # Ray has put the command's own there
    return subprocess.Popen(
        [sys.executable, "-m", "evalkit.compose.ray_cluster.job"],
        env={**os.environ, **environ, "PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _leave_in(seconds: float) -> threading.Timer:
    timer = threading.Timer(seconds, _leave, [ray.get_runtime_context().current_actor])
    timer.daemon = True
    timer.start()
    return timer


def _leave(actor: object) -> None:
    """End this actor in the way that Ray takes for meant, else in any."""
    with suppress(Exception):
        ray.kill(actor)
        threading.Event().wait(_KILLED_S)
    os._exit(0)
