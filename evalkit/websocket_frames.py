"""Whole text messages of a WebSocket: told apart where they arrive, and written (RFC 6455, section 5.2). No I/O.

Who speaks or listens in real time sends and takes fifty messages a second, nearly all of them whole text messages in a
frame each. Libraries read each frame through half a dozen generators and wait for the peer after each, which costs more
than what a session makes of it. Told apart here, these need not go through one; every other kind of frame reaches it as
it came, and in its place.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from websockets.frames import apply_mask  # type: ignore[attr-defined]  # the fast one where there is one

# The first byte of a frame that holds a whole text message, and what the second says of a mask.
_FINAL_TEXT, _MASKED = 0x81, 0x80
_MASK_BYTES = 4


class Piece(NamedTuple):
    """Some of what arrived.

    Attributes:
        data: The bytes as they came.
        text_at: Where the text begins in them, if they are a frame that holds a whole message of text; 0: they are not.

    """

    data: bytes
    text_at: int

    @property
    def text(self) -> bytes:
        """The text of a frame without a mask, in UTF-8."""
        return self.data[self.text_at :]

    @property
    def unmasked_text(self) -> bytes:
        """The text of a frame with a mask, in UTF-8."""
        text_at = self.text_at
        unmasked: bytes = apply_mask(self.data[text_at:], self.data[text_at - _MASK_BYTES : text_at])
        return unmasked


class FrameSplitter:
    """Splits what arrives at the edges of frames.

    Args:
        max_bytes: A longer message is not told apart: the library refuses it.
        masked: Whether the peer masks its messages, as clients have to and servers must not; others are not told apart.

    """

    def __init__(self, max_bytes: int, *, masked: bool) -> None:
        self._max_bytes = max_bytes
        self._mask_bytes = _MASK_BYTES if masked else 0
        self._head = b""
        self._owed = 0

    def split(self, data: bytes) -> list[Piece]:
        """Return what arrived in pieces, in order: whole frames, or a part of one where it has not come whole.

        The beginning of a frame whose length is not known yet is kept until it is.
        """
        if self._head:
            data, self._head = self._head + data, b""
        at, size, pieces = 0, len(data), []
        if self._owed:
            at = min(self._owed, size)
            self._owed -= at
            pieces.append(Piece(data[:at], 0))
        while at < size:
            told = data[at + 1] if at + 1 < size else 0
            length, mask_bytes = told & ~_MASKED, _MASK_BYTES if told & _MASKED else 0
            mask_at = at + (2 if length < 126 else 4 if length == 126 else 10)
            if mask_at + mask_bytes > size:
                self._head = data[at:]
                break
            if length >= 126:
                length = int.from_bytes(data[at + 2 : mask_at], "big")
            text_at = mask_at + mask_bytes
            end = text_at + length
            if end > size:
                self._owed = end - size
            is_text = data[at] == _FINAL_TEXT and end <= size and length <= self._max_bytes
            pieces.append(Piece(data[at:end], text_at - at if is_text and mask_bytes == self._mask_bytes else 0))
            at = end
        return pieces


def client_frames(messages: Sequence[bytes]) -> bytes:
    """Return `messages` of UTF-8 text as a client's frames, for one write: a system call costs more than a frame.

    Each is masked with four bytes of its own from the system's random source (section 5.3).
    """
    frames: list[bytes] = []
    for message in messages:
        mask = next(_MASKS)
        frames += (_head(len(message), _MASKED), mask, apply_mask(message, mask))
    return b"".join(frames)


def server_frames(messages: Sequence[bytes]) -> bytes:
    """Return `messages` of UTF-8 text as a server's frames, for one write."""
    return b"".join([part for message in messages for part in (_head(len(message), 0), message)])


def _head(length: int, masked: int) -> bytes:
    if length < 126:
        return struct.pack("!BB", _FINAL_TEXT, masked | length)
    if length < 65_536:
        return struct.pack("!BBH", _FINAL_TEXT, masked | 126, length)
    return struct.pack("!BBQ", _FINAL_TEXT, masked | 127, length)


def _masks() -> Iterator[bytes]:
    """Yield masks without end, drawn a thousand at a time: a system call for each costs more than the masking."""
    while True:
        drawn = os.urandom(1000 * _MASK_BYTES)
        yield from (drawn[at : at + _MASK_BYTES] for at in range(0, len(drawn), _MASK_BYTES))


_MASKS = _masks()
