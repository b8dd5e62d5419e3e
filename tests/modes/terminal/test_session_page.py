"""What the page tells of sessions: numbers, blame, screens; bounded, whatever is installed and whatever was written."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import factories
import pytest
from stored_sessions import HOSTILE, PLAYED, make_cast, make_entry, make_session, make_source

from evalkit.modes.terminal.layout import TERMINAL_LAYOUT
from evalkit.modes.terminal.session_page import (
    LIMITS,
    count_blame,
    find_disagreement,
    first_sentence,
    measure_answers,
    show_session,
    show_sessions,
)
from evalkit.pty.recording import parse_recording
from evalkit.records.faults import Failure
from evalkit.reports.page.render import render_section


def shown(*records: Any, **given: Any) -> Any:
    limits = given.pop("limits", LIMITS)
    return show_sessions(make_source(records, **given), limits)


def test_a_line_has_what_a_session_took() -> None:
    """The time after the answers is the agent's, that from the question to the answer the user's."""
    (line,) = shown(make_session(), passed={"writes": True})["sessions"]
    assert {name: line[name] for name in ("key", "ending", "turns", "approvals", "model_calls", "cost", "changed")} == {
        "key": "writes", "ending": "passed", "turns": 2, "approvals": 1, "model_calls": 3, "cost": "$0.2500",
        "changed": 1,
    }  # fmt: skip
    assert (line["input_tokens"], line["output_tokens"], line["first_output_ms"]) == (200, 20, 10.0)
    assert (line["agent_wait_ms"], line["user_wait_ms"]) == (1_000.0, pytest.approx(500.0))
    assert line["signals"] == "title, quiet"
    assert line["disagreements"] == ["turn 2: blocked_read 7,900 ms before quiet"]


def test_what_was_not_measured_is_not_zero() -> None:
    """No approval, no price, no recording."""
    record = make_session(entries=[make_entry()], transport="acp", cost_usd={"assistant": None})
    (line,) = shown(record)["sessions"]
    assert (line["agent_wait_ms"], line["user_wait_ms"], line["cost"]) == (None, None, "unknown")
    (line,) = shown(replace(record, cost_usd={}, turns=()))["sessions"]
    assert (line["cost"], line["first_output_ms"], line["turns"], line["input_tokens"]) == ("", None, 0, None)


def test_blame_is_counted_by_fault_and_stage() -> None:
    """The commonest first; what broke off, and what failed its checks; with the first sentence of the evidence."""
    records = [
        make_session("one", failure=Failure("agent_exit", "crashed", "it ended (signal 6). More of it.")),
        make_session("two", failure=Failure("agent_exit", "crashed", "another")),
        make_session("three"),
        make_session("four"),
    ]
    crashed = [replace(record, fault="assistant" if record.failure else None) for record in records]
    grades = [factories.make_grade("three", "right", 0, None, grader_type="file_exact", rationale="there is no x. Y")]
    rows = count_blame(make_source(crashed, grades=grades, passed={"three": False, "four": True}))
    assert [(row["fault"], row["stage"], row["count"], row["evidence"], row["keys"]) for row in rows] == [
        ("assistant", "agent_exit: crashed", 2, "it ended (signal 6).", ["one", "two"]),
        ("", "checks: file_exact", 1, "there is no x.", ["three"]),
    ]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("One. Two.", "One."),
        ("it says 'Yes, 1. Yes 2. No'", "it says 'Yes, 1. Yes 2. No'"),
        ("a\n  b", "a b"),
        ("see file.txt Now", "see file.txt Now"),
        ("x" * 300, "x" * 239 + "…"),
    ],
)
def test_a_first_sentence_is_one_line(text: str, first: str) -> None:
    """Options of a menu and names of files end none."""
    assert first_sentence(text) == first


def test_signs_agree_or_not() -> None:
    """Far apart, or missing although usual."""
    assert find_disagreement({"title": 100.0, "quiet": 400.0}, "title", ["title"]) == ""
    assert find_disagreement({"title": 100.0, "quiet": 900.0}, "title", ()) == "quiet 800 ms after title"
    assert find_disagreement({"quiet": 900.0}, "quiet", ["title", "quiet"]) == "no title"
    assert find_disagreement({"timeout": 5.0}, "busy", ()) == ""


def test_a_question_that_nobody_answers_is_no_wait() -> None:
    """Only what was answered counts."""
    assert measure_answers(parse_recording(make_cast(PLAYED[:6]), "a test")) is None
    assert measure_answers(parse_recording(make_cast(PLAYED), "a test")) == pytest.approx(500.0)


def test_a_session_has_its_screen_its_diff_and_its_checks() -> None:
    """Of grades the newest of each; what changed behind the user's back is told."""
    pytest.importorskip("pyghostty", reason="a terminal needs the terminal extra")
    grade = factories.make_grade("writes", "right", 0, None, grader_type="file_exact")
    (session,) = shown(make_session(), grades=[grade], passed={"writes": False})["shown"]
    assert [mark[1] for mark in session["film"]["marks"]] == ["agent", "user", "agent", "user", "agent"]
    assert session["note"] == ""
    assert [row.kind for row in session["diff"]] == ["title", "same", "changed"]
    assert session["checks"] == [
        {"kind": "failed", "id": "right", "type": "file_exact", "grade": 0, "why": "because 0", "turn": None}
    ]
    assert [(turn["who"], turn["stop"], turn["late"]) for turn in session["turns"]] == [
        ("initial_prompt", "approval", []), ("allow", "ready", ["old.md"]),
    ]  # fmt: skip


