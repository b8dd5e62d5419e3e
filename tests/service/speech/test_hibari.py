"""The neural voice."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from evalkit.service.speech.hibari import HibariSpeech
from evalkit.service.speech.seam import UnspeakableText

TEXT = "Your order AB-1294 ships on Monday."
_ELSEWHERE = """
import hashlib
from evalkit.service.speech.hibari import HibariSpeech
print(hashlib.sha256(HibariSpeech().synthesise({text!r}, "cedar", 1.1).pcm.tobytes()).hexdigest())
"""


@pytest.fixture(scope="module")
def voice() -> HibariSpeech:
    return HibariSpeech()


def test_same_text_same_bytes(voice):
    """The same text gives the same bytes, whatever was said before and in whichever process."""
    first = voice.synthesise(TEXT, "cedar", 1.1)
    voice.synthesise("Something else entirely.", "marin", 1.0)
    assert voice.synthesise(TEXT, "cedar", 1.1).pcm.tobytes() == first.pcm.tobytes()
    done = subprocess.run(
        [sys.executable, "-c", _ELSEWHERE.format(text=TEXT)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == hashlib.sha256(first.pcm.tobytes()).hexdigest()


def test_speakers_differ(voice):
    """Speakers differ in pitch: the spectrum's centre of a low one lies well below that of a high one."""

    def centre_hz(speaker: str) -> float:
        audio = voice.synthesise("Where is my order, please?", speaker, 1.0)
        power = np.abs(np.fft.rfft(audio.pcm.astype(float))) ** 2
        frequency = np.fft.rfftfreq(audio.pcm.size, 1 / audio.rate_hz)
        return float((power * frequency).sum() / power.sum())

    assert centre_hz("cedar") * 1.2 < centre_hz("shimmer")


def test_speed(voice):
    """Twice the speed is about half the length."""
    slow, fast = (voice.synthesise(TEXT, "marin", speed).pcm.size for speed in (0.75, 1.5))
    assert 1.7 < slow / fast < 2.3


@pytest.mark.parametrize("text", ["", "...", "你好"])
def test_nothing_to_say(voice, text):
    """Text that holds nothing sayable is refused by name."""
    with pytest.raises(UnspeakableText, match="no letter of the Latin alphabet and no digit"):
        voice.synthesise(text, "marin", 1.0)
