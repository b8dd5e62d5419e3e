"""WAV files: reading one with its exact format, and writing one so that it is there whole or not at all.

`read_wav` gives the samples *and* the bytes exactly as they lie in the file: walk sends those bytes on the wire.
It reads PCM16, G.711 mu-law and A-law, any rate and channel count; whatever else it finds it refuses by name. What a
run can use is narrower (one codec, one rate, mono): `find_mismatches` says what stands in the way. See
:mod:`evalkit.audio.riff` for the container.

An empty data chunk is read as zero samples: an assistant that said nothing leaves such a file. `find_mismatches`
objects to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evalkit.audio.formats import AudioFormat
from evalkit.audio.g711 import Pcm
from evalkit.audio.riff import ALAW, PCM, ULAW, RiffError, WavChunks, build_head, pad_of, parse_wav
from evalkit.errors import DataError
from evalkit.whole_files import write_whole

# A file says its rate beside its codec: one of samples is PCM16, whatever that is.
_CODECS = {PCM: AudioFormat.PCM16, ULAW: AudioFormat.G711_ULAW, ALAW: AudioFormat.G711_ALAW}
_TAGS = {**{codec: tag for tag, codec in _CODECS.items()}, AudioFormat.PCM16_16KHZ: PCM}
_MAX_BYTES = 512 * 1024 * 1024
_READABLE = "PCM 16 bit, G.711 mu-law or G.711 A-law"


@dataclass(frozen=True, eq=False)
class WavShape:
    """The format of a WAV file, without its samples.

    Attributes:
        path: Its path.
        codec: How the payload is encoded.
        sample_rate_hz: Samples per second of each channel.
        channels: Channel count.
        sample_count: Samples of each channel.

    """

    path: Path
    codec: AudioFormat
    sample_rate_hz: int
    channels: int
    sample_count: int

    @property
    def duration_ms(self) -> float:
        """How long it plays, in milliseconds."""
        return self.sample_count / self.sample_rate_hz * 1000.0


@dataclass(frozen=True, eq=False)
class WavAudio(WavShape):
    """A WAV file that was read.

    Attributes:
        payload: The data chunk's bytes, exactly as in the file.
        pcm: Decoded samples: of shape (n,) where mono, else (n, channels).

    """

    payload: bytes
    pcm: Pcm


def read_wav(path: Path) -> WavAudio:
    """Read a WAV file.

    Raises:
        DataError: It is missing, no WAV file, truncated, beyond 512 MiB, or in a codec that evalkit does not decode.
            The message names the file, what was found, what was expected and what to do.

    """
    try:
        size_bytes = path.stat().st_size
        if size_bytes > _MAX_BYTES:
            raise DataError(
                f"{path}: has {size_bytes} bytes, expected at most {_MAX_BYTES}; cut it into one file for each turn"
            )
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise DataError(f"{path}: cannot be read ({reason}); expected a WAV file; check the path") from error
    return decode_wav(path, data)


def decode_wav(path: Path, data: bytes) -> WavAudio:
    """Return what the content `data` of the WAV file `path` holds. Raises DataError as :func:`read_wav` does."""
    try:
        chunks = parse_wav(data)
    except RiffError as error:
        raise DataError(f"{path}: {error}; expected a complete WAV file; {_convert_hint()}") from error
    codec = _decide_codec(path, chunks)
    samples = codec.from_wire(chunks.payload)
    return WavAudio(
        path=path,
        codec=codec,
        sample_rate_hz=chunks.sample_rate_hz,
        channels=chunks.channels,
        sample_count=len(chunks.payload) // chunks.block_bytes,
        payload=chunks.payload,
        pcm=samples if chunks.channels == 1 else samples.reshape(-1, chunks.channels),
    )


def find_mismatches(audio: WavShape, codec: AudioFormat, sample_rate_hz: int) -> tuple[str, ...]:
    """Return one message for each reason why a run that sends mono `codec` at `sample_rate_hz` cannot use the file."""
    found = f"{audio.codec} at {audio.sample_rate_hz} Hz, {audio.channels} channel(s)"
    problems: list[str] = []
    if audio.codec is not codec:
        problems.append(f"codec is {audio.codec}, expected {codec}; convert the file or set audio.input_format")
    if audio.sample_rate_hz != sample_rate_hz:
        problems.append(f"rate is {audio.sample_rate_hz} Hz, expected {sample_rate_hz} Hz; resample the file")
    if audio.channels != 1:
        problems.append(f"{audio.channels} channels, expected 1 (mono); keep the caller's channel only")
    if audio.sample_count == 0:
        problems.append("no audio (0 samples), expected speech; record it again or remove the row")
    return tuple(f"{audio.path}: {problem} (found: {found})" for problem in problems)


def write_wav(path: Path, wire: bytes, codec: AudioFormat, *, sample_rate_hz: int | None = None) -> None:
    """Write mono wire bytes unchanged, at the codec's own rate unless told otherwise; a torn last byte is dropped."""
    whole = wire[: len(wire) // codec.bytes_per_sample * codec.bytes_per_sample]
    _write(path, whole, codec, channels=1, sample_rate_hz=sample_rate_hz or codec.sample_rate_hz)


def write_pcm16(path: Path, pcm: Pcm, sample_rate_hz: int) -> None:
    """Write mono samples as PCM16."""
    wire = AudioFormat.PCM16.to_wire(pcm)
    _write(path, wire, AudioFormat.PCM16, channels=1, sample_rate_hz=sample_rate_hz)


def encode_pcm16(pcm: Pcm, sample_rate_hz: int) -> bytes:
    """Return mono samples as a whole PCM16 WAV file."""
    payload = AudioFormat.PCM16.to_wire(pcm)
    return b"".join(_parts(payload, AudioFormat.PCM16, channels=1, sample_rate_hz=sample_rate_hz))


def write_stereo(path: Path, left: Pcm, right: Pcm, sample_rate_hz: int) -> None:
    """Write two sides as one PCM16 file; the shorter side ends in silence."""
    both = np.zeros((max(left.size, right.size), 2), dtype=np.int16)
    both[: left.size, 0] = left
    both[: right.size, 1] = right
    wire = AudioFormat.PCM16.to_wire(both)
    _write(path, wire, AudioFormat.PCM16, channels=2, sample_rate_hz=sample_rate_hz)


def _decide_codec(path: Path, chunks: WavChunks) -> AudioFormat:
    shape = (
        f"{chunks.codec_name}, {chunks.bits} bits, {chunks.sample_rate_hz} Hz, {chunks.channels} channel(s), "
        f"{chunks.block_bytes} byte(s) per sample of all channels"
    )
    codec = _CODECS.get(chunks.codec_tag)
    bits = codec.bytes_per_sample * 8 if codec else 0
    if codec is None or chunks.bits != bits or chunks.block_bytes * 8 != bits * chunks.channels:
        raise DataError(f"{path}: the audio is {shape}; expected {_READABLE}; {_convert_hint()}")
    if len(chunks.payload) % chunks.block_bytes:
        raise DataError(
            f"{path}: the data chunk has {len(chunks.payload)} bytes, which is not a whole number of "
            f"{chunks.block_bytes}-byte samples ({shape}); expected a complete WAV file; {_convert_hint()}"
        )
    return codec


def _convert_hint() -> str:
    return "convert or record it again, for example `ffmpeg -i IN -ac 1 -ar 8000 -c:a pcm_mulaw OUT.wav`"


def _write(path: Path, payload: bytes, codec: AudioFormat, *, channels: int, sample_rate_hz: int) -> None:
    write_whole(path, _parts(payload, codec, channels=channels, sample_rate_hz=sample_rate_hz))


def _parts(payload: bytes, codec: AudioFormat, *, channels: int, sample_rate_hz: int) -> tuple[bytes, bytes, bytes]:
    """Return the pieces of a file, in order."""
    head = build_head(
        len(payload),
        codec_tag=_TAGS[codec],
        channels=channels,
        sample_rate_hz=sample_rate_hz,
        sample_bytes=codec.bytes_per_sample,
    )
    return head, payload, pad_of(len(payload))
