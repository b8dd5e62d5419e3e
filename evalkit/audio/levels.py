"""Levels of int16 audio of one channel: how loud, how clipped, how long, and where the speech lies.

Levels are in dBFS re 32768, rms over time: a full-scale sine is at -3.01 dBFS, a full-scale square wave at 0. Digital
silence has no level in decibels; :data:`FLOOR_DBFS` stands for it, so that every level is a number.

Speech is found by level alone: a 10 ms frame counts where it is within `range_db` of the loudest frame and above
`floor_dbfs`. That is exact for clean recordings and synthesised speech, which evalkit measures before any channel is
applied; in a noisy recording the noise counts as speech once it is within the range.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evalkit.audio.g711 import Pcm

FLOOR_DBFS = -120.0
FRAME_MS = 10.0
SPEECH_RANGE_DB = 35.0
SPEECH_FLOOR_DBFS = -60.0
# The loudest code of mu-law decodes to 32124, that of A-law to 32256: at this bound all three codecs are at full scale.
FULL_SCALE = 32_100
CLIPPED_RUN_SAMPLES = 3

_REFERENCE = 32768.0

Samples = NDArray[np.int16] | NDArray[np.float64]


@dataclass(frozen=True)
class Levels:
    """What one recording measures.

    Attributes:
        duration_ms: Length.
        rms_dbfs: Level over the whole length.
        speech_dbfs: Level over the speech frames only; the floor where there is none.
        peak_dbfs: The loudest sample.
        clipped_share: Share of samples in runs at full scale, 0 to 1.
        leading_silence_ms: Before the first speech frame; the whole length where there is no speech.
        trailing_silence_ms: After the last speech frame; the whole length where there is no speech.
        speech_end_ms: End of the last speech frame; None where there is no speech.
        longest_pause_ms: The longest silence between two speech frames; 0 where there is none.

    """

    duration_ms: float
    rms_dbfs: float
    speech_dbfs: float
    peak_dbfs: float
    clipped_share: float
    leading_silence_ms: float
    trailing_silence_ms: float
    speech_end_ms: float | None
    longest_pause_ms: float


def measure_levels(pcm: Pcm, sample_rate_hz: int) -> Levels:
    """Return every level of a recording, at the documented thresholds."""
    if pcm.size == 0:
        return Levels(0.0, FLOOR_DBFS, FLOOR_DBFS, FLOOR_DBFS, 0.0, 0.0, 0.0, None, 0.0)
    frames = _measure_frames(pcm, sample_rate_hz, FRAME_MS)
    spoken = np.flatnonzero(frames.find_speech(SPEECH_RANGE_DB, SPEECH_FLOOR_DBFS))
    length_ms = pcm.size / sample_rate_hz * 1000.0
    lead_ms, end_ms, pause_ms, speech_level = length_ms, None, 0.0, FLOOR_DBFS
    if spoken.size:
        lead_ms = int(frames.starts[spoken[0]]) / sample_rate_hz * 1000.0
        end_ms = int(frames.starts[spoken[-1]] + frames.lengths[spoken[-1]]) / sample_rate_hz * 1000.0
        ends, next_starts = frames.starts[spoken] + frames.lengths[spoken], frames.starts[spoken][1:]
        pause_ms = int((next_starts - ends[:-1]).max(initial=0)) / sample_rate_hz * 1000.0
        speech_level = to_dbfs(float(frames.energies[spoken].sum() / frames.lengths[spoken].sum()))
    peak = max(int(pcm.max()), -int(pcm.min()))
    return Levels(
        duration_ms=length_ms,
        rms_dbfs=to_dbfs(float(frames.energies.sum() / pcm.size)),
        speech_dbfs=speech_level,
        peak_dbfs=to_dbfs(float(peak) ** 2),
        clipped_share=clipped_share(pcm) if peak >= FULL_SCALE else 0.0,
        leading_silence_ms=lead_ms,
        trailing_silence_ms=length_ms - (end_ms or 0.0),
        speech_end_ms=end_ms,
        longest_pause_ms=pause_ms,
    )


def to_dbfs(mean_square: float) -> float:
    """Return the level of a mean square of int16-scaled samples, never below :data:`FLOOR_DBFS`."""
    if mean_square <= 0.0:
        return FLOOR_DBFS
    return max(FLOOR_DBFS, float(10.0 * np.log10(mean_square / _REFERENCE**2)))


def rms_dbfs(pcm: Pcm) -> float:
    """Return the level over the whole length."""
    return to_dbfs(float(np.mean(np.square(pcm, dtype=np.float64)))) if pcm.size else FLOOR_DBFS


def clipped_share(pcm: Pcm, full_scale: int = FULL_SCALE, run_samples: int = CLIPPED_RUN_SAMPLES) -> float:
    """Return the share of samples that stand in a run of at least `run_samples` at or beyond `full_scale`.

    One loud sample is a peak; a run of them on one side of zero is a waveform whose top was cut off.
    """
    if pcm.size == 0:
        return 0.0
    side = (pcm >= full_scale).astype(np.int8) - (pcm <= -full_scale).astype(np.int8)
    starts = np.flatnonzero(np.diff(side, prepend=np.int8(2)))
    lengths = np.diff(starts, append=side.size)
    in_runs = lengths[(side[starts] != 0) & (lengths >= run_samples)]
    return float(in_runs.sum() / pcm.size)


def find_speech(
    pcm: Samples,
    sample_rate_hz: int,
    *,
    frame_ms: float = FRAME_MS,
    range_db: float = SPEECH_RANGE_DB,
    floor_dbfs: float = SPEECH_FLOOR_DBFS,
) -> NDArray[np.bool_]:
    """Return for each sample whether it lies in a speech frame; the last frame may be shorter.

    Samples are int16, or float64 on the same scale.
    """
    if pcm.size == 0:
        return np.zeros(0, dtype=np.bool_)
    frames = _measure_frames(pcm, sample_rate_hz, frame_ms)
    return np.repeat(frames.find_speech(range_db, floor_dbfs), frames.lengths)


def speech_end_ms(pcm: Pcm, sample_rate_hz: int) -> float | None:
    """Return when the last speech frame ends, counted from the start; None where there is no speech."""
    return measure_levels(pcm, sample_rate_hz).speech_end_ms


@dataclass(frozen=True, eq=False)
class _Frames:
    """A recording frame by frame: where each begins, its samples, and the sum of their squares."""

    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    energies: NDArray[np.float64]

    def find_speech(self, range_db: float, floor_dbfs: float) -> NDArray[np.bool_]:
        """Return for each frame whether it is speech."""
        mean_squares = self.energies / self.lengths
        floor = _REFERENCE**2 * 10 ** (floor_dbfs / 10)
        loudest = float(mean_squares.max())
        is_speech: NDArray[np.bool_] = (mean_squares >= floor) & (mean_squares >= loudest * 10 ** (-range_db / 10))
        return is_speech


def _measure_frames(pcm: Samples, sample_rate_hz: int, frame_ms: float) -> _Frames:
    """Return the frames of some samples; the last one may be shorter."""
    frame = max(1, round(frame_ms * sample_rate_hz / 1000))
    starts = np.arange(0, pcm.size, frame)
    lengths = np.full(starts.size, frame)
    lengths[-1] = pcm.size - starts[-1]
    return _Frames(starts, lengths, np.add.reduceat(np.square(pcm, dtype=np.float64), starts))
