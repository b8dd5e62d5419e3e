"""The exceptions carry what their catchers need."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import CaseFailure, ConfigError, DataError, UserError, printable


def test_one_problem_or_many_are_the_same_thing() -> None:
    """A message is a list of one."""
    assert ConfigError("a: b").problems == ("a: b",)
    assert DataError(["a: b", "c: d"]).problems == ("a: b", "c: d")
    assert isinstance(DataError("x"), UserError)


def test_a_case_failure_says_where_what_and_how_long_to_wait() -> None:
    """Enough to decide about fault and retry without reading the text."""
    failure = CaseFailure("connect", "rate_limited", "slow down", retry_after_s=2.0)
    assert (failure.stage, failure.error_type, failure.retry_after_s) == ("connect", "rate_limited", 2.0)
    assert "slow down" in str(failure)


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    """Whatever a peer says stays on one line, moves no cursor and turns no text around; the rest is as it was."""
    shown = printable(text)
    assert not set(shown) & {chr(n) for n in (*range(32), *range(127, 160), 0x202E, 0x2066, 0x2028)}
    assert printable(shown) == shown
    if text.isprintable():
        assert shown == text


@pytest.mark.parametrize(
    ("text", "shown"), [("a\x1b[2Jb", r"a\x1b[2Jb"), ("one\r\ntwo", r"one\r\ntwo"), ("é 你好", "é 你好")]
)
def test_what_is_taken_out_can_still_be_read(text: str, shown: str) -> None:
    """An escape stands where the character stood."""
    assert printable(text) == shown
    assert CaseFailure("connect", text, text).message == shown