def test_without_an_emulator_the_record_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame for each stop, and it is said."""
    monkeypatch.setitem(sys.modules, "pyghostty", None)
    (session,) = shown(make_session())["shown"]
    assert session["note"].startswith("pyghostty is not installed")
    assert len(session["film"]["frames"]) == 2
    assert [run[0] for row in session["film"]["rows"] for run in row] == [HOSTILE, "May I?", "Wrote it", ">"]


def test_other_transports_have_no_screen() -> None:
    """Their texts stand turn by turn."""
    (session,) = shown(make_session(transport="headless"))["shown"]
    assert (session["film"], session["note"]) == (None, "")
    assert session["turns"][0]["answered"].startswith(f"said {HOSTILE} ␛[31ma⟨U+202E⟩b")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "is not there any more"),
        (b"no recording", "not a recording of a terminal"),
        (make_cast([(0.1, "r", "axb")]), "cannot be played"),
        (make_cast([(0.1, "r", "0x0")]), "cannot be played"),
    ],
)
def test_a_recording_that_cannot_be_played_says_why(content: bytes | None, told: str) -> None:
    """And the session is shown all the same."""
    pytest.importorskip("pyghostty", reason="a terminal needs the terminal extra")
    files = {} if content is None else {"files/writes/recording.cast": content}
    (session,) = shown(make_session(), files=files)["shown"]
    assert session["film"] is None
    assert told in session["note"]
    assert len(session["turns"]) == 2


def test_the_page_of_one_case_shows_its_session_alone() -> None:
    """Its turns, what it took and its diff; the recording is played and the checks are listed elsewhere on the page."""
    section = TERMINAL_LAYOUT.case_sections[0]
    assert section.context is show_session
    markup = str(render_section(section, make_source([make_session("writes")])).markup)
    assert "Turn by turn" in markup
    assert "user until answers" in markup
    assert "notes.md" in markup
    for elsewhere in ('<details class="session"', "Whose fault", "Checks", 'class="film"', "#case/"):
        assert elsewhere not in markup
    assert "<img src=x" not in markup


def test_the_section_is_bounded_and_defects_come_first() -> None:
    """In the order of the cases all the same; what is left out is said, and is in the tables."""
    pytest.importorskip("pyghostty", reason="a terminal needs the terminal extra")
    records = [make_session(name) for name in ("a", "b", "c", "d")]
    passed = {"a": True, "b": False, "c": True, "d": False}
    found = shown(*records, passed=passed, limits=replace(LIMITS, sessions=3, films=2))
    assert [session["key"] for session in found["shown"]] == ["a", "b", "d"]
    assert [bool(session["film"]) for session in found["shown"]] == [False, True, True]
    assert "asciinema play" in found["shown"][0]["note"]
    assert (found["left_out"], len(found["sessions"])) == (1, 4)


def test_a_session_that_went_well_has_fewer_frames() -> None:
    """And it is said how many are left out."""
    pytest.importorskip("pyghostty", reason="a terminal needs the terminal extra")
    cast = make_cast([(0.1 * n, "o", f"\x1b[H{n:04d}") for n in range(200)])
    files = {f"files/{name}/recording.cast": cast for name in ("good", "bad")}
    limits = replace(LIMITS, frames=100, good_frames=10)
    good, bad = shown(
        make_session("good"), make_session("bad"), passed={"good": True, "bad": False}, files=files, limits=limits
    )["shown"]
    assert (len(good["film"]["frames"]), len(bad["film"]["frames"])) == (10, 100)
    assert "frames between these were left out" in good["note"]


def test_a_record_without_a_session_is_shown_as_one() -> None:
    """Of a case that was lost before the agent began."""
    lost = make_session("lost", entries=[], failure=Failure("sandbox", "box_failed", "no box"), notes={}, artifacts={})
    found = shown(replace(lost, fault="infrastructure"))
    assert found["sessions"][0]["ending"] == "lost: infrastructure"
    assert found["shown"][0]["turns"] == []
    assert found["blame"][0]["evidence"] == "no box"
