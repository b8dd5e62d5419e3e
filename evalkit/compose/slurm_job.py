"""What the process of a Slurm job does when Slurm wants it to end, and whether Slurm will start it again.

========================== ============================================ ============================================
Slurm                      sends                                        the job ends its cases, and then
========================== ============================================ ============================================
sees its time limit come   SIGUSR2, ``signal_delay_s`` before           is put back into the queue by itself,
                                                                        ``max_num_timeout`` times; else it has ended
preempts it, with a grace  SIGTERM, at some sites SIGUSR2 before it     is put back into the queue by itself
preempts or requeues it    SIGTERM                                      is started again by Slurm
cancels it                 SIGTERM                                      has ended
========================== ============================================ ============================================

A job that is started again goes on in its own directory, and what is finished there stays. Where it takes too long to
end, Slurm kills it (``KillWait``); what it was, its files and the queue tell as well.

Submitit's own handlers, which these replace, ignore SIGTERM and answer SIGUSR2 with an exception: a job that was doing
what it should would say that it has failed.
"""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from evalkit.compose.slurm_queue import ANSWER_WITHIN_S, read_own_job, run_slurm

Say = Callable[[str], None]
Handler = Callable[[int, FrameType | None], Any]


class SlurmJobEnd:
    """How the job of this process comes to its end.

    Args:
        environ: What Slurm has told the job of itself.
        timeouts_path: A file that counts how often the job's time was up; it need not be there.
        max_num_timeout: So often it is put back into the queue for that.
        say: Tells a person what happens.

    """

    def __init__(self, environ: Mapping[str, str], timeouts_path: Path, max_num_timeout: int, say: Say) -> None:
        self._id = environ["SLURM_JOB_ID"]
        self._restarts = int(environ.get("SLURM_RESTART_COUNT", 0))
        self._timeouts_path = timeouts_path
        self._max_num_timeout = max_num_timeout
        self._say = say
        self._is_warned = False

    @contextmanager
    def taking_signals(self, warning: signal.Signals) -> Iterator[None]:
        """End the job's cases at `warning` and at SIGTERM, for as long as the block lasts."""
        taken: dict[signal.Signals, Handler] = {warning: self._on_warning, signal.SIGTERM: signal.default_int_handler}
        saved = {number: signal.signal(number, handler) for number, handler in taken.items()}
        try:
            yield
        finally:
            for number, handler in saved.items():
                signal.signal(number, handler)

    def comes_again(self) -> bool:
        """Tell whether Slurm will start the job again, which was interrupted; see to it where it should.

        True where Slurm does not answer: then the job's place in the queue will tell.
        """
        told = read_own_job(self._id)
        if told is None or told.restarts > self._restarts:
            return True
        if told.is_preempted:
            return self._put_back()
        return self._is_warned and self._count_timeout() and self._put_back()

    def _on_warning(self, *_: object) -> None:
        if self._is_warned:
            return
        self._is_warned = True
        self._say("Slurm will end this job soon (its time limit, or a job that goes before it)")
        signal.raise_signal(signal.SIGINT)

    def _count_timeout(self) -> bool:
        """Note that the time was up once more; tell whether the job may be started again."""
        earlier = int(self._timeouts_path.read_text("ascii")) if self._timeouts_path.exists() else 0
        if earlier >= self._max_num_timeout:
            return False
        self._timeouts_path.write_text(str(earlier + 1), "ascii")
        return True

    def _put_back(self) -> bool:
        """Put the job into the queue once more. Slurm answers by ending it, which is what it is about to do."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        try:
            done = run_slurm(["scontrol", "requeue", self._id], ANSWER_WITHIN_S)
        except (OSError, subprocess.TimeoutExpired):
            return False
        if done.returncode:
            self._say(f"the job was not put back into the queue: {done.stderr.strip() or 'Slurm does not say why'}")
        return done.returncode == 0
