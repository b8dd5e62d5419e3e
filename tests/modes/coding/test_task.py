"""A task says what is hidden and what is not, and its hashes tell two tasks apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from coding_tasks import write_task

from evalkit.modes.coding.task import Language, Task
from evalkit.modes.coding.tasks import read_task


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return read_task(write_task(tmp_path))


def test_a_request_holds_no_answer(task: Task) -> None:
    """What a program is told is the function and its arguments, never what is right."""
    assert task.judge.calls[1].request == {"fn": "double", "args": (3,)}
    assert task.judge.calls[1].expected == {"expect": 6}


def test_the_content_hash_sees_every_part(task: Task, tmp_path: Path) -> None:
    """A gate that was passed with one content is asked again with another."""
    changed = [
        replace(task, prompt="Other."),
        replace(task, workspace={**task.workspace, "more.py": b""}),
        replace(task, examples=()),
        replace(task, editable=("*.py",)),
        replace(task, limits=replace(task.limits, run_s=6)),
        replace(task, judge=replace(task.judge, driver="")),
        replace(task, judge=replace(task.judge, calls=task.judge.calls[1:])),
        replace(task, judge=replace(task.judge, mutants={})),
    ]
    assert len({task.content_sha256, *(other.content_sha256 for other in changed)}) == len(changed) + 1


def test_the_content_hash_does_not_see_where_it_lies(task: Task, tmp_path: Path) -> None:
    """The same task in another folder has passed the same gate."""
    assert read_task(write_task(tmp_path / "elsewhere")).content_sha256 == task.content_sha256


@pytest.mark.parametrize(
    ("language", "name"),
    [("python", "driver.py"), ("html", "driver.js"), ("rust", "driver.rs"), ("cpp", "driver.hpp")],
)
def test_a_driver_is_named_by_its_language(language: str, name: str) -> None:
    """An author of a task finds the driver's name in one table."""
    assert Language(language).driver_name == name
