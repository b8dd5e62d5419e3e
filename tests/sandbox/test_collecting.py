"""One file out of a folder that a stranger filled."""

import os
from pathlib import Path

import pytest

from evalkit.sandbox.collecting import read_regular


def test_a_regular_file(tmp_path: Path) -> None:
    """Its bytes, up to and with the last that is allowed."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "out").write_bytes(b"12345")
    assert read_regular(tmp_path, "a/out", 5) == b"12345"
    assert read_regular(tmp_path, "a/out", 4) is None


@pytest.mark.parametrize("kind", ["link", "linked folder", "fifo", "folder", "empty", "missing", "file as a folder"])
def test_what_is_no_regular_file(tmp_path: Path, kind: str) -> None:
    """Nothing is followed, nothing is waited for."""
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "out").write_bytes(b"secret")
    folder = tmp_path / "ws"
    folder.mkdir()
    path = folder / "a" / "out"
    if kind == "linked folder":
        (folder / "a").symlink_to(secret)
    elif kind == "file as a folder":
        (folder / "a").write_bytes(b"x")
    else:
        path.parent.mkdir()
    if kind == "link":
        path.symlink_to(secret / "out")
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "empty":
        path.touch()
    assert read_regular(folder, "a/out", 100) is None
