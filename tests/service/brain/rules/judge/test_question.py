"""The layout of a judge's question, read back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.graders.judge_prompt import JudgeQuestion
from evalkit.graders.transcript import TranscriptLine, TranscriptLineKind
from evalkit.service.brain.rules.judge.question import read_question

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
LINES = st.lists(
    st.one_of(
        st.builds(
            TranscriptLine,
            st.integers(1, 9),
            st.sampled_from([TranscriptLineKind.CALLER, TranscriptLineKind.ASSISTANT]),
            st.text(),
        ),
        st.builds(
            TranscriptLine,
            st.integers(1, 9),
            st.sampled_from([TranscriptLineKind.CALL, TranscriptLineKind.OUTPUT]),
            JSON,
            st.text(min_size=1),
        ),
        st.builds(
            TranscriptLine,
            st.integers(1, 9),
            st.just(TranscriptLineKind.ASIDE),
            st.text(),
            st.sampled_from(["backchannel", "vocal_tic", "side_speech"]),
        ),
    ),
    max_size=6,
)


@given(st.text(min_size=1), LINES, st.none() | st.integers(1, 9), st.text(), st.text())
def test_what_the_prompt_writes_is_what_the_judge_reads(
    criterion: str, lines: list[TranscriptLine], turn: int | None, scenario: str, prompt: str
) -> None:
    """Whatever is in them, criterion, scope and lines come back as they were: nothing in a call can fake a line."""
    asked = JudgeQuestion(criterion, lines, turn, scenario, system_prompt=prompt)
    read = read_question(asked.text)
    assert read is not None
    assert (read.criterion, read.turn) == (criterion, turn)
    expected = [
        (number, line.turn_index, str(line.kind), line.name, line.content) for number, line in enumerate(lines, 1)
    ]
    assert [(line.number, line.turn, line.kind, line.name, line.content) for line in read.lines] == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "How are you?",
        "CRITERION\nno json\n\nLOOK AT\nthe whole call\n\nSAID\n\nTOOL TRAFFIC\n\nEND",
        "CRITERION\nEND",
    ],
)
def test_other_texts_are_no_questions(text: str) -> None:
    """Half a question is none."""
    assert read_question(text) is None


@given(st.text())
def test_reading_never_fails(text: str) -> None:
    """Any text is a question or none."""
    read_question(text)


def test_only_the_turn_in_question_is_judged(ask: Any) -> None:
    """Earlier turns are shown, and are not judged."""
    question = ask("x", "u: one", "a: two", "u: three", "a: four", turn=2)
    assert [line.text for line in question.judged("assistant")] == ["four"]
    assert [line.text for line in question.of("assistant")] == ["two", "four"]
