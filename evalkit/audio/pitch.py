"""How high a voice is: its pitch, by autocorrelation of short pieces in which there is speech."""

from __future__ import annotations

import numpy as np

from evalkit.audio.g711 import Pcm
from evalkit.audio.levels import find_speech

LOWEST_HZ = 28.0
HIGHEST_HZ = 400.0

_PIECE_MS = 80.0
# A piece counts as voiced where it is so like itself one period later.
_VOICED = 0.4


def median_pitch_hz(pcm: Pcm, sample_rate_hz: int) -> float | None:
    """Return the median pitch of the voiced pieces of a sound; None where there are none.

    People speak at 75 to 300 Hz. What was made at another rate than it is played at lies that much higher or lower.
    """
    spoken = pcm[find_speech(pcm, sample_rate_hz)].astype(np.float64)
    length = round(_PIECE_MS * sample_rate_hz / 1000)
    shortest, longest = int(sample_rate_hz / HIGHEST_HZ), int(sample_rate_hz / LOWEST_HZ)
    found = []
    for piece in spoken[: spoken.size // length * length].reshape(-1, length):
        centred = piece - piece.mean()
        likeness = np.correlate(centred, centred, "full")[length - 1 :]
        period = shortest + int(np.argmax(likeness[shortest:longest]))
        if likeness[0] > 0 and likeness[period] > _VOICED * likeness[0]:
            found.append(sample_rate_hz / period)
    return float(np.median(found)) if found else None
