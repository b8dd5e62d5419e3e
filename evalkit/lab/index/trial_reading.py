"""A case-trial as a row of the index: what its record, its grades and the journal say of it, in short."""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import orjson

from evalkit.lab.index.rows import TrialEnding
from evalkit.metrics.cost import grade_costs_usd, sum_known_usd
from evalkit.records.case import Case
from evalkit.records.grade import Grade
from evalkit.records.layout import ResultLayout
from evalkit.records.passing import passed, required_graders
from evalkit.records.record import CaseRecord, from_json
from evalkit.runs.scorings import Scoring, record_in_force

_SAID_LENGTH = 160
_MESSAGE_LENGTH = 2_000
_WORD_LENGTH = 200
_JUDGED_BY = ("graders", "expected_answers", "checks")  # what modes keep beside a case's inputs
_LATER_TRIAL = re.compile(r"\.t(\d{1,6})\Z")


@dataclass(frozen=True)
class ShortRecord:
    """What the index keeps of a record.

    Attributes:
        record: The record without turns, settings and inputs.
        sha256: The hash of its bytes.
        content: A hash of what was asked and of how the answer is judged.
        latencies: The mode's answer latency, of each turn or of the whole; in milliseconds.
        said: The first words of the system under test.

    """

    record: CaseRecord
    sha256: str
    content: str
    latencies: tuple[float, ...]
    said: str


def shorten(
    content: bytes, record_sha256: str, layout: ResultLayout | None, scorings: Sequence[Scoring]
) -> ShortRecord:
    """Return what the index keeps of the record whose bytes are `content`.

    Raises ValueError, KeyError, TypeError or AttributeError where they are no record.
    """
    data = orjson.loads(content)
    turns, inputs = data["turns"], data["case"]["inputs"]
    without: dict[str, Any] = {
        "turns": (),
        "settings": {},
        "notes": {},
        "artifacts": {},
        "case": {**data["case"], "inputs": {}},
    }
    record = record_in_force(from_json({**data, **without}), scorings)
    sum_known_usd(record.cost_usd.values())
    float(record.duration_ms)
    asked = _content(record.case, {**inputs, **record.case.inputs})
    return ShortRecord(record, record_sha256, asked, _latencies(data, layout), _said(turns))


def _content(case: Case, inputs: Mapping[str, Any]) -> str:
    """Return a hash of what a case asks and of how its answer is judged; where files lie does not count."""
    told = [
        case.case_id,
        case.mode,
        {name: value for name, value in inputs.items() if not name.endswith("_path")},
        [[call.name, call.arguments, call.match] for call in case.expected_calls],
        case.expects_no_call,
        required_graders(case),
        {name: case.extra[name] for name in _JUDGED_BY if name in case.extra},
    ]
    return sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


