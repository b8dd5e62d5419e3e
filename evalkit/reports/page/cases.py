"""One case-trial as a page shows it: a line of the table of cases, and everything that stands behind it.

Both are plain JSON. The line is small, for every case is in the table; the rest is read by the page when somebody opens
the case. Texts of data and models are bounded here and escaped by whoever writes them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from evalkit.metrics.cost import sum_known_usd
from evalkit.records.grade import Grade
from evalkit.records.json import Json
from evalkit.records.record import CallerWords, CaseRecord, Step, ToolCall, ToolOutput, Turn, Words
from evalkit.reports.page.events import EventDigest, TurnMarks, read_digest
from evalkit.reports.page.timeline import CaseTimeline, Lane, lay_out
from evalkit.reports.rows import Row, row_number

_SAID_CHARS = 400
_LONG_CHARS = 1_200
_LABEL_CHARS = 120
_LANES = {Lane.CALLER: "Caller", Lane.ASSISTANT: "Assistant", Lane.TOOL: "Tools"}
_DUPLEX_LANES = {
    Lane.CALLER: "Caller",
    Lane.ASSISTANT: "Assistant, played",
    Lane.GENERATED: "Assistant, generated",
    Lane.OVERLAP: "Both speak",
    Lane.REACTION: "Reactions",
    Lane.TOOL: "Tools",
    Lane.DETECTION: "Turn detection",
}
_SOUND = "_audio_path"
_SOUND_NAMES = {
    "input": "caller, as the assistant heard it",
    "user": "caller, as the assistant heard it",
    "clean_input": "caller, before the line",
    "clean_user": "caller, before the line",
    "caller": "caller's model, every attempt",
    "output": "assistant",
    "assistant": "assistant",
    "conversation": "whole call, caller left, assistant right",
}


@dataclass(frozen=True)
class CaseSource:
    """Everything a case's part of the page is made of.

    Attributes:
        run_dir: Where the run's artifacts lie.
        rows: The case-trial's rows of results.csv.
        grades: The newest of each grader and turn.
        ending: How it ended, in words.
        answer_latency: The column whose first value stands in its line; empty: the mode has none.
        audio: ``linked``, ``embedded`` or ``none``.
        event_lines: How long the excerpt of its event log may be.

    """

    run_dir: Path
    record: CaseRecord
    rows: Sequence[Row]
    grades: Sequence[Grade]
    grader_ids: tuple[str, ...]
    ending: str
    answer_latency: str
    audio: str
    event_lines: int

    def line(self) -> dict[str, Any]:
        """Return the case's line in the table of cases."""
        record = self.record
        said = [turn.all_user_text for turn in record.turns] or [str(record.case.inputs.get("user_text", ""))]
        by_grader = {name: _lowest(self.rows, f"{name}_grade") for name in self.grader_ids}
        return {
            "key": record.key,
            "ending": self.ending,
            "grade": min((grade for grade in by_grader.values() if grade is not None), default=None),
            "fault": str(record.fault) if record.fault else "",
            "turns": len(record.turns),
            "said": _cut("\n".join(said), _SAID_CHARS),
            "answered": _cut("\n".join(turn.assistant_text for turn in record.turns), _SAID_CHARS),
            "calls": _cut("\n".join(_call_words(c) for turn in record.turns for c in turn.tool_calls), _SAID_CHARS),
            "why": _cut(self._why(), _SAID_CHARS),
            "graders": {name: grade for name, grade in by_grader.items() if grade is not None},
            "first_ms": _rounded(row_number(self.rows[0], self.answer_latency)) if self.rows else None,
            "done_ms": _rounded(max(_numbers(self.rows, "latency_response_done_ms"), default=None)),
            "cost_usd": sum_known_usd(record.cost_usd.values()),
        }

    def detail(self) -> dict[str, Any]:
        """Return what stands behind the line. Reads the case's event log, and its sound where that is embedded."""
        record = self.record
        digest = read_digest(self.run_dir / "events" / f"{record.key}.jsonl", self.event_lines)
        timeline = _lay_out(record, digest.turns)
        return {
            "key": record.key,
            "case_id": record.case.case_id,
            "trial": record.trial,
            "seed": record.seed,
            "failure": asdict(record.failure) if record.failure else None,
            "fault": str(record.fault) if record.fault else "",
            "scored": record.scored,
            "attempts": [asdict(attempt) for attempt in record.attempts],
            "started_at": record.started_at,
            "duration_ms": round(record.duration_ms, 1),
            "served_model": record.served_model,
            "cost_usd": dict(record.cost_usd),
            "expected": [asdict(call) for call in record.case.expected_calls],
            "expects_no_call": record.case.expects_no_call,
            "inputs": _bounded(record.case.inputs),
            "extra": _bounded(record.case.extra),
            "measures": dict(record.measures),
            "notes": _bounded(record.notes),
            "turns": [self._turn(turn) for turn in record.turns],
            "grades": [_grade(grade) for grade in self.grades],
            "sounds": self._sounds(record.artifacts),
            "files": self._files(),
            "timeline": _timeline(timeline),
            "events": _events(digest),
        }

    def _why(self) -> str:
        failure = self.record.failure
        if failure:
            return f"{failure.stage}: {failure.message}"
        reasons = [f"{g.grader_id}: {g.rationale}" for g in self.grades if g.grade is not None and g.grade < 1]
        return "\n".join(reasons)

    def _turn(self, turn: Turn) -> dict[str, Any]:
        answered = {output.call_id for output in turn.tool_outputs}
        return {
            "turn_index": turn.turn_index,
            "user_text": turn.user_text,
            "heard_text": turn.heard_text,
            "steps": [_step(step, answered) for step in turn.steps],
            "order_is_known": turn.order_is_known,
            "status": turn.status,
            "latencies": {name: round(value, 1) for name, value in turn.latencies.items()},
            "measures": {name: round(value, 3) for name, value in turn.measures.items()},
            "usage": {name: count for name, count in asdict(turn.usage).items() if count is not None},
            "sounds": self._sounds(turn.artifacts),
        }

    def _sounds(self, artifacts: Mapping[str, str]) -> list[dict[str, str]]:
        """Return the players of `artifacts`: what each plays, for whom, and where it is."""
        if self.audio == "none":
            return []
        found = []
        for name, stored in artifacts.items():
            path = self._existing(stored) if name.endswith(_SOUND) else None
            if path is not None:
                kind = name.removesuffix(_SOUND)
                source = _embedded(path) if self.audio == "embedded" else quote(stored)
                found.append({"kind": kind, "name": _SOUND_NAMES.get(kind, kind.replace("_", " ")), "src": source})
        return found

    def _files(self) -> list[dict[str, str]]:
        """Return the files that hold all of this case, those of its earlier attempts last, relative to the page."""
        record = self.record
        stored = [f"records/{record.key}.json", f"events/{record.key}.jsonl", f"conversations/{record.key}.txt"]
        stored += [path for name, path in record.artifacts.items() if not name.endswith(_SOUND)]
        stored += [path for attempt in record.attempts for path in attempt.artifacts.values()]
        return [{"name": path, "href": quote(path)} for path in dict.fromkeys(stored) if self._existing(path)]

    def _existing(self, stored: str) -> Path | None:
        return find_artifact(self.run_dir, stored)


