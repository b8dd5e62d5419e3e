"""Answers of judges: read, looked up, counted."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from evalkit.graders.judge_verdict import ANSWER_SCHEMA, Ruling, Vote, count_votes, read_vote
from evalkit.graders.transcript import TranscriptLine, TranscriptLineKind

LINES = (
    TranscriptLine(1, TranscriptLineKind.CALLER, "It's order “0071552”."),
    TranscriptLine(1, TranscriptLineKind.CALL, {"order_id": "0071552"}, "get_order_status"),
    TranscriptLine(1, TranscriptLineKind.ASSISTANT, "It's packed, and\nleaves tomorrow."),
)
PASS, FAIL = Vote(Ruling.PASS, "p"), Vote(Ruling.FAIL, "f")
UNSURE, BROKEN = Vote(Ruling.CANNOT_TELL, "u"), Vote(None, "b")


def answer(*evidence: tuple[int, str], verdict: str = "pass") -> dict[str, Any]:
    quotations = [{"line": line, "quote": quote} for line, quote in evidence]
    return {"evidence": quotations, "reasoning": "because", "verdict": verdict}


def test_the_schema_is_a_strict_one() -> None:
    """Structured output needs every object closed and every key required."""
    Draft202012Validator.check_schema(ANSWER_SCHEMA)
    Draft202012Validator(ANSWER_SCHEMA).validate(answer((1, "x")))
    item: Any = ANSWER_SCHEMA["properties"]["evidence"]["items"]  # type: ignore[call-overload, index]
    for part in (ANSWER_SCHEMA, item):
        assert part["additionalProperties"] is False
        assert set(part["required"]) == set(part["properties"])


@pytest.mark.parametrize(
    ("number", "quotation", "found"),
    [
        (3, "leaves tomorrow", 3),
        (3, "it's  PACKED, and leaves", 3),
        (1, "leaves tomorrow.", 3),
        (99, "leaves tomorrow", 3),
        (-1, "leaves tomorrow", 3),
        (1, 'order "0071552"', 1),
        (2, '{"order_id": "0071552"}', 2),
        (2, 'get_order_status: {"order_id": "0071552"}', 2),
        (2, r"{\"order_id\": \"0071552\"}", 2),
        (3, "leaves today", None),
        (3, "", None),
        (3, "  ", None),
    ],
)
def test_quotations_are_looked_up(number: int, quotation: str, found: int | None) -> None:
    """A literal part of a line counts, whatever its quoting; words that nobody said are marked."""
    vote = read_vote(answer((number, quotation)), LINES, "m", 0.5)
    assert vote.unfounded == (found is None)
    assert vote.evidence[0].startswith("not in the call" if found is None else f"[{found}] ")
    assert (vote.model, vote.cost_usd, vote.reason, vote.grade) == ("m", 0.5, "because", 1)


@pytest.mark.parametrize(
    ("votes", "grade", "agreement"),
    [
        ([PASS], 1, 1),
        ([FAIL], 0, 1),
        ([UNSURE], None, 1),
        ([PASS, PASS, FAIL], 1, 2 / 3),
        ([PASS, FAIL, FAIL, FAIL], 0, 3 / 4),
        ([PASS, UNSURE, BROKEN], None, 2 / 3),
        ([PASS, PASS, FAIL, UNSURE], 1, 1 / 2),
    ],
)
def test_the_most_frequent_outcome_counts(votes: list[Vote], grade: float | None, agreement: float) -> None:
    """Not deciding is an outcome too."""
    poll = count_votes(votes)
    assert poll.winner is not None
    assert (poll.winner.grade, poll.agreement) == (grade, agreement)


@pytest.mark.parametrize("votes", [[PASS, FAIL], [PASS, BROKEN], [FAIL, UNSURE], [PASS, FAIL, BROKEN]])
def test_a_tie_has_no_winner(votes: list[Vote]) -> None:
    """Judges that contradict each other decide nothing."""
    assert count_votes(votes).winner is None


def test_who_cannot_tell_speaks_before_who_never_answered() -> None:
    """The better reason is reported."""
    assert count_votes([BROKEN, UNSURE]).winner == UNSURE


@given(st.lists(st.sampled_from([PASS, FAIL, UNSURE, BROKEN]), min_size=1, max_size=9), st.randoms())
def test_the_order_of_votes_does_not_matter(votes: list[Vote], random: Any) -> None:
    """Votes are counted, not weighed by who came first."""
    shuffled = random.sample(votes, len(votes))
    one, other = count_votes(votes), count_votes(shuffled)
    assert one.agreement == other.agreement
    assert (one.winner and one.winner.grade) == (other.winner and other.winner.grade)
