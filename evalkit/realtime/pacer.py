"""Sends audio as a microphone would: on absolute deadlines, and says how well it kept them.

Chunk n (from 0) is due at start + n x chunk_ms, whatever happened to the chunks before it: a late chunk is followed by
an early-as-possible one, and no error adds up. A microphone has recorded chunk n by the time it is due, so the audio's
own first sample lies one `chunk_ms` before the start (:attr:`Pacing.audio_began_at_ms`). Whoever measures from the end
of speech counts from there: counted from the start, every latency would look one `chunk_ms` better than it is.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import numpy as np

from evalkit.audio.formats import AudioFormat
from evalkit.clock import Clock

# Unpaced sending hands over this many at a time, and then lets the tasks that receive have the loop.
_UNPACED_CHUNKS = 8


@dataclass(frozen=True)
class Pacing:
    """How the sending went.

    Attributes:
        chunk_ms: The duration of a chunk.
        chunks: How many were sent.
        real_time: Whether they were sent in real time.
        started_at_ms: When chunk 0 was due, in milliseconds on the clock that was given.
        finished_at_ms: When the last chunk had been handed to the socket.
        lateness_ms: For each chunk, how long after its due time it had been handed to the socket; empty when the
            sending was not in real time, because nothing was due then.

    """

    chunk_ms: float
    chunks: int
    real_time: bool
    started_at_ms: float
    finished_at_ms: float
    lateness_ms: tuple[float, ...] = ()

    @property
    def audio_began_at_ms(self) -> float:
        """Where the audio's own first sample lies, so that sample t was spoken at this + t. For real time only."""
        return self.started_at_ms - self.chunk_ms


async def send_paced(
    chunks: Sequence[bytes],
    *,
    chunk_ms: float,
    real_time: bool,
    clock: Clock,
    send: Callable[[Sequence[bytes]], Awaitable[None]],
) -> Pacing:
    """Hand `chunks` to `send`, each when it is due, or a few at a time as fast as it takes them.

    What `send` raises comes through.
    """
    started_at_s = clock.now()
    lateness_ms: list[float] = []
    together = 1 if real_time else _UNPACED_CHUNKS
    for first in range(0, len(chunks), together):
        due_s = started_at_s + (first * chunk_ms / 1000.0 if real_time else 0.0)
        if real_time or first:
            await clock.sleep_until(due_s)
        await send(chunks[first : first + together])
        if real_time:
            lateness_ms.append((clock.now() - due_s) * 1000.0)
    return Pacing(chunk_ms, len(chunks), real_time, started_at_s * 1000.0, clock.now() * 1000.0, tuple(lateness_ms))


def split_chunks(wire: bytes, audio_format: AudioFormat, chunk_ms: float) -> list[bytes]:
    """Return `wire` cut into chunks of `chunk_ms`, whole samples each, the last one as long as the rest is.

    Joined they are `wire`, byte for byte. Where `chunk_ms` is no whole number of samples, chunk n still begins at the
    last whole sample before n x chunk_ms, so that nothing drifts.

    Raises:
        ValueError: `chunk_ms` is less than a sample, or `wire` ends within one.

    """
    if audio_format.byte_count(chunk_ms) == 0:
        raise ValueError(f"chunk_ms {chunk_ms}: less than one sample at {audio_format.sample_rate_hz} Hz")
    if len(wire) % audio_format.bytes_per_sample:
        raise ValueError(f"{len(wire)} bytes of {audio_format} are no whole number of samples")
    samples_per_chunk = chunk_ms * audio_format.sample_rate_hz / 1000
    count = math.ceil(len(wire) / audio_format.bytes_per_sample / samples_per_chunk)
    cuts = (np.arange(count + 1) * chunk_ms * audio_format.sample_rate_hz / 1000).astype(np.int64)
    ends = np.minimum(cuts * audio_format.bytes_per_sample, len(wire)).tolist()
    return [wire[start:end] for start, end in itertools.pairwise(ends)]


def pad_to_minimum(wire: bytes, audio_format: AudioFormat, minimum_ms: float = 100.0) -> bytes:
    """Return `wire`, lengthened with the codec's own silence to `minimum_ms`: servers refuse to commit less."""
    missing = audio_format.byte_count(minimum_ms) - len(wire)
    return wire + bytes([audio_format.silence_byte]) * max(0, missing)
