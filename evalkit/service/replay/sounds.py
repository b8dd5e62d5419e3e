"""Sound of a stored run: the WAV files, and through them every byte that a trace left out.

A trace says of left out audio how many bytes it was, their hash, the file, and where they begin in the turn's stream
*as it went over the wire*. What was sent, and PCM16, is stored as it went; G.711 that was received is stored decoded
and is encoded again here. Mu-law has two zeros that decode to the same sample: ``negative_zeros`` (base64, one bit per
byte, the first byte in the highest bit) says where the rarer one, 0x7F, was.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from evalkit.audio.formats import AudioFormat
from evalkit.audio.riff import RiffError, parse_wav
from evalkit.service.replay.unusable import UnusableRun

_NEGATIVE_ZERO = 0x7F


class Sounds:
    """The sound files of one run.

    Args:
        root: Its directory.

    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._read = lru_cache(maxsize=64)(self._read_payload)

    def payload(self, wav: str) -> bytes:
        """Return the sample data of a file; raises :class:`UnusableRun` when it is not there or no WAV."""
        return self._read(wav)

    def file_sha256(self, wav: str) -> str | None:
        """Return the hash of a whole file, None when it is not there."""
        path = self._root / wav
        return sha256(path.read_bytes()).hexdigest() if path.is_file() else None

    def bytes_of(self, told: object, *, received_as: AudioFormat | None) -> bytes:
        """Return the wire bytes that a trace's audio field stands for; raises :class:`UnusableRun`.

        Args:
            told: Base64, or the object in its place.
            received_as: The session's output format for what a server said; None for what a client sent.

        """
        if isinstance(told, str):
            return base64.b64decode(told)
        if not isinstance(told, Mapping) or not isinstance(told.get("wav"), str):
            raise UnusableRun(f"a trace holds audio in a form that is not known: {str(told)[:80]}")
        stream = self.payload(told["wav"])
        start, count = told["offset"], told["bytes"]
        if received_as in (None, AudioFormat.PCM16):
            piece = bytearray(stream[start : start + count])
        else:
            piece = bytearray(received_as.to_wire(AudioFormat.PCM16.from_wire(stream[2 * start : 2 * (start + count)])))
        _put_negative_zeros(piece, told)
        if sha256(piece).hexdigest() != told["sha256"]:
            raise UnusableRun(f"{told['wav']} does not hold the {count} bytes that went over the wire at {start}")
        return bytes(piece)

    def _read_payload(self, wav: str) -> bytes:
        try:
            return parse_wav((self._root / wav).read_bytes()).payload
        except (OSError, RiffError) as error:
            raise UnusableRun(f"{wav} cannot be read: {error}") from error


def _put_negative_zeros(piece: bytearray, told: Mapping[str, Any]) -> None:
    if "negative_zeros" in told:
        mask = np.unpackbits(np.frombuffer(base64.b64decode(told["negative_zeros"]), dtype=np.uint8))
        for position in np.flatnonzero(mask[: len(piece)]):
            piece[position] = _NEGATIVE_ZERO
