"""A case's log by its lines, whatever their number: where each begins is remembered, the rest stays on disk.

It is an event log, or the log of a gateway, whose lines are an agent's calls to its model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from evalkit.reports.page.events import tell_event

MOST_LINES = 200
_BLOCK_BYTES = 4 * 1024 * 1024
_MOST_EVENT_BYTES = 200_000
_Offsets = npt.NDArray[np.int64]


@dataclass(frozen=True)
class EventRow:
    """One event as a row shows it; `number` counts from 0 among all lines of the log."""

    number: int
    at_ms: float | None
    source: str
    direction: str
    turn_index: int | None
    event_type: str
    words: str


@dataclass(frozen=True)
class EventWindow:
    """Some rows of a log: those from `first` on, of the `total` that were asked for."""

    total: int
    first: int
    rows: tuple[EventRow, ...]


def read_window(path: Path, first: int, count: int, find: str = "") -> EventWindow:
    """Return at most `count` rows from `first` on of the log at `path`; of those that contain `find`, if it is given.

    A last line that is still being written is not among them.
    """
    numbers = _matching(path, *_stamp(path), find.lower()) if find else None
    offsets = _offsets(path, *_stamp(path))
    total = (len(offsets) - 1) if numbers is None else len(numbers)
    last = min(total, first + min(count, MOST_LINES))
    wanted = range(first, last) if numbers is None else [int(number) for number in numbers[first:last]]
    with path.open("rb") as log:
        rows = [_row(number, _line(log, offsets, number)) for number in wanted]
    return EventWindow(total, first, tuple(rows))


def count_events(path: Path) -> int:
    """Return how many whole lines the log at `path` has."""
    return len(_offsets(path, *_stamp(path))) - 1


def read_event(path: Path, number: int) -> str | None:
    """Return the event of a line as indented JSON, cut where it is very long; None: there is no such line."""
    offsets = _offsets(path, *_stamp(path))
    if not 0 <= number < len(offsets) - 1:
        return None
    with path.open("rb") as log:
        raw = _line(log, offsets, number)
    try:
        text = orjson.dumps(orjson.loads(raw), option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONDecodeError:
        text = raw.decode("utf-8", "replace")
    return text if len(text) <= _MOST_EVENT_BYTES else f"{text[:_MOST_EVENT_BYTES]}…"


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_size


@lru_cache(maxsize=32)
def _offsets(path: Path, changed_ns: int, size: int) -> _Offsets:  # noqa: ARG001  they tell one content from the next
    """Return where each whole line begins, and where the last one ends."""
    ends: list[_Offsets] = []
    at = 0
    with path.open("rb") as log:
        while block := log.read(_BLOCK_BYTES):
            found = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n")).astype(np.int64)
            ends.append(found + (at + 1))
            at += len(block)
    return np.concatenate([np.zeros(1, np.int64), *ends])


@lru_cache(maxsize=32)
def _matching(path: Path, changed_ns: int, size: int, find: str) -> tuple[int, ...]:  # noqa: ARG001
    """Return the numbers of the lines that contain `find`, in lower case."""
    wanted = find.encode()
    with path.open("rb") as log:
        return tuple(number for number, raw in enumerate(log) if raw.endswith(b"\n") and wanted in raw.lower())


def _line(log: Any, offsets: Sequence[int] | _Offsets, number: int) -> bytes:
    log.seek(int(offsets[number]))
    line: bytes = log.read(int(offsets[number + 1]) - int(offsets[number]))
    return line


def _row(number: int, raw: bytes) -> EventRow:
    try:
        event = orjson.loads(raw)
        if "operation" in event:
            return _call_row(number, event)
        kind, payload = str(event["type"]), event["event"]
        return EventRow(
            number,
            round(float(event["event_time_ms"]), 1),
            str(event["source"]),
            str(event["direction"]),
            int(event["turn_index"]),
            kind,
            tell_event(kind, payload) if isinstance(payload, dict) else "",
        )
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return EventRow(number, None, "", "", None, "damaged line", raw[:160].decode("utf-8", "replace").rstrip())


def _call_row(number: int, call: Mapping[str, Any]) -> EventRow:
    """Return the row of an agent's call to its model."""
    counts = [
        f"{count:,} tokens {name}"
        for name, count in (("in", call.get("input_tokens")), ("out", call.get("output_tokens")))
        if count is not None
    ]
    tools = ", ".join(map(str, call.get("tools_called") or ()))
    told = [*counts, f"{float(call['duration_ms']):,.0f} ms", f"calls {tools}" if tools else "", call.get("message")]
    return EventRow(
        number,
        round(float(call["started_s"]) * 1000, 1),
        str(call.get("answered_model") or call["model"]),
        str(call["status"] or "no answer"),
        None,
        "error" if call.get("error_type") else str(call["operation"]),
        "; ".join(str(part) for part in told if part),
    )
