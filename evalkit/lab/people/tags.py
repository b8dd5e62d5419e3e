"""Tags of a run: ``tags.jsonl`` in its directory, a line for each that was put on or taken off."""

from __future__ import annotations

from pathlib import Path

from evalkit.lab.people.lines import append_people_line, read_people_lines
from evalkit.store.run_directory import now_utc

TAGS_FILE = "tags.jsonl"
_SCHEMA = "tag"


def read_tags(root: Path) -> tuple[str, ...]:
    """Return the tags that the run in `root` has now, by name. Lines that are broken are passed over."""
    state = {entry["tag"]: entry["on"] for entry in read_people_lines(root / TAGS_FILE, _SCHEMA).entries}
    return tuple(sorted(tag for tag, is_on in state.items() if is_on))


def add_tag(root: Path, tag: str, by: str) -> None:
    """Put `tag` on the run in `root`. Raises DataError for one that is not allowed, or cannot be written."""
    _change(root, tag, by, is_on=True)


def remove_tag(root: Path, tag: str, by: str) -> None:
    """Take `tag` off the run in `root`. Raises DataError where that cannot be written."""
    _change(root, tag, by, is_on=False)


def _change(root: Path, tag: str, by: str, *, is_on: bool) -> None:
    tag = tag.strip()
    if (tag in read_tags(root)) is not is_on:
        append_people_line(root / TAGS_FILE, _SCHEMA, {"tag": tag, "on": is_on, "by": by.strip(), "at": now_utc()})
