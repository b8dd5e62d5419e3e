"""What was heard beside what was said tells an argument that was misheard from one that was misunderstood."""

from __future__ import annotations

from typing import Any

import pytest

from evalkit.graders.argument_hearing import CarriedArgument, carried_arguments
from evalkit.graders.context import GraderContext
from evalkit.graders.registry import GRADER_TYPES
from evalkit.records.case import ExpectedCall
from evalkit.records.grade import GraderSpec
from evalkit.records.record import Turn


def turn(said: str, heard: str | None) -> Turn:
    """Return a turn in which only the caller spoke."""
    return Turn(1, said, heard_text=heard)


@pytest.mark.parametrize(
    ("said", "heard", "arguments", "words", "errors"),
    [
        ("It is for Maria Lopez.", "It is for Mario Lopez.", {"name": "Maria Lopez"}, 2, 1),
        ("It is for Maria Lopez.", "It's for Maria Lopez", {"name": "Maria Lopez"}, 2, 0),
        ("Order four eight two one three.", "order 48213", {"id": "48213"}, 5, 0),
        ("Order 48213.", "Order 48230.", {"id": "48213"}, 5, 2),
        ("The code is R P 4 8.", "The code is RP48.", {"code": "RP48"}, 4, 0),
        ("On March 12th, please.", "On March 20th, please.", {"date": "2026-03-12"}, 3, 2),
        ("Three nights.", "Three nights.", {"nights": 3}, 1, 0),
        ("Order 31845, no, 31854.", "Order 31845, no, 31854.", {"id": "31854"}, 5, 0),
    ],
)
def test_words_that_carry_an_argument(
    said: str, heard: str, arguments: dict[str, Any], words: int, errors: int
) -> None:
    """Spelling does not count, and of what was said twice the last."""
    (name,) = arguments
    assert carried_arguments([turn(said, heard)], arguments) == [CarriedArgument(name, words, errors)]


@pytest.mark.parametrize(
    ("said", "heard"), [("The vase has a crack.", "The vase has a crack."), ("It is damaged.", None)]
)
def test_what_cannot_be_followed_is_left_out(said: str, heard: str | None) -> None:
    """An argument said in other words, and a turn that does not tell what was heard."""
    assert carried_arguments([turn(said, heard)], {"reason": "damaged"}) == []


@pytest.mark.parametrize(
    ("heard", "booked", "lost"),
    [
        ("It is for Mario Lopez.", "Mario Lopez", "misheard"),
        ("It is for Maria Lopez.", "Lopez", "misunderstood"),
        ("It is for Maria Lopez.", "Maria Lopez", None),
        ("It is for Mario Lopez.", "Maria Lopez", None),
    ],
)
async def test_the_grader_says_by_what_arguments_are_lost(
    make_record: Any, heard: str, booked: str, lost: str | None
) -> None:
    """Only where they are lost; how many words were misheard is said anyway."""
    expected = [ExpectedCall("book", {"name": "Maria Lopez"})]
    said = {"user_text": "It is for Maria Lopez.", "heard_text": heard}
    record = make_record(expected, [("book", {"name": booked})], **said)
    verdict = await GRADER_TYPES["tool_call_args"].grade(
        GraderContext(record, None, GraderSpec("tool_call_args", "tool_call_args", {}))
    )
    assert verdict.grade == (0 if lost else 1)
    assert verdict.details.get("arguments_lost") == lost
    assert (verdict.details["argument_words"], verdict.details["misheard_words"]) == (2, int("Mario" in heard))
