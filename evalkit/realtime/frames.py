"""Where the frames of a WebSocket begin and end, in what arrives from a server (RFC 6455, section 5.2). No I/O.

A call receives fifty messages a second, nearly all of them whole text messages in a frame each. The library reads each
frame through half a dozen generators, which costs more than what a session makes of it. Told apart here, these need not
go through it; every other kind of frame reaches it as it came, and in its place.
"""

from __future__ import annotations

from typing import NamedTuple

# The first byte of a frame that holds a whole text message.
_FINAL_TEXT = 0x81


class Piece(NamedTuple):
    """Some of what arrived.

    Attributes:
        data: The bytes as they came.
        text_at: Where the text begins in them, if they are a frame that holds a whole message of text; 0: they are not.

    """

    data: bytes
    text_at: int


class FrameSplitter:
    """Splits what arrives from a server at the edges of frames.

    Args:
        max_bytes: A longer message is not told apart: the library refuses it.

    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
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
            length = data[at + 1] if at + 1 < size else 0
            text_at = 2 if length < 126 else 4 if length == 126 else 10
            if at + text_at > size:
                self._head = data[at:]
                break
            if length >= 126:
                length = int.from_bytes(data[at + 2 : at + text_at], "big")
            end = at + text_at + length
            if end > size:
                self._owed = end - size
            is_text = data[at] == _FINAL_TEXT and end <= size and length <= self._max_bytes
            pieces.append(Piece(data[at:end], text_at if is_text else 0))
            at = end
        return pieces
