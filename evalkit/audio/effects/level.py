"""The microphone: its gain, the level at which it overloads, and the rounding to 16 bits.

Every channel that is not clean passes here, because what is in the air has no upper limit and int16 has: what is
beyond the limit is cut off, and counted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.audio.effects.stage import Signal, number
from evalkit.audio.g711 import Pcm


@dataclass(frozen=True)
class LevelSpec:
    """Gain and overload.

    Attributes:
        gain_db: Amplification before the limit.
        clip_dbfs: Amplitude at which the microphone overloads; 0: the largest that int16 holds.

    """

    gain_db: float = number(0.0, -60, 40, "dB")
    clip_dbfs: float = number(0.0, -40, 0, "dBFS")

    @property
    def is_off(self) -> bool:
        """Whether the stage does nothing but round."""
        return self.gain_db == 0 and self.clip_dbfs == 0


@dataclass(frozen=True, eq=False)
class Recorded:
    """The sound after the microphone.

    Attributes:
        pcm: As many samples as came in.
        clipped_share: Share of the samples that were cut off, 0 to 1.

    """

    pcm: Pcm
    clipped_share: float


def record(signal: Signal, spec: LevelSpec) -> Recorded:
    """Amplify, limit and round."""
    limit = 32768.0 * 10.0 ** (spec.clip_dbfs / 20.0)
    low, high = -limit, min(limit, 32767.0)
    amplified = signal * 10.0 ** (spec.gain_db / 20.0)
    beyond = (amplified < low - 0.5) | (amplified > high + 0.5)
    pcm = np.rint(np.clip(amplified, low, high)).astype(np.int16)
    return Recorded(pcm, float(np.mean(beyond)) if pcm.size else 0.0)
