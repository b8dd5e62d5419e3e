"""Reasoning, fences and bare diffs are told apart line by line."""

from __future__ import annotations

from evalkit.modes.coding.blocks import TextBlock, answer_lines, find_blocks, opened_fence


def test_reasoning_is_left_out_where_it_begins_a_line() -> None:
    """Not where code or a sentence speaks of such tags."""
    assert answer_lines("<think>a\nb</think> yes\nno") == [" yes", "no"]
    assert answer_lines("a\n</think>\nb") == ["b"]
    assert answer_lines("Use <think> and </think>.") == ["Use <think> and </think>."]
    assert answer_lines("```\n<think>\n```\nb") == ["```", "<think>", "```", "b"]
    assert answer_lines("<reasoning>\nnever closed") == []


def test_line_ends_are_made_plain_only_where_all_are_alike() -> None:
    """A file with carriage returns of its own may stand in an answer without them."""
    assert answer_lines("a\r\nb\r\n") == ["a", "b", ""]
    assert answer_lines("a\r\nb\n") == ["a\r", "b", ""]


def test_half_characters_are_replaced_and_pairs_joined() -> None:
    """JSON can carry both."""
    assert answer_lines("\ud83d\ude00 \ud800") == ["\U0001f600 \ufffd"]


def test_fences_and_what_stands_before_them() -> None:
    """A block ends at as many marks or more, and no further in than it began."""
    lines = ["words", "", "````py x", "```", " ````", "````", "~~~", "b", "~~~~", "end"]
    assert find_blocks(lines) == [TextBlock("py x", ("```", " ````"), "words"), TextBlock("", ("b",), "")]
    assert opened_fence("``` a`b") is None
    assert opened_fence("``x") is None


def test_a_bare_diff_ends_where_prose_begins() -> None:
    """Empty lines before it are not a part of it, and a list behind it is no removed line."""
    diff = ["--- a/x", "+++ b/x", "@@ -1,2 +1,2 @@", "-a", "+b", " c"]
    for after in (["", "That is all."], ["", "- Changed a.", "- Kept c."], ["```"], []):
        assert find_blocks(["So:", *diff, *after])[0] == TextBlock(None, tuple(diff), "So:")
