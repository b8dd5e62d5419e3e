"""How far a sweep's jobs are, in numbers, in time and in words."""

from __future__ import annotations

import io

import pytest
from fake_clock import FakeClock
from rich.console import Console

from evalkit.runner.job_progress import (
    ALIVE_EVERY_S,
    LINE_EVERY_S,
    JobCounts,
    TimeLeft,
    WaitProgress,
    count_jobs,
    describe_duration,
)
from evalkit.runner.job_watch import JobState


def test_jobs_are_counted_by_state() -> None:
    """And said in words that a person reads at a glance."""
    counts = count_jobs({0: JobState.WAITING, 1: JobState.ENDED, 2: JobState.ENDED, 3: JobState.LOST})
    assert counts == JobCounts(waiting=1, running=0, ended=2, lost=1)
    assert (counts.total, counts.open) == (4, 1)
    assert str(counts) == "1 wait, 0 run, 2 ended, 1 lost"


def test_when_all_is_done_follows_from_those_that_ended() -> None:
    """Counted from when the first was seen to run; jobs that had ended before tell nothing."""
    clock = FakeClock()
    time_left = TimeLeft(clock)
    assert time_left.left_s(JobCounts(waiting=10, ended=5)) is None
    clock.now_s += 1000  # in the queue
    assert time_left.left_s(JobCounts(waiting=6, running=4, ended=5)) is None
    clock.now_s += 60
    assert time_left.left_s(JobCounts(waiting=6, running=4, ended=5)) is None
    assert time_left.left_s(JobCounts(waiting=2, running=4, ended=9)) == 60 / 4 * 6


@pytest.mark.parametrize(
    ("seconds", "words"), [(8, "8 s"), (119, "119 s"), (1800, "30 min"), (3600 * 5, "5 h"), (604800, "7 days")]
)
def test_a_length_of_time_is_said_in_the_unit_that_fits(seconds: float, words: str) -> None:
    """No fractions: it is an estimate."""
    assert describe_duration(seconds) == words


def test_a_log_gets_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    """The first look, then what has changed, a minute apart at least; and a sign of life where nothing changes."""
    clock = FakeClock()
    waiting, running = {0: JobState.WAITING}, {0: JobState.RUNNING}
    with WaitProgress(Console(file=io.StringIO()), clock) as progress:
        progress.show(waiting)
        clock.now_s += LINE_EVERY_S - 1
        progress.show(running)  # too soon
        clock.now_s += 1
        progress.show(running)
        for _ in range(int(ALIVE_EVERY_S / 10)):
            clock.now_s += 10
            progress.show(running)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "evalkit: jobs: 1 wait, 0 run, 0 ended, 0 lost",
        "evalkit: jobs: 0 wait, 1 run, 0 ended, 0 lost",
        "evalkit: jobs: 0 wait, 1 run, 0 ended, 0 lost",
    ]


def test_a_terminal_has_it_in_place_with_when_it_will_be_done(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing else is written."""
    clock, shown = FakeClock(), io.StringIO()
    console = Console(file=shown, force_terminal=True, width=120)
    with WaitProgress(console, clock) as progress:
        progress.show({0: JobState.RUNNING, 1: JobState.RUNNING, 2: JobState.WAITING})
        clock.now_s += 60
        progress.show({0: JobState.ENDED, 1: JobState.RUNNING, 2: JobState.WAITING})
    assert "jobs: 1 wait, 1 run, 1 ended, 0 lost; done in about 2 min" in shown.getvalue()
    assert capsys.readouterr() == ("", "")