def find_artifact(run_dir: Path, stored: str) -> Path | None:
    """Return the file that a record names by its path `stored`, if it is there and lies in the run directory."""
    path = run_dir / stored
    return path if path.is_file() and path.resolve().is_relative_to(run_dir.resolve()) else None


def read_artifact(run_dir: Path, stored: str, most_bytes: int) -> bytes | None:
    """Return the content of the file that a record names; None where it is not there or has more than `most_bytes`."""
    path = find_artifact(run_dir, stored)
    if path is None:
        return None
    with path.open("rb") as file:
        content = file.read(most_bytes + 1)
    return content if len(content) <= most_bytes else None


def _step(step: Step, answered: Collection[str]) -> dict[str, Any]:
    """Return one thing that happened in a turn; `answered` are the ids of the calls that got an output."""
    match step:
        case Words(text):
            return {"kind": "words", "text": text}
        case CallerWords(text, act):
            return {"kind": "caller_words", "text": text, "act": act}
        case ToolCall():
            arguments = step.raw_arguments if step.arguments is None else step.arguments
            return {
                "kind": "tool_call",
                "name": step.name,
                "arguments": arguments,
                "answered": step.call_id in answered,
            }
        case ToolOutput():
            return {"kind": "tool_output", "name": step.name, "output": step.output}


