"""A counter that moves is a sign of life on any machine, whatever its clock says."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fake_clock import FakeClock

from evalkit.store.heartbeat import AWAY_S, Heartbeats, beating, read_count

BEAT = """
import pathlib, sys
from evalkit.store.heartbeat import beating
with beating(pathlib.Path(sys.argv[1]), every_s=0.01):
    print("beats", flush=True)
    sys.stdin.read()
"""


def test_a_counter_moves_for_as_long_as_its_process_lives(tmp_path: Path) -> None:
    """Killed, it stands still; the next process goes on counting, so that its first beat is news."""
    path = tmp_path / "0.beat"
    with subprocess.Popen(
        [sys.executable, "-c", BEAT, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "beats\n"
        first = read_count(path)
        assert first is not None
        deadline = time.monotonic() + 10
        while (read_count(path) or 0) <= first and time.monotonic() < deadline:
            time.sleep(0.01)
        assert (read_count(path) or 0) > first
        process.kill()
        process.wait()
    last = read_count(path)
    assert last is not None
    with beating(path):
        assert read_count(path) == last + 1


def test_one_that_is_back_says_so_before_it_does_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a suspension the counter is moved at once where it is overdue, and not for nothing."""
    path, now_s = tmp_path / "0.beat", time.monotonic()
    with beating(path) as beat_if_overdue:
        beat_if_overdue()
        assert read_count(path) == 1
        monkeypatch.setattr(time, "monotonic", lambda: now_s + 60)
        beat_if_overdue()
        beat_if_overdue()
        assert read_count(path) == 2
        monkeypatch.undo()


def test_silence_is_counted_by_the_observer_alone(tmp_path: Path) -> None:
    """From the first look on, and from anew whenever the counter has moved; the file's own time is not asked."""
    clock, path = FakeClock(), tmp_path / "0.beat"
    heartbeats = Heartbeats(clock)
    path.write_bytes(b"000000000007")
    os.utime(path, (0, 0))
    assert heartbeats.silent_s(path) == 0.0
    for silent_s in (15.0, 30.0, 45.0):
        clock.now_s += 15
        assert heartbeats.silent_s(path) == silent_s
    path.write_bytes(b"000000000008")
    os.utime(path, (0, 0))
    assert heartbeats.silent_s(path) == 0.0
    clock.now_s += 7
    assert heartbeats.silent_s(path) == 7.0


def test_who_was_away_counts_little_of_that_time(tmp_path: Path) -> None:
    """After a file system that hung for all of them, the others have the time to be heard before they are lost."""
    clock, path = FakeClock(), tmp_path / "0.beat"
    heartbeats = Heartbeats(clock)
    assert heartbeats.silent_s(path) == 0.0
    clock.now_s += 600
    assert heartbeats.silent_s(path) == AWAY_S
    clock.now_s += 1
    assert heartbeats.silent_s(path) == AWAY_S + 1


def test_no_counter_is_silence_too(tmp_path: Path) -> None:
    """A job that died before its first beat is not waited for without end."""
    clock = FakeClock()
    heartbeats = Heartbeats(clock)
    assert heartbeats.silent_s(tmp_path / "none.beat") == 0.0
    clock.now_s += 9
    assert heartbeats.silent_s(tmp_path / "none.beat") == 9.0
    assert read_count(tmp_path / "none.beat") is None
