"""How the sound of an application arrives: ahead of being heard, late, or so late that nothing is left to play. No I/O.

A line plays in real time behind a buffer. What comes in bursts is played in time, what comes up to :data:`LATE_MS` late
is played on without a gap, and what comes later leaves a hole. Between two sentences a hole is a pause, and nobody's
mistake; inside a word it is heard as one. It is told from a pause by its edges: speech fades before it ends, and where
the sound on both sides of a hole is nearly as loud as the speech around it, a word was cut in two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from evalkit.audio.levels import rms_dbfs
from evalkit.realtime.media_stream.stretches import SpeechStretch
from evalkit.realtime.playout import PlayedPiece, Playout
from evalkit.records.line_findings import FoundOnLine, LineFinding

LATE_MS = 60.0
"""A line's buffer against unsteady arrival: sound that comes so late follows on without a gap."""

AHEAD_MS = 1000.0
"""Sound that waits for so long before it is heard came in a burst; who never sends so sends it as it is heard."""

EDGE_MS = 20.0
"""So much sound on each side of a hole tells whether a word was cut, and so much lateness is none: it is one frame."""

LONGEST_HOLE_MS = 5000.0
"""What goes on after more than this is something else that is said."""


@dataclass(frozen=True, slots=True)
class SpeechHole:
    """Where the line had nothing to play inside a word, on the call's clock.

    Attributes:
        turn_index: The turn in which what is said there began.
        spoken_since_ms: When it began.
        start_ms: Where it begins.
        end_ms: Where the speech goes on.

    """

    turn_index: int
    spoken_since_ms: float
    start_ms: float
    end_ms: float

    @property
    def duration_ms(self) -> float:
        """How long nothing is heard."""
        return self.end_ms - self.start_ms


class Arrivals:
    """What is counted of the frames of one call as they arrive.

    Attributes:
        frames: How many have.
        largest_frame_ms: How much sound the largest of them held.
        largest_ahead_ms: How long the sound that waited before it was heard lasted at most.

    """

    def __init__(self) -> None:
        self.frames = 0
        self.largest_frame_ms = self.largest_ahead_ms = self._largest_late_ms = 0.0
        self._late_frames = self._bursts = 0
        self._is_ahead = False

    def take(self, frame_ms: float, *, late_ms: float, ahead_ms: float) -> None:
        """Take a frame.

        Args:
            frame_ms: How much sound it holds.
            late_ms: How long the line had had nothing to play by then, inside a word; 0 or less: not at all.
            ahead_ms: How long what waits to be heard lasts, the frame included.

        """
        self.frames += 1
        self.largest_frame_ms = max(self.largest_frame_ms, frame_ms)
        self.largest_ahead_ms = max(self.largest_ahead_ms, ahead_ms)
        if EDGE_MS < late_ms <= LATE_MS:
            self._late_frames += 1
            self._largest_late_ms = max(self._largest_late_ms, late_ms)
        is_ahead = ahead_ms >= AHEAD_MS
        self._bursts += is_ahead and not self._is_ahead
        self._is_ahead = is_ahead

    def findings(self) -> tuple[FoundOnLine, ...]:
        """Return what the line's buffer makes up for."""
        bursts = FoundOnLine(LineFinding.BURSTS, self._bursts, self.largest_ahead_ms)
        jitter = FoundOnLine(LineFinding.JITTER, self._late_frames, self._largest_late_ms)
        return tuple(each for each in (bursts, jitter) if each.count)


def find_holes(playout: Playout, stretches: Sequence[SpeechStretch], until: int) -> tuple[SpeechHole, ...]:
    """Return where words were cut in two because their sound came late, before sample `until` of the playout."""
    known = {each.playout_id: each for each in stretches}
    ms = playout.audio_format.sample_rate_hz / 1000
    return tuple(
        SpeechHole(
            known[before.response_id].turn_index,
            known[before.response_id].start / ms,
            before.end / ms,
            behind.start / ms,
        )
        for before, behind in pairwise(playout.pieces(until))
        if 0 < behind.start - before.end <= LONGEST_HOLE_MS * ms
        and {before.response_id, behind.response_id} <= known.keys()
        and _cuts_word(playout, known[before.response_id], before, behind)
    )


def _cuts_word(playout: Playout, stretch: SpeechStretch, before: PlayedPiece, behind: PlayedPiece) -> bool:
    """Whether both sides of a hole are as loud as the middle of words is in `stretch`, which ends or goes on there."""
    if stretch.was_interrupted and before.response_id != behind.response_id:
        return False
    audio_format = playout.audio_format
    edge = audio_format.byte_count(EDGE_MS)
    edges = playout.wire_of(before)[-edge:], playout.wire_of(behind)[:edge]
    return all(stretch.is_loud(rms_dbfs(audio_format.from_wire(wire))) for wire in edges)


def starved_playback(holes: Sequence[SpeechHole], began_at_ms: float) -> FoundOnLine | None:
    """Return the finding that some holes are, in a call that began at a time since the case did; None: of none."""
    if not holes:
        return None
    lengths_ms = [hole.duration_ms for hole in holes]
    spans_s = tuple(
        (round((began_at_ms + hole.start_ms) / 1000, 4), round((began_at_ms + hole.end_ms) / 1000, 4)) for hole in holes
    )
    return FoundOnLine(LineFinding.STARVED_PLAYBACK, len(holes), max(lengths_ms), sum(lengths_ms), spans_s)
