"""Whether somebody waits for a line at a terminal, of real processes."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from boxes.needs import needs_linux

from evalkit.pty.reading import reading_terminal

pytestmark = needs_linux

LINES = "import time\nwhile True:\n    seconds = float(input('> '))\n    time.sleep(seconds)\n    print('ok')"


async def test_whether_a_line_program_reads(start: Callable[..., Any]) -> None:
    """While it waits for a line, and not while it works on one; whatever stands between it and us."""
    for line in ((), ("sh", "-c", 'exec 3<&0; "$0" "$@" <&3; :')):
        one = start(*line, "/usr/bin/env", "python3", "-S", "-E", "-c", LINES)
        pid, device = one.process.pid, one.terminal.device
        await one.until(lambda pid=pid, device=device: reading_terminal(pid, device) is True)
        assert reading_terminal(pid, device + 1) is False
        one.terminal.write(b"0.6\r")
        await one.until(lambda pid=pid, device=device: reading_terminal(pid, device) is False)
        await one.shows("ok")
        await one.until(lambda pid=pid, device=device: reading_terminal(pid, device) is True)


async def test_a_thread_that_reads_is_found(start: Callable[..., Any]) -> None:
    """It need not be the first one."""
    one = start(
        python="import threading, time\nthreading.Thread(target=input).start()\nprint('up', flush=True)\ntime.sleep(60)"
    )
    await one.shows("up")
    await one.until(lambda: reading_terminal(one.process.pid, one.terminal.device) is True)


async def test_who_is_gone_cannot_be_told(start: Callable[..., Any]) -> None:
    """None, and no error."""
    one = start("true")
    await asyncio.to_thread(one.process.wait)
    assert reading_terminal(one.process.pid, one.terminal.device) is None


def test_reading_something_else_is_not_reading_the_terminal() -> None:
    """A pipe is no terminal."""
    reads, writes = os.pipe()
    with subprocess.Popen(["cat"], stdin=reads, stdout=subprocess.DEVNULL) as process:
        assert reading_terminal(process.pid, 123) is False
        os.close(reads)
        os.close(writes)


def test_a_processor_whose_calls_are_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then it cannot be told."""
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert reading_terminal(os.getpid(), 0) is None
