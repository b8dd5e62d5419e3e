"""The process of a job on a node ends with its keeper, whatever it is doing."""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import IO, cast

from evalkit.compose.ray_cluster.job import write_work

END_WITHIN_S = 30.0


class _Work:
    """Sleeps while it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[float], None], tuple[float]]:
        return time.sleep, (10 * END_WITHIN_S,)


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "evalkit.compose.ray_cluster.job"], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_a_job_ends_at_once_when_its_keeper_goes() -> None:
    """Killed, in the middle of its work."""
    with _start() as process:
        write_work(cast("IO[bytes]", process.stdin), pickle.dumps(_Work()))
        time.sleep(1)
        assert process.poll() is None
        process.communicate(timeout=END_WITHIN_S)
    assert process.returncode == -signal.SIGKILL


def test_a_job_can_be_interrupted_though_its_keeper_cannot() -> None:
    """Ray blocks SIGINT in its threads, and a process begins with what its parent's thread blocks."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        started = _start()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    with started as process:
        write_work(cast("IO[bytes]", process.stdin), pickle.dumps(_Work()))
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        assert process.wait(END_WITHIN_S) != 0
        assert b"KeyboardInterrupt" in process.communicate()[1]


def test_a_keeper_that_goes_before_it_has_spoken_leaves_no_job() -> None:
    """The process says why it ends."""
    with _start() as process:
        _, err = process.communicate(timeout=END_WITHIN_S)
    assert process.returncode == 1
    assert b"the keeper of this job went before it had said what to run" in err
