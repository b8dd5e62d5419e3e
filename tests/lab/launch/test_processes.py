"""Processes outlive who started them, and none is taken for another."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from evalkit.errors import ConfigError
from evalkit.lab.launch.processes import (
    OUTPUT,
    is_running,
    note_identity,
    read_identity,
    reap,
    signal_process,
    start_process,
)

Until = Callable[[Callable[[], object]], None]


def test_a_process_runs_until_it_is_interrupted(
    tmp_path: Path, waiting_words: tuple[str, ...], until: Until, ended_after: list[Path]
) -> None:
    """Its output is in its folder, a second one is refused, and its exit code is known."""
    folder = tmp_path / "launch"
    ended_after.append(folder)
    assert not is_running(folder)
    pid = start_process(folder, waiting_words, tmp_path, os.environ)
    assert is_running(folder)
    until(lambda: (folder / OUTPUT).read_text() == "waiting as nobody\n")
    identity = read_identity(folder)
    assert identity is not None
    assert (identity.pid, os.getsid(pid)) == (pid, pid)
    with pytest.raises(ConfigError, match="still runs"):
        start_process(folder, waiting_words, tmp_path, os.environ)
    assert reap(pid) is None
    assert signal_process(folder, signal.SIGINT)
    until(lambda: not is_running(folder))
    until(lambda: reap(pid) == 130)
    assert not signal_process(folder, signal.SIGINT)


def test_a_process_outlives_the_lab(
    tmp_path: Path, waiting_words: tuple[str, ...], until: Until, ended_after: list[Path]
) -> None:
    """Who started it is killed; it is found again by its folder, hears Ctrl-C although its starter was deaf to it."""
    folder = tmp_path / "launch"
    ended_after.append(folder)
    starter = (
        "import os, signal, sys; from pathlib import Path; from evalkit.lab.launch.processes import start_process\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        f"start_process(Path({str(folder)!r}), {waiting_words!r}, Path({str(tmp_path)!r}), os.environ)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", starter], check=False).returncode == -signal.SIGKILL
    until(lambda: (folder / OUTPUT).exists() and "waiting" in (folder / OUTPUT).read_text())
    assert is_running(folder)
    assert signal_process(folder, signal.SIGINT)
    until(lambda: not is_running(folder))


def test_a_number_that_was_used_again_is_signalled_by_nobody(
    tmp_path: Path, waiting_words: tuple[str, ...], until: Until, ended_after: list[Path]
) -> None:
    """A process is who it says only if it began when it says, on this machine."""
    folder = tmp_path / "launch"
    ended_after.append(folder)
    pid = start_process(folder, waiting_words, tmp_path, os.environ)
    until(lambda: "waiting" in (folder / OUTPUT).read_text())
    stored = json.loads((folder / "process.json").read_text())
    for name, other in (("started", "1"), ("host", "elsewhere"), ("pid", os.getpid())):
        (folder / "process.json").write_text(json.dumps({**stored, name: other}))
        assert not signal_process(folder, signal.SIGKILL)
    note_identity(folder, pid)
    assert json.loads((folder / "process.json").read_text()) == stored
    assert signal_process(folder, signal.SIGKILL)
    until(lambda: reap(pid) == -signal.SIGKILL)


def test_who_nobody_is(tmp_path: Path) -> None:
    """A folder without a process, and one whose file is damaged."""
    assert read_identity(tmp_path) is None
    (tmp_path / "process.json").write_text("{")
    assert read_identity(tmp_path) is None
    assert not signal_process(tmp_path, signal.SIGKILL)
