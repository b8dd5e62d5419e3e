"""Background noise around the caller, at a signal-to-noise ratio that is reached exactly.

The ratio is that of the speech's power to the noise's power, both over the frames in which there is speech (see
:func:`evalkit.audio.levels.find_speech`): pauses do not make a recording look quieter than it sounds. Where there is
no speech at all, the noise is laid below a speaker of nominal level (-26 dBFS, ITU-T P.56), and no ratio is reported.

Kinds: `white` (hiss), `pink` (a room full of fans), `babble` (six talkers close by), `crowd` (forty further away),
`car` (engine, rumble, tyres), `street` (traffic with passing vehicles). All are generated; nothing is recorded or
shipped. The ratio holds in the air and over the whole band: a telephone line after it takes away most of a car's rumble
and little of a crowd, so that 5 dB of one is far more harmful than 5 dB of the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from evalkit.audio.effects.noise_source import make_babble, make_car, make_crowd, make_pink, make_street, make_white
from evalkit.audio.effects.stage import Signal, StageOutput, number
from evalkit.audio.levels import find_speech

NOMINAL_SPEECH_DBFS = -26.0


class NoiseKind(StrEnum):
    """What is heard around the caller."""

    NONE = "none"
    WHITE = "white"
    PINK = "pink"
    BABBLE = "babble"
    CROWD = "crowd"
    CAR = "car"
    STREET = "street"


_SOURCES = {
    NoiseKind.WHITE: make_white,
    NoiseKind.PINK: make_pink,
    NoiseKind.BABBLE: make_babble,
    NoiseKind.CROWD: make_crowd,
    NoiseKind.CAR: make_car,
    NoiseKind.STREET: make_street,
}


@dataclass(frozen=True)
class NoiseSpec:
    """Background noise.

    Attributes:
        kind: What is heard; `none`: nothing.
        snr_db: Speech power over noise power, while there is speech.

    """

    kind: NoiseKind = NoiseKind.NONE
    snr_db: float = number(15.0, -10, 60, "dB")

    @property
    def is_off(self) -> bool:
        """Whether the stage does nothing."""
        return self.kind is NoiseKind.NONE


def add_noise(signal: Signal, sample_rate_hz: int, spec: NoiseSpec, generator: np.random.Generator) -> StageOutput:
    """Return the signal with noise added, and the ratio measured on the sum."""
    noise = _SOURCES[spec.kind](signal.size, sample_rate_hz, generator)
    speech = find_speech(signal, sample_rate_hz)
    if not speech.any():
        wanted = 32768.0**2 * 10.0 ** ((NOMINAL_SPEECH_DBFS - spec.snr_db) / 10.0)
        return StageOutput(signal + noise * np.sqrt(wanted / np.mean(np.square(noise))), {})
    power = float(np.mean(np.square(signal[speech])))
    wanted = power / 10.0 ** (spec.snr_db / 10.0)
    heard = signal + noise * np.sqrt(wanted / np.mean(np.square(noise[speech])))
    added = float(np.mean(np.square((heard - signal)[speech])))
    return StageOutput(heard, {"snr_db": 10.0 * float(np.log10(power / added))})
