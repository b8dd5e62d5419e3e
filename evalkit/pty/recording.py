"""A terminal session as a file that players know: asciicast v2, one event a line.

Version 2 and not 3, because the players that people have installed read 2 only.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from evalkit.errors import DataError
from evalkit.whole_files import write_whole

OUTPUT, INPUT, MARKER, RESIZE = "o", "i", "m", "r"
REDACTED = "[redacted]"
_EVENT_COST_BYTES = 100
_MARKER_LIMIT = 2_000


class CastEvent(NamedTuple):
    """One event of a recording.

    Attributes:
        at_s: Seconds since the recording began.
        kind: ``o`` output, ``i`` input, ``m`` a marker, ``r`` a new size.
        data: The text; for a size ``COLUMNSxROWS``.

    """

    at_s: float
    kind: str
    data: str


@dataclass(frozen=True)
class StoredRecording:
    """A recording that was read from its file: first size, when it began (Unix seconds), and its events in order."""

    columns: int
    rows: int
    started_unix_s: float
    events: tuple[CastEvent, ...]


class TerminalRecording:
    """What a terminal was told and said, kept in memory until it is written.

    Bytes become text as they come: a character that is cut between two reads is whole again, and what is no UTF-8
    becomes U+FFFD. All times are seconds since the recording began and must not go back.

    Args:
        columns: The width at the beginning.
        rows: The height at the beginning.
        started_unix_s: When it began, in seconds since 1970.
        limit_bytes: How much is kept; then a marker says that it was cut, and only markers and sizes are added.
        redact: Texts that must not be in the file, such as keys; empty ones are ignored. They are found across
            neighbouring events of the same direction too, but not where the program writes something between their
            characters, such as a line break of its own.

    """

    def __init__(
        self,
        columns: int,
        rows: int,
        *,
        started_unix_s: float,
        limit_bytes: int = 20_000_000,
        redact: Sequence[str] = (),
    ) -> None:
        self._size = (columns, rows)
        self._started_unix_s = started_unix_s
        self._left_bytes = limit_bytes
        self._limit_bytes = limit_bytes
        self._markers_left = _MARKER_LIMIT
        self._secrets = sorted({secret for secret in redact if secret}, key=len, reverse=True)
        self._longest = len(self._secrets[0]) if self._secrets else 0
        self._first_letters = frozenset(secret[0] for secret in self._secrets)
        self._secret = re.compile("|".join(map(re.escape, self._secrets))) if self._secrets else None
        self._decoders = {kind: codecs.getincrementaldecoder("utf-8")("replace") for kind in (OUTPUT, INPUT)}
        self._held = {OUTPUT: "", INPUT: ""}
        self._events: list[CastEvent] = []
        self._last_s = 0.0
        self.cut = False

    @property
    def events(self) -> tuple[CastEvent, ...]:
        """What is kept so far; the last characters are held back while they may be the beginning of a secret."""
        return tuple(self._events)

    def output(self, at_s: float, data: bytes) -> None:
        """Add what the program wrote."""
        self._add_bytes(at_s, OUTPUT, data)

    def input(self, at_s: float, data: bytes) -> None:
        """Add what the program was sent by its user."""
        self._add_bytes(at_s, INPUT, data)

    def marker(self, at_s: float, label: str) -> None:
        """Add a label, which players show on their time line; after 2,000 no more are added."""
        if self._markers_left > 0:
            self._markers_left -= 1
            self._append(at_s, MARKER, self._redacted(label))

    def resize(self, at_s: float, columns: int, rows: int) -> None:
        """Add a new size."""
        if self._markers_left > 0:
            self._markers_left -= 1
            self._append(at_s, RESIZE, f"{columns}x{rows}")

    def close(self) -> None:
        """Add what was held back: the beginning of a secret, or of a character, that did not come."""
        for kind, decoder in self._decoders.items():
            rest = self._redacted(self._held[kind] + decoder.decode(b"", final=True))
            self._held[kind] = ""
            self._add_text(self._last_s, kind, rest)

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all. Raises OSError."""
        write_whole(path, [self.to_bytes()])

    def to_bytes(self) -> bytes:
        """Return the file's content; what was held back is in it."""
        self.close()
        header = {
            "version": 2,
            "width": self._size[0],
            "height": self._size[1],
            "timestamp": int(self._started_unix_s),
            "env": {"TERM": "xterm-256color"},
        }
        lines = [json.dumps(header)]
        lines += [json.dumps([round(at_s, 6), kind, data], ensure_ascii=False) for at_s, kind, data in self._events]
        return "".join(f"{line}\n" for line in lines).encode(errors="replace")

    def _add_bytes(self, at_s: float, kind: str, data: bytes) -> None:
        if self.cut:
            return
        text, self._held[kind] = self._redact_all_but_end(self._held[kind] + self._decoders[kind].decode(data))
        self._add_text(at_s, kind, text)

    def _add_text(self, at_s: float, kind: str, text: str) -> None:
        if self.cut or not text:
            return
        cost = len(text.encode(errors="replace")) + _EVENT_COST_BYTES
        if cost > self._left_bytes:
            self.cut = True
            self._held = dict.fromkeys(self._held, "")
            self._append(at_s, MARKER, f"recording cut: more than {self._limit_bytes} bytes")
            return
        self._left_bytes -= cost
        self._append(at_s, kind, text)

    def _append(self, at_s: float, kind: str, data: str) -> None:
        self._last_s = max(self._last_s, at_s)
        self._events.append(CastEvent(self._last_s, kind, data))

    def _redacted(self, text: str) -> str:
        return self._secret.sub(REDACTED, text) if self._secret else text

    def _redact_all_but_end(self, text: str) -> tuple[str, str]:
        """Return `text` redacted, and the end of it that may be the beginning of a secret and must wait for more."""
        if self._secret is None:
            return text, ""
        pieces: list[str] = []
        at = 0
        while True:
            found = self._secret.search(text, at)
            opens = self._find_open(text, at)
            if found is None or found.start() >= opens:
                return "".join([*pieces, text[at:opens]]), text[opens:]
            pieces += text[at : found.start()], REDACTED
            at = found.end()

    def _find_open(self, text: str, start: int) -> int:
        """Return the first place from `start` on whose rest begins a secret; the end of the text if there is none."""
        for at in range(max(start, len(text) - self._longest + 1), len(text)):
            if text[at] in self._first_letters:
                rest = text[at:]
                if any(len(secret) > len(rest) and secret.startswith(rest) for secret in self._secrets):
                    return at
        return len(text)


def read_recording(path: Path) -> StoredRecording:
    """Return what a file of asciicast v2 holds. Raises DataError where it is none, OSError where it is not there."""
    return parse_recording(path.read_bytes(), str(path))


def parse_recording(content: bytes, name: str) -> StoredRecording:
    """Return the recording in `content`, asciicast v2; `name` says in errors what it is. Raises DataError."""
    try:
        first, *rest = content.decode().removesuffix("\n").split("\n")
        header = json.loads(first)
        if header["version"] != 2:
            raise DataError(f"{name}: a recording of version {header['version']!r}; only version 2 is read")
        events = tuple(_read_event(json.loads(line)) for line in rest)
        return StoredRecording(int(header["width"]), int(header["height"]), float(header.get("timestamp", 0)), events)
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{name}: not a recording of a terminal (asciicast v2): {error}") from error


def _read_event(found: Any) -> CastEvent:
    at_s, kind, data = found
    if not isinstance(data, str) or not isinstance(kind, str):
        raise TypeError("an event is [SECONDS, KIND, TEXT]")
    return CastEvent(float(at_s), kind, data)
