"""The solvers as a client meets them: by two APIs, in three formats, each with the one thing that is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from coding_tasks import write_task
from openai import OpenAI

from evalkit.modes.coding.answer import extract_edit
from evalkit.modes.coding.edits import AppliedEdit, DiffEdit, RefusedEdit
from evalkit.modes.coding.patch import apply_edit, editable_files
from evalkit.modes.coding.prompt import ask_again, write_prompt
from evalkit.modes.coding.task import EditFormat, Task
from evalkit.modes.coding.tasks import read_task
from evalkit.service import child
from evalkit.service.brain.conversation import Conversation, Said, UserTurn
from evalkit.service.brain.solvers.solvers import SOLVERS, solver_models
from evalkit.service.child import ServiceChild, ServiceOptions

FORMATS = list(EditFormat)
REFUSED = {"prose": "no_patch", "stale-diff": "invalid_patch", "test-deleter": "protected_path"}


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    return read_task(write_task(tmp_path_factory.mktemp("tasks")))


@pytest.fixture(scope="module")
def service(task: Task) -> Iterator[ServiceChild]:
    with child.start(ServiceOptions(tasks_dir=str(task.folder.parent), warm=())) as running:
        yield running


def answer(task: Task, name: str, edit_format: EditFormat) -> str:
    prompt = write_prompt(task, edit_format, include_tests=False)
    model = solver_models([task.folder.parent])[name]
    return model(Conversation("", (), (UserTurn(prompt),))).text


def applied(task: Task, text: str, edit_format: EditFormat) -> AppliedEdit | RefusedEdit:
    edit = extract_edit(text, edit_format, editable_files(task.workspace, task.editable))
    return edit if isinstance(edit, RefusedEdit) else apply_edit(edit, task.workspace, task.editable)


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("edit_format", FORMATS)
def test_an_answer_is_refused_for_its_one_defect_or_applied(task: Task, name: str, edit_format: EditFormat) -> None:
    """Each in the format that the prompt asks for, and the same every time."""
    text = answer(task, name, edit_format)
    found = applied(task, text, edit_format)
    if name in REFUSED:
        assert isinstance(found, RefusedEdit), found
        assert found.status == REFUSED[name]
    else:
        assert isinstance(found, AppliedEdit), found
        assert found.diff
        is_lenient = name == "lenient-diff" and edit_format is not EditFormat.WHOLE
        assert found.level in ((1, 2, 3) if is_lenient else (0,))
    assert text == answer(task, name, edit_format)


@pytest.mark.parametrize("name", ["oracle", "lenient-diff"])
@pytest.mark.parametrize("edit_format", FORMATS)
def test_a_right_solution_is_the_tasks_own(task: Task, name: str, edit_format: EditFormat) -> None:
    """File by file."""
    oracle = apply_edit(DiffEdit(task.judge.oracle), task.workspace, task.editable)
    found = applied(task, answer(task, name, edit_format), edit_format)
    assert isinstance(oracle, AppliedEdit)
    assert isinstance(found, AppliedEdit)
    assert found.files == oracle.files


def test_both_apis_answer_alike(service: ServiceChild, task: Task) -> None:
    """Responses and chat completions; every solver is a model of the service."""
    prompt = write_prompt(task, EditFormat.WHOLE, include_tests=True)
    assert set(SOLVERS) <= set(service.models)
    with OpenAI(base_url=service.url, api_key="-") as client:
        for name in ("oracle", "noop"):
            said = client.responses.create(model=name, input=prompt, instructions="Be brief.").output_text
            message = {"role": "user", "content": prompt}
            chat = client.chat.completions.create(model=name, messages=[message])  # type: ignore[list-item]
            assert chat.choices[0].message.content == said == answer(task, name, EditFormat.WHOLE)
        unknown = client.responses.create(model="oracle", input="Sort a list.").output_text
    assert "None of the coding tasks that this model knows" in unknown


def test_a_repair_round_is_answered_too(task: Task) -> None:
    """The statement stands in the first message, the format in the last."""
    first = write_prompt(task, EditFormat.DIFF, include_tests=False)
    again = ask_again(EditFormat.SEARCH_REPLACE)
    items = (UserTurn(first), Said("No."), UserTurn(again))
    text = solver_models([task.folder.parent])["oracle"](Conversation("", (), items)).text
    assert isinstance(applied(task, text, EditFormat.SEARCH_REPLACE), AppliedEdit)


def test_a_task_with_a_protected_file_loses_it(task: Task, tmp_path: Path) -> None:
    """The test-deleter takes away what the workspace has, before it makes anything new."""
    folder = write_task(tmp_path, **{"workspace/tests/check.py": "import doubling\n", "workspace/a.txt": "a\n"})
    text = answer(read_task(folder), "test-deleter", EditFormat.DIFF)
    assert "--- a/tests/check.py\n+++ /dev/null" in text
