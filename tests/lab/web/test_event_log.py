"""Any part of an event log is read without the rest, and what is damaged in it is shown as that."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from stored_run import event

from evalkit.lab.web.event_log import MOST_LINES, count_events, read_event, read_window


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log of 1,000 events, every tenth an error, and a line that is still being written."""
    path = tmp_path / "case.jsonl"
    kinds = ["response.done" if n % 10 else "error" for n in range(1000)]
    lines = [event(kind, float(n), response={"status": f"s{n}"}) for n, kind in enumerate(kinds)]
    path.write_bytes(b"".join(lines) + b'{"type": "respon')
    return path


def test_a_window_is_read_where_it_is_asked_for(log: Path) -> None:
    """Numbers are those of the whole log, and the torn line is none of it."""
    window = read_window(log, 500, 3)
    assert (window.total, window.first) == (1000, 500)
    assert [(row.number, row.at_ms) for row in window.rows] == [(500, 500.0), (501, 501.0), (502, 502.0)]
    assert window.rows[1].words == "s501"
    assert count_events(log) == 1000


def test_behind_the_end_there_is_nothing(log: Path) -> None:
    """And never more rows than may be asked for at once."""
    assert read_window(log, 5000, 10).rows == ()
    assert len(read_window(log, 0, 10**9).rows) == MOST_LINES


def test_what_contains_a_text_keeps_its_number(log: Path) -> None:
    """In any case of letters."""
    window = read_window(log, 2, 2, "ERROR")
    assert window.total == 100
    assert [row.number for row in window.rows] == [20, 30]
    assert [row.event_type for row in window.rows] == ["error", "error"]


def test_a_log_that_grows_is_read_on(log: Path) -> None:
    """Nothing that was remembered of it outlives a change."""
    assert count_events(log) == 1000
    with log.open("ab") as file:
        file.write(b'se.done"}\n' + event("response.done", 1.0, response={"status": "new"}))
    window = read_window(log, 1000, 5)
    assert window.total == 1002
    assert [(row.event_type, row.words) for row in window.rows] == [
        ("damaged line", '{"type": "response.done"}'),
        ("response.done", "new"),
    ]


def test_one_event_is_shown_whole(log: Path) -> None:
    """As JSON that can be read; there is none before the first or behind the last."""
    whole = read_event(log, 7)
    assert whole is not None
    assert json.loads(whole)["event"]["response"] == {"status": "s7"}
    assert read_event(log, 1000) is None
    assert read_event(log, -1) is None


def test_an_agents_calls_to_its_model_are_rows_too(tmp_path: Path) -> None:
    """With what they took and what went wrong; what no gateway writes is damaged."""
    call = {
        "index": 0, "operation": "generate", "model": "m", "answered_model": "m-2026", "status": 200, "error_type": "",
        "message": "", "started_s": 1.5, "duration_ms": 1_234.0, "input_tokens": 2_000, "output_tokens": None,
        "tools_called": ["write"],
    }  # fmt: skip
    refused = {**call, "status": 0, "error_type": "budget", "message": "no more calls", "tools_called": []}
    path = tmp_path / "gateway.jsonl"
    lines = [call, refused, {"operation": "generate"}]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    rows = read_window(path, 0, 9).rows
    assert [(row.at_ms, row.source, row.direction, row.event_type, row.words) for row in rows[:2]] == [
        (1500.0, "m-2026", "200", "generate", "2,000 tokens in; 1,234 ms; calls write"),
        (1500.0, "m-2026", "no answer", "error", "2,000 tokens in; 1,234 ms; no more calls"),
    ]
    assert rows[2].event_type == "damaged line"


def test_an_empty_log_has_no_events(tmp_path: Path) -> None:
    """A run may be cut off before the first."""
    path = tmp_path / "empty.jsonl"
    path.write_bytes(b"")
    assert read_window(path, 0, 10).total == 0
