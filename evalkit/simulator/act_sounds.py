"""Sounds of a caller that no voice speaks: a cough, a throat that is cleared. Made of noise, the same for a seed.

They are no recordings of anybody. A cough is a burst of breath and, weaker, the voice behind it; a throat that is
cleared is a low, rough murmur. Both have the lengths and the loudness that such sounds have on a telephone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from evalkit.audio.g711 import Pcm
from evalkit.simulator.behaviour import MADE_SOUNDS

_Signal = NDArray[np.float64]
_PEAK = 9000.0


def make_sound(name: str, seed: int, sample_rate_hz: int) -> Pcm:
    """Return the sound that a word in angle brackets stands for, mono. Raises KeyError for any other word."""
    signal = _MAKERS[name](np.random.default_rng(seed), sample_rate_hz)
    return np.asarray(np.round(signal / np.abs(signal).max() * _PEAK), dtype=np.int16)


def amplify(pcm: Pcm, level_db: float) -> Pcm:
    """Return a sound louder by so much; what the numbers of a sample cannot hold is cut off."""
    louder = np.round(pcm.astype(np.float64) * 10 ** (level_db / 20))
    return np.asarray(np.clip(louder, -32768, 32767), dtype=np.int16)


def _cough(rng: np.random.Generator, rate_hz: int) -> _Signal:
    """Two bursts of breath: a hard one of a quarter of a second, and a softer one behind it."""
    return np.concatenate(
        [
            _burst(rng, rate_hz, 0.24, attack_s=0.006, decay_s=0.07, low_hz=250.0, high_hz=2800.0),
            np.zeros(round(0.09 * rate_hz)),
            0.6 * _burst(rng, rate_hz, 0.2, attack_s=0.008, decay_s=0.06, low_hz=250.0, high_hz=2200.0),
        ]
    )


def _throat(rng: np.random.Generator, rate_hz: int) -> _Signal:
    """Half a second of rough murmur: noise in the pulses of a low voice."""
    noise = _burst(rng, rate_hz, 0.5, attack_s=0.06, decay_s=0.3, low_hz=120.0, high_hz=1200.0)
    times = np.arange(noise.size) / rate_hz
    pitch_hz = rng.uniform(75.0, 95.0)
    return noise * (0.35 + 0.65 * np.clip(np.sin(2 * np.pi * pitch_hz * times), 0.0, 1.0))


def _burst(
    rng: np.random.Generator,
    rate_hz: int,
    length_s: float,
    *,
    attack_s: float,
    decay_s: float,
    low_hz: float,
    high_hz: float,
) -> _Signal:
    """Return noise between two frequencies that rises at once and dies away."""
    size = round(length_s * rate_hz)
    spectrum = np.fft.rfft(rng.standard_normal(size))
    frequencies = np.fft.rfftfreq(size, 1 / rate_hz)
    spectrum[(frequencies < low_hz) | (frequencies > high_hz)] = 0.0
    times = np.arange(size) / rate_hz
    return np.fft.irfft(spectrum, size) * np.minimum(1.0, times / attack_s) * np.exp(-times / decay_s)


_MAKERS: Mapping[str, Callable[[np.random.Generator, int], _Signal]] = dict(
    zip(MADE_SOUNDS, (_cough, _throat), strict=True)
)
