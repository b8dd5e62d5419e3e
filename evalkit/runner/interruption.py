"""Ctrl-C (SIGINT) and SIGTERM while cases run: the first lets what is under way finish, the second ends it at once."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from evalkit.engine.scheduler import Engine, Stop

ONE_REQUEST_S = 0.2
"""Signals that come so soon after the first are one with it: Slurm sends two where it preempts a job; no hand does."""


@dataclass(frozen=True)
class Interruption:
    """Turns SIGINT and SIGTERM into a stop of the engine.

    Attributes:
        grace_s: How long cases under way may go on after the first signal.
        say: Tells a person what happens.

    """

    grace_s: float
    say: Callable[[str], None]

    @contextmanager
    def watch(self, engine: Engine) -> Iterator[None]:
        """Take the signals for as long as the block lasts; in a thread that gets none, do nothing."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        signals_seen, first_at_s = 0, 0.0

        def on_signal() -> None:
            nonlocal signals_seen, first_at_s
            if signals_seen == 1 and loop.time() - first_at_s < ONE_REQUEST_S:
                return
            signals_seen += 1
            first_at_s = first_at_s or loop.time()
            engine.stop(Stop.INTERRUPTED)
            if signals_seen == 1:
                self.say(f"stopping: cases under way have {self.grace_s:g} s to finish; once more stops at once")
                loop.call_later(self.grace_s, engine.cancel)
            else:
                engine.cancel()

        # A shell that started us in the background has made us deaf to SIGINT on purpose.
        taken = [number for number in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(number) is not signal.SIG_IGN]
        saved = {number: signal.getsignal(number) for number in taken}
        for number in taken:
            loop.add_signal_handler(number, on_signal)
        try:
            yield
        finally:
            for number, handler in saved.items():
                loop.remove_signal_handler(number)
                signal.signal(number, handler)
