"""Whether anybody speaks."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.audio.resample import resample
from evalkit.service.speech.hibari import HibariSpeech
from evalkit.service.transcription.speech_gate import RATE_HZ, has_speech


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    audio = HibariSpeech().synthesise("Where is my order?", "marin", 1.0)
    return resample(audio.pcm, audio.rate_hz, RATE_HZ).astype(np.float32) / 32768


@pytest.mark.parametrize("level", [0.02, 0.2, 1.0])
@pytest.mark.parametrize("snr_db", [5, 20])
def test_speech_in_noise(speech, level, snr_db):
    """Somebody speaks, loudly or softly, also with noise around."""
    noise = np.random.default_rng(0).standard_normal(speech.size).astype(np.float32)
    noise *= np.sqrt((speech**2).mean() / 10 ** (snr_db / 10))
    assert has_speech((speech + noise) * level)


@pytest.mark.parametrize("size", [0, 100, RATE_HZ])
def test_silence(size):
    """Nobody speaks in silence, however short."""
    assert not has_speech(np.zeros(size, dtype=np.float32))
