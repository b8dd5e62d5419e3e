"""Files as lines, and blocks found in them."""

from __future__ import annotations

import pytest

from evalkit.modes.coding.text_lines import TextLines, by_words, exactly, find_places, stands_at


@pytest.mark.parametrize("content", [b"", b"a", b"a\n", b"\n", b"a\r\nb\r\n", b"a\r\nb", b"a\x0cb\xe2\x80\xa8c\n\n"])
def test_a_file_is_read_and_written_as_it_is(content: bytes) -> None:
    """Also characters that other readers take for line ends."""
    assert TextLines.read(content).write() == content


def test_new_lines_end_as_their_neighbours_do() -> None:
    """A carriage return where most lines have one."""
    assert TextLines.read(b"a\r\nb\r\n").made("x") == "x\r"
    assert TextLines.read(b"a\nb\r\nc\n").made("x") == "x"


def test_places_of_a_block() -> None:
    """All lines, in order, whole lines only; two places are as many as anybody asks for."""
    lines = ["a", "b", "a", "b", "ab", "a", "b"]
    assert find_places(lines, ["a", "b"]) == [0, 2]
    assert find_places(lines, ["a", "b"], most=9) == [0, 2, 5]
    assert find_places(lines, ["b", "ab"]) == [3]
    assert find_places(["x"] * 4, ["x", "x"], most=9) == [0, 1, 2]
    assert find_places(lines, ["c"]) == find_places(lines, []) == find_places(["", ""], [""]) == []
    assert stands_at(lines, ["ab", "a"], 4)
    assert not stands_at(lines, ["ab", "a"], -3)


def test_what_must_be_equal_of_a_line() -> None:
    """All of it but the carriage return, or its words."""
    assert exactly(" a \r") == " a "
    assert by_words(" a\t b \r") == "ab"


@pytest.mark.timeout(60)
def test_lines_that_repeat_are_searched_once() -> None:
    """A block of half a million equal lines in a file of a million."""
    assert find_places(["x"] * 1_000_000, ["x"] * 500_000 + ["y"]) == []
