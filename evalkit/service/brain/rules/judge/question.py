"""A judge's question, read from its documented layout (``docs/judges.md``): headings, and below each JSON on one line.

Only lines that begin a heading, or a bracket and a number, have a meaning; what callers, assistants and tools said is
inside JSON and stays data, whatever it says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

HEADINGS = ("CRITERION", "LOOK AT", "SCENARIO", "INSTRUCTIONS OF THE ASSISTANT", "SAID", "TOOL TRAFFIC", "END")
_KINDS = "caller, not to the assistant|caller|assistant|call|output"
_LINE = re.compile(rf"\[(\d+)\] turn (\d+) ({_KINDS})(?: (\"(?:[^\"\\]|\\.)*\"))?: (.*)")
_TURN = re.compile(r"turn (\d+)")


@dataclass(frozen=True, eq=False)
class CallLine:
    """One thing that happened, as numbered in the question.

    `kind`: caller, assistant, call, output, or what a caller did that was not meant for the assistant.
    """

    number: int
    turn: int
    kind: str
    name: str
    content: Any

    @property
    def text(self) -> str:
        """Its content as text."""
        return self.content if isinstance(self.content, str) else json.dumps(self.content, ensure_ascii=False)


@dataclass(frozen=True)
class Question:
    """What is to be decided. `turn` None: over the whole call; else in that turn, the earlier ones being background."""

    criterion: str
    turn: int | None
    lines: tuple[CallLine, ...]

    def of(self, *kinds: str) -> list[CallLine]:
        """Return the lines of these kinds, over the whole call as either."""
        return [line for line in self.lines if line.kind in kinds]

    def judged(self, *kinds: str) -> list[CallLine]:
        """Return the lines of these kinds that are to be judged."""
        return [line for line in self.of(*kinds) if self.turn in (None, line.turn)]


def read_question(text: str) -> Question | None:
    """Return the question in `text`, or None when it does not keep to the layout."""
    parts = dict(_parts(text.split("\n")))
    if "END" not in parts or not {"CRITERION", "LOOK AT", "SAID", "TOOL TRAFFIC"} <= parts.keys():
        return None
    try:
        criterion = json.loads(parts["CRITERION"][0])
        lines = [_read_line(row) for name in ("SAID", "TOOL TRAFFIC") for row in parts[name] if row.startswith("[")]
    except (ValueError, IndexError, RecursionError):
        return None
    turn = _TURN.fullmatch(parts["LOOK AT"][0]) if parts["LOOK AT"] else None
    if not isinstance(criterion, str):
        return None
    lines.sort(key=lambda line: line.number)
    return Question(criterion, int(turn.group(1)) if turn else None, tuple(lines))


def _parts(rows: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    heading, found = "", list[str]()
    for row in rows:
        if row in HEADINGS:
            yield heading, found
            heading, found = row, []
        elif row:
            found.append(row)
    yield heading, found


def _read_line(row: str) -> CallLine:
    match = _LINE.fullmatch(row)
    if match is None:
        raise ValueError(f"no line of a call: {row}")
    number, turn, kind, name, content = match.groups()
    return CallLine(int(number), int(turn), kind, json.loads(name) if name else "", json.loads(content))
