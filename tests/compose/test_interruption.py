"""What a signal asks for, and when the time that it allows has passed."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

import pytest
from fake_clock import FakeClock

from evalkit.compose import interruption as module
from evalkit.compose.interruption import SweepInterruption, current_interruption, forwarding_interruptions
from evalkit.store.running_jobs import RunningJobs

GRACE_S = 30.0


def test_how_long_jobs_are_waited_for(tmp_path: Path) -> None:
    """The first signal allows them the grace time and a little more, the second a little, the third nothing."""
    clock = FakeClock()
    taken = SweepInterruption(RunningJobs(tmp_path), GRACE_S, clock)
    assert not taken.must_end
    taken.handle()
    clock.now_s += GRACE_S
    assert not taken.must_end
    clock.now_s += 5
    assert taken.must_end
    assert not taken.must_break_off
    clock.now_s += 25
    assert taken.must_break_off
    taken.handle()
    assert not taken.must_end, "the urgent ones have a moment too"
    clock.now_s += 3
    assert taken.must_end
    with pytest.raises(KeyboardInterrupt):
        taken.handle()
    assert taken.count == 2


def test_a_signal_is_passed_on_though_the_cluster_hangs(tmp_path: Path) -> None:
    """No further job begins, and each signal is passed on, while the one before is still under way."""
    jobs = RunningJobs(tmp_path)
    passed_on, hang = threading.Semaphore(0), threading.Event()

    def forward() -> None:
        passed_on.release()
        hang.wait(30)

    with forwarding_interruptions(jobs, GRACE_S) as taken:
        assert current_interruption() is taken
        taken.forward = forward
        for _ in range(2):
            signal.raise_signal(signal.SIGINT)
            assert passed_on.acquire(timeout=10)
        assert jobs.is_stopped
    hang.set()
    assert current_interruption() is None


def test_a_block_that_ends_at_once_has_passed_the_signal_on(tmp_path: Path) -> None:
    """As where no job runs: those that wait in the queue are taken back before the command ends."""
    told: list[str] = []

    def forward() -> None:
        time.sleep(0.2)
        told.append("told")

    with forwarding_interruptions(RunningJobs(tmp_path), GRACE_S) as taken:
        taken.forward = forward
        signal.raise_signal(signal.SIGINT)
    assert told == ["told"]


def test_a_launcher_that_hangs_is_broken_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the time has passed in which it should have ended by itself, also in the middle of a system call."""
    monkeypatch.setattr(module, "_BREAK_OFF_S", (0.3, 0.3))
    with forwarding_interruptions(RunningJobs(tmp_path), 0.1):
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            time.sleep(30)
