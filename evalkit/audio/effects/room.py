"""Reverberation of a room between the caller's mouth and the microphone.

The room's impulse response is generated: the direct sound at time zero (so nothing is delayed), then after 4 ms white
noise that decays exponentially by 60 dB in `rt60_ms`, at `drr_db` below (or above) the direct sound. That is the
statistical model of late reverberation; it has no distinct early echoes. The level of the whole is kept, so that this
stage changes the room only; a tail beyond the end of the recording is cut off, as the recording would.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.audio.effects.stage import Signal, StageOutput, number

_GAP_MS = 4.0
_DECAYED_RT60 = 1.2  # the tail is generated down to -72 dB


@dataclass(frozen=True)
class RoomSpec:
    """A room.

    Attributes:
        rt60_ms: Time in which the reverberation decays by 60 dB; 0: no room. A living room has 400, a hall 1500.
        drr_db: Direct-to-reverberant ratio: high close to the microphone, negative across the room.

    """

    rt60_ms: float = number(0.0, 0, 3000, "ms")
    drr_db: float = number(6.0, -10, 30, "dB")

    @property
    def is_off(self) -> bool:
        """Whether the stage does nothing."""
        return self.rt60_ms == 0


def add_room(signal: Signal, sample_rate_hz: int, spec: RoomSpec, generator: np.random.Generator) -> StageOutput:
    """Return the signal as heard in the room, and the decay time and ratio measured on the impulse response."""
    from scipy.signal import fftconvolve

    response = make_response(sample_rate_hz, spec, generator)
    heard = np.asarray(fftconvolve(signal, response)[: signal.size], dtype=np.float64)
    energy = float(np.sum(np.square(heard)))
    if energy > 0:
        heard *= np.sqrt(float(np.sum(np.square(signal))) / energy)
    tail = response[1:]
    drr_db = -10.0 * float(np.log10(np.sum(np.square(tail))))
    return StageOutput(heard, {"room_rt60_ms": _measure_rt60_ms(tail, sample_rate_hz), "room_drr_db": drr_db})


def make_response(sample_rate_hz: int, spec: RoomSpec, generator: np.random.Generator) -> Signal:
    """Return the impulse response: 1 at time zero, then the tail."""
    gap = round(_GAP_MS * sample_rate_hz / 1000)
    length = max(1, round(spec.rt60_ms * _DECAYED_RT60 * sample_rate_hz / 1000))
    time_ms = np.arange(length) / sample_rate_hz * 1000.0
    tail = generator.standard_normal(length) * 10.0 ** (-3.0 * time_ms / spec.rt60_ms)
    tail *= np.sqrt(10.0 ** (-spec.drr_db / 10.0) / np.sum(np.square(tail)))
    response = np.concatenate([np.zeros(gap), tail])
    response[0] = 1.0
    return response


def _measure_rt60_ms(tail: Signal, sample_rate_hz: int) -> float:
    """Return the decay time by Schroeder's backward integration, extrapolated from the decay of -5 to -25 dB."""
    remaining = np.cumsum(np.square(tail)[::-1])[::-1]
    decay_db = 10.0 * np.log10(remaining / remaining[0])
    at_5, at_25 = np.searchsorted(-decay_db, [5.0, 25.0])
    return float((at_25 - at_5) * 3.0 / sample_rate_hz * 1000.0)
