"""The RIFF container of a WAV file, byte for byte: finding the `fmt` and `data` chunks, and building a header.

Walk sends a file's own bytes on the wire, so the payload must be what lies in the file; libraries hand out decoded
samples instead (and lose the negative zero of G.711 on the way back). What is read:

- RIFF/WAVE, and its 64-bit forms RF64 and BW64 (sizes in the `ds64` chunk);
- any chunks before `data` (LIST, fact, bext, …), odd sizes with their pad byte; what follows `data` is not looked at;
- WAVE_FORMAT_EXTENSIBLE, whose real codec tag stands in the sub-format GUID;
- streamed files, whose writer could not go back to fill in the sizes: `data` then lasts to the end of the file.

The size in the RIFF header is not trusted: many writers get it wrong, and the chunks tell the truth. Everything else
that does not add up is refused with a :class:`RiffError` that says what was found. Layout: Microsoft/IBM *Multimedia
Programming Interface and Data Specifications 1.0*, EBU Tech 3306 (RF64), ITU-R BS.2088 (BW64).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

PCM, ALAW, ULAW, EXTENSIBLE = 0x0001, 0x0006, 0x0007, 0xFFFE

_TAG_NAMES = {
    PCM: "PCM",
    0x0002: "Microsoft ADPCM",
    0x0003: "IEEE float",
    ALAW: "A-law",
    ULAW: "mu-law",
    0x0011: "IMA ADPCM",
    0x0031: "GSM 6.10",
    0x0045: "G.726 ADPCM",
    0x0050: "MPEG",
    0x0055: "MP3",
    0x0064: "G.726 ADPCM",
    0x0065: "G.722",
    0x00FF: "AAC",
    EXTENSIBLE: "extensible",
}
_OTHER_CONTAINERS = {
    b"RIFX": "a big-endian RIFX file",
    b"riff": "a Sony Wave64 file",
    b"FORM": "an AIFF file",
    b".snd": "a Sun AU file",
    b"fLaC": "a FLAC file",
    b"OggS": "an Ogg file",
    b"ID3\x03": "an MP3 file",
    b"ID3\x04": "an MP3 file",
    b"caff": "a Core Audio file",
}
_KS_SUFFIX = bytes.fromhex("000000001000800000aa00389b71")
# ffmpeg leaves 0xFFFFFFFF in a size it cannot go back to, sox 0x7FFFF000 plus a header; nothing we read is that long.
_UNKNOWN_SIZE_FROM_BYTES = 0x7FFF_0000


class RiffError(ValueError):
    """The bytes are not a WAV file that can be read; the message says what was found."""


@dataclass(frozen=True)
class WavChunks:
    """The two chunks of a WAV file that matter.

    Attributes:
        codec_tag: The registered codec number, already resolved where the file is WAVE_FORMAT_EXTENSIBLE.
        channels: Interleaved channels.
        sample_rate_hz: Samples per second of each channel.
        block_bytes: Bytes of one sample of all channels.
        bits: Bits of one sample of one channel.
        payload: The bytes of the data chunk, without padding.

    """

    codec_tag: int
    channels: int
    sample_rate_hz: int
    block_bytes: int
    bits: int
    payload: bytes

    @property
    def codec_name(self) -> str:
        """The codec for a person, with its number."""
        return f"{_TAG_NAMES.get(self.codec_tag, 'unknown codec')} (codec tag 0x{self.codec_tag:04X})"


def parse_wav(data: bytes) -> WavChunks:
    """Return format and payload of a whole WAV file.

    Raises:
        RiffError: The bytes are not a WAV file, lack a chunk, or end before the declared end of the audio.

    """
    form = _identify(data)
    fmt: tuple[int, int, int, int, int] | None = None
    sizes_64: tuple[int, int] | None = None
    seen: list[str] = []
    at = 12
    while at + 8 <= len(data):
        chunk_id, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        body = at + 8
        seen.append(chunk_id.decode("latin-1").strip())
        if chunk_id == b"data":
            if fmt is None:
                raise RiffError("the data chunk comes before any fmt chunk")
            payload = _read_payload(data, body, _declared_size(data, size, sizes_64, block_bytes=fmt[3]))
            return WavChunks(*fmt, payload)
        if body + size > len(data):
            raise RiffError(
                f"chunk {chunk_id!r} at byte {at} declares {size} bytes, but only {len(data) - body} follow: "
                "the file is truncated or the chunk size is wrong"
            )
        if chunk_id == b"fmt ":
            fmt = _parse_fmt(data[body : body + size])
        elif chunk_id == b"ds64" and form != b"RIFF" and size >= 24:
            sizes_64 = struct.unpack_from("<QQ", data, body + 8)
        at = body + size + (size & 1)
    raise RiffError(f"there is no data chunk (chunks found: {', '.join(map(repr, seen)) or 'none'})")


def build_wav(payload: bytes, *, codec_tag: int, channels: int, sample_rate_hz: int, sample_bytes: int) -> bytes:
    """Return a whole WAV file around `payload`."""
    head = build_head(
        len(payload), codec_tag=codec_tag, channels=channels, sample_rate_hz=sample_rate_hz, sample_bytes=sample_bytes
    )
    return b"".join((head, payload, pad_of(len(payload))))


def build_head(payload_bytes: int, *, codec_tag: int, channels: int, sample_rate_hz: int, sample_bytes: int) -> bytes:
    """Return what stands before the payload; anything but PCM gets the `fact` chunk that the format demands."""
    block_bytes = channels * sample_bytes
    fmt = struct.pack(
        "<HHIIHH", codec_tag, channels, sample_rate_hz, sample_rate_hz * block_bytes, block_bytes, sample_bytes * 8
    )
    if codec_tag == PCM:
        chunks = _chunk(b"fmt ", fmt)
    else:
        chunks = _chunk(b"fmt ", fmt + b"\0\0") + _chunk(b"fact", struct.pack("<I", payload_bytes // block_bytes))
    body = b"WAVE" + chunks + b"data" + struct.pack("<I", payload_bytes)
    return b"RIFF" + struct.pack("<I", len(body) + payload_bytes + len(pad_of(payload_bytes))) + body


def pad_of(payload_bytes: int) -> bytes:
    """Return what stands after the payload: chunks have an even size."""
    return b"\0" * (payload_bytes & 1)


def _chunk(chunk_id: bytes, body: bytes) -> bytes:
    return chunk_id + struct.pack("<I", len(body)) + body + b"\0" * (len(body) & 1)


def _identify(data: bytes) -> bytes:
    if not data:
        raise RiffError("the file is empty (0 bytes)")
    form = data[:4]
    if form in (b"RIFF", b"RF64", b"BW64") and data[8:12] == b"WAVE":
        return form
    if form in (b"RIFF", b"RF64", b"BW64"):
        raise RiffError(f"this is a RIFF file of type {data[8:12]!r}, not WAVE")
    raise RiffError(f"this is {_OTHER_CONTAINERS.get(form, f'no WAV file (it begins with {form!r}, not RIFF)')}")


def _parse_fmt(body: bytes) -> tuple[int, int, int, int, int]:
    if len(body) < 16:
        raise RiffError(f"the fmt chunk has {len(body)} bytes, at least 16 are needed")
    tag, channels, rate, _, block_bytes, bits = struct.unpack_from("<HHIIHH", body)
    if tag == EXTENSIBLE:
        if len(body) < 40:
            raise RiffError(f"the extensible fmt chunk has {len(body)} bytes, 40 are needed")
        if body[26:40] != _KS_SUFFIX:
            raise RiffError(f"the extensible fmt chunk names an unregistered sub-format {body[24:40].hex()}")
        tag = struct.unpack_from("<H", body, 24)[0]
    if channels == 0 or rate == 0 or block_bytes == 0:
        raise RiffError(f"the fmt chunk says {channels} channels, {rate} Hz, {block_bytes} bytes per block")
    return tag, channels, rate, block_bytes, bits


def _declared_size(data: bytes, size: int, sizes_64: tuple[int, int] | None, *, block_bytes: int) -> int | None:
    """Return the payload's bytes as the file declares them, None where the writer never filled them in."""
    if size == 0xFFFF_FFFF and sizes_64 and sizes_64[0]:
        size_64, sample_count = sizes_64
        # ffmpeg counts the pad byte as audio here; as a G.711 code it would be a click at full scale.
        return size_64 - 1 if size_64 - 1 == sample_count * block_bytes else size_64
    if size >= _UNKNOWN_SIZE_FROM_BYTES:
        return None
    riff_size = struct.unpack_from("<I", data, 4)[0]
    unfinished = size == 0 and (riff_size == 0 or riff_size >= _UNKNOWN_SIZE_FROM_BYTES)
    return None if unfinished else size


def _read_payload(data: bytes, start: int, declared: int | None) -> bytes:
    if declared is None:
        return data[start:]
    found = len(data) - start
    if declared > found:
        raise RiffError(f"the audio is truncated: the data chunk declares {declared} bytes, {found} were found")
    return data[start : start + declared]
