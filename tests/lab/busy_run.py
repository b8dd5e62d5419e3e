"""A run with nothing in it but its events: a process that can be killed, and started again to go on.

    python busy_run.py ROOT PAUSE_S

It writes with the code that a run writes with; a case in three takes two attempts. It ends when there is a file
``enough`` beside ROOT.
"""

from __future__ import annotations

import sys
import time
from itertools import count
from pathlib import Path

from factories import make_grade
from live_runs import begin_run
from stored_runs import make_call

from evalkit.records.faults import Failure, Stage
from evalkit.records.record import Attempt
from evalkit.store.recovery import recover
from evalkit.store.run_directory import RunDirectory, RunStatus

REFUSED = Failure(Stage.CONNECT, "connection_refused", "nobody listens")
PLANNED = [f"case-{number}" for number in range(1000)]


def main(root: Path, pause_s: float) -> None:
    """Begin the run, or go on with it, to its end."""
    run = RunDirectory(root)
    if not root.exists():
        begin_run(root, PLANNED)
    with run.exclusive():
        finished = set(recover(run).finished)
        if len(run.journal_path.read_bytes().splitlines()) > 1:
            run.journal_resumption(len(PLANNED))
        for number in count():
            if root.with_name("enough").exists():
                break
            if f"case-{number}" not in finished:
                _run_case(run, number, pause_s)
        run.conclude(RunStatus.COMPLETED, exit_code=0, counts={"planned": len(PLANNED)})


def _run_case(run: RunDirectory, number: int, pause_s: float) -> None:
    key = f"case-{number}"
    run.journal_start(key, 1)
    if number % 3 == 0:
        run.journal_attempt(key, Attempt(1, 2.0, REFUSED), {"assistant": 0.001}, wait_s=pause_s)
        time.sleep(pause_s)
        run.journal_start(key, 2)
    record = make_call(key)
    record_sha256 = run.store_record(record)
    time.sleep(pause_s)
    grades = [make_grade(record, name, 1.0, record_sha256=record_sha256) for name in ("tool_call", "tool_call_args")]
    run.append_grades(grades, {key: number % 5 > 0})


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
