"""Programs start with every signal's usual effect, though a shell has had this process ignore some.

A script's ``evalkit … &`` has SIGINT ignored, and ``nohup`` SIGHUP; whatever is started inherits that. An agent would
then not be interrupted by Ctrl-C, nor end when its terminal is closed, and be blamed for both.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_OF_A_TERMINAL = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)


@contextmanager
def default_signals() -> Iterator[None]:
    """Let programs that are started meanwhile take a terminal's signals as they do by default; main thread only.

    This process goes on ignoring what it ignores: it has a handler that does nothing, and no handler outlives an exec.
    """
    main = threading.current_thread() is threading.main_thread()
    ignored = [number for number in _OF_A_TERMINAL if main and signal.getsignal(number) is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, _do_nothing)
    try:
        yield
    finally:
        for number in ignored:
            signal.signal(number, signal.SIG_IGN)


def _do_nothing(*_: object) -> None:
    """Ignore a signal, in this process alone."""
