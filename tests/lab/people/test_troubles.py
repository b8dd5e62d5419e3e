"""What is wrong with people's files is said, file by file."""

from __future__ import annotations

from pathlib import Path

from evalkit.lab.people.tags import TAGS_FILE, add_tag, read_tags
from evalkit.lab.people.troubles import PEOPLE_FILES, find_people_troubles


def test_every_file_is_looked_at(tmp_path: Path) -> None:
    """A run that people wrote nothing about has no trouble; each broken file has its own."""
    assert find_people_troubles(tmp_path) == ()
    for name in PEOPLE_FILES:
        (tmp_path / name).write_text("{}\n")
    assert [trouble.partition(":")[0] for trouble in find_people_troubles(tmp_path)] == list(PEOPLE_FILES)


def test_sound_lines_beside_it_count(tmp_path: Path) -> None:
    """Trouble takes nothing away."""
    (tmp_path / TAGS_FILE).write_text("oops\n")
    add_tag(tmp_path, "baseline", "ann")
    assert read_tags(tmp_path) == ("baseline",)
    assert len(find_people_troubles(tmp_path)) == 1
