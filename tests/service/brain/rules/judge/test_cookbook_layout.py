"""Questions laid out as the cookbook does are read as ours are."""

from __future__ import annotations

import json

import pytest

from evalkit.service.brain.rules.judge.cookbook_layout import read_cookbook_question
from evalkit.service.brain.rules.judge.judge import decide

CALL = {"name": "refund_order", "arguments": {"order_id": "2002"}, "call_id": "c1"}
OUTPUT = {**CALL, "output": {"status": "Refund requested", "refund_reference": "RF-20002"}}
TURN = (
    "Simulation: s\nScenario: A refund.\nTurn: 2\nUser: Refund order 2002.\n"
    "Assistant: Sure.\nThe refund is requested.\n"
    f"Tool Calls: {json.dumps([CALL])}\nTool Outputs: {json.dumps([OUTPUT])}\n"
)
TRACE = (
    "Simulation: s\nScenario: A refund.\nConversation:\n"
    "TURN 1 USER: Refund order 2002.\nTURN 1 ASSISTANT: One\nmoment.\n"
    f"TURN 1 TOOL_CALL: {json.dumps(CALL)}\nTURN 1 TOOL_OUTPUT: {json.dumps(OUTPUT)}\n"
    f"TURN 1 ASSISTANT: The refund is requested.\nTURN 2 USER: END_CALL\nTools:\nTURN 1 TOOL_CALL: {json.dumps(CALL)}\n"
)


def asked(criterion: str, context: str) -> str:
    """Return the question."""
    return f"Criteria:\n{criterion}\n\nContext:\n{context}"


def test_a_turn() -> None:
    """The words of a turn stand behind its tools, and may have lines."""
    question = read_cookbook_question(asked("Assistant confirms.", TURN))
    assert question is not None
    assert (question.criterion, question.turn) == ("Assistant confirms.", None)
    assert [(line.turn, line.kind, line.name) for line in question.lines] == [
        (2, "caller", ""), (2, "call", "refund_order"), (2, "output", "refund_order"), (2, "assistant", ""),
    ]  # fmt: skip
    assert question.lines[1].content == CALL["arguments"]
    assert question.lines[3].content == "Sure.\nThe refund is requested."


def test_a_call() -> None:
    """In the order in which it happened; the summary of the tools says nothing new."""
    question = read_cookbook_question(asked("Assistant confirms.", TRACE))
    assert question is not None
    assert [line.kind for line in question.lines] == ["caller", "assistant", "call", "output", "assistant", "caller"]
    assert question.lines[1].content == "One\nmoment."
    assert question.lines[3].content == OUTPUT["output"]


@pytest.mark.parametrize(
    "text", ["", "Criteria:\nx", asked("x", "nothing"), asked("x", TURN.replace('"name"', '"nam"'))]
)
def test_anything_else_is_no_question(text: str) -> None:
    """Nothing is guessed from parts of it."""
    assert read_cookbook_question(text) is None


@pytest.mark.parametrize("context", [TURN, TRACE])
@pytest.mark.parametrize(
    ("criterion", "met"),
    [("Assistant says that the refund is requested.", True), ("Assistant says that the parcel was stolen.", False)],
)
def test_it_is_decided_by_the_same_rules(context: str, criterion: str, met: bool) -> None:
    """The layout changes nothing."""
    question = read_cookbook_question(asked(criterion, context))
    assert question is not None
    assert decide(question).met is met
