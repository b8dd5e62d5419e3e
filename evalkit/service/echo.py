"""`local-echo`: a model for load tests. It hears nothing, thinks nothing and answers every turn with the same tone.

The tone is made once per format and streamed from memory, so that what a load test measures is the client, the socket
and the protocol, and not speech engines. There are two ways to ask for it:

- as any response: two seconds of tone, as fast as the client takes them;
- with ``metadata: {"echo": "appends"}``, before or between the appends: each ``input_audio_buffer.append`` is answered
  by a delta of the same length until the utterance is committed or cleared, and then the response ends. The client
  sets the pace, so one that sends 20 ms every 20 ms receives at the speed of speech while it sends. No assistant with
  manual turns talks like that: it is a synthetic full-duplex load.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from functools import cache

import numpy as np

from evalkit.audio.formats import AudioFormat
from evalkit.service.brain.conversation import Reply

NAME = "local-echo"
REPLY = Reply(text="This is a tone of two seconds.")
_FOLLOWING_TEXT = "This is a tone for as long as you speak."
_TONE_S = 2.0
_TONE_HZ = 440.0
_AMPLITUDE = 8000.0


@cache
def tone(output_format: AudioFormat) -> bytes:
    """Return two seconds of 440 Hz in `output_format`."""
    rate_hz = output_format.sample_rate_hz
    phase = np.arange(int(_TONE_S * rate_hz)) * (2 * np.pi * _TONE_HZ / rate_hz)
    return output_format.to_wire((_AMPLITUDE * np.sin(phase)).astype(np.int16))


def follows_appends(metadata: Mapping[str, str] | None) -> bool:
    """Whether a response's metadata ask for tone as long as the appends go on."""
    return (metadata or {}).get("echo") == "appends"


class Following:
    """The tone that answers appends, one piece each: words and sound, as a response streams them.

    Iterating never waits: a piece without words and sound says that nothing is due. It ends after :meth:`end`, when
    all that was appended before has been answered.
    """

    def __init__(self, output_format: AudioFormat) -> None:
        self._tone = tone(output_format)
        self._format = output_format
        self._due_bytes: deque[int] = deque()
        self._ended = False

    def hear(self, duration_ms: float) -> None:
        """Take an append of `duration_ms`: as much tone is due."""
        byte_count = self._format.byte_count(duration_ms)
        while byte_count > 0:
            self._due_bytes.append(min(byte_count, len(self._tone)))
            byte_count -= len(self._tone)

    def end(self) -> None:
        """Take it that nothing further is answered."""
        self._ended = True

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        """Yield what is due, piece by piece."""
        at, words = 0, _FOLLOWING_TEXT
        while self._due_bytes or not self._ended:
            if not self._due_bytes:
                yield "", b""
                continue
            size = self._due_bytes.popleft()
            piece = self._tone[at : at + size]
            piece += self._tone[: size - len(piece)]
            at = (at + size) % len(self._tone)
            yield words, piece
            words = ""
