"""The public API's voice names, and how a one-voice engine tells them apart.

A speaker is a tempo and a pitch. Pitch is changed as a tape does it: the engine speaks slower (or faster) by the
factor, and the result is played faster (or slower) by the same, so that tempo stays and pitch and timbre move
together. The factors stay within what the recogniser still understands as well as the plain voice.

======== ===== ===== ==================================
name     tempo pitch sounds like the engine's voice, but
======== ===== ===== ==================================
marin    1.00  1.00  unchanged
alloy    1.00  0.94  a little lower
ash      0.97  0.82  low
ballad   0.92  0.88  low and slow
cedar    1.00  0.84  low
coral    1.04  1.07  brighter
echo     1.06  0.86  low and brisk
sage     0.95  0.97  calmer
shimmer  1.08  1.12  high and brisk
verse    1.10  0.92  brisk
======== ===== ===== ==================================
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Speaker:
    """A variant of an engine's voice.

    Attributes:
        tempo: Words per second relative to the engine's.
        pitch: Frequency relative to the engine's.

    """

    tempo: float
    pitch: float


SPEAKERS = {
    "marin": Speaker(1.00, 1.00),
    "alloy": Speaker(1.00, 0.94),
    "ash": Speaker(0.97, 0.82),
    "ballad": Speaker(0.92, 0.88),
    "cedar": Speaker(1.00, 0.84),
    "coral": Speaker(1.04, 1.07),
    "echo": Speaker(1.06, 0.86),
    "sage": Speaker(0.95, 0.97),
    "shimmer": Speaker(1.08, 1.12),
    "verse": Speaker(1.10, 0.92),
}
