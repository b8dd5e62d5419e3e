"""Records and recordings of terminal sessions as a run leaves them, made of whole cloth: for tests of readers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import factories

from evalkit.records.case import Case
from evalkit.records.grade import Grade
from evalkit.records.layout import SectionSource
from evalkit.records.record import CaseRecord, Turn, Usage, Words

HOSTILE = '</script><script>document.title="owned"</script><img src=x onerror=alert(1)>'
TURNED = "a\u202eb\u2067c"
DIFF = f"--- a/notes.md\n+++ b/notes.md\n@@ -1 +1,2 @@\n same\n+{HOSTILE} {TURNED} \x1b[2J\n"

PLAYED: tuple[tuple[float, str, str], ...] = (
    (0.1, "o", "\x1b[1;32mready\x1b[0m> "),
    (0.2, "m", "agent: ready (title)"),
    (0.2, "m", f"user: say write {HOSTILE}"),
    (0.3, "i", "write"),
    (0.3, "o", f"\r\n{HOSTILE}\r\n{TURNED}\r\nMay I?"),
    (0.5, "m", "agent: approval (title)"),
    (1.0, "m", "user: approve"),
    (1.0, "i", "y"),
    (1.1, "o", "\r\n\x1b[7mWrote it\x1b[0m"),
    (9.0, "o", "\r\n> "),
    (9.2, "m", "agent: ready (quiet)"),
)


def make_cast(events: Sequence[tuple[float, str, str]] = PLAYED, columns: int = 90, rows: int = 8) -> bytes:
    """Return a recording, asciicast v2."""
    header = {"version": 2, "width": columns, "height": rows, "timestamp": 0}
    return "".join(f"{json.dumps(line)}\n" for line in (header, *map(list, events))).encode()


def make_entry(**fields: Any) -> dict[str, Any]:
    """Return what a record keeps of one turn."""
    return {
        "reactor_id": "initial_prompt", "action": "say", "payload": "write", "stop": "ready", "signal": "title",
        "signals": {"title": 100.0}, "screen": "> ", "changed": [], "late": [], "exit_code": None, "echoed": True,
        "detail": "", **fields,
    }  # fmt: skip


TURNS = (
    make_entry(payload=f"write {HOSTILE}", stop="approval", screen=f"{HOSTILE}\nMay I?"),
    make_entry(
        reactor_id="allow", action="approve", payload="", screen="Wrote it\n>", changed=["notes.md"], late=["old.md"],
        signal="quiet", signals={"quiet": 8_000.0, "blocked_read": 100.0},
    ),
)  # fmt: skip


def make_session(
    case_id: str = "writes",
    entries: Sequence[Mapping[str, Any]] = TURNS,
    *,
    diff: str = DIFF,
    transport: str = "pty",
    **fields: Any,
) -> CaseRecord:
    """Return a record of a session: a first output after 10 ms, 1 s for each turn, 100 tokens in, 10 out."""
    turns = tuple(_turn(number, entry) for number, entry in enumerate(entries, 1))
    observed = {
        "transport": transport, "turns": [dict(entry) for entry in entries], "model_calls": 3,
        "workspace": {"changed": ["notes.md"] if diff else [], "diff": diff},
    }  # fmt: skip
    artifacts = {"transcript_path": f"files/{case_id}/transcript.md"}
    if transport == "pty":
        artifacts["recording_path"] = f"files/{case_id}/recording.cast"
    inputs = {"title": f"Writes {TURNED}", "category": "file_creation"}
    case = Case(case_id, "terminal", inputs, required_graders=("right",))
    given = {"turns": turns, "notes": {"session": observed}, "artifacts": artifacts, "cost_usd": {"assistant": 0.25}}
    return factories.make_record(case, **{**given, **fields})


def _turn(number: int, entry: Mapping[str, Any]) -> Turn:
    said = entry["payload"] or f"[{entry['action']}]"
    return Turn(
        number,
        said,
        (Words(f"said {HOSTILE} \x1b[31m{TURNED}"),),
        latencies={"latency_first_output_ms": 10.0 * number, "latency_turn_done_ms": 1_000.0},
        labels={"user_action": entry["action"], "stop": entry["stop"]},
        usage=Usage(input_tokens=100, output_tokens=10),
    )


def make_source(
    records: Sequence[CaseRecord],
    *,
    grades: Sequence[Grade] = (),
    passed: Mapping[str, bool | None] | None = None,
    files: Mapping[str, bytes] | None = None,
) -> SectionSource:
    """Return what a page is made of; every recording is the same one unless `files` has them."""
    by_case = {record.key: [grade for grade in grades if grade.key == record.key] for record in records}
    cast = make_cast()

    def read(path: str, most_bytes: int) -> bytes | None:
        content = cast if files is None else files.get(path)
        return content if content is not None and len(content) <= most_bytes else None

    return SectionSource(records, by_case, passed or {}, read)
