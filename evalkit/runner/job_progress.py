"""How far the jobs of a sweep have come: how many wait, run, have ended or are lost, and when all will be done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from evalkit.clock import Clock
from evalkit.runner.job_watch import JobState
from evalkit.runner.terminal import say

LINE_EVERY_S = 60.0
"""So often at most a log gets a line when something has changed."""

ALIVE_EVERY_S = 900.0
"""So often it gets one when nothing has."""

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86400


@dataclass(frozen=True)
class JobCounts:
    """How many jobs are in each state."""

    waiting: int = 0
    running: int = 0
    ended: int = 0
    lost: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.open + self.ended + self.lost

    @property
    def open(self) -> int:
        """Those that something may still become of."""
        return self.waiting + self.running

    def __str__(self) -> str:
        """As a person reads it."""
        return f"{self.waiting} wait, {self.running} run, {self.ended} ended, {self.lost} lost"


def count_jobs(states: Mapping[int, JobState]) -> JobCounts:
    """Return how many jobs are in each state."""
    counted = Counter(states.values())
    return JobCounts(**{state.value: counted[state] for state in JobState})


class TimeLeft:
    """When all will be done, by those that have ended while it was watched.

    It holds how many ended against the time since one was first seen to run, and so knows by itself how many run at
    once; jobs that differ in length, or a queue that fills, make it wrong.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began_s: float | None = None
        self._ended_before = 0

    def left_s(self, counts: JobCounts) -> float | None:
        """Return for how many seconds it will go on; None as long as nothing can be said."""
        now_s = self._clock.now()
        if self._began_s is None:
            if counts.running:
                self._began_s, self._ended_before = now_s, counts.ended
            return None
        ended = counts.ended - self._ended_before
        return (now_s - self._began_s) / ended * counts.open if ended > 0 else None


def describe_duration(seconds: float) -> str:
    """Return a length of time as a person says it, in the unit that fits."""
    for unit_s, name, below_s in ((1, "s", 2 * _MINUTE_S), (_MINUTE_S, "min", 2 * _HOUR_S), (_HOUR_S, "h", 2 * _DAY_S)):
        if seconds < below_s:
            return f"{seconds / unit_s:.0f} {name}"
    return f"{seconds / _DAY_S:.0f} days"


class WaitProgress:
    """What a person sees while jobs are waited for: one line in place on a terminal, a line now and then in a log.

    A context manager. Written to stderr; stdout belongs to scripts.
    """

    def __init__(self, console: Console, clock: Clock) -> None:
        self._clock = clock
        self._time_left = TimeLeft(clock)
        self._shown: JobCounts | None = None
        self._shown_at_s = 0.0
        self._is_terminal = console.is_terminal
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task = self._progress.add_task("jobs", total=None)

    def __enter__(self) -> WaitProgress:
        """Begin to show it."""
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the line away; the closing table follows."""
        self._progress.stop()

    def show(self, states: Mapping[int, JobState]) -> None:
        """Show how far the jobs are."""
        counts = count_jobs(states)
        left_s = self._time_left.left_s(counts)
        until = "" if left_s is None or not counts.open else f"; done in about {describe_duration(left_s)}"
        text = f"jobs: {counts}{until}"
        if self._is_terminal:
            self._progress.update(
                self._task, description=text, total=counts.total, completed=counts.ended + counts.lost
            )
        elif self._is_due(counts):
            self._shown, self._shown_at_s = counts, self._clock.now()
            say(text)

    def _is_due(self, counts: JobCounts) -> bool:
        silent_s = self._clock.now() - self._shown_at_s
        return self._shown is None or silent_s >= (LINE_EVERY_S if counts != self._shown else ALIVE_EVERY_S)