def _grade(grade: Grade) -> dict[str, Any]:
    return {
        "grader_id": grade.grader_id,
        "identity": f"{grade.grader_type} v{grade.grader_version}",
        "turn_index": grade.turn_index,
        "grade": grade.grade,
        "rationale": grade.rationale,
        "evidence": [_cut(text, _LONG_CHARS) for text in grade.evidence],
        "judge": _bounded(grade.judge),
    }


def _lay_out(record: CaseRecord, marks: Mapping[int, TurnMarks]) -> CaseTimeline:
    """Return the timeline of a case: by who was heard when, where the record says it."""
    if "turn_taking" not in record.notes:
        return lay_out(record, marks)
    from evalkit.reports.page.duplex_timeline import lay_out_duplex

    return lay_out_duplex(record, marks) or lay_out(record, marks)


def _timeline(timeline: CaseTimeline) -> dict[str, Any]:
    """Return the lanes that are used, as they are drawn: id, name, blocks above each other; and what stands on them."""
    is_duplex = timeline.duration_ms is not None
    names = _DUPLEX_LANES if is_duplex else _LANES
    levels = {block.row: 0 for block in timeline.blocks}
    for block in timeline.blocks:
        levels[block.row] = max(levels[block.row], block.level + 1)
    return {
        "constructed": timeline.constructed,
        "duplex": is_duplex,
        "duration_ms": None if timeline.duration_ms is None else round(timeline.duration_ms),
        "left_out": list(timeline.left_out),
        "lanes": [[str(lane), name, levels[lane]] for lane, name in names.items() if lane in levels],
        "blocks": [
            [
                str(b.lane), b.turn_index, round(b.start_ms), round(b.end_ms), _cut(b.label, _LABEL_CHARS),
                b.kind, b.name or names[b.row], b.level, round(b.room_ms),
            ]
            for b in timeline.blocks
        ],
    }  # fmt: skip


def _events(digest: EventDigest) -> dict[str, Any]:
    lines = [
        [round(line.at_ms, 1), line.source, line.direction, line.turn_index, line.event_type, line.count, line.words]
        for line in digest.lines
    ]
    return {"total": digest.total, "shown": sum(line.count for line in digest.lines), "lines": lines}


def _call_words(call: ToolCall) -> str:
    return f"{call.name}({call.raw_arguments})"


def _embedded(path: Path) -> str:
    return f"data:audio/wav;base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"


def _bounded(values: Mapping[str, Json]) -> dict[str, str]:
    """Return `values` as texts, long ones cut: the record has them whole."""
    shown = {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in values.items()
        if value not in (None, "", [], {})
    }
    return {name: _cut(text, _LONG_CHARS) for name, text in shown.items()}


def _numbers(rows: Sequence[Row], column: str) -> list[float]:
    return [value for row in rows if (value := row_number(row, column)) is not None]


def _lowest(rows: Sequence[Row], column: str) -> float | None:
    return min(_numbers(rows, column), default=None)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
