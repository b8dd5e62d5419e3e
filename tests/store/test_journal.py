"""The journal keeps whole lines, whatever happens to the last one."""

from __future__ import annotations

import threading
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from evalkit.store.journal import append_line, cut_torn_line, read_lines, read_lines_from


def test_lines_come_back_in_order(tmp_path: Path) -> None:
    """What was appended is what is read."""
    path = tmp_path / "journal.jsonl"
    for number in range(3):
        append_line(path, {"n": number, "text": "ä\n\u2028"})
    assert [line["n"] for line in read_lines(path)] == [0, 1, 2]


def test_no_file_is_no_lines(tmp_path: Path) -> None:
    """A run that never started has an empty history."""
    assert list(read_lines(tmp_path / "none.jsonl")) == []


@given(cut=st.integers(min_value=1, max_value=200))
def test_a_torn_last_line_costs_that_line_only(tmp_path_factory: object, cut: int) -> None:
    """Cut the file anywhere: whole lines stay readable, and appending goes on cleanly."""
    path = Path(tmp_path_factory.mktemp("torn")) / "journal.jsonl"  # type: ignore[attr-defined]
    for number in range(5):
        append_line(path, {"n": number}, sync=False)
    content = path.read_bytes()
    kept = content[: min(cut, len(content))]
    path.write_bytes(kept)
    whole = kept.count(b"\n")
    assert [line["n"] for line in read_lines(path)] == list(range(whole))
    cut_torn_line(path)
    append_line(path, {"n": 99})
    assert [line["n"] for line in read_lines(path)] == [*range(whole), 99]


def test_threads_do_not_tear_each_others_lines(tmp_path: Path) -> None:
    """Records are stored from worker threads."""
    path = tmp_path / "journal.jsonl"

    def append_many(worker: int) -> None:
        for number in range(50):
            append_line(path, {"worker": worker, "n": number, "pad": "x" * 500}, sync=False)

    threads = [threading.Thread(target=append_many, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(read_lines(path))) == 400


def test_lines_behind_an_offset(tmp_path: Path) -> None:
    """Only whole ones, and the offset behind the last of them; a file that is not there yet has none."""
    path = tmp_path / "journal.jsonl"
    assert read_lines_from(path, 0) == ([], 0)
    path.write_bytes(b'{"n": 1}\n{"n": 2}\n{"n"')
    assert read_lines_from(path, 0) == ([{"n": 1}, {"n": 2}], 18)
    assert read_lines_from(path, 9) == ([{"n": 2}], 18)
    assert read_lines_from(path, 18) == ([], 18)
