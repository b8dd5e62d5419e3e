"""The file with everything a session asked and was answered: one JSON object a line, in the order of starting.

A line has the fields of :class:`~evalkit.gateway.calls.ModelCall`, and beside them ``query``, ``request`` (the body as
JSON; null where it was too long), ``request_sha256`` (of the normalised request), ``answer_headers``, and ``answer``
(the body as text) or ``answer_base64`` (where it is not text), null where it was too long to be kept. No key is in it.

A line is written when its call has ended, and those that started before it as well.
"""

from __future__ import annotations

import base64
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from evalkit.errors import StorageError
from evalkit.gateway.calls import ModelCall, OpenCall
from evalkit.gateway.key_filter import KeyFilter
from evalkit.whole_files import append

MAX_LOGGED_REQUEST_BYTES = 4 * 1024 * 1024
MAX_LOGGED_ANSWER_BYTES = 8 * 1024 * 1024
_NOT_LOGGED = frozenset({"date"})


class CallLog:
    """Writes the file of one session; nothing where there is no path.

    Args:
        path: The file; it is appended to.
        key_filter: Takes keys out of what is written.

    """

    def __init__(self, path: Path | None, key_filter: KeyFilter) -> None:
        self._path = path
        self._filter = key_filter
        self._next = 0
        self._waiting: dict[int, bytes] = {}
        self._problem: OSError | None = None

    def add(self, call: ModelCall, source: OpenCall) -> None:
        """Write the line of a call that has ended, once all that began before it have ended too."""
        if self._path is None:
            return
        self._waiting[call.index] = self._line(call, source)
        ready = []
        while self._next in self._waiting:
            ready.append(self._waiting.pop(self._next))
            self._next += 1
        self._write(ready)

    def close(self) -> None:
        """Write what waits. Raises StorageError when any line could not be written."""
        self._write([line for _, line in sorted(self._waiting.items())])
        self._waiting.clear()
        if self._problem is not None:
            raise StorageError(f"{self._path}: the calls could not be written ({self._problem.strerror})")

    def _write(self, lines: list[bytes]) -> None:
        if not lines or self._path is None or self._problem is not None:
            return
        try:
            append(self._path, b"".join(lines))
        except OSError as error:
            self._problem = error

    def _line(self, call: ModelCall, source: OpenCall) -> bytes:
        request, body = source.request, source.body
        line: dict[str, Any] = {
            **asdict(call),
            "query": request.query,
            "request_sha256": request.sha256,
            "request": None,
            "answer_headers": [list(pair) for pair in source.headers if pair[0] not in _NOT_LOGGED],
            "answer": None,
        }
        if request.content is not None and len(request.body) <= MAX_LOGGED_REQUEST_BYTES:
            line["request"] = orjson.Fragment(_compact(self._filter.bytes(request.body)) or b"null")
        if len(body) <= MAX_LOGGED_ANSWER_BYTES:
            try:
                line["answer"] = body.decode()
            except UnicodeDecodeError:
                line["answer_base64"] = base64.b64encode(body).decode()
        return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def _compact(body: bytes) -> bytes | None:
    """Return JSON on one line; None where it is not the JSON that everybody reads."""
    try:
        return orjson.dumps(orjson.loads(body))
    except (orjson.JSONDecodeError, TypeError):
        return None
