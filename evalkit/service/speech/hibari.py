"""The bundled neural voice: `hibari-tts`, 24 kHz, about a hundred times faster than speech on one core.

The weights are in the wheel, so nothing is downloaded. With a fixed seed and one thread the same text gives the same
bytes, in every process.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from evalkit.audio.resample import resample
from evalkit.service.speech.seam import SpeechAudio, UnspeakableText
from evalkit.service.speech.speakers import SPEAKERS
from evalkit.service.spoken_text import is_speakable, spoken

_ENGINE_MIN_SPEED, _ENGINE_MAX_SPEED = 0.5, 2.0


class HibariSpeech:
    """The neural voice ``heart``, in the variants of :mod:`evalkit.service.speech.speakers`."""

    name = "hibari"
    speakers = tuple(SPEAKERS)
    workers = 1
    min_speed = max(_ENGINE_MIN_SPEED * one.pitch / one.tempo for one in SPEAKERS.values())
    max_speed = min(_ENGINE_MAX_SPEED * one.pitch / one.tempo for one in SPEAKERS.values())

    @cached_property
    def _engine(self) -> Any:
        from hibari import Hibari

        return Hibari(voice="heart", threads=1)

    def warm(self) -> None:
        """Load the model and the pronunciation tables."""
        self._engine("Ready.", seed=0)

    def synthesise(self, text: str, speaker: str, speed: float) -> SpeechAudio:
        """Return the audio of `text` at 24 kHz."""
        if not is_speakable(text):
            raise UnspeakableText(text)
        variant = SPEAKERS[speaker]
        wave = self._engine(spoken(text), speed=speed * variant.tempo / variant.pitch, seed=0)
        pcm = (np.clip(wave, -1.0, 1.0) * 32767.0).astype(np.int16)
        rate_hz = self._engine.sample_rate
        return SpeechAudio(resample(pcm, round(rate_hz * variant.pitch), rate_hz), rate_hz)
