"""``python -m evalkit.service.replay RUN_DIR``: a stored run as a loopback server, with the service's ready line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from evalkit.process_end import run_process
from evalkit.service.replay.app import create_replay
from evalkit.service.replay.recording import RecordedRun
from evalkit.service.server import Backstage, ServerOptions, serve_app


def main(argv: Sequence[str] | None = None) -> int:
    """Serve a run until told to stop; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m evalkit.service.replay", description="Serves a stored run.")
    parser.add_argument("run", type=Path, help="the run directory")
    parser.add_argument("--exit-with-stdin", action="store_true", help="exit when stdin closes")
    options = parser.parse_args(argv)
    run = RecordedRun(options.run)
    if not run.case_trials():
        sys.stderr.write(f"{options.run}: holds no records; name the directory of a run\n")
        return 2
    try:
        serve_app(
            ServerOptions(leave_with_stdin=options.exit_with_stdin),
            create_replay(run),
            Backstage({"models": []}, _nothing_to_warm, lambda: None),
        )
    except KeyboardInterrupt:
        return 130
    return 0


async def _nothing_to_warm() -> None:
    """Nothing is loaded before it is asked for."""


if __name__ == "__main__":
    run_process(main)
