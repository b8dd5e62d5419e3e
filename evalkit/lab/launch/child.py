"""What a launched process does first: it says who it is, and becomes evalkit.

It writes ``process.json`` itself, before it is anything else, so that a lab that is killed while it launches finds the
process again. The lock of the launch, which it was given open, stays with it until it ends, however it ends.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from evalkit.lab.launch.processes import note_identity


def main(folder: Path, words: list[str]) -> None:
    """Become ``evalkit WORDS…``, with its identity noted in `folder`. Never returns."""
    note_identity(folder, os.getpid())
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell may have made the lab deaf to them, and so us
        signal.signal(number, signal.SIG_DFL)
    os.execv(sys.executable, [sys.executable, "-P", "-m", "evalkit", *words])  # noqa: S606  no shell is wanted


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
