"""The three audio formats of the Realtime protocol, what Gemini Live hears, and what each means in bytes.

=========== ============== ========= ============ ============
name        wire type      rate (Hz) bytes/sample silence byte
=========== ============== ========= ============ ============
pcm16       audio/pcm      24000     2            0x00
pcm16_16khz audio/pcm      16000     2            0x00
g711_ulaw   audio/pcmu     8000      1            0xFF
g711_alaw   audio/pcma     8000      1            0xD5
=========== ============== ========= ============ ============

The Realtime protocol has PCM16 at 24 kHz only, Gemini Live hears it at 16 kHz and speaks it at 24 kHz.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evalkit.audio.g711 import Pcm


class AudioFormat(StrEnum):
    """An audio format, named as the config names it."""

    PCM16 = "pcm16"
    PCM16_16KHZ = "pcm16_16khz"
    G711_ULAW = "g711_ulaw"
    G711_ALAW = "g711_alaw"

    @cached_property
    def wire_type(self) -> str:
        """The media type that protocols call it by."""
        return {AudioFormat.G711_ULAW: "audio/pcmu", AudioFormat.G711_ALAW: "audio/pcma"}.get(self, "audio/pcm")

    @cached_property
    def is_pcm(self) -> bool:
        """Whether its bytes are 16-bit samples."""
        return self in (AudioFormat.PCM16, AudioFormat.PCM16_16KHZ)

    @cached_property
    def sample_rate_hz(self) -> int:
        """The only rate it has."""
        return {AudioFormat.PCM16: 24_000, AudioFormat.PCM16_16KHZ: 16_000}.get(self, 8_000)

    @cached_property
    def bytes_per_sample(self) -> int:
        """Bytes of one sample of one channel."""
        return 2 if self.is_pcm else 1

    @cached_property
    def silence_byte(self) -> int:
        """The byte that repeated means silence; 0x00 would be a loud pop in G.711."""
        return {AudioFormat.G711_ULAW: 0xFF, AudioFormat.G711_ALAW: 0xD5}.get(self, 0x00)

    def duration_ms(self, byte_count: int) -> float:
        """Return how long `byte_count` bytes play, in milliseconds."""
        return byte_count / (self.bytes_per_sample * self.sample_rate_hz) * 1000.0

    def byte_count(self, duration_ms: float) -> int:
        """Return the bytes of `duration_ms`, in whole samples, rounded down."""
        return int(duration_ms * self.sample_rate_hz / 1000) * self.bytes_per_sample

    def to_wire(self, pcm: Pcm) -> bytes:
        """Return the wire bytes of int16 samples that already have this format's rate."""
        if self.is_pcm:
            return pcm.astype("<i2").tobytes()
        from evalkit.audio import g711  # makes tables

        return g711.ulaw_encode(pcm) if self is AudioFormat.G711_ULAW else g711.alaw_encode(pcm)

    def from_wire(self, data: bytes) -> Pcm:
        """Return the int16 samples of wire bytes; a torn last PCM16 byte is dropped."""
        if not self.is_pcm:
            from evalkit.audio import g711

            return g711.ulaw_decode(data) if self is AudioFormat.G711_ULAW else g711.alaw_decode(data)
        import numpy as np  # what only names a format does without

        return np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2").astype(np.int16)
