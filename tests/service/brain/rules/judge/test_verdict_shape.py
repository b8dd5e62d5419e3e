"""A verdict fills the shapes that have one place for it, and no other."""

from __future__ import annotations

import json
from typing import Any

import pytest

from evalkit.service.brain.conversation import Conversation, UserTurn
from evalkit.service.brain.rules.judge.judge import local_judge
from evalkit.service.brain.rules.judge.verdict_shape import fitting_answer

TEXT, FLAG = {"type": "string"}, {"type": "boolean"}
BIT = {"type": "integer", "enum": [0, 1]}


def shape(**fields: Any) -> dict[str, Any]:
    """Return a strict schema."""
    return {"type": "object", "additionalProperties": False, "properties": fields, "required": list(fields)}


@pytest.mark.parametrize(
    ("fields", "met", "unmet"),
    [
        ({"grade": BIT, "rationale": TEXT}, {"grade": 1, "rationale": "r"}, {"grade": 0, "rationale": "r"}),
        ({"reason": TEXT, "pass": FLAG}, {"reason": "r", "pass": True}, {"reason": "r", "pass": False}),
        ({"verdict": {"enum": ["PASS", "FAIL"]}}, {"verdict": "PASS"}, {"verdict": "FAIL"}),
        ({"score": {"type": "number", "minimum": 0, "maximum": 1}}, {"score": 1}, {"score": 0}),
        (
            {"quotes": {"type": "array", "items": TEXT}, "ok": FLAG},
            {"quotes": ["q"], "ok": True},
            {"quotes": ["q"], "ok": False},
        ),
    ],
)
def test_shapes_with_one_place(fields: dict[str, Any], met: dict[str, Any], unmet: dict[str, Any]) -> None:
    """Flags, zero and one, words for it."""
    evidence = [{"line": 1, "quote": "q"}]
    assert fitting_answer("r", evidence, shape(**fields), met=True) == met
    assert fitting_answer("r", evidence, shape(**fields), met=False) == unmet


def test_what_cannot_be_told_has_a_word_or_does_not_count() -> None:
    """Where there is no word for it, the reason says why the answer is no."""
    unsure = shape(verdict={"enum": ["yes", "no", "unknown"]}, why=TEXT)
    assert fitting_answer("r", [], unsure, met=None) == {"verdict": "unknown", "why": "r"}
    told = fitting_answer("no rule knows it", [], shape(grade=BIT, rationale=TEXT), met=None)
    assert told is not None
    assert told["grade"] == 0
    assert told["rationale"].startswith("Cannot tell")
    assert told["rationale"].endswith("no rule knows it")


@pytest.mark.parametrize(
    "schema",
    [
        shape(score={"type": "integer", "minimum": 1, "maximum": 5}, why=TEXT),
        shape(polite=FLAG, correct=FLAG),
        shape(why=TEXT),
        shape(grade=BIT, speaker={"type": "string", "enum": ["caller", "agent"]}),
        shape(grade=BIT, minutes={"type": "number"}),
        {"type": "string"},
        {"type": "object", "properties": {"grade": True}},
    ],
    ids=["scale", "two verdicts", "no verdict", "another choice", "a number", "no object", "anything"],
)
def test_other_shapes_are_not_filled(schema: dict[str, Any]) -> None:
    """Nothing is made up for a field that a verdict says nothing about."""
    assert fitting_answer("r", [], schema, met=True) is None


def test_the_judge_answers_in_the_shape_that_it_is_asked_for() -> None:
    """Without one, and for one that it cannot fill, in its own."""
    items = [UserTurn("Is it nice?")]
    told = json.loads(local_judge(Conversation("", (), items, answer_schema=shape(grade=BIT, rationale=TEXT))).text)
    assert set(told) == {"grade", "rationale"}
    for schema in (None, shape(polite=FLAG, correct=FLAG)):
        own = json.loads(local_judge(Conversation("", (), items, answer_schema=schema)).text)
        assert list(own) == ["evidence", "reasoning", "verdict"]
