"""Sound without the silence around it."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.service.turns.words_alone import words_alone

SPOKEN = np.array([400, -20, 0, -500], dtype=np.int16)


@pytest.mark.parametrize(("before", "after"), [(0, 0), (7, 3000), (4000, 1)])
def test_the_silence_around_makes_no_difference(before, after):
    """However much silence a turn begins and ends with, the same is heard: the sound, and a moment of silence."""
    hum = np.full(before, 5, dtype=np.int16)
    heard = words_alone(np.concatenate([hum, SPOKEN, np.zeros(after, dtype=np.int16)]), 8000)
    assert heard.tolist() == [0] * 2000 + SPOKEN.tolist() + [0] * 2000
    assert heard.dtype == np.int16


def test_silence():
    """What is all silence stays what it is."""
    silence = np.full(50, 9, dtype=np.int16)
    assert words_alone(silence, 8000) is silence
