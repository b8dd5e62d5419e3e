"""Whether somebody waits for a line at a terminal, of real processes."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from boxes.needs import needs_linux

from evalkit.pty.reading import find_reader

pytestmark = needs_linux

LINES = "import time\nwhile True:\n    seconds = float(input('> '))\n    time.sleep(seconds)\n    print('ok')"


async def test_whether_a_line_program_reads(start: Callable[..., Any]) -> None:
    """While it waits for a line, and not while it works on one; the next wait is another; whatever is between us."""
    for line in ((), ("sh", "-c", 'exec 3<&0; "$0" "$@" <&3; :')):
        one = start(*line, "/usr/bin/env", "python3", "-S", "-E", "-c", LINES)
        pid, device = one.process.pid, one.terminal.device
        await one.until(lambda pid=pid, device=device: find_reader(pid, device))
        before = find_reader(pid, device)
        assert find_reader(pid, device + 1) == ()
        one.terminal.write(b"0.")  # half a line wakes nobody
        await asyncio.sleep(0.1)
        assert find_reader(pid, device) == before
        one.terminal.write(b"6\r")
        await one.until(lambda pid=pid, device=device: find_reader(pid, device) == ())
        await one.shows("ok")
        await one.until(lambda pid=pid, device=device: find_reader(pid, device))
        assert find_reader(pid, device) != before


async def test_a_thread_that_reads_is_found(start: Callable[..., Any]) -> None:
    """It need not be the first one."""
    one = start(
        python="import threading, time\nthreading.Thread(target=input).start()\nprint('up', flush=True)\ntime.sleep(60)"
    )
    await one.shows("up")
    await one.until(lambda: find_reader(one.process.pid, one.terminal.device))
    assert find_reader(one.process.pid, one.terminal.device) != (one.process.pid, 0)


async def test_who_is_gone_cannot_be_told(start: Callable[..., Any]) -> None:
    """None, and no error."""
    one = start("true")
    await asyncio.to_thread(one.process.wait)
    assert find_reader(one.process.pid, one.terminal.device) is None


def test_reading_something_else_is_not_reading_the_terminal() -> None:
    """A pipe is no terminal."""
    reads, writes = os.pipe()
    with subprocess.Popen(["cat"], stdin=reads, stdout=subprocess.DEVNULL) as process:
        assert find_reader(process.pid, 123) == ()
        os.close(reads)
        os.close(writes)


def test_a_processor_whose_calls_are_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then it cannot be told."""
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert find_reader(os.getpid(), 0) is None
