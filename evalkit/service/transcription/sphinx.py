"""The second recogniser: CMU PocketSphinx with its own English model, from its wheel. Small, quick, and less exact.

Features are normalised over each utterance alone (``cmn=batch``), so that what was heard before changes nothing.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from evalkit.audio.g711 import Pcm
from evalkit.audio.resample import resample
from evalkit.service.transcription.speech_gate import RATE_HZ, has_speech


class SphinxTranscription:
    """PocketSphinx, US English."""

    name = "pocketsphinx"
    workers = 1

    @cached_property
    def _decoder(self) -> Any:
        from pocketsphinx import Decoder

        return Decoder(samprate=RATE_HZ, cmn="batch", loglevel="FATAL")

    def warm(self) -> None:
        """Load the acoustic model, the language model and the gate."""
        has_speech(np.zeros(RATE_HZ, dtype=np.float32))
        self._words(np.zeros(RATE_HZ, dtype=np.int16))

    def recognise(self, pcm: Pcm, rate_hz: int) -> str:
        """Return the words in `pcm`, "" where nobody speaks."""
        samples = resample(pcm, rate_hz, RATE_HZ)
        return self._words(samples) if has_speech(samples.astype(np.float32) / 32768.0) else ""

    def _words(self, samples: Pcm) -> str:
        self._decoder.start_utt()
        self._decoder.process_raw(samples.astype("<i2").tobytes(), full_utt=True)
        self._decoder.end_utt()
        best = self._decoder.hyp()
        return "" if best is None else str(best.hypstr)
