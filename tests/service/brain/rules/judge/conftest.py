"""Questions in a few words: ``ask(criterion, "u: Hi.", "a: Hello.", ("tool", {arguments}, {output}))``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

from evalkit.graders.judge_prompt import JudgeQuestion
from evalkit.graders.transcript import TranscriptLine, TranscriptLineKind
from evalkit.service.brain.rules.judge.question import Question, read_question

Ask: TypeAlias = Callable[..., Question]


def _question_text(criterion: str, *parts: Any, turn: int | None = None) -> str:
    lines: list[TranscriptLine] = []
    index = 0
    for part in parts:
        if isinstance(part, str):
            who, _, words = part.partition(": ")
            index += who == "u"
            lines.append(
                TranscriptLine(
                    max(index, 1), TranscriptLineKind.CALLER if who == "u" else TranscriptLineKind.ASSISTANT, words
                )
            )
        else:
            name, arguments, output = part
            lines.append(TranscriptLine(max(index, 1), TranscriptLineKind.CALL, arguments, name))
            lines.append(TranscriptLine(max(index, 1), TranscriptLineKind.OUTPUT, output, name))
    return JudgeQuestion(criterion, lines, turn).text


@pytest.fixture
def ask() -> Ask:
    """Build a question through the real prompt, so that both sides of its layout are tested."""

    def make(criterion: str, *parts: Any, turn: int | None = None) -> Question:
        question = read_question(_question_text(criterion, *parts, turn=turn))
        assert question is not None
        return question

    return make
