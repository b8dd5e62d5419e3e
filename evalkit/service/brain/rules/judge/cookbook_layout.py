"""A judge's question as the Realtime evals cookbook writes it: a criterion, and below it a turn or a call.

::

    Criteria:
    Assistant confirms the refund request.

    Context:
    Simulation: sim_cs_refund
    Scenario: …
    Turn: 1                                      Conversation:
    User: I want a refund.                       TURN 1 USER: I want a refund.
    Assistant: Sure, one moment.                 TURN 1 ASSISTANT: Sure, one moment.
    Tool Calls: [{"name": …}]                    TURN 1 TOOL_CALL: {"name": …}
    Tool Outputs: [{"name": …, "output": …}]     TURN 1 TOOL_OUTPUT: {"name": …, "output": …}

What was said is not quoted there, so words of a call that look like such a line are taken for one; our own layout
(:mod:`.question`) cannot be confused so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from evalkit.service.brain.rules.judge.question import CallLine, Question

_QUESTION = re.compile(r"\s*Criteria:\n(?P<criterion>.+?)\n\s*Context:\n(?P<context>.*)", re.DOTALL)
_TURN = re.compile(
    r"^Turn: (?P<turn>\d+)\nUser: (?P<user>.*?)\nAssistant: (?P<assistant>.*?)"
    r"\nTool Calls: (?P<calls>\[.*?\])\nTool Outputs: (?P<outputs>\[.*\])\s*\Z",
    re.DOTALL | re.MULTILINE,
)
_CALL = re.compile(r"^Conversation:\n(?P<lines>.*?)(?:^Tools:\n.*)?\Z", re.DOTALL | re.MULTILINE)
_LINE = re.compile(r"TURN (?P<turn>\d+) (?P<kind>USER|ASSISTANT|TOOL_CALL|TOOL_OUTPUT): (?P<text>.*)")
_KINDS = {"USER": "caller", "ASSISTANT": "assistant", "TOOL_CALL": "call", "TOOL_OUTPUT": "output"}
_CONTENTS = {"call": "arguments", "output": "output"}


def read_cookbook_question(text: str) -> Question | None:
    """Return the question in `text`, over all that it tells; None when it is not laid out so."""
    question = _QUESTION.fullmatch(text)
    if question is None:
        return None
    turn, call = _TURN.search(question["context"]), _CALL.search(question["context"])
    try:
        found = list(_of_turn(turn) if turn else _of_call(call["lines"]) if call else ())
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    lines = [CallLine(number, *line) for number, line in enumerate(found, 1)]
    return Question(question["criterion"].strip(), None, tuple(lines)) if lines else None


def _of_turn(match: re.Match[str]) -> Iterator[tuple[int, str, str, Any]]:
    """Yield what happened in a turn; its words stand together, behind the tools that they may tell of."""
    turn = int(match["turn"])
    calls, outputs = json.loads(match["calls"]), json.loads(match["outputs"])
    yield turn, "caller", "", match["user"]
    for kind, told in (("call", calls), ("output", outputs)):
        for one in told:
            yield turn, kind, one["name"], one[_CONTENTS[kind]]
    if match["assistant"].strip():
        yield turn, "assistant", "", match["assistant"]


def _of_call(text: str) -> Iterator[tuple[int, str, str, Any]]:
    spoken: list[tuple[int, str, list[str]]] = []
    for row in text.splitlines():
        match = _LINE.fullmatch(row)
        if match:
            spoken.append((int(match["turn"]), _KINDS[match["kind"]], [match["text"]]))
        elif spoken:
            spoken[-1][2].append(row)
    for turn, kind, rows in spoken:
        if kind in _CONTENTS:
            told = json.loads("\n".join(rows))
            yield turn, kind, told["name"], told[_CONTENTS[kind]]
        else:
            yield turn, kind, "", "\n".join(rows).strip()
