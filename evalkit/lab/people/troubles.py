"""The files that people's words are kept in, and what is wrong with those of a run."""

from __future__ import annotations

from pathlib import Path

from evalkit.lab.people.lines import read_people_lines
from evalkit.lab.people.notes import NOTES_FILE
from evalkit.lab.people.reviews import REVIEWS_FILE
from evalkit.lab.people.tags import TAGS_FILE

PEOPLE_FILES = {TAGS_FILE: "tag", NOTES_FILE: "note", REVIEWS_FILE: "review"}
"""Name of each file in a run's directory -> the schema of its lines."""


def find_people_troubles(root: Path) -> tuple[str, ...]:
    """Return what is wrong with people's lines in the run in `root`, in words: those lines are passed over."""
    return tuple(
        trouble for name, schema in PEOPLE_FILES.items() for trouble in read_people_lines(root / name, schema).troubles
    )
