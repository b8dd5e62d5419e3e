"""Draws a run's pictures in a process that was started ahead of them, and has loaded by then what draws.

Loading takes longer than many a run: while the first cases are under way, nobody waits for it.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO

from evalkit.heap import growing_heap
from evalkit.process_end import run_process
from evalkit.records.record import CaseRecord
from evalkit.reports.plots.run_pictures import Draw, draw_run, load_pictures
from evalkit.reports.plots.style import new_figure
from evalkit.reports.rows import ResultTable

_CANNOT_DRAW = (pickle.PicklingError, AttributeError, TypeError, EOFError, OSError, ValueError)


@contextmanager
def drawing_ahead() -> Iterator[Draw]:
    """Start a process that draws, and give what draws one run in it; nothing is left of it when the block ends.

    Where it cannot draw, for whatever reason, this process does, and says what is wrong if anything is.
    """
    command = [sys.executable, "-P", "-m", "evalkit.reports.plots.ahead"]  # whatever lies in the working directory
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )

    def draw(
        summary: Mapping[str, Any], table: ResultTable, records: Sequence[CaseRecord]
    ) -> Callable[[], dict[str, bytes]]:
        asked: Future[tuple[bytes, bytes]] | None = None
        with suppress(*_CANNOT_DRAW):
            asked = asking.submit(process.communicate, pickle.dumps((summary, table, records)))

        def wait() -> dict[str, bytes]:
            drawn: dict[str, bytes] | None = None
            with suppress(*_CANNOT_DRAW):
                drawn = pickle.loads(asked.result()[0]) if asked else None  # noqa: S301  our own process wrote it
            return draw_run(summary, table, records) if drawn is None else drawn

        return wait

    with ThreadPoolExecutor(1, "pictures") as asking:
        try:
            yield draw
        finally:
            process.kill()
            asking.shutdown()  # so that nobody else waits for it
            process.communicate()


def answer(asked: BinaryIO, answered: BinaryIO) -> None:
    """Load what draws, then draw the run that is asked for; one that is never asked for was given up."""
    with growing_heap():
        load_pictures()
        new_figure(1, 1)
        content = asked.read()
        if content:
            summary, table, records = pickle.loads(content)  # noqa: S301  our own process wrote it
            answered.write(pickle.dumps(draw_run(summary, table, records)))


def main() -> int:
    """Answer the process that started this one; returns the exit code."""
    answer(sys.stdin.buffer, sys.stdout.buffer)
    return 0


if __name__ == "__main__":
    run_process(main)
