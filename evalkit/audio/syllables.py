"""How fast somebody speaks, by the rises and falls of the level alone: no word is known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evalkit.audio.g711 import Pcm
from evalkit.audio.levels import FRAME_MS, find_speech, to_dbfs

_RANGE_DB = 35.0
# A window of so many frames, longer than a cycle of the voice and shorter than a syllable.
_SMOOTH_FRAMES = 11
_RISE_DB = 3.0
# Silences longer than twice this are cut down to that: who pauses speaks no slower.
_PAUSE_FRAMES = 10


def syllable_rate_hz(pcm: Pcm, sample_rate_hz: int) -> float | None:
    """Return how often a second the level of speech rises and falls by 3 dB; None where there is no speech.

    People make 2.5 to 5 of these a second; not every syllable is one.
    """
    levels = _levels_without_pauses(pcm, sample_rate_hz)
    if levels.size < _SMOOTH_FRAMES:
        return None
    window = np.hanning(_SMOOTH_FRAMES)
    smooth = np.convolve(levels, window / window.sum(), "same")
    return _count_peaks(smooth) / (levels.size * FRAME_MS / 1000)


def _levels_without_pauses(pcm: Pcm, sample_rate_hz: int) -> NDArray[np.float64]:
    """Return the level of each frame in dB, at most 35 dB below the loudest, with pauses cut short."""
    frame = round(sample_rate_hz * FRAME_MS / 1000)
    frames = pcm[: pcm.size // frame * frame].reshape(-1, frame).astype(np.float64)
    if not frames.shape[0] or not find_speech(pcm, sample_rate_hz).any():
        return np.zeros(0)
    levels = np.array([to_dbfs(square) for square in np.mean(frames**2, axis=1)])
    levels = np.maximum(levels, np.percentile(levels, 99) - _RANGE_DB)
    is_low = levels <= levels.min() + 1.0
    edges = np.flatnonzero(np.diff(is_low.astype(np.int8), prepend=np.int8(0), append=np.int8(0)))
    keep = np.ones(levels.size, dtype=np.bool_)
    for start, end in edges.reshape(-1, 2).tolist():
        if end - start > 2 * _PAUSE_FRAMES:
            keep[start + _PAUSE_FRAMES : end - _PAUSE_FRAMES] = False
    kept: NDArray[np.float64] = levels[keep]
    return kept


def _count_peaks(levels: NDArray[np.float64]) -> int:
    """Return how many maxima stand out by 3 dB on both sides."""
    peaks, is_rising, highest, lowest = 0, True, float(levels[0]), float(levels[0])
    for level in levels.tolist():
        if is_rising:
            highest = max(highest, level)
            if highest - level > _RISE_DB:
                peaks, is_rising, lowest = peaks + 1, False, level
        else:
            lowest = min(lowest, level)
            if level - lowest > _RISE_DB:
                is_rising, highest = True, level
    return peaks
