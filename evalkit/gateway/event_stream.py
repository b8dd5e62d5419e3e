"""Server-sent events, read from bytes as they come; where a chunk ends changes nothing."""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_EVENT_BYTES = 16 * 1024 * 1024
"""An event beyond this is skipped: it is passed on, but not read."""

_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n|\n|\r")


class StreamEvent(NamedTuple):
    """One event: its type (empty where none was given) and its data lines, joined by line feeds."""

    name: str
    data: str


class EventStream:
    """What has come of a stream so far.

    Attributes:
        skipped: How many events were too long to be read.

    """

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self.skipped = 0
        self._max_event_bytes = max_event_bytes
        self._rest = b""
        self._scanned = 0
        self._name = ""
        self._data: list[bytes] = []
        self._data_bytes = 0
        self._too_long = False
        self._at_start = True

    def feed(self, chunk: bytes) -> list[StreamEvent]:
        """Return the events that `chunk` completes."""
        self._rest += chunk
        if self._at_start:
            if len(self._rest) < len(_BOM) and _BOM.startswith(self._rest):
                return []
            self._rest = self._rest.removeprefix(_BOM)
            self._at_start = False
        events: list[StreamEvent] = []
        begin = 0
        for end in _LINE_END.finditer(self._rest, self._scanned):
            if end[0] == b"\r" and end.end() == len(self._rest):
                break  # its line feed may be in the next chunk
            events += self._take_line(self._rest[begin : end.start()])
            begin = end.end()
        self._rest = self._rest[begin:]
        self._scanned = max(0, len(self._rest) - 1)
        if len(self._rest) + self._data_bytes > self._max_event_bytes:
            self._skip()
            self._rest, self._scanned = self._rest[-1:], 0
        return events

    def finish(self) -> list[StreamEvent]:
        """Return the event that the end of the stream completes: not every server ends its last one."""
        lines = [self._rest.removesuffix(b"\r"), b""] if self._rest else [b""]
        self._rest, self._scanned = b"", 0
        return [event for line in lines for event in self._take_line(line)]

    def _take_line(self, line: bytes) -> list[StreamEvent]:
        if not line:
            return self._dispatch()
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data" and not self._too_long:
            self._data.append(value)
            self._data_bytes += len(value)
            if self._data_bytes > self._max_event_bytes:
                self._skip()
        elif field == b"event":
            self._name = value.decode(errors="replace")
        return []

    def _skip(self) -> None:
        self._too_long = True
        self._data, self._data_bytes = [], 0

    def _dispatch(self) -> list[StreamEvent]:
        name, data, too_long = self._name, self._data, self._too_long
        self._name, self._data, self._data_bytes, self._too_long = "", [], 0, False
        if too_long:
            self.skipped += 1
            return []
        return [StreamEvent(name, b"\n".join(data).decode(errors="replace"))] if data else []
