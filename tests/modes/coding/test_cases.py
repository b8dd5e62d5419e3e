"""A task as a case: other expectations are the same question, everything else is another one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from coding_tasks import write_task

from evalkit.modes.coding.cases import make_case
from evalkit.modes.coding.task import Task
from evalkit.modes.coding.tasks import read_task
from evalkit.records.record import from_json, to_json
from evalkit.runs.scorings import asks_the_same, find_changes, with_expectations


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return read_task(write_task(tmp_path))


def test_other_expectations_ask_the_same_question(task: Task) -> None:
    """A mistake in an expected value is mended by scoring again, not by running again."""
    calls = (replace(task.judge.calls[0], expected={"expect": 1}), *task.judge.calls[1:])
    stored, today = make_case(task), make_case(replace(task, judge=replace(task.judge, calls=calls)))
    assert stored.sha256 == today.sha256
    assert asks_the_same(stored, today)
    changed = find_changes(stored, today)
    assert with_expectations(stored, changed).extra["expected_answers"] == today.extra["expected_answers"]
    assert find_changes(stored, make_case(task)) == {}


@pytest.mark.parametrize("part", ["prompt", "workspace", "driver", "calls", "examples", "limits", "editable"])
def test_anything_else_is_another_question(task: Task, part: str) -> None:
    """What the model was shown, or what its program was asked, has changed."""
    judge = task.judge
    other = {
        "prompt": replace(task, prompt="Other."),
        "workspace": replace(task, workspace={"doubling.py": b"other"}),
        "driver": replace(task, judge=replace(judge, driver="other")),
        "calls": replace(task, judge=replace(judge, calls=(*judge.calls, replace(judge.calls[0], call_id="more")))),
        "examples": replace(task, examples=()),
        "limits": replace(task, limits=replace(task.limits, memory_mb=128)),
        "editable": replace(task, editable=("*",)),
    }[part]
    assert make_case(other).sha256 != make_case(task).sha256


def test_it_passes_by_the_tests(task: Task) -> None:
    """And can be stored."""
    case = make_case(task)
    assert case.required_graders == ("tests",)
    from factories import make_record

    assert from_json(to_json(make_record(case))).case.sha256 == case.sha256
