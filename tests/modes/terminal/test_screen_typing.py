"""The user at a real terminal, with programs that are hard to type at."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from boxes.needs import needs_linux

from evalkit.modes.terminal.agent import find_agent
from evalkit.modes.terminal.case import Reaction, UserAction
from evalkit.modes.terminal.launch import Launcher
from evalkit.modes.terminal.link import AgentStop, StopKind
from evalkit.modes.terminal.proving import read_demo_profile
from evalkit.modes.terminal.screen_link import ScreenLink, without_echo
from evalkit.sandbox.session import HostSessions, SessionLimits

pytestmark = needs_linux

Open = Callable[..., Awaitable[tuple[ScreenLink, AgentStop]]]

_BEGIN = """
import os, sys, time, tty
tty.setraw(0)
def draw(text): os.write(1, text.encode())
"""
# A terminal that calls itself ready before it reads, and forgets what was typed until then.
_LATE = (
    _BEGIN
    + r"""
import termios
draw("\x1b]0;ready\x07welcome\r\n")
time.sleep(1.2)
termios.tcflush(0, termios.TCIFLUSH)
draw("> ")
text = b""
while not text.endswith(b"\r"):
    text += (got := os.read(0, 99))
    draw(got.decode())
draw("\r\nYou said " + text.decode() + "\n\x1b]0;ready\x07> ")
time.sleep(60)
"""
)
# An input line that draws slowly, and takes an Enter within 0.15 s of that, or a paste, for a line break.
_SLOW = (
    _BEGIN
    + r"""
draw("\x1b[?2004h> ")
text, drawn = "", 0.0
while True:
    got = os.read(0, 999).decode()
    if got == "\r" and time.monotonic() - drawn > 0.15:
        break
    text += got
    time.sleep(0.3)
    draw(got)
    drawn = time.monotonic()
draw("\r\nYou said " + repr(text) + "\r\n> ")
time.sleep(60)
"""
)


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Open]:
    """Start a Python program given as text; the link ends with the test."""
    links: list[ScreenLink] = []

    async def begin(program: str, **profile: Any) -> tuple[ScreenLink, AgentStop]:
        plain = {"pty_args": (), "busy": (), "busy_title": (), "idle_title": (), "approval": (), "quiet_s": 0.4}
        settings = replace(read_demo_profile("pty"), argv=("{python}", "-c", program), **{**plain, **profile})
        launcher = Launcher(find_agent(settings), HostSessions(), SessionLimits(), tmp_path)
        launcher.prepare({}, {})
        link = ScreenLink(
            launcher, columns=80, rows=24, start_timeout_s=20, silent_timeout_s=10, turn_timeout_s=20,
            output_limit_bytes=100_000,
        )  # fmt: skip
        links.append(link)
        return link, await link.start()

    yield begin
    for link in links:
        await link.close()


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("> say hello\nDone.", "> \nDone."),
        ("│ > say he\nllo │\nDone.", "│ >  │\nDone."),
        ("You said: say hello", "You said: say hello"),
        ("I say hello\n> say hello\n", "I say hello\n> \n"),
        ("nothing of it", "nothing of it"),
    ],
)
def test_only_what_is_drawn_again_is_taken_out(text: str, left: str) -> None:
    assert without_echo(text, "say hello") == left


async def test_a_title_that_comes_too_soon_is_not_believed(start: Open) -> None:
    link, first = await start(_LATE, ready="^>", idle_title=("^ready",))
    assert (first.kind, first.signal) == (StopKind.READY, "title")
    assert first.elapsed_ms > 1200
    stop = await link.act(Reaction(UserAction.SAY, "hello"))
    assert stop.kind is StopKind.READY
    assert "You said hello" in stop.text
    assert stop.echoed is True


async def test_enter_waits_until_what_was_typed_is_drawn(start: Open) -> None:
    link, _ = await start(_SLOW, ready="^>")
    stop = await link.act(Reaction(UserAction.SAY, "one two three"))
    assert stop.kind is StopKind.READY
    assert "You said 'one two three'" in stop.screen


async def test_what_the_user_pastes_is_a_paste(start: Open) -> None:
    link, _ = await start(_SLOW, ready="^>")
    stop = await link.act(Reaction(UserAction.PASTE, "one two three"))
    assert r"You said '\x1b[200~one two three\x1b[201~'" in stop.screen
