"""Notes on a run and on its case-trials: ``notes.jsonl`` in its directory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from evalkit.lab.people.lines import append_people_line, read_people_lines
from evalkit.store.run_directory import now_utc

NOTES_FILE = "notes.jsonl"
_SCHEMA = "note"


@dataclass(frozen=True)
class Note:
    """What somebody wrote, and when. `key` None: about the run as a whole."""

    text: str
    by: str
    at: str
    key: str | None = None


def read_notes(root: Path) -> tuple[Note, ...]:
    """Return the notes on the run in `root`, oldest first. Lines that are broken are passed over."""
    return tuple(Note(**entry) for entry in read_people_lines(root / NOTES_FILE, _SCHEMA).entries)


def add_note(root: Path, text: str, by: str, key: str | None = None) -> Note:
    """Add a note to the run in `root`, and return it. Raises DataError for one that cannot be kept."""
    note = Note(text.strip(), by.strip(), now_utc(), key)
    append_people_line(root / NOTES_FILE, _SCHEMA, {"text": note.text, "key": note.key, "by": note.by, "at": note.at})
    return note
