"""Waiting for real programs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import pytest
from boxes.needs import needs_linux

from evalkit.pty.quiescence import QuietRules, TurnDecision, TurnWatch
from evalkit.pty.recording import TerminalRecording
from evalkit.pty.terminal import Terminal
from evalkit.pty.waiting import TurnWaiter

pytestmark = needs_linux

LINES = """
import time
while True:
    word = input('> ')
    time.sleep(0.6)
    print('you said', word)
"""
DRAWS = """
import os, sys, time, tty
seconds, titled = float(sys.argv[1]), sys.argv[2] == 'titled'
tty.setraw(0)
def draw(title, *lines):
    rows = ''.join(f'\\x1b[{row};1H{line}\\x1b[K' for row, line in enumerate(lines, 1))
    head = f'\\x1b]0;{title}\\x07' if titled else ''
    os.write(1, f'\\x1b[?2026h{head}{rows}\\x1b[?2026l'.encode())
os.write(1, b'\\x1b[?1049h\\x1b[2J')
draw('idle', 'ready', '> ')
turn = 0
while True:
    got = b''
    while not got.endswith(b'\\r'):
        got += os.read(0, 100)
    turn += 1
    for tick in range(int(seconds * 10)):
        draw(f'busy {tick}', f'{"|/-*"[tick % 4]} working {tick}', '')
        time.sleep(0.1)
    draw('idle', f'answer {turn}', '> ')
"""


class Session:
    """One program, its watch, and its user."""

    def __init__(self, one: Any, *, reads: bool = False, look: Callable[[], None] | None = None, **rules: Any) -> None:
        self.one = one
        self.watch = TurnWatch(QuietRules(uses_blocked_read=reads, **rules), started_s=time.monotonic())
        self.waiter = TurnWaiter(
            one.terminal,
            self.watch,
            root_pid=one.process.pid if reads else None,
            has_exited=lambda: one.process.poll() is not None,
            look=look,
        )

    async def ask(self, text: str) -> tuple[TurnDecision, str]:
        """Say something; return the stop and what was drawn."""
        mark = self.one.terminal.mark()
        self.one.terminal.send_text(text)
        self.waiter.before_input()
        self.one.terminal.press("enter")
        self.watch.sent(time.monotonic())
        return await self.waiter.wait_for_turn(), self.one.terminal.text_since(mark)


async def test_a_line_program_is_ready_when_it_reads(start: Callable[..., Any]) -> None:
    """At once after its answer, also where that takes longer than quiet does, in silence."""
    session = Session(start(python=LINES), reads=True, quiet_s=0.3)
    first = await session.waiter.wait_for_turn()
    assert (first.kind, first.signal) == ("ready", "blocked_read")
    for word in ("one", "two"):
        before_s = time.monotonic()
        stop, drawn = await session.ask(word)
        assert (stop.kind, stop.signal) == ("ready", "blocked_read")
        assert drawn == f"> {word}\nyou said {word}"
        assert stop.at_s - before_s >= 0.6


async def test_what_a_line_program_does_between_two_looks_is_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine: at the first look what was typed has not arrived, before the second the program has asked."""
    terminal = Terminal.open(40, 5, recording=TerminalRecording(40, 5, started_unix_s=0.0))
    watch = TurnWatch(QuietRules(uses_blocked_read=True, approval=(r"\[y/n\]$",)), started_s=time.monotonic())
    waiter = TurnWaiter(terminal, watch, root_pid=os.getpid())
    looks = 0

    def look(root_pid: int, device: int) -> tuple[int, int]:
        nonlocal looks
        looks += 1
        if looks == 3:
            time.sleep(0.2)  # nothing else runs here meanwhile, so nobody reads what the program writes
            os.write(terminal.child_fd, b"may I? [y/n] ")
        return (7, 1 if looks < 3 else 2)

    monkeypatch.setattr("evalkit.pty.waiting.find_reader", look)
    monkeypatch.setattr(terminal, "pending_input", lambda: 0)
    try:
        waiter.before_input()
        terminal.press("enter")
        watch.sent(time.monotonic())
        stop = await waiter.wait_for_turn()
    finally:
        terminal.close()
    assert (stop.kind, stop.signal) == ("approval", "blocked_read")


