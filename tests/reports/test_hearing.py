"""What was misheard is told apart from what was misunderstood, over a run."""

from __future__ import annotations

from evalkit.reports.hearing import summarize_hearing
from evalkit.reports.rows import Cell, Row


def row(key: str, words: int | None, misheard: int | None, lost: str | None = None) -> Row:
    """Return a row of a case-trial."""
    cells: dict[str, Cell] = {"argument_words": words, "misheard_words": misheard, "arguments_lost": lost}
    return Row(key, key, scored=True, cells=cells)


def test_a_run() -> None:
    """Words add up, each case-trial counts once, and rows that tell nothing do not count."""
    rows = [
        row("a", 4, 1, "misheard"),
        row("b", 2, 0, "misunderstood"),
        row("c", 6, 0),
        row("d", None, None),
        row("e", 1, 1, "misheard"),
        row("e", 3, 1),
    ]
    assert summarize_hearing(rows) == {
        "arguments": {"words": 15, "misheard_words": 2, "word_error": 2 / 15, "misheard": 1, "misunderstood": 1}
    }


def test_nothing_is_said_where_nothing_tells_what_was_heard() -> None:
    """A run in writing, in full duplex, or of a server that transcribes nothing."""
    assert summarize_hearing([row("a", None, None)]) == {}
