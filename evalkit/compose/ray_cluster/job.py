"""The process of one job on a node: ``python -m evalkit.compose.ray_cluster.job``, started by the job's keeper.

The keeper writes to its stdin what it runs, and keeps the pipe open. When that closes the keeper has gone, and with it
Ray's hold on the node's resources: the process ends at once, so that no job runs on that Ray takes for lost.
"""

from __future__ import annotations

import os
import pickle
import signal
import threading
from typing import IO

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import run_job, setup_globals

from evalkit.compose import run_types  # noqa: F401  registers types and resolvers
from evalkit.process_end import run_process

_LENGTH_BYTES = 8


def write_work(stream: IO[bytes], work: bytes) -> None:
    """Write to the process's stdin what it is to run; `stream` must stay open until it has ended."""
    stream.write(len(work).to_bytes(_LENGTH_BYTES, "big") + work)
    stream.flush()


def main() -> int:
    """Run the job; how it went stands in its files."""
    signal.pthread_sigmask(
        signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM}
    )  # which Ray blocks in the keeper's threads
    work = _read_work()
    setup_globals()
    hydra_context, config, task_function = pickle.loads(work)  # noqa: S301  written by our own command
    HydraConfig.instance().set_config(config)
    done = run_job(
        hydra_context=hydra_context,
        task_function=task_function,
        config=config,
        job_dir_key="hydra.sweep.dir",
        job_subdir_key="hydra.sweep.subdir",
    )
    _ = done.return_value  # raises what the job raised
    return 0


def _read_work() -> bytes:
    """Return what to run, and watch the keeper from then on. Nothing that the job starts shares its pipe."""
    pipe = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    length = int.from_bytes(_read_exactly(pipe, _LENGTH_BYTES), "big")
    work = _read_exactly(pipe, length)
    threading.Thread(target=_end_with_keeper, args=(pipe,), name="keeper", daemon=True).start()
    return work


def _read_exactly(pipe: int, count: int) -> bytes:
    read = b""
    while len(read) < count:
        more = os.read(pipe, count - len(read))
        if not more:
            raise EOFError("the keeper of this job went before it had said what to run")
        read += more
    return read


def _end_with_keeper(pipe: int) -> None:
    os.read(pipe, 1)  # returns when it closes: nothing more is ever written
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    run_process(main)
