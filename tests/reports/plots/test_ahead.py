"""Pictures from a process that waits for them are the same pictures, and it never outlives the run."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
from typing import Any

import pytest

from evalkit.reports.plots.ahead import answer, drawing_ahead
from evalkit.reports.plots.run_pictures import draw_run


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """Every process that is started."""
    started: list[subprocess.Popen[bytes]] = []

    class Noted(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Noted)
    return started


def test_the_pictures_are_the_same(
    results: Any, make_record: Any, both_grades: Any, processes: list[subprocess.Popen[bytes]]
) -> None:
    """Byte for byte what this process would draw, and it was the other one that drew."""
    records = [make_record()]
    summary, table = results(records, both_grades("case-1", 1, 0))
    with drawing_ahead() as draw:
        drawn = draw(summary, table, records)()
    assert drawn == draw_run(summary, table, records)
    assert [process.returncode for process in processes] == [0]


def test_nothing_outlives_a_run_that_draws_nothing(processes: list[subprocess.Popen[bytes]]) -> None:
    """Also when it was interrupted."""
    with pytest.raises(KeyboardInterrupt), drawing_ahead():
        raise KeyboardInterrupt
    assert [process.poll() is not None for process in processes] == [True]


def test_a_process_that_fails_loses_no_picture(results: Any, make_record: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """This one draws then."""
    monkeypatch.setattr(sys, "executable", "/bin/false")
    records = [make_record()]
    summary, table = results(records)
    with drawing_ahead() as draw:
        assert draw(summary, table, records)() == draw_run(summary, table, records)


def test_what_cannot_be_sent_is_drawn_here(
    results: Any, make_record: Any, processes: list[subprocess.Popen[bytes]]
) -> None:
    """A package's mode may describe its results with what no other process can read."""
    records = [make_record()]
    summary, table = results(records)
    unreadable = {**summary, "note": lambda: None}
    with drawing_ahead() as draw:
        assert draw(unreadable, table, records)() == draw_run(summary, table, records)


def test_the_other_side_answers_what_it_is_asked(results: Any, make_record: Any) -> None:
    """One run in, its pictures out; nothing in, nothing out."""
    records = [make_record()]
    summary, table = results(records)
    answered = io.BytesIO()
    answer(io.BytesIO(pickle.dumps((summary, table, records))), answered)
    assert pickle.loads(answered.getvalue()) == draw_run(summary, table, records)  # noqa: S301  our own
    nothing = io.BytesIO()
    answer(io.BytesIO(b""), nothing)
    assert nothing.getvalue() == b""
