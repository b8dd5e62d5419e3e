"""Where speech sounds in a recording of one side: by level, over the noise of the line.

The level is taken over windows of 5 ms, one each millisecond. Speech is what lies within 45 dB of the loudest window,
and 10 dB over the noise, which is the level that a tenth of the recording does not reach. In a recording that is speech
almost throughout that tenth is speech too; the bound is therefore never within 12 dB of the loudest window, nor below
-65 dBFS. Gaps up to `gap_s` are closed: consonants and breaths are quieter than that. What is left of less than 30 ms
of sound is a click. In a steady sound the edges are found to 2 ms; what a voice fades into is found where it comes
within the range.

Steady noise is told from speech, another voice in the background is not. Where something was played is known to who
played it: :meth:`HeardSide.find_parts` looks there only, and so needs to find no more than where it begins and ends to
sound.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evalkit.audio.g711 import Pcm
from evalkit.metrics.turn_taking.timeline import Segment

WINDOW_S = 0.005
STEP_S = 0.001
RANGE_DB = 45.0
OVER_NOISE_DB = 10.0
NOISE_PERCENTILE = 10.0
NEAREST_DB = 12.0
FLOOR_DBFS = -65.0
GAP_S = 0.2
MIN_SOUND_S = 0.03

_FULL_SCALE = 32768.0


class HeardSide:
    """The recording of one side of a call, measured once."""

    def __init__(self, pcm: Pcm, sample_rate_hz: int) -> None:
        """`pcm` is int16 of shape (n,)."""
        self._levels = _measure_levels(pcm, sample_rate_hz)
        self._noise = float(np.percentile(self._levels, NOISE_PERCENTILE)) if self._levels.size else 0.0

    def find_segments(self, *, gap_s: float = GAP_S) -> tuple[Segment, ...]:
        """Return where it has speech, in order."""
        return self._find(self._levels, gap_s=gap_s, least_s=MIN_SOUND_S)

    def find_parts(self, extent: Segment, *, gap_s: float = GAP_S) -> tuple[Segment, ...]:
        """Return where something sounds that was played within `extent`, in order; empty where nothing is heard.

        Speech is known to be there, so that a sound counts however short it is: a word may have been cut.
        """
        first, last = (max(0, round(time_s / STEP_S)) for time_s in (extent.start_s, extent.end_s - WINDOW_S))
        within = self._levels[first : max(first, last) + 1]
        return self._find(within, offset_s=first * STEP_S, gap_s=gap_s, least_s=STEP_S)

    def _find(
        self, levels: NDArray[np.float64], *, gap_s: float, least_s: float, offset_s: float = 0.0
    ) -> tuple[Segment, ...]:
        loud = np.flatnonzero(levels >= _decide_bound(levels, self._noise))
        if not loud.size:
            return ()
        # A window is loud from where its last samples are to where its first ones are.
        breaks = np.flatnonzero(np.diff(loud) > round((gap_s + WINDOW_S) / STEP_S))
        firsts, lasts = np.concatenate(([0], breaks + 1)), np.concatenate((breaks, [loud.size - 1]))
        segments = []
        for first, last in zip(firsts, lasts, strict=True):
            start_s = loud[first] * STEP_S + (WINDOW_S - STEP_S if loud[first] else 0.0)
            end_s = loud[last] * STEP_S + (STEP_S if loud[last] < levels.size - 1 else WINDOW_S)
            if end_s - start_s >= least_s and (last - first + 1) * STEP_S - WINDOW_S >= least_s:
                segments.append(Segment(offset_s + float(start_s), offset_s + float(end_s)))
        return tuple(segments)


def _measure_levels(pcm: Pcm, sample_rate_hz: int) -> NDArray[np.float64]:
    """Return the mean square of the window that begins at each step; empty for less than a window."""
    window = round(WINDOW_S * sample_rate_hz)
    if pcm.size < window:
        return np.zeros(0)
    sums = np.concatenate(([0.0], np.cumsum(np.square(pcm, dtype=np.float64))))
    steps = int((pcm.size - window) / (STEP_S * sample_rate_hz)) + 1
    starts = np.round(np.arange(steps) * STEP_S * sample_rate_hz).astype(np.int64)
    levels: NDArray[np.float64] = (sums[starts + window] - sums[starts]) / window
    return levels


def _decide_bound(levels: NDArray[np.float64], noise: float) -> float:
    """Return the mean square from which a window is speech."""
    if not levels.size:
        return np.inf
    loudest = float(levels.max())
    over_noise = min(_scaled(noise, OVER_NOISE_DB), _scaled(loudest, -NEAREST_DB))
    return max(over_noise, _scaled(loudest, -RANGE_DB), _scaled(_FULL_SCALE**2, FLOOR_DBFS))


def _scaled(mean_square: float, by_db: float) -> float:
    return mean_square * 10 ** (by_db / 10)
