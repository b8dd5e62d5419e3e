"""A call as a judge reads it: numbered lines, what was said apart from what the tools did.

The numbers run through both parts in the order in which things happened. Everything that comes from the call is JSON on
one line: no text of a caller, an assistant or a tool can begin a line, close a quotation or pass for a heading.

::

    SAID
    [1] turn 1 caller: "Where's order 48213?"
    [2] turn 1 assistant: "One moment."
    [5] turn 1 assistant: "It's out for delivery."
    [6] turn 1 caller, not to the assistant "side_speech": "I'm on the phone."

    TOOL TRAFFIC
    [3] turn 1 call "get_order_status": {"order_id": "48213"}
    [4] turn 1 output "get_order_status": {"status": "out for delivery"}
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from evalkit.records.json import Json
from evalkit.records.record import CallerWords, CaseRecord, ToolCall, ToolOutput, Turn, Words

_LINE_BREAKS = re.compile("[\x7f-\x9f\u2028\u2029]")


class TranscriptLineKind(StrEnum):
    """Who a line is from."""

    CALLER = "caller"
    ASIDE = "caller, not to the assistant"
    ASSISTANT = "assistant"
    CALL = "call"
    OUTPUT = "output"

    @property
    def is_spoken(self) -> bool:
        """Whether it is something that was said."""
        return self not in (TranscriptLineKind.CALL, TranscriptLineKind.OUTPUT)


@dataclass(frozen=True)
class TranscriptLine:
    """One thing that happened: words, a call's arguments or a tool's output as `content`.

    `name` is the tool's, or what an aside was: a backchannel, a vocal tic, side speech.
    """

    turn_index: int
    kind: TranscriptLineKind
    content: Json
    name: str = ""

    @property
    def quotable(self) -> str:
        """The text that a quotation of this line is looked for in."""
        return self.content if isinstance(self.content, str) else quote(self.content)


def quote(value: Json) -> str:
    """Return `value` as JSON on one line."""
    text = json.dumps(value, ensure_ascii=False)
    return _LINE_BREAKS.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def read_transcript(record: CaseRecord, last: Turn | None = None) -> tuple[TranscriptLine, ...]:
    """Return the lines of `record` up to and including the turn `last`; None: all of them."""
    until = len(record.turns) if last is None else record.turns.index(last) + 1
    return tuple(line for turn in record.turns[:until] for line in _turn_lines(turn))


def write_transcript(lines: Sequence[TranscriptLine]) -> str:
    """Return the two numbered parts."""
    said = [_write(number, line) for number, line in enumerate(lines, start=1) if line.kind.is_spoken]
    done = [_write(number, line) for number, line in enumerate(lines, start=1) if not line.kind.is_spoken]
    return "\n".join(["SAID", *(said or ["(nothing)"]), "", "TOOL TRAFFIC", *(done or ["(none)"])])


def _turn_lines(turn: Turn) -> Iterator[TranscriptLine]:
    if turn.user_text:
        yield TranscriptLine(turn.turn_index, TranscriptLineKind.CALLER, turn.user_text)
    for step in turn.steps:
        match step:
            case Words(text):
                yield TranscriptLine(turn.turn_index, TranscriptLineKind.ASSISTANT, text)
            case CallerWords(text, act):
                kind = TranscriptLineKind.CALLER if step.is_addressed else TranscriptLineKind.ASIDE
                yield TranscriptLine(turn.turn_index, kind, text, "" if step.is_addressed else act)
            case ToolCall():
                arguments = step.raw_arguments if step.arguments is None else step.arguments
                yield TranscriptLine(turn.turn_index, TranscriptLineKind.CALL, arguments, step.name)
            case ToolOutput():
                yield TranscriptLine(turn.turn_index, TranscriptLineKind.OUTPUT, step.output, step.name)


def _write(number: int, line: TranscriptLine) -> str:
    name = f" {quote(line.name)}" if line.name else ""
    return f"[{number}] turn {line.turn_index} {line.kind}{name}: {quote(line.content)}"
