"""The formats of the protocols: sizes, silence and the way to the wire and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.audio.formats import AudioFormat

formats = st.sampled_from(AudioFormat)


@pytest.mark.parametrize(
    ("audio_format", "wire_type", "rate", "sample_bytes"),
    [
        (AudioFormat.PCM16, "audio/pcm", 24000, 2),
        (AudioFormat.PCM16_16KHZ, "audio/pcm", 16000, 2),
        (AudioFormat.G711_ULAW, "audio/pcmu", 8000, 1),
        (AudioFormat.G711_ALAW, "audio/pcma", 8000, 1),
    ],
)
def test_formats_are_those_of_the_protocol(
    audio_format: AudioFormat, wire_type: str, rate: int, sample_bytes: int
) -> None:
    """Media type, rate and sample size follow from the name."""
    found = (audio_format.wire_type, audio_format.sample_rate_hz, audio_format.bytes_per_sample)
    assert found == (wire_type, rate, sample_bytes)


@given(audio_format=formats, chunk_ms=st.integers(1, 1000))
def test_chunks_are_whole_samples(audio_format: AudioFormat, chunk_ms: int) -> None:
    """Any whole number of milliseconds is a whole number of samples, and its duration is that number."""
    size = audio_format.byte_count(chunk_ms)
    assert size % audio_format.bytes_per_sample == 0
    assert audio_format.duration_ms(size) == pytest.approx(chunk_ms)


@given(audio_format=formats, samples=st.integers(1, 500))
def test_a_chunk_of_silence_is_silent(audio_format: AudioFormat, samples: int) -> None:
    """The silence byte, repeated, decodes to at most the smallest step of the codec."""
    silence = bytes([audio_format.silence_byte]) * (samples * audio_format.bytes_per_sample)
    pcm = audio_format.from_wire(silence)
    assert pcm.size == samples
    assert int(np.abs(pcm).max()) <= 8


@given(audio_format=formats, samples=st.lists(st.integers(-32768, 32767), max_size=200))
def test_the_wire_keeps_what_the_codec_keeps(audio_format: AudioFormat, samples: list[int]) -> None:
    """PCM16 comes back exactly; G.711 comes back as what a second trip no longer changes."""
    pcm = np.array(samples, dtype=np.int16)
    once = audio_format.from_wire(audio_format.to_wire(pcm))
    np.testing.assert_array_equal(audio_format.from_wire(audio_format.to_wire(once)), once)
    assert once.dtype == np.int16
    assert once.size == pcm.size
    if audio_format.is_pcm:
        np.testing.assert_array_equal(once, pcm)


def test_a_torn_byte_is_dropped() -> None:
    """Half a PCM16 sample at the end of a transfer is no sample."""
    assert AudioFormat.PCM16.from_wire(b"\x01\x00\x02").tolist() == [1]
