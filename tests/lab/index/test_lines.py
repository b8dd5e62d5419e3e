"""Lines of a file that grows are read once each; what is damaged is told with its number."""

from __future__ import annotations

from pathlib import Path

from evalkit.lab.index.lines import GrowingLines


def test_each_whole_line_comes_once(tmp_path: Path) -> None:
    """A line that is still being written waits for its end."""
    path = tmp_path / "journal.jsonl"
    lines = GrowingLines(path)
    assert list(lines.read_on()) == []
    path.write_bytes(b'{"a": 1}\n{"a": 2')
    assert list(lines.read_on()) == [{"a": 1}]
    assert lines.is_torn
    with path.open("ab") as file:
        file.write(b"}\n")
    assert list(lines.read_on()) == [{"a": 2}]
    assert not lines.is_torn
    assert list(lines.read_on()) == []
    assert not lines.damaged


def test_a_damaged_line_is_told_with_its_number(tmp_path: Path) -> None:
    """And the others are read, also those that come later."""
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b'{"a": 1}\n\xff\xfe\n[1]\n{"a": 4}\n')
    lines = GrowingLines(path)
    assert list(lines.read_on()) == [{"a": 1}, {"a": 4}]
    with path.open("ab") as file:
        file.write(b"half\n")
    assert list(lines.read_on()) == []
    assert [told.partition(":")[2].split()[1] for told in lines.damaged] == ["2", "3", "5"]


def test_another_file_in_its_place_is_seen(tmp_path: Path) -> None:
    """Shorter, with another beginning, or gone; a file that only grew is the same."""
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a": 2}\n')
    lines = GrowingLines(path)
    assert not lines.is_another()
    list(lines.read_on())
    with path.open("ab") as file:
        file.write(b'{"a": 3}\n')
    assert not lines.is_another()
    path.write_bytes(b'{"a": 1}\n')
    assert lines.is_another()
    path.write_bytes(b'{"b": 1}\n{"a": 2}\n{"a": 3}\n{"a": 4}\n')
    assert lines.is_another()
    path.unlink()
    assert lines.is_another()
