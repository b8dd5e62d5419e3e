"""Parts of a journal: whole lines only, by a cursor that stays valid, or is told to be worth nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from evalkit.lab.live.journal_lines import LONGEST_LINE, find_place, read_journal_part

LINES = b'{"event":"began","at":"1"}\n{"event":"started","key":"a"}\n{"event":"ended"}\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    journal = tmp_path / "journal.jsonl"
    journal.write_bytes(LINES)
    return journal


def test_every_cursor_leads_to_what_comes_after_it(path: Path) -> None:
    """Each event carries the cursor after it, and from there on come the others."""
    whole = read_journal_part(path, 0, "")
    assert [event["event"] for event in whole.events] == ["began", "started", "ended"]
    assert whole.events[-1]["cursor"] == len(LINES)
    assert (whole.is_all, whole.is_other, len(whole.generation)) == (True, False, 16)
    for number, event in enumerate(whole.events, start=1):
        part = read_journal_part(path, event["cursor"], whole.generation)
        assert part.events == whole.events[number:]
        assert not part.is_other


def test_it_comes_in_parts(path: Path) -> None:
    """So that a long journal is not held in memory at once."""
    part = read_journal_part(path, 0, "", most=2)
    assert (len(part.events), part.is_all) == (2, False)
    rest = read_journal_part(path, part.events[-1]["cursor"], part.generation, most=2)
    assert (len(rest.events), rest.is_all) == (1, True)


def test_a_line_that_is_being_written_is_not_told(path: Path) -> None:
    """It may vanish, and others may stand in its place, after a crash."""
    whole = read_journal_part(path, 0, "")
    with path.open("ab") as file:
        file.write(b'{"event":"finished","key"')
        file.flush()
        assert read_journal_part(path, 0, "") == whole
    os.truncate(path, len(LINES))
    with path.open("ab") as file:
        file.write(b'{"event":"resumed"}\n')
    more = read_journal_part(path, len(LINES), whole.generation)
    assert [event["event"] for event in more.events] == ["resumed"]
    assert more.generation == whole.generation


@pytest.mark.parametrize("cursor", [5, len(LINES) - 1, len(LINES) + 1, 10**15])
def test_a_cursor_that_is_none_begins_again(path: Path, cursor: int) -> None:
    """In the middle of a line, or behind the end of a file that was replaced by a shorter one."""
    part = read_journal_part(path, cursor, "")
    assert part.is_other
    assert len(part.events) == 3


def test_a_cursor_of_another_journal_begins_again(path: Path) -> None:
    """Also when it is the end of a line in both."""
    other = read_journal_part(path, 0, "").generation
    path.write_bytes(LINES.replace(b'"1"', b'"2"'))
    part = read_journal_part(path, len(LINES), other)
    assert part.is_other
    assert part.generation != other


def test_damaged_lines_are_told_and_those_after_them_too(path: Path) -> None:
    """Not JSON, no object, no event, NaN, nested without end, or longer than any line of ours."""
    long = b'{"event":"x","pad":"' + b"x" * (2 * LONGEST_LINE) + b'"}'
    bad = [b"\xff\xfe", b"[1]", b'{"key":"a"}', b'{"event":NaN}', b"[" * 5000, long, b""]
    path.write_bytes(b"\n".join([*bad, b'{"event":"ended"}', b""]))
    events = read_journal_part(path, 0, "").events
    assert [event["event"] for event in events] == ["damaged"] * len(bad) + ["ended"]
    assert events[-1]["cursor"] == path.stat().st_size


def test_an_unfinished_long_line_is_not_told(path: Path) -> None:
    """However much of it there is."""
    path.write_bytes(b"x" * (3 * LONGEST_LINE))
    assert read_journal_part(path, 0, "").events == []


def test_what_is_no_journal_has_no_lines(tmp_path: Path) -> None:
    """Nothing there yet, a folder, a pipe that nobody writes to: nobody waits."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").touch()
    for name in ("pipe", "folder", "empty", "nothing"):
        part = read_journal_part(tmp_path / name, 0, "")
        assert (part.events, part.generation, part.is_other, part.is_all) == ([], "", False, True)
        assert read_journal_part(tmp_path / name, 7, "").is_other


def test_a_place_near_the_end_is_a_cursor(tmp_path: Path) -> None:
    """After a whole line; as much of the past lies behind it as was asked for."""
    journal = tmp_path / "journal.jsonl"
    assert find_place(journal) == (0, "")
    lines = [f'{{"event": "started", "key": "case-{number}"}}\n'.encode() for number in range(2_000)]
    whole = b"".join(lines)
    journal.write_bytes(b"".join(lines[:100]))
    generation = read_journal_part(journal, 0, "").generation
    assert find_place(journal, 32_768) == (0, generation)
    for rest in (b"", b'{"event": "torn'):
        journal.write_bytes(whole + rest)
        assert find_place(journal) == (len(whole), generation)
        cursor, _ = find_place(journal, 32_768)
        assert whole[:cursor].endswith(b"\n")
        assert 32_700 < len(whole + rest) - cursor <= 32_768
        part = read_journal_part(journal, cursor, generation)
        assert (part.is_other, part.events[-1]["key"]) == (False, "case-1999")


def test_a_place_behind_long_lines(tmp_path: Path) -> None:
    """The last line may be longer than the past that is wanted, or than any line of a journal."""
    journal = tmp_path / "journal.jsonl"
    journal.write_bytes(LINES + b"x" * 50_000)
    assert (
        find_place(journal, 1_000) == find_place(journal) == (len(LINES), read_journal_part(journal, 0, "").generation)
    )
    journal.write_bytes(LINES + b"x" * (LONGEST_LINE + 1))
    assert find_place(journal)[0] == 0
