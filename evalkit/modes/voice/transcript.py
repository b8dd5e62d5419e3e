"""``conversations/<simulation>.txt``: who said and called what, one line each, in the order it happened.

::

    TURN 1 USER: Hi, where is my order? The number is 48213.
    TURN 1 ASSISTANT: One moment.
    TURN 1 TOOL_CALL: {"name": "get_order_status", "arguments": {"order_id": "48213"}, "call_id": "call_1"}
    TURN 1 TOOL_OUTPUT: {"call_id": "call_1", "name": "get_order_status", "output": {"status": "shipped"}}
    TURN 1 ASSISTANT: It has been shipped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from evalkit.realtime.results import TurnResult, join_words
from evalkit.records.json import Json
from evalkit.records.record import ToolOutput


def turn_lines(index: int, user_text: str, result: TurnResult, outputs: Sequence[ToolOutput]) -> Iterator[str]:
    """Yield the lines of one turn: words before the calls of the same response, an output after its call."""
    yield f"TURN {index} USER: {_one_line(user_text)}"
    waiting = list(outputs)
    for response in result.responses:
        words = join_words((response.transcript, response.text))
        if words:
            yield f"TURN {index} ASSISTANT: {_one_line(words)}"
        for call in response.tool_calls:
            arguments = call.raw_arguments if call.arguments is None else call.arguments
            made = {"name": call.name, "arguments": arguments, "call_id": call.call_id}
            yield f"TURN {index} TOOL_CALL: {_json(made)}"
        answered, waiting = waiting[: len(response.tool_calls)], waiting[len(response.tool_calls) :]
        for output in answered:
            told = {"call_id": output.call_id, "name": output.name, "output": output.output}
            yield f"TURN {index} TOOL_OUTPUT: {_json(told)}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)
