"""The input audio buffer of a session: what was appended and not yet committed, and where in the session it lies.

Positions are ticks of 1/48 ms, counted over all audio that was ever appended: one byte of PCM16 at 24 kHz, a sixth of a
byte of G.711, so that every position is a whole number.
"""

from __future__ import annotations

from evalkit.audio.formats import AudioFormat
from evalkit.service.bad_request import BadRequest

MAX_APPEND_BYTES = 15 * 1024 * 1024
MAX_BUFFER_BYTES = 64 * 1024 * 1024
MIN_COMMIT_MS = 100.0
TICKS_PER_MS = 48


class InputBuffer:
    """Appended audio, in the session's input format, which may change only while the buffer is empty.

    Args:
        keep: Whether the bytes matter, or only how many there were.

    """

    def __init__(self, *, keep: bool) -> None:
        self._keep = keep
        self._audio = bytearray()
        self._start = 0
        self._ticks_per_byte = 1
        self.byte_count = 0

    @property
    def start(self) -> int:
        """Where the first byte lies, in ticks."""
        return self._start

    @property
    def end(self) -> int:
        """Where the next byte will lie, in ticks: how much audio was ever appended."""
        return self._start + self.byte_count * self._ticks_per_byte

    def append(self, audio: bytes, audio_format: AudioFormat) -> None:
        """Add `audio`; raises :class:`BadRequest` when it or the whole is too much."""
        if len(audio) > MAX_APPEND_BYTES:
            message = f"Invalid 'audio': {len(audio)} bytes; at most {MAX_APPEND_BYTES} are allowed in one event."
            raise BadRequest(message, code="invalid_value", param="audio")
        if self.byte_count + len(audio) > MAX_BUFFER_BYTES:
            message = f"The input audio buffer is full: it holds at most {MAX_BUFFER_BYTES} bytes. Commit or clear it."
            raise BadRequest(message, code="input_audio_buffer_full", param="audio")
        self._ticks_per_byte = 1000 * TICKS_PER_MS // (audio_format.bytes_per_sample * audio_format.sample_rate_hz)
        self.byte_count += len(audio)
        if self._keep:
            self._audio += audio

    def take(self, audio_format: AudioFormat) -> tuple[bytes, int]:
        """Empty the buffer and return its bytes (where kept) and their count; raises below 100 ms."""
        duration_ms = audio_format.duration_ms(self.byte_count)
        if duration_ms < MIN_COMMIT_MS:
            message = (
                "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, "
                f"but buffer only has {duration_ms:.2f}ms of audio."
            )
            raise BadRequest(message, code="input_audio_buffer_commit_empty")
        return self.take_until(self.end)

    def take_until(self, end: int) -> tuple[bytes, int]:
        """Take out what lies before `end` (ticks, at a sample) and return its bytes (where kept) and their count."""
        size = self._bytes_before(end)
        taken = bytes(self._audio[:size]), size
        self.drop_until(end)
        return taken

    def peek(self, end: int) -> bytes:
        """Return what lies before `end` (ticks, at a sample), and keep it."""
        return bytes(self._audio[: self._bytes_before(end)])

    def drop_until(self, end: int) -> None:
        """Forget what lies before `end` (ticks)."""
        size = self._bytes_before(end)
        del self._audio[:size]
        self.byte_count -= size
        self._start += size * self._ticks_per_byte

    def clear(self) -> None:
        """Forget everything."""
        self.drop_until(self.end)

    def _bytes_before(self, position: int) -> int:
        return min(max((position - self._start) // self._ticks_per_byte, 0), self.byte_count)
