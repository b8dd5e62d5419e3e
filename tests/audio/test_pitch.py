"""The pitch of a voice, by itself and as it is heard at a wrong rate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evalkit.audio.pitch import median_pitch_hz
from evalkit.audio.wav import read_wav
from evalkit.settings.resources import resource_dir

RECORDINGS = sorted((resource_dir("data") / "walk" / "audio").glob("*.wav"))[::11]


@pytest.mark.parametrize("pitch_hz", [50, 110, 220, 350])
def test_the_pitch_of_a_hum(pitch_hz: int) -> None:
    """A tone with overtones has the pitch of its lowest, whatever silence is around it."""
    times = np.arange(8000) / 8000
    hum = sum(np.sin(2 * np.pi * pitch_hz * number * times) / number for number in (1, 2, 3, 4))
    pcm = np.pad((5000 * hum).astype(np.int16), 4000)
    assert median_pitch_hz(pcm, 8000) == pytest.approx(pitch_hz, rel=0.04)


def test_silence_and_noise_have_none() -> None:
    """Nothing of it is voiced."""
    noise = (np.random.default_rng(7).standard_normal(8000) * 4000).astype(np.int16)
    assert median_pitch_hz(np.zeros(8000, np.int16), 8000) is None
    assert median_pitch_hz(noise, 8000) is None
    assert median_pitch_hz(np.zeros(0, np.int16), 8000) is None


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_a_voice_at_a_third_of_its_rate_is_no_human_one(path: Path) -> None:
    """Of the shipped recordings, as they are and three times as slow."""
    pcm = read_wav(path).pcm
    normal, slow = median_pitch_hz(pcm, 8000), median_pitch_hz(np.repeat(pcm, 3), 8000)
    assert normal is not None
    assert slow is not None
    assert slow < 90 < normal
