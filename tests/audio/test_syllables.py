"""How often a second a voice rises and falls."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.audio.resample import resample
from evalkit.audio.syllables import syllable_rate_hz
from evalkit.audio.wav import read_wav
from evalkit.settings.resources import resource_dir

VOICE = read_wav(resource_dir("data") / "walk" / "audio" / "status-lamp.wav").pcm


@pytest.mark.parametrize("rate_hz", [2.0, 3.0, 4.0, 5.0])
def test_a_hum_that_swells(rate_hz: float) -> None:
    """As often as it does, whatever pause is in it."""
    times = np.arange(4 * 8000) / 8000
    swell = 0.55 + 0.45 * np.sin(2 * np.pi * rate_hz * times)
    hum = (8000 * swell * np.sin(2 * np.pi * 180 * times)).astype(np.int16)
    assert syllable_rate_hz(hum, 8000) == pytest.approx(rate_hz, abs=0.35)
    paused = np.concatenate([hum, np.zeros(40_000, np.int16), hum])
    assert syllable_rate_hz(paused, 8000) == pytest.approx(rate_hz, abs=0.4)


def test_a_voice_at_half_of_its_speed() -> None:
    """Fewer a second."""
    normal, slow = syllable_rate_hz(VOICE, 8000), syllable_rate_hz(resample(VOICE, 8000, 16_000), 8000)
    assert normal is not None
    assert slow is not None
    assert 2.5 < normal < 5
    assert slow < 0.75 * normal


@pytest.mark.parametrize("samples", [0, 100, 8000])
def test_silence_has_none(samples: int) -> None:
    """Nobody speaks."""
    assert syllable_rate_hz(np.zeros(samples, np.int16), 8000) is None
