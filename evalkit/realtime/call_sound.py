"""A call in duplex as one stereo recording: what the assistant heard on the left, what the caller heard on the right.

Both sides have the call's clock, so nothing is placed anew: the left is the uplink as it was sent, the right is what
the playout played, and where it was stopped it is silent. No I/O.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.audio.g711 import Pcm
from evalkit.audio.resample import resample
from evalkit.realtime.playout import Playout
from evalkit.realtime.uplink import Uplink


@dataclass(frozen=True, eq=False)
class CallSound:
    """Both sides of a call, equally long, at one rate."""

    caller: Pcm
    assistant: Pcm
    sample_rate_hz: int


def join_sides(uplink: Uplink, playout: Playout, *, until_ms: float) -> CallSound:
    """Return the sound of a call from its beginning to `until_ms`, at the higher of the two rates."""
    rates_hz = uplink.audio_format.sample_rate_hz, playout.audio_format.sample_rate_hz
    rate_hz = max(rates_hz)
    sides = uplink.audio_format.from_wire(uplink.wire), playout.pcm(playout.sample_at(until_ms))
    length = round(until_ms * rate_hz / 1000)
    caller, assistant = (
        _fit(resample(pcm, own_hz, rate_hz), length) for pcm, own_hz in zip(sides, rates_hz, strict=True)
    )
    return CallSound(caller, assistant, rate_hz)


def _fit(pcm: Pcm, length: int) -> Pcm:
    return np.pad(pcm[:length], (0, max(0, length - pcm.size)))
