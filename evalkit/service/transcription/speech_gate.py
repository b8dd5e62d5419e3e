"""Whether anybody speaks at all: the question every recogniser must be asked before its words count.

The detector is Silero's (MIT), whose small network is inside the `faster-whisper` wheel. It says no to silence, hum,
tones and white, pink or brown noise, for which recognisers like to invent words.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000
_THRESHOLD = 0.3


def has_speech(wave: NDArray[np.float32]) -> bool:
    """Whether somebody speaks in `wave` (16 kHz, -1 to 1)."""
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    return bool(get_speech_timestamps(wave, VadOptions(threshold=_THRESHOLD)))
