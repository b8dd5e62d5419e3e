"""What happened in a turn, in order: as a record keeps it, and as the lines of ``conversations/<simulation>.txt``.

::

    TURN 1 USER: Hi, where is my order? The number is 48213.
    TURN 1 ASSISTANT: One moment.
    TURN 1 TOOL_CALL: {"name": "get_order_status", "arguments": {"order_id": "48213"}, "call_id": "call_1"}
    TURN 1 TOOL_OUTPUT: {"call_id": "call_1", "name": "get_order_status", "output": {"status": "shipped"}}
    TURN 1 ASSISTANT: It has been
    TURN 1 USER: Sorry, one moment.
    TURN 1 USER (side_speech): I'm on the phone.

What a caller did that was not meant for the assistant has in brackets what it was; a sound that is no word has it in
angle brackets, ``<cough>``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from evalkit.realtime.results import TurnResult
from evalkit.records.record import CallerWords, Step, ToolCall, ToolOutput, Words, join_words

if TYPE_CHECKING:
    from evalkit.records.json import Json
    from evalkit.tool_host.hosted_call import HostedAnswer


def order_steps(
    result: TurnResult,
    outputs: Sequence[ToolOutput],
    said: Sequence[tuple[float, CallerWords]] = (),
    hosted: Sequence[HostedAnswer] = (),
) -> tuple[Step, ...]:
    """Return what happened in a turn: of each response its words, then its calls, then what these were answered.

    Args:
        result: The responses.
        outputs: The answers to the turn's calls, one each, in the order of the calls; the last may be missing. Those
            to calls that the server took back are left out, as the calls are.
        said: What the caller said in between, each with its time in milliseconds since the case began; it stands
            before the responses that began after it.
        hosted: The tools that the assistant called by itself; they stand so too, by when they were called.

    """
    between: list[tuple[float, Sequence[Step]]] = [(at_ms, (words,)) for at_ms, words in said]
    between += [(told.called_at_ms, _hosted_steps(told)) for told in hosted]
    between.sort(key=lambda each: each[0])
    steps: list[Step] = []
    made = {call.call_id for call in result.tool_calls}
    outputs = [output for output in outputs if output.call_id in made]
    answered = told = 0
    for response in result.responses:
        while told < len(between) and between[told][0] < response.created_at_ms:
            steps += between[told][1]
            told += 1
        words = join_words((response.transcript, response.text))
        if words:
            steps.append(Words(words))
        calls = response.tool_calls
        steps += [*calls, *outputs[answered : answered + len(calls)]]
        answered += len(calls)
    return (*steps, *(step for _, further in between[told:] for step in further))


def _hosted_steps(told: HostedAnswer) -> Sequence[Step]:
    """Return a call, and its answer where the assistant got one."""
    return (told.call,) if told.answered_at_ms is None else (told.call, told.output)


def turn_lines(index: int, user_text: str, steps: Sequence[Step]) -> Iterator[str]:
    """Yield the lines of one turn, in the order of its steps; of an assistant that spoke first, its words first."""
    if user_text or not any(isinstance(step, CallerWords) for step in steps):
        yield f"TURN {index} USER: {_one_line(user_text)}"
    for step in steps:
        yield f"TURN {index} {_step_line(step)}"


def _step_line(step: Step) -> str:
    match step:
        case Words(text):
            return f"ASSISTANT: {_one_line(text)}"
        case CallerWords():
            return f"USER{'' if step.is_addressed else f' ({step.act})'}: {_one_line(step.text)}"
        case ToolCall():
            arguments = step.raw_arguments if step.arguments is None else step.arguments
            return f"TOOL_CALL: {_json({'name': step.name, 'arguments': arguments, 'call_id': step.call_id})}"
        case ToolOutput():
            return f"TOOL_OUTPUT: {_json({'call_id': step.call_id, 'name': step.name, 'output': step.output})}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)
