"""A file is there whole or not at all, and a file that grows keeps all it was given."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from evalkit.whole_files import append, write_whole


def test_a_file_and_its_folder_appear_whole(tmp_path: Path) -> None:
    """Pieces stand in order, an older file gives way, and nothing else is left."""
    path = tmp_path / "a" / "b" / "file"
    write_whole(path, [b"old"])
    write_whole(path, [b"one", b"", b"two"])
    assert [(found.name, found.read_bytes()) for found in path.parent.iterdir()] == [("file", b"onetwo")]


def test_what_grows_keeps_its_order(tmp_path: Path) -> None:
    """The file and its folder are made by the first piece, an empty one included."""
    path = tmp_path / "a" / "log"
    for piece in (b"", b"one\n", b"two\n"):
        append(path, piece)
    assert path.read_bytes() == b"one\ntwo\n"


def test_a_system_that_takes_a_little_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it is written in the end."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, content: write(handle, bytes(content)[:3]))
    write_whole(tmp_path / "file", [b"0123456789"])
    assert (tmp_path / "file").read_bytes() == b"0123456789"


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is told, and costs nothing that was there."""
    write_whole(tmp_path / "file", [b"old"])

    def fail(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", fail)
    with pytest.raises(OSError, match="No space left"):
        write_whole(tmp_path / "file", [b"new"])
    assert [(found.name, found.read_bytes()) for found in tmp_path.iterdir()] == [("file", b"old")]
