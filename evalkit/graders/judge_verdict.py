"""The answers a judge may give, how an answer is read, and the outcome of several votes.

An answer is evidence, then reasoning, then a verdict, in this order, so that the verdict follows from what was quoted.
Of several votes the most frequent outcome counts, and not deciding is an outcome like pass and fail: two that cannot
tell outvote one that passes. A tie decides nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from evalkit.graders.transcript import TranscriptLine
from evalkit.records.json import JsonObject
from evalkit.records.record import Usage

_QUOTING = re.compile("[\\\\\"':\\u2018\\u2019\\u201c\\u201d]+")


class Ruling(StrEnum):
    """The verdicts of a judge."""

    PASS = "pass"  # noqa: S105  no password
    FAIL = "fail"
    NOT_APPLICABLE = "not_applicable"
    CANNOT_TELL = "cannot_tell"

    @property
    def grade(self) -> float | None:
        """The grade it stands for."""
        return {Ruling.PASS: 1.0, Ruling.FAIL: 0.0}.get(self)


ANSWER_SCHEMA: JsonObject = {
    "type": "object",
    "additionalProperties": False,
    "required": ["evidence", "reasoning", "verdict"],
    "properties": {
        "evidence": {
            "type": "array",
            "description": "The lines that decide.",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["line", "quote"],
                "properties": {
                    "line": {"type": "integer", "description": "The number in brackets."},
                    "quote": {"type": "string", "description": "A literal part of that line."},
                },
            },
        },
        "reasoning": {
            "type": "string",
            "description": "Why the evidence leads to the verdict, one to three sentences.",
        },
        "verdict": {"type": "string", "enum": [str(ruling) for ruling in Ruling]},
    },
}


@dataclass(frozen=True)
class Vote:
    """One answer, or the lack of one. `ruling` None: no usable answer, and `reason` says why.

    Attributes:
        ruling: The verdict.
        reason: The judge's reasoning, or why there is none.
        evidence: The quotations, those that are not in the call marked as such.
        unfounded: How many quotations are not in the call.
        model: The model that answered, else empty.
        cost_usd: What it cost, None when unknown.
        usage: The tokens it took, as far as they are known.

    """

    ruling: Ruling | None
    reason: str
    evidence: tuple[str, ...] = ()
    unfounded: int = 0
    model: str = ""
    cost_usd: float | None = 0.0
    usage: Usage = field(default_factory=Usage)

    @property
    def grade(self) -> float | None:
        """The grade this vote is for."""
        return self.ruling.grade if self.ruling else None


@dataclass(frozen=True)
class Poll:
    """The outcome of several votes: one vote of the winning side, and its share of all votes.

    `winner` is None when two outcomes are equally frequent; `agreement` is the share of the most frequent one.
    """

    winner: Vote | None
    agreement: float


def read_vote(parsed: Any, lines: Sequence[TranscriptLine], model: str, cost_usd: float | None) -> Vote:
    """Return the vote in an answer that keeps to the schema, its quotations looked up in `lines`."""
    evidence, unfounded = [], 0
    for item in parsed["evidence"]:
        number = _find(item, lines)
        unfounded += number is None
        evidence.append(f"not in the call: {item['quote']!r}" if number is None else f"[{number}] {item['quote']}")
    return Vote(Ruling(parsed["verdict"]), parsed["reasoning"], tuple(evidence), unfounded, model, cost_usd)


def count_votes(votes: Sequence[Vote]) -> Poll:
    """Return the outcome of `votes` (at least one)."""
    counts = Counter(vote.grade for vote in votes)
    most = max(counts.values())
    winners = [grade for grade, count in counts.items() if count == most]
    agreement = most / len(votes)
    if len(winners) > 1:
        return Poll(None, agreement)
    supporters = [vote for vote in votes if vote.grade == winners[0]]
    # Among those that do not decide, one that says why it cannot speaks before one that never answered.
    return Poll(next((vote for vote in supporters if vote.ruling), supporters[0]), agreement)


def _find(item: Mapping[str, Any], lines: Sequence[TranscriptLine]) -> int | None:
    """Return the number of the line that holds the quotation: the one it names, else the first that does."""
    wanted = _plain(item["quote"])
    if not wanted:
        return None
    named = [item["line"]] if 1 <= item["line"] <= len(lines) else []
    for number in [*named, *range(1, len(lines) + 1)]:
        line = lines[number - 1]
        if wanted in _plain(line.quotable) or wanted in _plain(f"{line.name} {line.quotable}"):
            return int(number)
    return None


def _plain(text: str) -> str:
    """Return `text` without what quoting adds or changes: case, spaces, quotation marks and escapes."""
    return " ".join(_QUOTING.sub(" ", text.casefold()).split()).strip(" .…")
