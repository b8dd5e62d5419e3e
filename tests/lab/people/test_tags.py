"""Tags: put on, taken off, kept as history."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.errors import DataError
from evalkit.lab.people.tags import TAGS_FILE, add_tag, read_tags, remove_tag


def test_tags_are_put_on_and_taken_off(tmp_path: Path) -> None:
    """The last word about a tag counts."""
    for tag in ("release 2", "baseline", "bad line"):
        add_tag(tmp_path, tag, "ann")
    remove_tag(tmp_path, "bad line", "ben")
    assert read_tags(tmp_path) == ("baseline", "release 2")
    add_tag(tmp_path, "bad line", "ann")
    assert read_tags(tmp_path) == ("bad line", "baseline", "release 2")


def test_what_changes_nothing_is_not_written(tmp_path: Path) -> None:
    """A double click leaves one line."""
    add_tag(tmp_path, " baseline ", "ann")
    add_tag(tmp_path, "baseline", "ann")
    remove_tag(tmp_path, "other", "ann")
    assert (tmp_path / TAGS_FILE).read_bytes().count(b"\n") == 1


@pytest.mark.parametrize("tag", ["", " ", "a,b", "a\nb", "x" * 41, "a\x00"])
def test_a_tag_that_cannot_be_searched_for_is_refused(tmp_path: Path, tag: str) -> None:
    """Commas part tags where people type them."""
    with pytest.raises(DataError, match=r"has the wrong tag"):
        add_tag(tmp_path, tag, "ann")
    assert read_tags(tmp_path) == ()
