"""A stored session that plays the provider: it answers the same requests with the same bytes, and no others."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from evalkit.errors import DataError, EvalkitError
from evalkit.gateway.answers import as_list
from evalkit.gateway.calls import GAVE_UP, SESSION_CLOSED
from evalkit.gateway.protocols import ModelProtocol, Operation, RequestKind
from evalkit.gateway.requests import ModelRequest
from evalkit.records.json import Json, canonical

_EXCERPT_CHARACTERS = 120


class ReplayMismatch(EvalkitError):
    """The stored session has no answer to a request; the message says what differs."""


@dataclass(frozen=True)
class ReplayedCall:
    """One stored call.

    Attributes:
        index: Its place in the stored session.
        sha256: The hash of its normalised request.
        request: The normalised request; None where the log had no room for it.
        status: The HTTP status; 0: the agent gave up before there was one.
        headers: The answer's headers.
        body: The answer's body; None where the log had no room for it.
        error_type: What went wrong then.
        message: The same, for a person.
        retry_after_s: What the provider asked to wait then.
        cut: Whether the answer ended before its end.

    """

    index: int
    sha256: str
    request: Mapping[str, Any] | None
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes | None
    error_type: str
    message: str
    retry_after_s: float | None
    cut: bool

    @property
    def was_left(self) -> bool:
        """Whether it ended because the agent did not wait: then it is left open again."""
        return self.error_type in (GAVE_UP, SESSION_CLOSED)


@dataclass(frozen=True)
class Replay:
    """A stored session; any number of sessions may be answered from it.

    Attributes:
        path: The file it was read from.
        calls: Its calls, in the order of starting.

    """

    path: Path
    calls: tuple[ReplayedCall, ...]

    @classmethod
    def read(cls, path: Path) -> Replay:
        """Return the session stored at `path`. Raises DataError when it is not one."""
        try:
            lines = path.read_bytes().splitlines()
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror}); expected a gateway.jsonl of a run") from None
        calls = []
        for number, line in enumerate(lines, 1):
            try:
                calls.append(_read_call(orjson.loads(line)))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise DataError(f"{path}:{number}: is not a stored call ({type(error).__name__}: {error})") from None
        return cls(path, tuple(sorted(calls, key=lambda call: call.index)))

    def begin(self) -> ReplayPosition:
        """Return where a session begins that is answered from it."""
        return ReplayPosition(self)


class ReplayPosition:
    """Which calls of a stored session were played.

    Calls that ask the same are played in their stored order. Calls that ask different things may come in another
    order than they did, since agents ask several things at once.
    """

    def __init__(self, replay: Replay) -> None:
        self._left = list(replay.calls)
        self._path = replay.path

    @property
    def left(self) -> int:
        """How many stored calls were not played yet."""
        return len(self._left)

    def take(self, request: ModelRequest) -> ReplayedCall:
        """Return the stored call that asks the same. Raises ReplayMismatch, which says what differs from the next."""
        for place, call in enumerate(self._left):
            if call.sha256 == request.sha256:
                if call.body is None:
                    raise ReplayMismatch(f"call {call.index} of the stored session was too long to be kept")
                return self._left.pop(place)
        raise ReplayMismatch(self._explain(request))

    def _explain(self, request: ModelRequest) -> str:
        alike = [
            call
            for call in self._left
            if call.request is None
            or (call.request["protocol"], call.request["operation"]) == (request.kind.protocol, request.kind.operation)
        ]
        if not alike:
            what = f"{request.kind.protocol} {request.kind.operation}"
            return f"the stored session has no {what} call left; {self.left} of other kinds are"
        nearest = max(alike, key=lambda call: (_agreement(call.request, request.normalised), -call.index))
        where = f"call {nearest.index} of the stored session"
        if nearest.request is None:
            return f"the request is not that of {where}, which was too long to be compared"
        return f"the request is not that of {where}: {_difference(nearest.request, request.normalised)}"


def _read_call(line: Mapping[str, Any]) -> ReplayedCall:
    kind = RequestKind(ModelProtocol(line["protocol"]), Operation(line["operation"]), line["model"])
    request = None
    if line["request"] is not None:
        request = ModelRequest(kind, line["path"], line["query"], orjson.dumps(line["request"])).normalised
    body = line["answer"]
    packed = line.get("answer_base64")
    return ReplayedCall(
        index=int(line["index"]),
        sha256=str(line["request_sha256"]),
        request=request,
        status=int(line["status"]),
        headers=tuple((str(name), str(value)) for name, value in line["answer_headers"]),
        body=base64.b64decode(packed) if packed is not None else None if body is None else body.encode(),
        error_type=line["error_type"],
        message=line["message"],
        retry_after_s=line["retry_after_s"],
        cut=line["cut"],
    )


def _agreement(stored: Mapping[str, Any] | None, asked: Mapping[str, Any]) -> int:
    """Return how many messages at the beginning are the same; -1 where that cannot be known."""
    if stored is None:
        return -1
    same = 0
    for one, other in zip(as_list(stored["messages"]), as_list(asked["messages"]), strict=False):
        if one != other:
            break
        same += 1
    return same


def _difference(stored: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    if stored["model"] != asked["model"]:
        return f"it asks for model {asked['model']!r}, not {stored['model']!r}"
    then, now = as_list(stored["messages"]), as_list(asked["messages"])
    for place, (one, other) in enumerate(zip(then, now, strict=False)):
        if one != other:
            before, after = _excerpts(one, other)
            return f"message {place} is …{after}…, not …{before}…"
    return f"it has {len(now)} messages, not {len(then)}"


def _excerpts(one: Json, other: Json) -> tuple[str, str]:
    """Return both from shortly before where they begin to differ."""
    texts = canonical(one).decode(), canonical(other).decode()
    same = 0
    for left, right in zip(*texts, strict=False):
        if left != right:
            break
        same += 1
    begin = max(0, same - 20)
    return texts[0][begin : begin + _EXCERPT_CHARACTERS], texts[1][begin : begin + _EXCERPT_CHARACTERS]
