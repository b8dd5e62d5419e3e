"""A workspace as a tar."""

import io
import tarfile

from evalkit.sandbox.archive import pack


def test_the_same_files_are_the_same_bytes() -> None:
    """No time, no owner and no order of a dictionary shows."""
    assert pack({"a": b"1", "b/c": b"2"}) == pack({"b/c": b"2", "a": b"1"})


def test_every_name_and_byte_arrives() -> None:
    """Long names, names that look like options, letters of every kind, and bytes that are no text."""
    files = {"-rf": b"\xff\x00", "x" * 200 + "/ü 漢.py": b"", "a\\b": b"c"}
    with tarfile.open(fileobj=io.BytesIO(pack(files))) as tar:
        assert {entry.name: tar.extractfile(entry).read() for entry in tar} == files  # type: ignore[union-attr]


def test_nothing_but_plain_files_with_two_modes() -> None:
    """No bit gives a program another user, whatever the job holds."""
    with tarfile.open(fileobj=io.BytesIO(pack({"run": b"", "read": b""}, {"run"}))) as tar:
        assert {(entry.name, entry.mode, entry.isreg(), entry.uid) for entry in tar} == {
            ("run", 0o755, True, 0),
            ("read", 0o644, True, 0),
        }
