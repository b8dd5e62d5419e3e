"""Where tables and progress are shown: stderr, as wide as the terminal, or wide enough for a log."""

from __future__ import annotations

import sys

from rich.console import Console

_LOG_WIDTH = 120


def stderr_console(*, quiet: bool = False) -> Console:
    """Return a console on stderr, 120 characters wide where that is not a terminal, so that words stay whole."""
    console = Console(stderr=True, quiet=quiet)
    return console if console.is_terminal else Console(stderr=True, quiet=quiet, width=_LOG_WIDTH)


def say(*messages: str) -> None:
    """Write each message to stderr on a line of its own, as evalkit's; stdout stays for what scripts read."""
    for message in messages:
        sys.stderr.write(f"evalkit: {message}\n")
    sys.stderr.flush()
