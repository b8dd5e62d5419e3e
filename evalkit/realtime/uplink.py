"""What a caller sends in a call that never pauses: one stream of chunks, silence where nobody speaks. No I/O.

A telephone sends all the time. The stream has a sample clock of its own: sample s was spoken s / rate seconds after the
call began, whatever the network did. Chunk n holds the samples from n x chunk_ms on and, like a microphone's, can be
sent when its last sample has been spoken: at (n + 1) x chunk_ms (:attr:`Uplink.due_ms`). What is said is placed on the
clock as a clip, and the place is kept: it is the ground truth that turn-taking is measured against.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from evalkit.audio.formats import AudioFormat


@dataclass(frozen=True, slots=True)
class PlacedClip:
    """A clip on the uplink's sample clock.

    Attributes:
        start: Its first sample.
        end: The first sample behind it.
        sample_rate_hz: Of the clock.

    """

    start: int
    end: int
    sample_rate_hz: int

    @property
    def start_ms(self) -> float:
        """Where it begins, in milliseconds since the call began."""
        return self.start / self.sample_rate_hz * 1000.0

    @property
    def end_ms(self) -> float:
        """Where it ends, in milliseconds since the call began."""
        return self.end / self.sample_rate_hz * 1000.0


class Uplink:
    """The stream of one call. Nothing in it is ever taken back: what has been taken has been said.

    Args:
        audio_format: Of the wire.
        chunk_ms: The duration of a chunk; it need not be a whole number of samples, and nothing drifts if it is not.

    Raises:
        ValueError: A chunk would hold less than a sample.

    """

    def __init__(self, audio_format: AudioFormat, chunk_ms: float) -> None:
        if audio_format.byte_count(chunk_ms) == 0:
            raise ValueError(f"chunk_ms {chunk_ms}: less than one sample at {audio_format.sample_rate_hz} Hz")
        self._format, self._chunk_ms = audio_format, chunk_ms
        self._chunks = 0
        self._sent = bytearray()
        self._waiting = bytearray()
        self._clips: list[PlacedClip] = []

    @property
    def audio_format(self) -> AudioFormat:
        """The format of the wire."""
        return self._format

    @property
    def sent_samples(self) -> int:
        """How many samples have been taken; the next one is the first that can still be chosen."""
        return len(self._sent) // self._format.bytes_per_sample

    @property
    def wire(self) -> bytes:
        """All that has been taken, as it went over the wire."""
        return bytes(self._sent)

    @property
    def clips(self) -> tuple[PlacedClip, ...]:
        """The clips placed by now, in order, those that are still to be sent included."""
        return tuple(self._clips)

    @property
    def due_ms(self) -> float:
        """When the next chunk can be sent, in milliseconds since the call began: an absolute deadline."""
        return (self._chunks + 1) * self._chunk_ms

    def place(self, wire: bytes, *, not_before_ms: float = 0.0) -> PlacedClip:
        """Place a clip at the first sample that is free and not before a time; return where it lies.

        Free is what has not been taken and holds no other clip: clips follow each other and never overlap.

        Raises:
            ValueError: `wire` ends within a sample.

        """
        width, rate_hz = self._format.bytes_per_sample, self._format.sample_rate_hz
        if len(wire) % width:
            raise ValueError(f"{len(wire)} bytes of {self._format} are no whole number of samples")
        free = self.sent_samples + len(self._waiting) // width
        start = max(free, math.ceil(not_before_ms * rate_hz / 1000 - 1e-6))
        self._waiting += self._silence(start - free) + wire
        clip = PlacedClip(start, start + len(wire) // width, rate_hz)
        self._clips.append(clip)
        return clip

    def take(self) -> bytes:
        """Return the next chunk: what is placed there, and the codec's silence where nothing is."""
        self._chunks += 1
        end = int(self._chunks * self._chunk_ms * self._format.sample_rate_hz / 1000)
        wanted = end - self.sent_samples
        length = wanted * self._format.bytes_per_sample
        chunk = bytes(self._waiting[:length])
        del self._waiting[:length]
        chunk += self._silence(wanted - len(chunk) // self._format.bytes_per_sample)
        self._sent += chunk
        return chunk

    def _silence(self, samples: int) -> bytes:
        return bytes([self._format.silence_byte]) * (samples * self._format.bytes_per_sample)
