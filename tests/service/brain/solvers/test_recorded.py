"""A recorded model answers what it was asked then, and refuses everything else."""

from __future__ import annotations

import json

import pytest

from evalkit.modes.coding.prompt import write_prompt
from evalkit.modes.coding.task import EditFormat
from evalkit.modes.coding.tasks import read_tasks
from evalkit.service.bad_request import BadRequest
from evalkit.service.brain.conversation import Conversation, Said, UserTurn
from evalkit.service.brain.solvers.recorded import RECORDED, answers_folder, asked_sha256, recorded_models
from evalkit.settings.resources import resource_dir

MODEL = recorded_models()[RECORDED]
TASKS = read_tasks(resource_dir("data") / "coding", ())


@pytest.mark.parametrize("edit_format", EditFormat)
def test_every_task_was_asked_as_it_is_asked_today(edit_format: EditFormat) -> None:
    """Who changes a task, or how it is asked, has to record the answers again: all tasks, the easy ones as blocks."""
    path = answers_folder() / f"{RECORDED.removesuffix('-recorded')}.{edit_format}.jsonl"
    recorded = {line["task_id"]: line for line in map(json.loads, path.read_text().splitlines())}
    wanted = [task for task in TASKS if edit_format is not EditFormat.SEARCH_REPLACE or task.difficulty == "easy"]
    assert recorded.keys() >= {task.task_id for task in wanted}
    for task in (task for task in TASKS if task.task_id in recorded):
        asked = Conversation("", (), (UserTurn(write_prompt(task, edit_format, include_tests=False)),))
        assert recorded[task.task_id]["asked_sha256"] == asked_sha256(asked)
        reply = MODEL(asked)
        assert reply.text == recorded[task.task_id]["response"]
        assert reply.is_cut == (recorded[task.task_id]["finish"] == "length")


def test_another_question_gets_no_answer() -> None:
    """Neither a second round, nor a system prompt, nor another task."""
    prompt = write_prompt(TASKS[0], EditFormat.WHOLE, include_tests=False)
    asked = UserTurn(prompt)
    others = [
        Conversation("Be brief.", (), (asked,)),
        Conversation("", (), (asked, Said("no"), asked)),
        Conversation("", (), (UserTurn(f"{prompt} "),)),
    ]
    for other in others:
        with pytest.raises(BadRequest, match="has no answer to this question"):
            MODEL(other)
