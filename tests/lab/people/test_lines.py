"""People's lines: what is broken is passed over with a word, and what is wrong is never written."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from evalkit.errors import DataError
from evalkit.lab.people import lines
from evalkit.lab.people.lines import append_people_line, read_people_lines

AT = "2026-01-01T00:00:00Z"


def _note(text: str = "slow", **fields: Any) -> dict[str, Any]:
    return {"text": text, "by": "ann", "at": AT, **fields}


def test_a_line_comes_back_as_it_was_written(tmp_path: Path) -> None:
    """Whatever people write, in whatever script, with line breaks and markup."""
    entry = _note("zögert\n<img onerror=alert(1)> \u2028 好")
    append_people_line(tmp_path / "notes.jsonl", "note", entry)
    assert read_people_lines(tmp_path / "notes.jsonl", "note").entries == (entry,)


def test_no_file_is_no_line(tmp_path: Path) -> None:
    """Most runs have none."""
    assert read_people_lines(tmp_path / "notes.jsonl", "note") == lines.PeopleLines(())


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"{oops", "line 2 is not valid JSON"),
        (b"\xff\xfe", "line 2 is not valid JSON"),
        (b"[" * 100_000, "line 2 is not valid JSON"),
        (b"[]", "line 2 is wrong: [] is not of type 'object'"),
        (b'{"text": "x", "by": "ann"}', "line 2 is wrong: 'at' is a required property"),
        (b'{"text": 5, "by": "ann", "at": "t"}', "line 2 has the wrong text: 5 is not of type 'string'"),
    ],
)
def test_a_broken_line_is_passed_over_with_a_word(tmp_path: Path, line: bytes, said: str) -> None:
    """The sound ones beside it count on."""
    path = tmp_path / "notes.jsonl"
    append_people_line(path, "note", _note("one"))
    with path.open("ab") as file:
        file.write(line + b"\n")
    append_people_line(path, "note", _note("three"))
    found = read_people_lines(path, "note")
    assert [entry["text"] for entry in found.entries] == ["one", "three"]
    assert [trouble.startswith(f"notes.jsonl: {said}") for trouble in found.troubles] == [True]


def test_half_a_line_is_still_being_written_and_spoils_no_other(tmp_path: Path) -> None:
    """A crash in the middle of a line costs that line only."""
    path = tmp_path / "notes.jsonl"
    path.write_bytes(b'{"text": "ha')
    assert read_people_lines(path, "note") == lines.PeopleLines(())
    append_people_line(path, "note", _note("after"))
    assert [entry["text"] for entry in read_people_lines(path, "note").entries] == ["after"]


@pytest.mark.parametrize(
    "entry",
    [
        _note(""),
        _note(" "),
        _note("x" * 10_001),
        _note(by=""),
        _note(by="a\nb"),
        _note(by="x" * 61),
        _note(mood=":)"),
        _note("\ud800"),
    ],
)
def test_what_is_wrong_is_not_written(tmp_path: Path, entry: dict[str, Any]) -> None:
    """Readers would pass it over: whoever adds it hears so at once."""
    with pytest.raises(DataError, match=r"notes\.jsonl: what was to be added"):
        append_people_line(tmp_path / "notes.jsonl", "note", entry)
    assert not (tmp_path / "notes.jsonl").exists()


def test_a_link_is_neither_read_nor_written(tmp_path: Path) -> None:
    """A run that was copied in must not make the lab write elsewhere."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text('{"text": "secret", "by": "root", "at": "t"}\n')
    path = tmp_path / "notes.jsonl"
    path.symlink_to(elsewhere)
    before = elsewhere.read_bytes()
    found = read_people_lines(path, "note")
    assert found.entries == ()
    assert "cannot be read" in found.troubles[0]
    with pytest.raises(DataError, match="cannot be written"):
        append_people_line(path, "note", _note())
    assert elsewhere.read_bytes() == before


def test_a_pipe_does_not_hold_anybody_up(tmp_path: Path) -> None:
    """Opening one would wait for ever for its other end."""
    path = tmp_path / "notes.jsonl"
    os.mkfifo(path)
    assert "plain file" in read_people_lines(path, "note").troubles[0]
    with pytest.raises(DataError, match="plain file"):
        append_people_line(path, "note", _note())


def test_a_huge_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody wrote so much by hand."""
    path = tmp_path / "notes.jsonl"
    append_people_line(path, "note", _note())
    monkeypatch.setattr(lines, "MOST_BYTES", 10)
    assert "is larger than 10 bytes" in read_people_lines(path, "note").troubles[0]


def test_a_folder_that_is_gone_is_a_clear_error(tmp_path: Path) -> None:
    """A run may be deleted while somebody writes about it."""
    with pytest.raises(DataError, match="No such file or directory; nothing was added"):
        append_people_line(tmp_path / "gone" / "notes.jsonl", "note", _note())


def test_lines_of_many_writers_never_mix(tmp_path: Path) -> None:
    """Two people, two tabs, two labs over one folder."""
    path = tmp_path / "notes.jsonl"
    texts = [f"{number} " + "x" * 5_000 for number in range(200)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda text: append_people_line(path, "note", _note(text)), texts))
    found = read_people_lines(path, "note")
    assert sorted(entry["text"] for entry in found.entries) == sorted(texts)
    assert found.troubles == ()
