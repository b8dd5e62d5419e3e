"""A prompt says all that is needed, and nothing that a real model would not be told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from coding_tasks import write_task

from evalkit.modes.coding.answer import extract_edit
from evalkit.modes.coding.edits import AppliedEdit, RefusedEdit
from evalkit.modes.coding.patch import apply_edit
from evalkit.modes.coding.prompt import ask_again, fenced, write_prompt
from evalkit.modes.coding.task import EditFormat, Task, TaskCall
from evalkit.modes.coding.tasks import read_task


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return read_task(write_task(tmp_path))


@pytest.mark.parametrize("edit_format", list(EditFormat))
def test_a_prompt_has_statement_files_rules_and_format(task: Task, edit_format: EditFormat) -> None:
    """And is the same every time; hidden calls, solutions and the task's name are not in it."""
    prompt = write_prompt(task, edit_format, include_tests=False)
    assert prompt == write_prompt(task, edit_format, include_tests=False)
    assert task.prompt.strip("\n") in prompt
    assert f"doubling.py\n```python\n{task.workspace['doubling.py'].decode()}```" in prompt
    assert "`doubling.py`" in prompt
    hidden = [
        task.task_id,
        task.judge.driver,
        "return number + number\n",
        "number * number",
        "# Examples",
        str(task.folder),
    ]
    assert [word for word in hidden if word in prompt] == []


@pytest.mark.parametrize("edit_format", list(EditFormat))
def test_the_example_of_the_format_is_an_answer_in_it(task: Task, edit_format: EditFormat) -> None:
    """Read by the same reader, and applied at level 0."""
    prompt = write_prompt(task, edit_format, include_tests=False)
    edit = extract_edit(prompt.partition("# Your answer")[2], edit_format, ["greeting.txt", "other.txt"])
    assert not isinstance(edit, RefusedEdit)
    letter = {"greeting.txt": b"Dear reader,\ngood evening.\nYours, the editor\n"}
    applied = apply_edit(edit, letter, ("*.txt",), lenient=False)
    assert isinstance(applied, AppliedEdit)
    assert applied.files["greeting.txt"] == b"Dear reader,\ngood morning.\nYours, the editor\n"


def test_examples_are_shown_when_they_are_included(task: Task) -> None:
    """With what each must give; errors and tolerances in words."""
    calls = (
        *task.examples,
        TaskCall("a", "f", ("`x`", None), {"error": "TypeError"}),
        TaskCall("b", "f", (1.5,), {"expect": 0.1, "tolerance": 1e-9}),
        TaskCall("c", "f", (), {"error": True}),
    )
    prompt = write_prompt(replace(task, examples=calls), EditFormat.DIFF, include_tests=True)
    for line in (
        "- `double(1)` must give `2`",
        '- `` f("`x`", null) `` must fail with TypeError',
        "- `f(1.5)` must give `0.1` (within 1e-09)",
        "- `f()` must fail",
    ):
        assert f"{line}\n" in prompt


def test_a_file_with_fences_or_without_a_last_newline_is_shown_whole(task: Task) -> None:
    """Nothing in it closes its fence."""
    files = {"a.md": b"```\nx\n```\n", "b.txt": b"no end"}
    prompt = write_prompt(replace(task, workspace=files), EditFormat.WHOLE, include_tests=False)
    assert "a.md\n````markdown\n```\nx\n```\n````\n" in prompt
    assert "b.txt (no newline at the end of the file)\n```\nno end\n```\n" in prompt
    assert fenced("") == "```\n```"


def test_the_last_sentence_asks_for_the_tasks_own_files(task: Task) -> None:
    """A small model copies whatever stands last: the example of the format must not."""
    last = write_prompt(task, EditFormat.WHOLE, include_tests=False).splitlines()[-1]
    assert "`doubling.py`" in last
    assert "greeting" not in last


def test_another_round_is_told_the_format_again() -> None:
    """And that the change is against the first workspace."""
    again = ask_again(EditFormat.DIFF)
    assert "as it was shown first" in again
    assert "unified diff" in again
