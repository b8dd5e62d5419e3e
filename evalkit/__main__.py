"""``python -m evalkit`` is ``evalkit``."""

from __future__ import annotations

from typing import NoReturn

from evalkit.cli import main
from evalkit.process_end import run_process


def run() -> NoReturn:
    """Run the process's command line and end the process."""
    run_process(main)


if __name__ == "__main__":
    run()
