"""Language models whose answers to the shipped tasks were recorded: the same question gets the same answer again.

``data/coding_answers/MODEL.FORMAT.jsonl`` has an answer a line: ``task_id``, ``response``, ``finish`` (``stop``, or
``length`` where the limit of the recording cut it) and ``asked_sha256``, the hash of all that the model was asked.
Whoever changes a task or its prompt asks another question, which is refused: an answer to the old one is none to it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import evalkit
from evalkit.service.bad_request import BadRequest
from evalkit.service.brain.conversation import Answered, Called, Conversation, Model, Reply

RECORDED = "qwen2.5-coder-0.5b-recorded"


def recorded_models() -> dict[str, Model]:
    """Return the models by name."""
    return {RECORDED: partial(_reply, RECORDED.removesuffix("-recorded"))}


def asked_sha256(conversation: Conversation) -> str:
    """Return the hash of the instructions and of everything that was said, in order."""
    said = [item for item in conversation.items if not isinstance(item, Called | Answered)]
    told = [conversation.instructions, *((type(item).__name__, item.text) for item in said)]
    return sha256(json.dumps(told).encode()).hexdigest()


def answers_folder() -> Path:
    """Return the folder of the recordings that come with evalkit."""
    package = Path(evalkit.__file__).parent
    inside = package / "data" / "coding_answers"
    return inside if inside.is_dir() else package.parent / "data" / "coding_answers"


def _reply(model: str, conversation: Conversation) -> Reply:
    answer = _answers(model).get(asked_sha256(conversation))
    if answer is None:
        message = (
            f"{RECORDED} has no answer to this question: its answers to the shipped coding tasks were recorded, "
            "one to each, asked without tests and without a system prompt. Ask a model that answers anything."
        )
        raise BadRequest(message, code="not_recorded", param="messages")
    return Reply(answer["response"], is_cut=answer["finish"] == "length")


@cache
def _answers(model: str) -> Mapping[str, Mapping[str, Any]]:
    lines = (
        json.loads(line)
        for path in sorted(answers_folder().glob(f"{model}.*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    )
    return {line["asked_sha256"]: line for line in lines}
