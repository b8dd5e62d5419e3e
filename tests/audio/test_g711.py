"""G.711 over every value there is, against libsndfile's int16 path."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
import soundfile

from evalkit.audio import g711
from evalkit.audio.formats import AudioFormat
from evalkit.audio.g711 import Pcm

EVERY_SAMPLE = np.arange(-32768, 32768).astype(np.int16)
EVERY_CODE = bytes(range(256))
LAWS = [
    pytest.param("ULAW", g711.ulaw_encode, g711.ulaw_decode, id="mu-law"),
    pytest.param("ALAW", g711.alaw_encode, g711.alaw_decode, id="A-law"),
]

Encode = Callable[[Pcm], bytes]
Decode = Callable[[bytes], Pcm]


@pytest.mark.parametrize(("subtype", "encode", "decode"), LAWS)
def test_every_sample_encodes_as_libsndfile_does(subtype: str, encode: Encode, decode: Decode) -> None:
    """All 65,536 int16 values get libsndfile's code, bit for bit."""
    raw = io.BytesIO()
    soundfile.write(raw, EVERY_SAMPLE, 8000, format="RAW", subtype=subtype)
    assert encode(EVERY_SAMPLE) == raw.getvalue()


@pytest.mark.parametrize(("subtype", "encode", "decode"), LAWS)
def test_every_code_decodes_as_libsndfile_does(subtype: str, encode: Encode, decode: Decode) -> None:
    """All 256 codes give libsndfile's sample."""
    raw = io.BytesIO(EVERY_CODE)
    expected, _ = soundfile.read(raw, dtype="int16", format="RAW", subtype=subtype, samplerate=8000, channels=1)
    np.testing.assert_array_equal(decode(EVERY_CODE), expected)


def test_decoding_and_encoding_again_changes_only_negative_zero() -> None:
    """A second generation costs nothing: mu-law's one negative zero becomes positive, A-law has none."""
    again = np.frombuffer(g711.ulaw_encode(g711.ulaw_decode(EVERY_CODE)), dtype=np.uint8)
    assert np.flatnonzero(again != np.arange(256)).tolist() == [0x7F]
    assert again[0x7F] == AudioFormat.G711_ULAW.silence_byte
    assert g711.alaw_encode(g711.alaw_decode(EVERY_CODE)) == EVERY_CODE


@pytest.mark.parametrize(("subtype", "encode", "decode"), LAWS)
def test_the_error_grows_with_the_level(subtype: str, encode: Encode, decode: Decode) -> None:
    """Every sample comes back within half a step of its segment, which is what G.711 promises."""
    error = np.abs(decode(encode(EVERY_SAMPLE)).astype(int) - EVERY_SAMPLE)
    assert (error <= np.maximum(16, np.abs(EVERY_SAMPLE.astype(int)) / 16)).all()


def test_silence_bytes_are_silent() -> None:
    """The padding of each law decodes to (almost) nothing, which 0x00 does not."""
    assert g711.ulaw_decode(bytes([AudioFormat.G711_ULAW.silence_byte]))[0] == 0
    assert abs(int(g711.alaw_decode(bytes([AudioFormat.G711_ALAW.silence_byte]))[0])) == 8
    assert abs(int(g711.ulaw_decode(b"\0")[0])) > 30_000
