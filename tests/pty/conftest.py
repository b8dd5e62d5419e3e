"""Programs in real terminals."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable

import pytest

from evalkit.pty.recording import TerminalRecording
from evalkit.pty.terminal import Terminal
from evalkit.sandbox.default_signals import default_signals


class Started:
    """A terminal with a program in it."""

    def __init__(self, terminal: Terminal, process: subprocess.Popen[bytes]) -> None:
        self.terminal = terminal
        self.process = process

    async def shows(self, text: str, timeout_s: float = 10.0) -> None:
        """Wait until `text` is on the screen."""
        await self.until(lambda: text in self.terminal.screen.text(), timeout_s)

    async def until(self, holds: Callable[[], bool], timeout_s: float = 10.0) -> None:
        """Wait until something holds."""
        deadline_s = time.monotonic() + timeout_s
        while not holds():
            assert time.monotonic() < deadline_s, self.terminal.screen.text()
            await self.terminal.changed(0.02)


Start = Callable[..., Started]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Start a program, or a Python program given as text, in a terminal of its own; all are killed in the end."""
    started: list[Started] = []

    def begin(*argv: str, python: str | None = None, columns: int = 80, rows: int = 24, **options: int) -> Started:
        recording = TerminalRecording(columns, rows, started_unix_s=0.0)
        terminal = Terminal.open(columns, rows, recording=recording, **options)
        line = [sys.executable, "-S", "-E", "-c", python] if python is not None else list(argv)
        side = terminal.child_fd
        with default_signals():
            process = subprocess.Popen(["setsid", "-c", *line], stdin=side, stdout=side, stderr=side)
        terminal.close_child()
        started.append(Started(terminal, process))
        return started[-1]

    yield begin
    for one in started:
        one.process.kill()
        one.process.wait()
        one.terminal.close()
