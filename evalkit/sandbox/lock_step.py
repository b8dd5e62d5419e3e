"""Requests and answers, one after the other: the next request goes out when the answer to the last has come."""

from __future__ import annotations

from collections.abc import Sequence


class LockStep:
    """The state of the exchange; it neither reads nor writes itself.

    Args:
        requests: Lines without newline.
        longest: How long one answer may be, in bytes.

    """

    def __init__(self, requests: Sequence[bytes], longest: int) -> None:
        if any(b"\n" in request for request in requests):
            raise ValueError("a request holds a newline")
        self.answers: list[bytes] = []
        self.broken = False
        """Whether something came that nobody had asked for, or an answer without end."""
        self._requests = requests
        self._longest = longest
        self._asked = 0
        self._outgoing = b""
        self._incoming = bytearray()
        self._ask()

    @property
    def complete(self) -> bool:
        """Whether every request has its answer."""
        return len(self.answers) == len(self._requests)

    @property
    def outgoing(self) -> bytes:
        """What is still to be written of the current request."""
        return self._outgoing

    def wrote(self, count: int) -> None:
        """Note that `count` bytes of `outgoing` were written."""
        self._outgoing = self._outgoing[count:]

    def receive(self, data: bytes) -> None:
        """Take what the program wrote: at most one line for each request, and never before it was sent whole."""
        if self.broken:
            return
        self._incoming += data
        end = self._incoming.find(b"\n")
        if end >= 0 and len(self.answers) < self._asked and not self._outgoing and end <= self._longest:
            self.answers.append(bytes(self._incoming[:end]))
            del self._incoming[: end + 1]
            self.broken = bool(self._incoming)
            self._ask()
        elif end >= 0 or len(self._incoming) > self._longest or len(self.answers) == self._asked:
            self.broken = True

    def _ask(self) -> None:
        if self._asked < len(self._requests) and not self.broken:
            self._outgoing = self._requests[self._asked] + b"\n"
            self._asked += 1
