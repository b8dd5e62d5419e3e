"""What nobody sees is shown; what everybody sees stays."""

from __future__ import annotations

import unicodedata

from evalkit.reports.page.hidden_signs import show_hidden


def test_controls_and_marks_of_direction_are_shown() -> None:
    """Escape, delete, C1, right-to-left override, isolates, zero-width space."""
    assert show_hidden("\x1b[31m\x7f\x9b\u202e\u2067\u200b") == "␛[31m␡⟨U+009B⟩⟨U+202E⟩⟨U+2067⟩⟨U+200B⟩"


def test_text_stays_as_it_is() -> None:
    """Tabs, lines, letters that are written from right to left, emoji of several signs."""
    text = "a\tb\nשלום مرحبا 👩\u200d💻 ❯"  # noqa: RUF001 - signs of other scripts are what this is about
    assert show_hidden(text) == text
    assert show_hidden("a\r\nb\rc") == "a\nb␍c"


def test_no_control_is_left() -> None:
    """Of all there are."""
    every = "".join(map(chr, range(0x2100)))
    left = {char for char in show_hidden(every) if unicodedata.category(char) == "Cc"}
    assert left == {"\t", "\n"}
    assert not {char for char in show_hidden(every) if unicodedata.bidirectional(char) in {"RLO", "LRO", "RLI", "PDF"}}
