"""The sweep that this process launches, for its launcher: which jobs it is to start, and how it waits for them.

Launchers are made by Hydra, which passes them nothing of ours; they ask :func:`current_launch`. One whose jobs run
elsewhere does this in its ``launch``::

    current = current_launch()
    numbers = current.find_to_start(initial_job_idx, len(job_overrides))
    …                                            # hand these to the cluster, and no others
    current.note_queued(QueuedJobs("my_launcher", {number: what the cluster calls it}))
    current.wait(numbers, queue, settings)       # returns within its bounds, whatever the cluster does

Jobs that are not to be started have been done before, or run already. ``queue`` says what the cluster knows of a job,
and passes a Ctrl-C on to it where it is an :class:`~evalkit.runner.job_watch.InterruptibleQueue`. ``settings`` are
those of the launcher, with the keys of :class:`~evalkit.runner.job_wait.WaitBounds` among them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from evalkit.clock import Clock, MonotonicClock
from evalkit.compose.interruption import SweepInterruption, forwarding_interruptions
from evalkit.compose.queues import find_stop_command
from evalkit.runner.job_progress import WaitProgress
from evalkit.runner.job_wait import AskedAside, WaitBounds, Waited, describe_wait_end, wait_for_jobs
from evalkit.runner.job_watch import InterruptibleQueue, JobState, JobWatch, Queue
from evalkit.runner.terminal import stderr_console
from evalkit.store.running_jobs import QueuedJobs, RunningJobs


class CurrentLaunch:
    """A sweep that is being launched.

    Args:
        jobs: Of the sweep.
        numbers: Those to be started.
        interruption: The signals that came.
        clock: Of this process.

    Attributes:
        numbers: Those to be started.
        has_queued: Whether a queue was given any of them.
        waited: What was known when waiting ended; None when nothing was waited for in this way.
        notes: A sentence for each wait that left jobs behind: which, why, how to stop and how to rejoin them.

    """

    def __init__(
        self, jobs: RunningJobs, numbers: Collection[int], interruption: SweepInterruption, clock: Clock
    ) -> None:
        self.jobs, self.interruption = jobs, interruption
        self.numbers, self._clock = frozenset(numbers), clock
        self.has_queued = False
        self.waited: Waited | None = None
        self.notes: list[str] = []

    def find_to_start(self, first: int, count: int) -> list[int]:
        """Return which of `count` jobs from number `first` on are to be started."""
        return [number for number in range(first, first + count) if number in self.numbers]

    def note_queued(self, queued: QueuedJobs) -> None:
        """Remember what a queue was given, so that the jobs can be joined from elsewhere."""
        self.has_queued = True
        self.jobs.note_queued(queued)

    def wait(
        self,
        numbers: Collection[int],
        queue: Queue | None,
        settings: Mapping[str, Any],
        *,
        at_each_look: Callable[[Mapping[int, JobState]], object] = lambda _: None,
        at_once: bool = False,
        leave: Callable[[Waited], Waited] = lambda waited: waited,
    ) -> Waited:
        """Wait for jobs that run elsewhere, show how far they are, and return what was known when that ended.

        Args:
            numbers: The jobs.
            queue: Where they were put; None: nowhere.
            settings: The launcher's, with its bounds.
            at_each_look: Is given the state of every job, every so often: the place to hand further ones over.
            at_once: Look at them once, and do not wait: the sweep was interrupted before.
            leave: Is given what was known when the wait ended, and returns what is left behind: the place to take
                back jobs that would wait with nobody to hand them over.

        """
        bounds = WaitBounds.of(settings)
        asked = queue if queue is None or isinstance(queue, AskedAside) else AskedAside(queue)
        watch = JobWatch(self.jobs, bounds.lost_after_s, self._clock, asked)
        if asked is not None and isinstance(found := asked.queue, InterruptibleQueue):
            self.interruption.forward = functools.partial(found.interrupt, numbers)
        with WaitProgress(stderr_console(), self._clock) as progress:

            def on_look(states: Mapping[int, JobState]) -> None:
                progress.show(states)
                at_each_look(states)

            waited = wait_for_jobs(
                watch,
                numbers,
                bounds,
                self._clock,
                show=on_look,
                interrupted=lambda: self.interruption.count > 0,
                must_end=lambda: at_once or self.interruption.must_end,
            )
        left = leave(waited)
        self._note(left, bounds)
        return left

    def _note(self, waited: Waited, bounds: WaitBounds) -> None:
        self.waited = self.waited.joined_with(waited) if self.waited else waited
        queued = self.jobs.find_queued()
        ids = queued.ids if queued else {}
        stop = find_stop_command(queued.queue if queued else None)
        if note := describe_wait_end(waited, bounds, ids, stop, f"evalkit resume {self.jobs.root}"):
            self.notes.append(note)


_current: CurrentLaunch | None = None


def current_launch() -> CurrentLaunch:
    """Return the sweep that this process launches. Raises RuntimeError when it launches none."""
    if _current is None:
        raise RuntimeError("no sweep is being launched by this process")
    return _current


@contextmanager
def launching(jobs: RunningJobs, numbers: Collection[int], grace_s: float) -> Iterator[CurrentLaunch]:
    """Let the block launch the jobs `numbers`, and take its interruptions, of which there may be one when it ends."""
    global _current  # noqa: PLW0603  see above
    clock = MonotonicClock()
    with forwarding_interruptions(jobs, grace_s, clock) as interruption:
        _current = CurrentLaunch(jobs, numbers, interruption, clock)
        try:
            yield _current
        finally:
            _current = None
