"""A caller's turn is made again until it is a caller's, as often as allowed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import CaseFailure
from evalkit.records.faults import Stage
from evalkit.simulator.attempts import CallerAttempt, make_turn
from evalkit.simulator.caller import CallerTurn
from evalkit.simulator.conversation import Exchange
from evalkit.simulator.persona import Persona

SOUND = (8000 * np.sin(np.arange(4800) / 10)).astype(np.int16)
PAST = (Exchange("Hi.", "Hello."),)
LINES = {"good": "When will it be here?", "bad": "How can I help you?", "end": "END_CALL"}


class _Caller:
    """Says the lines it is given, one after the other."""

    sound = b""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = iter(lines)

    def begin_turn(self, turn_index: int, audio_path: str) -> None: ...

    async def speak(self, past: Sequence[Exchange]) -> CallerTurn:
        return CallerTurn(LINES[next(self._lines)], SOUND)


async def _make(lines: Sequence[str], again: int, kept: list[CallerAttempt]) -> CallerTurn | None:
    return await make_turn(
        _Caller(lines),
        Persona("You call."),
        PAST,
        turn_index=2,
        max_regenerations=again,
        keep=lambda attempt, _: kept.append(attempt),
    )


@given(lines=st.lists(st.sampled_from(list(LINES)), min_size=6, max_size=6), again=st.integers(0, 4))
async def test_the_first_attempt_that_will_do_is_taken(lines: list[str], again: int) -> None:
    """A good one is returned, END_CALL is None, and none in time is the simulator's failure; all are kept."""
    kept: list[CallerAttempt] = []
    allowed = lines[: again + 1]
    settled = next((line for line in allowed if line != "bad"), None)
    if settled is None:
        with pytest.raises(CaseFailure) as caught:
            await _make(lines, again, kept)
        assert (caught.value.stage, caught.value.error_type) == (Stage.SIMULATOR_TURN, "role_swap")
    else:
        turn = await _make(lines, again, kept)
        assert (turn.text if turn else None) == (LINES["good"] if settled == "good" else None)
    tried = allowed if settled is None else allowed[: allowed.index(settled) + 1]
    assert [attempt.text for attempt in kept] == [LINES[line] for line in tried]
    assert [attempt.number for attempt in kept] == list(range(1, len(tried) + 1))
    assert [attempt.finding is not None for attempt in kept] == [line == "bad" for line in tried]


async def test_an_attempt_is_stored_as_plain_json() -> None:
    """With its problem in one word, and the words it showed in."""
    kept: list[CallerAttempt] = []
    await _make(["bad", "good"], 1, kept)
    assert kept[0].to_json() == {
        "turn_index": 2,
        "attempt": 1,
        "text": "How can I help you?",
        "audio_ms": 200.0,
        "problem": "role_swap",
        "detail": "How can I help you",
        "judge": "",
    }
    assert kept[1].to_json()["problem"] == ""
