"""Bodies that are compressed: gzip and deflate are unpacked, within limits; nothing else is."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from evalkit.errors import EvalkitError

_STEP_BYTES = 256 * 1024
_ANY_HEADER = 32 + zlib.MAX_WBITS


class CodingError(EvalkitError):
    """A body is packed in a way that is not known, or is not packed as it says."""


class Unpacker:
    """Unpacks one body, chunk by chunk.

    Args:
        coding: The value of ``Content-Encoding``; empty or ``identity``: the body is passed on as it is.

    Raises:
        CodingError: The coding is neither gzip nor deflate.

    """

    def __init__(self, coding: str) -> None:
        self._coding = coding.strip().lower()
        if self._coding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise CodingError(f"content-encoding {coding!r} is not understood; expected gzip, deflate or identity")
        self._inflate: zlib._Decompress | None = None
        self._begun = False
        self._head = b""
        if self.is_packed:
            self._inflate = zlib.decompressobj(_ANY_HEADER)

    @property
    def is_packed(self) -> bool:
        """Whether the body is compressed at all."""
        return self._coding not in ("", "identity")

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield what `chunk` unpacks to, in pieces of limited size. Raises CodingError for what is not packed."""
        if self._inflate is None:
            if chunk:
                yield chunk
            return
        pending = chunk
        if not self._begun:  # a header has two bytes, and is told from none by both
            pending = self._head = self._head + chunk
            if len(pending) < 2:
                return
        while pending:
            piece = self._step(pending)
            if piece:
                yield piece
            pending = self._inflate.unconsumed_tail
            if self._inflate.eof:
                return

    def finish(self) -> None:
        """Raise CodingError where the body ended too soon."""
        if self._inflate is not None and (self._begun or self._head) and not self._inflate.eof:
            raise CodingError(f"the {self._coding} body ends too soon")

    def _step(self, pending: bytes) -> bytes:
        assert self._inflate is not None  # noqa: S101 - for the type checker
        try:
            piece = self._inflate.decompress(pending, _STEP_BYTES)
        except zlib.error as error:
            if self._begun or self._coding != "deflate":
                raise CodingError(f"the body is not {self._coding}: {error}") from None
            self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)  # some servers leave deflate's header out
            try:
                piece = self._inflate.decompress(pending, _STEP_BYTES)
            except zlib.error:
                raise CodingError(f"the body is not deflate: {error}") from None
        self._begun = True
        return piece


def unpack(coding: str, body: bytes, max_bytes: int) -> bytes | None:
    """Return a whole body unpacked, or None where it is longer than `max_bytes`. Raises CodingError."""
    unpacker, pieces, total = Unpacker(coding), [], 0
    for piece in unpacker.feed(body):
        total += len(piece)
        if total > max_bytes:
            return None
        pieces.append(piece)
    unpacker.finish()
    return b"".join(pieces)
