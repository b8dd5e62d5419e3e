"""Atomic files."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from evalkit.store.files import stream_atomically, write_atomically


def test_a_failed_write_leaves_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash between writing and renaming never shows half a file."""
    path = tmp_path / "status.json"
    write_atomically(path, "old")

    def crash(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", crash)
    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, "new and longer")
    assert path.read_text() == "old"


def test_parents_are_made(tmp_path: Path) -> None:
    """The first record makes its folder."""
    write_atomically(tmp_path / "a" / "b.json", b"{}")
    assert (tmp_path / "a" / "b.json").read_bytes() == b"{}"


def test_pieces_that_cannot_be_made_leave_nothing(tmp_path: Path) -> None:
    """A page that fails half-way is not there, nor is its beginning; an older one stays."""
    path = tmp_path / "report.html"
    stream_atomically(path, [b"a", b"b"])
    assert path.read_bytes() == b"ab"

    def half() -> Iterator[bytes]:
        yield b"c"
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        stream_atomically(path, half())
    assert path.read_bytes() == b"ab"
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]
