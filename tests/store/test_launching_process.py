"""A sweep has one launching process, on any machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from fake_clock import FakeClock

from evalkit.errors import ConfigError
from evalkit.store.launching_process import launching_alone

LOST_AFTER_S = 60.0
LAUNCHING = """
import pathlib, sys
from evalkit.clock import MonotonicClock
from evalkit.store.launching_process import launching_alone
with launching_alone(pathlib.Path(sys.argv[1]), MonotonicClock(), lost_after_s=60, say=print):
    print("launching", flush=True)
    sys.stdin.read()
"""


def _launch(
    root: Path, clock: FakeClock, said: list[str], happens: Callable[[], object] = lambda: None
) -> AbstractContextManager[None]:
    def sleep(seconds: float) -> None:
        clock.now_s += seconds
        happens()

    return launching_alone(root, clock, lost_after_s=LOST_AFTER_S, say=said.append, sleep=sleep)


def _be_elsewhere(root: Path) -> None:
    """Let the process that launched last have been one of another machine, which has not come to its end."""
    (root / ".jobs").mkdir(exist_ok=True)
    (root / ".jobs" / "launcher.json").write_text(json.dumps({"pid": 7, "host": "login2:boot"}))
    (root / ".jobs" / "launcher.beat").write_bytes(b"%012d" % 5)


def test_a_second_process_is_refused_while_the_first_lives_and_no_longer(tmp_path: Path) -> None:
    """In one sentence that names it; one that was killed is in nobody's way on this machine."""
    clock, said = FakeClock(), list[str]()
    command = [sys.executable, "-c", LAUNCHING, str(tmp_path)]
    first = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None
    assert first.stdout.readline() == "launching\n"
    refusal = f"another process launches this sweep .*process {first.pid} on "
    with pytest.raises(ConfigError, match=refusal), _launch(tmp_path, clock, said):
        pass
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    with _launch(tmp_path, clock, said):
        assert json.loads((tmp_path / ".jobs" / "launcher.json").read_text())["pid"] == os.getpid()
    assert not (tmp_path / ".jobs" / "launcher.json").exists()
    assert said == []


def test_one_on_another_machine_that_lives_is_seen_by_its_counter(tmp_path: Path) -> None:
    """Though its lock says nothing here."""
    clock, said = FakeClock(), list[str]()
    _be_elsewhere(tmp_path)
    beats = iter(range(6, 99))

    def beat() -> None:
        (tmp_path / ".jobs" / "launcher.beat").write_bytes(b"%012d" % next(beats))

    with pytest.raises(ConfigError, match="process 7 on login2"), _launch(tmp_path, clock, said, beat):
        pass
    assert clock.now_s - 100.0 < LOST_AFTER_S
    assert said == ["looking for up to 60 s whether the launching process on login2 still lives"]


def test_one_on_another_machine_that_was_killed_is_known_after_a_while(tmp_path: Path) -> None:
    """One that came to its end is known at once."""
    clock, said = FakeClock(), list[str]()
    _be_elsewhere(tmp_path)
    with _launch(tmp_path, clock, said):
        assert clock.now_s - 100.0 == pytest.approx(LOST_AFTER_S, abs=2)
    with _launch(tmp_path, clock, said):
        pass
    assert len(said) == 1
