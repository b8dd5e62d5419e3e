"""Notes: on the run, or on a case-trial."""

from __future__ import annotations

from pathlib import Path

from evalkit.lab.people.notes import NOTES_FILE, Note, add_note, read_notes


def test_notes_are_kept_in_order(tmp_path: Path) -> None:
    """About the run, and about one of its case-trials."""
    first = add_note(tmp_path, " the line broke off twice\n", "ann")
    second = add_note(tmp_path, "wrong number read back", "ben", key="case-1.t2")
    assert first.text == "the line broke off twice"
    assert read_notes(tmp_path) == (first, second)
    assert (first.key, second.key) == (None, "case-1.t2")


def test_a_note_by_hand_needs_no_key(tmp_path: Path) -> None:
    """Only what cannot be told otherwise is required."""
    (tmp_path / NOTES_FILE).write_text('{"text": "x", "by": "ann", "at": "2026"}\n')
    assert read_notes(tmp_path) == (Note("x", "ann", "2026"),)
