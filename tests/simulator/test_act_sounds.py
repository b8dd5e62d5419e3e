"""Sounds that nobody speaks are the same for a seed, as loud and as long as such sounds are."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.audio.levels import measure_levels
from evalkit.simulator.act_sounds import amplify, make_sound
from evalkit.simulator.behaviour import MADE_SOUNDS


@pytest.mark.parametrize("name", MADE_SOUNDS)
@pytest.mark.parametrize("rate_hz", [8000, 24_000])
def test_a_sound_is_the_same_for_a_seed_and_no_two_are_alike(name: str, rate_hz: int) -> None:
    """It lasts between a third of a second and one, and is heard."""
    made = make_sound(name, 7, rate_hz)
    assert np.array_equal(made, make_sound(name, 7, rate_hz))
    assert not np.array_equal(made, make_sound(name, 8, rate_hz))
    levels = measure_levels(made, rate_hz)
    assert 330 < levels.duration_ms < 1000
    assert -35 < levels.speech_dbfs < -12
    assert levels.clipped_share == 0


def test_there_is_no_other_sound() -> None:
    """A word is spoken, and not made."""
    with pytest.raises(KeyError):
        make_sound("<sneeze>", 1, 8000)


def test_louder_and_softer() -> None:
    """By the decibels that were asked for, and never beyond what a sample holds."""
    tone = (8000 * np.sin(np.arange(24_000) / 10)).astype(np.int16)
    softer = measure_levels(amplify(tone, -12.0), 24_000).rms_dbfs
    assert softer == pytest.approx(measure_levels(tone, 24_000).rms_dbfs - 12.0, abs=0.05)
    assert amplify(tone, 40.0).max() == 32767
    assert np.array_equal(amplify(tone, 0.0), tone)