async def test_a_program_that_draws_is_ready_when_it_is_quiet(start: Callable[..., Any]) -> None:
    """Not between two frames, however the spinner turns."""
    session = Session(start("/usr/bin/env", "python3", "-S", "-c", DRAWS, "0.6", "plain"), quiet_s=0.4)
    first = await session.waiter.wait_for_turn()
    assert (first.kind, first.signal) == ("ready", "quiet")
    for turn in (1, 2):
        before_s = time.monotonic()
        stop, drawn = await session.ask("go")
        assert (stop.kind, stop.signal) == ("ready", "quiet")
        assert drawn == f"answer {turn}"
        assert stop.at_s - before_s >= 1.0


async def test_a_title_is_quicker(start: Callable[..., Any]) -> None:
    """A program that says in its title what it does is not waited for."""
    session = Session(
        start("/usr/bin/env", "python3", "-S", "-c", DRAWS, "0.5", "titled"),
        quiet_s=30.0,
        idle_title=("^idle",),
        busy_title=("^busy",),
    )
    assert (await session.waiter.wait_for_turn()).signal == "title"
    before_s = time.monotonic()
    stop, drawn = await session.ask("go")
    assert (stop.kind, stop.signal, drawn) == ("ready", "title", "answer 1")
    assert 0.5 <= stop.at_s - before_s < 10


@pytest.mark.parametrize(
    ("python", "kind"),
    [
        ("print('bye')", "exited"),
        ("import os; print('bye', flush=True); os.abort()", "exited"),
        ("import time; time.sleep(60)", "silent_timeout"),
        ("import time\nwhile True: print('.', end='', flush=True); time.sleep(0.05)", "busy_timeout"),
        ("while True: print('x' * 1000)", "flood"),
    ],
)
async def test_what_is_no_prompt(python: str, kind: str, start: Callable[..., Any]) -> None:
    """A program that ends, says nothing, never ends, or writes without end."""
    session = Session(
        start(python=python, output_limit_bytes=500_000), quiet_s=0.5, silent_timeout_s=0.7, busy_timeout_s=1.2
    )
    assert (await session.waiter.wait_for_turn()).kind == kind


async def test_the_end_is_seen_where_a_daemon_holds_the_terminal(start: Callable[..., Any]) -> None:
    """And the last words are on the screen."""
    session = Session(start("sh", "-c", "trap '' HUP; sleep 2 & seq 20000; echo bye"), quiet_s=30.0)
    stop = await session.waiter.wait_for_turn()
    assert (stop.kind, stop.signal) == ("exited", "exit")
    assert session.one.terminal.screen.text().endswith("20000\nbye")


async def test_what_was_left_behind_may_write_on(start: Callable[..., Any]) -> None:
    """It is not waited for."""
    session = Session(
        start("sh", "-c", "trap '' HUP; (for n in $(seq 100); do echo $n; sleep 0.02; done) & echo bye"), quiet_s=30.0
    )
    before_s = time.monotonic()
    assert (await session.waiter.wait_for_turn()).kind == "exited"
    assert time.monotonic() - before_s < 5


async def test_what_only_the_caller_knows_is_told(start: Callable[..., Any]) -> None:
    """A hook that arrives by another way."""
    session: Session | None = None
    began_s = time.monotonic()

    def look() -> None:
        if session is not None and time.monotonic() - began_s > 0.3:
            session.watch.hook(time.monotonic(), "approval")

    session = Session(start(python="import time; print('up', flush=True); time.sleep(60)"), look=look, quiet_s=30.0)
    stop = await session.waiter.wait_for_turn()
    assert (stop.kind, stop.signal) == ("approval", "hook")
