"""What counts as heard of a response: as much as was played of it."""

from __future__ import annotations

import pytest

from evalkit.modes.voice.heard_turns import first_words, standing_answer
from evalkit.realtime.results import ResponseResult, TurnResult
from evalkit.records.record import Usage


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.0, ""),
        (0.24, ""),
        (0.25, "Your"),
        (0.5, "Your order"),
        (0.99, "Your order was"),
        (1.0, "Your order was  lost."),
    ],
)
def test_words_are_spread_evenly_over_their_sound(share: float, words: str) -> None:
    """A word counts when all of it may have been heard; a whole text stays as it is."""
    assert first_words("Your order was  lost.", share) == words


def _turn(*statuses: str) -> TurnResult:
    return TurnResult(tuple(_response(str(number), status) for number, status in enumerate(statuses)))


def _response(response_id: str, status: str) -> ResponseResult:
    return ResponseResult(response_id, 0.0, status, "", None, "", "", "", b"", (), Usage(), None, None, None, 1.0)


@pytest.mark.parametrize(
    ("statuses", "standing"),
    [
        ([], []),
        (["completed", "completed"], ["0", "1"]),
        (["cancelled", "completed", "completed"], ["1", "2"]),
        (["completed", "cancelled", "completed"], ["2"]),
        (["completed", "cancelled"], ["0", "1"]),
    ],
)
def test_the_answer_that_stood(statuses: list[str], standing: list[str]) -> None:
    """What was cut short is no answer, nor is what went before it; where nothing stood, all is shown."""
    assert [response.response_id for response in standing_answer(_turn(*statuses)).responses] == standing
