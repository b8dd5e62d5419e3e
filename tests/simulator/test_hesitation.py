"""A pause widens a gap between words to the planned length, and touches no word."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.audio.g711 import Pcm
from evalkit.simulator.behaviour import BehaviourAct, PlannedAct
from evalkit.simulator.hesitation import HesitantSpeech, hesitate

RATE_HZ = 8000


def _speech(*parts_ms: int) -> Pcm:
    """Silence and speech in turns, beginning with silence."""
    pieces = [
        np.full(duration_ms * 8, 4000 if number % 2 else 0, dtype=np.int16)
        for number, duration_ms in enumerate(parts_ms)
    ]
    return np.concatenate(pieces)


def _pause(duration_ms: int, place: float) -> PlannedAct:
    return PlannedAct(BehaviourAct.PAUSE, duration_ms=duration_ms, place=place)


def _silences_ms(pcm: Pcm) -> list[int]:
    heard = np.flatnonzero(pcm)
    return (np.diff(heard)[np.diff(heard) > 1] // 8).tolist()


def test_the_nearest_gap_becomes_as_long_as_planned() -> None:
    """Its place in the sound is known to the sample."""
    said = hesitate(_speech(100, 400, 200, 400, 200, 400), RATE_HZ, [_pause(700, 0.7)])
    assert _silences_ms(said.pcm) == [200, 700]
    (pause,) = said.pauses
    assert (pause.start, pause.end) == (1100 * 8, 1800 * 8)
    assert said.left_out == ()


def test_what_sounds_is_never_cut() -> None:
    """Neither a closure inside a word, nor silence before and after, nor a gap that is as long already, is taken."""
    said = hesitate(_speech(500, 400, 90, 400, 800, 400, 500), RATE_HZ, [_pause(600, 0.5)])
    assert np.array_equal(said.pcm, _speech(500, 400, 90, 400, 800, 400, 500))
    assert (said.pauses, len(said.left_out)) == ((), 1)


@given(
    parts=st.lists(st.integers(2, 50), min_size=1, max_size=12),
    pauses=st.lists(st.tuples(st.integers(300, 900), st.floats(0, 1)), max_size=4),
)
def test_nothing_is_lost_and_every_pause_is_silent(parts: list[int], pauses: list[tuple[int, float]]) -> None:
    """The words are the same in the same order; each plan is held or left out."""
    pcm = _speech(*(part * 10 for part in parts))
    planned = [_pause(duration_ms, place) for duration_ms, place in pauses]
    said: HesitantSpeech = hesitate(pcm, RATE_HZ, planned)
    assert np.array_equal(said.pcm[said.pcm != 0], pcm[pcm != 0])
    assert len(said.pauses) + len(said.left_out) == len(planned)
    for pause in said.pauses:
        assert pause.end - pause.start == pytest.approx(pause.plan.duration_ms * 8)
        assert not said.pcm[pause.start : pause.end].any()
        assert said.pcm[pause.start - 1]
        assert said.pcm[pause.end]
