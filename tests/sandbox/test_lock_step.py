"""Requests and answers, one after the other."""

import pytest

from evalkit.sandbox.lock_step import LockStep


def sent(lock_step: LockStep) -> bytes:
    """Write the whole current request, and return it."""
    out = lock_step.outgoing
    lock_step.wrote(len(out))
    return out


def test_the_next_goes_out_when_the_last_has_come() -> None:
    """Whole answers, in pieces of any size."""
    lock_step = LockStep([b"a", b"b"], 10)
    assert sent(lock_step) == b"a\n"
    lock_step.receive(b"on")
    assert lock_step.outgoing == b""
    lock_step.receive(b"e\n")
    assert not lock_step.complete
    assert sent(lock_step) == b"b\n"
    lock_step.receive(b"\n")
    assert lock_step.answers == [b"one", b""]
    assert lock_step.complete
    assert not lock_step.broken


@pytest.mark.parametrize("more", [b"x", b"\n", b"x\ny\n"])
def test_nothing_may_come_unasked(more: bytes) -> None:
    """After the last answer not a byte; with an answer not a byte more."""
    late = LockStep([b"a"], 10)
    sent(late)
    late.receive(b"1\n")
    late.receive(more)
    assert (late.broken, late.answers) == (True, [b"1"])
    twice = LockStep([b"a", b"b"], 10)
    sent(twice)
    twice.receive(b"1\n" + more)
    assert (twice.broken, twice.answers, twice.outgoing) == (True, [b"1"], b"")


def test_nobody_answers_a_request_that_is_not_sent_whole() -> None:
    """A program that has not read the request cannot know it."""
    lock_step = LockStep([b"long"], 10)
    lock_step.wrote(2)
    lock_step.receive(b"1\n")
    assert (lock_step.broken, lock_step.answers) == (True, [])


@pytest.mark.parametrize("flood", [b"x" * 11, b"x" * 11 + b"\n"])
def test_an_answer_has_a_length(flood: bytes) -> None:
    """With or without its end."""
    lock_step = LockStep([b"a"], 10)
    sent(lock_step)
    lock_step.receive(flood)
    assert (lock_step.broken, lock_step.answers) == (True, [])


def test_no_requests_are_complete_at_once() -> None:
    """A program that is asked nothing has nothing to say."""
    lock_step = LockStep([], 10)
    assert lock_step.complete
    assert lock_step.outgoing == b""


def test_a_request_is_one_line() -> None:
    """Two lines would be two requests."""
    with pytest.raises(ValueError, match="newline"):
        LockStep([b"a\nb"], 10)