@dataclass
class TrialState:
    """What is known so far of a case-trial.

    Attributes:
        short: Its record; None: none is stored.
        ended_at: When that was.
        attempt: The attempt that runs now, if the run does; 0: none.
        attempt_at: When that began.
        grades: All its grades, oldest first.
        values: Its row as it was made last.

    """

    short: ShortRecord | None = None
    ended_at: str = ""
    attempt: int = 0
    attempt_at: str = ""
    grades: list[Grade] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)

    def is_shown(self, *, is_live: bool) -> bool:
        """Tell whether there is anything to show: a record, or an attempt of a run that is going."""
        return self.short is not None or self.is_running(is_live=is_live)

    def is_running(self, *, is_live: bool) -> bool:
        """Tell whether an attempt is under way."""
        return is_live and self.attempt > 0

    def update(self, key: str, position: int, mode: str, *, is_live: bool) -> dict[str, Any]:
        """Return its row, column -> value, made from what is known now."""
        is_running = self.is_running(is_live=is_live)
        known = self._recorded() if self.short else _NOTHING_RECORDED
        self.values = {
            "key": key, "position": position, "case_id": case_id_of(key), "trial": trial_of(key), "mode": mode, **known,
        }  # fmt: skip
        if is_running:
            self.values |= {"ending": TrialEnding.RUNNING, "attempts": self.attempt, "started_at": self.attempt_at}
        told = (key, self.values["fault"], self.values["failure_stage"], self.values["error_type"], self.values["said"])
        self.values["search"] = " ".join((*told, self.values["error_message"])).lower()
        return self.values

    def _recorded(self) -> dict[str, Any]:
        assert self.short is not None  # noqa: S101
        record, failure = self.short.record, self.short.record.failure
        counting = [grade for grade in self.grades if grade.in_force and grade.record_sha256 == self.short.sha256]
        has_passed = passed(record, counting)
        costs = [
            *record.cost_usd.values(),
            *(cost for grade in self.grades for cost in grade_costs_usd(grade).values()),
        ]
        return {
            "content": self.short.content,
            "ending": _ending(record, has_passed),
            "is_recorded": True,
            "passed": has_passed,
            "fault": str(record.fault or ""),
            "failure_stage": str(failure.stage)[:_WORD_LENGTH] if failure else "",
            "error_type": failure.error_type[:_WORD_LENGTH] if failure else "",
            "error_message": failure.message[:_MESSAGE_LENGTH] if failure else "",
            "grades": orjson.dumps(_lowest(counting)).decode(),
            "cost_usd": sum_known_usd(costs) if costs else 0.0,
            "latency_ms": statistics.median(self.short.latencies) if self.short.latencies else None,
            "duration_ms": record.duration_ms,
            "started_at": str(record.started_at)[:_WORD_LENGTH],
            "ended_at": self.ended_at,
            "attempts": max(1, len(record.attempts)),
            "said": self.short.said,
        }


_NOTHING_RECORDED: Mapping[str, Any] = {
    "content": "", "ending": TrialEnding.RUNNING, "is_recorded": False, "passed": None, "fault": "",
    "failure_stage": "", "error_type": "", "error_message": "", "grades": "{}",
    "cost_usd": None, "latency_ms": None, "duration_ms": None,
    "started_at": "", "ended_at": "", "attempts": 1, "said": "",
}  # fmt: skip


def case_id_of(key: str) -> str:
    """Return the case that the case-trial called `key` tries."""
    return _LATER_TRIAL.sub("", key)


def trial_of(key: str) -> int:
    """Return which try at its case the case-trial called `key` is."""
    later = _LATER_TRIAL.search(key)
    return int(later[1]) if later else 1


def _ending(record: CaseRecord, has_passed: bool | None) -> TrialEnding:
    if not record.scored:
        return TrialEnding.LOST
    if has_passed is None:
        return TrialEnding.UNGRADED
    return TrialEnding.PASSED if has_passed else TrialEnding.FAILED


def _lowest(grades: Sequence[Grade]) -> dict[str, float | None]:
    """Return grader -> the lowest of its newest grades of each turn; None where it gave none."""
    lowest: dict[str, float | None] = {}
    for grade in {grade.question: grade for grade in grades}.values():
        known = lowest.get(grade.grader_id)
        if known is None or (grade.grade is not None and grade.grade < known):
            lowest[grade.grader_id] = grade.grade
    return lowest


def _latencies(data: Mapping[str, Any], layout: ResultLayout | None) -> tuple[float, ...]:
    """Return the answer latency of each row that the record makes in ``results.csv``, where it has one."""
    if layout is None or not layout.answer_latency:
        return ()
    turns, column = data["turns"], layout.answer_latency
    shown = turns if layout.has_row_per_turn else turns[:1]
    found = [turn.get("measures", {}).get(column, turn.get("latencies", {}).get(column)) for turn in shown]
    if not any(isinstance(value, int | float) for value in found[-1:]):
        found = [*found[:-1], data.get("measures", {}).get(column)]
    return tuple(float(value) for value in found if isinstance(value, int | float))


def _said(turns: Sequence[Mapping[str, Any]]) -> str:
    """Return the first words of all; a turn of an early record keeps them apart from its steps."""
    for turn in turns:
        steps = turn.get("steps", ())
        words = " ".join(step["text"] for step in steps if step.get("kind") == "words" and step["text"])
        if words := (words or str(turn.get("assistant_text") or "")):
            return words if len(words) <= _SAID_LENGTH else f"{words[: _SAID_LENGTH - 1]}…"
    return ""
