"""Waits at a real terminal until it is the user's turn: tells a watch what happens, and asks it often."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from evalkit.pty.quiescence import TurnDecision, TurnWatch
from evalkit.pty.reading import find_reader
from evalkit.pty.terminal import Terminal

_SYNCHRONIZED = 2026
_LOOK_S = 0.05  # between two looks while nothing is written
_BUSY_LOOK_S = 0.3  # and while something is: reading what is visible is most of what watching costs
_LONG_LOOK_S, _QUICK_S = 0.5, 2.0  # and where it goes on for longer than quick answers do
_SOON_S = 1.0
_LAST_WORDS_S = 1.0
_FRAME_LIMIT_S = 1.0


class TurnWaiter:
    """Brings a terminal's facts to a watch, for one session; times are those of `time.monotonic`.

    Args:
        terminal: Where the program runs.
        watch: What decides.
        root_pid: The program, or what started it: whether it reads is asked of it and all that came from it. None where
            the watch does not use that.
        has_exited: Says whether the program has ended. Its terminal may stay open, held by what it left behind.
        look: Called before each decision, to tell the watch what only the caller knows, such as a hook.

    """

    def __init__(
        self,
        terminal: Terminal,
        watch: TurnWatch,
        *,
        root_pid: int | None = None,
        has_exited: Callable[[], bool] | None = None,
        look: Callable[[], None] | None = None,
    ) -> None:
        self._terminal = terminal
        self._watch = watch
        self._root_pid = root_pid
        self._has_exited = has_exited
        self._look = look
        self._told_bytes = 0
        self._shown_bytes = -1
        self._shown_s = 0.0

    def before_input(self) -> None:
        """Note who reads, just before a key is pressed that the program may have to answer."""
        if self._root_pid is not None:
            self._watch.reader_before(find_reader(self._root_pid, self._terminal.device))

    async def wait_for_turn(self) -> TurnDecision:
        """Return as soon as it is the user's turn, or will never be; the watch's timeouts bound how long that takes."""
        while True:
            exited = self._terminal.eof or (self._has_exited is not None and self._has_exited())
            if exited:
                await self._read_last_words()
            wrote = self._tell()
            if exited:
                self._watch.exited(time.monotonic())
            if (decision := self._watch.decide(time.monotonic())) is not None:
                return decision
            looked_s = time.monotonic()
            if await self._terminal.changed(self._find_pause(looked_s)) and wrote:
                soon = looked_s - (self._terminal.last_input_s or self._terminal.opened_s) < _QUICK_S
                await asyncio.sleep(max(0.0, looked_s + (_BUSY_LOOK_S if soon else _LONG_LOOK_S) - time.monotonic()))

    async def _read_last_words(self) -> None:
        """Read what the program wrote before it ended; what it left behind may hold the terminal, and write on."""
        deadline_s = time.monotonic() + _LAST_WORDS_S
        while not (self._terminal.eof or self._terminal.flooded) and time.monotonic() < deadline_s:
            if not await self._terminal.changed(_LOOK_S):
                return

    def _find_pause(self, now_s: float) -> float:
        """Return how long to wait for something to be written: little just after something happened, else more."""
        happened_s = max(self._terminal.last_output_s or 0.0, self._terminal.last_input_s or 0.0)
        return _LOOK_S if now_s - happened_s < _SOON_S else 2 * _LOOK_S

    def _tell(self) -> bool:
        """Tell the watch what happened since the last time; return whether anything was written."""
        terminal, watch = self._terminal, self._watch
        reader = None if self._root_pid is None else find_reader(self._root_pid, terminal.device)
        if reader:
            terminal.catch_up()  # what it wrote before it began to wait
        received = terminal.bytes_received
        wrote = received != self._told_bytes
        if wrote and terminal.last_output_s is not None:
            watch.output(terminal.last_output_s, received - self._told_bytes)
            self._told_bytes = received
        if terminal.flooded:
            watch.flooded()
        for at_s, event in terminal.take_events():
            if event.kind == "title":
                watch.title(at_s, event.value)
            elif event.kind == "progress":
                watch.progress(at_s, event.value)
        self._tell_screen()
        if self._root_pid is not None:
            watch.blocked_read(time.monotonic(), reader, terminal.pending_input() if reader else 0)
        if self._look is not None:
            self._look()
        return wrote

    def _tell_screen(self) -> None:
        terminal = self._terminal
        now_s = time.monotonic()
        if self._shown_bytes == terminal.bytes_received:
            return
        if terminal.screen.mode(_SYNCHRONIZED) and now_s - self._shown_s < _FRAME_LIMIT_S:
            return  # half a frame
        self._watch.screen(terminal.last_output_s or now_s, terminal.screen.text())
        self._shown_bytes, self._shown_s = terminal.bytes_received, now_s
