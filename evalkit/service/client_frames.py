"""Where the frames of a WebSocket begin and end, in what arrives from a client (RFC 6455, section 5.2). No I/O.

A client that speaks sends fifty messages a second, nearly all of them whole text messages in a frame each. What parses
any frame costs more than what a session does about such a message. Told apart here, they need not go through it; every
other kind of frame does, as it came and in its place.
"""

from __future__ import annotations

from typing import NamedTuple

# The first byte of a frame that holds a whole text message.
_FINAL_TEXT = 0x81
_MASKED, _MASK_BYTES = 0x80, 4


class Arrived(NamedTuple):
    """Some of what arrived.

    Attributes:
        data: The bytes as they came.
        text_at: Where the masked text begins in them, behind its mask of four bytes, if they are a frame that holds a
            whole message of text; 0: they are not.

    """

    data: bytes
    text_at: int


class ClientFrames:
    """Splits what arrives at the edges of frames.

    Args:
        max_bytes: Of a message; a longer one is not told apart.

    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._begun = b""
        self._missing = 0

    def split(self, data: bytes) -> list[Arrived]:
        """Return what arrived, in order: whole frames, and of one that has not come whole what there is.

        A frame whose length cannot be told yet waits for the next call.
        """
        if self._begun:
            data, self._begun = self._begun + data, b""
        start, available, arrived = 0, len(data), []
        if self._missing:
            start = min(self._missing, available)
            self._missing -= start
            arrived.append(Arrived(data[:start], 0))
        while start < available:
            told = data[start + 1] if start + 1 < available else 0
            size, mask_bytes = told & 0x7F, _MASK_BYTES if told & _MASKED else 0
            mask_at = start + (2 if size < 126 else 4 if size == 126 else 10)
            if mask_at + mask_bytes > available:
                self._begun = data[start:]
                break
            if size >= 126:
                size = int.from_bytes(data[start + 2 : mask_at], "big")
            end = mask_at + mask_bytes + size
            if end > available:
                self._missing = end - available
            is_text = data[start] == _FINAL_TEXT and mask_bytes and end <= available and size <= self._max_bytes
            arrived.append(Arrived(data[start:end], mask_at + mask_bytes - start if is_text else 0))
            start = end
        return arrived
