"""What a model is told before it tries again is public, and nothing when there is nothing to tell."""

from __future__ import annotations

from pathlib import Path

import pytest
from coding_tasks import write_task

from evalkit.modes.coding.execution import Execution
from evalkit.modes.coding.feedback import tell_execution, tell_refused
from evalkit.modes.coding.task import EditFormat, Task
from evalkit.modes.coding.tasks import read_task


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return read_task(write_task(tmp_path))


def test_all_examples_right_is_nothing_to_tell(task: Task) -> None:
    """Then there is no further round."""
    assert (
        tell_execution(
            task, Execution("answered", answers={"one": {"ok": 2}}, run_ms=1, run_log=b"hello"), EditFormat.DIFF
        )
        == ""
    )


def test_a_wrong_example_is_told_with_what_was_expected(task: Task) -> None:
    """The public one; of hidden calls there is nothing in it."""
    told = tell_execution(
        task, Execution("answered", answers={"one": {"ok": 3}}, run_ms=1, run_log=b"debug: 3\xff\n"), EditFormat.DIFF
    )
    assert "- `double(1)`: got 3, expected 2" in told
    assert "debug: 3\ufffd" in told
    assert told.count("double(") == 1


def test_a_program_that_does_not_build_is_told_why(task: Task) -> None:
    """With what the compiler said, its end where it is long; no example was asked."""
    log = b"x" * 10_000 + b"\nerror: expected ;"
    told = tell_execution(task, Execution("build_error", "exit code 1: error", build_log=log), EditFormat.DIFF)
    assert "ended as build_error: exit code 1: error." in told
    assert "error: expected ;" in told
    assert len(told) < 5000
    assert "double(1)" not in told


def test_a_patch_that_does_not_fit_is_told_why(task: Task) -> None:
    """In the words of the patch."""
    told = tell_refused("no such file", EditFormat.SEARCH_REPLACE)
    assert "was not applied: no such file." in told
    assert "<<<<<<< SEARCH" in told
