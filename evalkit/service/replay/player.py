"""One session played back: each thing the client says is compared with the recording, then answered from it. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import orjson

from evalkit.service.bad_request import BadRequest
from evalkit.service.items import decode_audio
from evalkit.service.replay.recording import APPEND, COMMIT, Event, RecordedConversation

MISMATCH = "replay_mismatch"
_SHOWN_CHARS = 160
_HANGS_UP = {"session_expired": (3000, "invalid_request_error.session_expired")}
_BROKEN_OFF = frozenset({"connection_closed", "session_expired", "frame_too_large"})


class Mismatch(BadRequest):
    """The client said something that the recording does not have."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code=MISMATCH)


@dataclass
class PlayedReply:
    """What follows from one event of the client: events to send, and whether to hang up after them."""

    events: list[Event] = field(default_factory=list)
    close: tuple[int, str] | None = None


class Player:
    """Plays one recorded conversation.

    Args:
        recording: What was recorded.
        name: Whose it is, for messages.

    """

    def __init__(self, recording: RecordedConversation, name: str) -> None:
        self._recording, self._name = recording, name
        self._next = 0
        self._utterance = bytearray()
        self._event_ids: dict[str, str] = {}

    def open(self) -> PlayedReply:
        """Return what the server says first."""
        return self._reply(self._recording.greeting)

    def take(self, event: Mapping[str, Any]) -> PlayedReply:
        """Return the recorded answers to `event`; raises :class:`Mismatch`."""
        kind = event.get("type")
        if kind == APPEND:
            self._utterance += decode_audio(str(event.get("audio", "")), "audio")
            return PlayedReply()
        if kind == "response.cancel" and not self._expects(kind):
            return PlayedReply()  # a client that ran out of patience; the recorded one had more
        if self._next >= len(self._recording.steps):
            raise self._mismatch(f"the recorded client said nothing more, this one sends {kind}")
        step = self._recording.steps[self._next]
        if step.event["type"] != kind:
            raise self._mismatch(f"the recorded client sent {step.event['type']}, this one sends {kind}")
        if kind == COMMIT and step.audio_sha256 is not None:
            self._compare_audio(step.audio_sha256)
        else:
            self._compare(step.event, event)
        self._next += 1
        if isinstance(event.get("event_id"), str) and "event_id" in step.event:
            self._event_ids[step.event["event_id"]] = event["event_id"]
        return self._reply(step.answers)

    def _expects(self, kind: str) -> bool:
        return self._next < len(self._recording.steps) and self._recording.steps[self._next].event["type"] == kind

    def _reply(self, answers: list[Event]) -> PlayedReply:
        events = [self._with_our_event_id(event) for event in answers]
        is_last = self._next >= len(self._recording.steps)
        failure = self._recording.failure
        close = _HANGS_UP.get(failure, (1011, "as recorded")) if is_last and failure in _BROKEN_OFF else None
        return PlayedReply(events, close)

    def _with_our_event_id(self, event: Event) -> Event:
        """Return `event`; an error that names the recorded client's event names this client's instead."""
        error = event.get("error")
        if event["type"] == "error" and isinstance(error, dict) and error.get("event_id") in self._event_ids:
            return {**event, "error": {**error, "event_id": self._event_ids[error["event_id"]]}}
        return event

    def _compare_audio(self, expected: str) -> None:
        heard, count = sha256(self._utterance).hexdigest(), len(self._utterance)
        self._utterance.clear()
        if heard != expected:
            raise self._mismatch(f"this client's audio ({count} bytes) is not the recorded audio")

    def _compare(self, recorded: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        path = _difference(
            {key: value for key, value in recorded.items() if key != "event_id"},
            {key: value for key, value in event.items() if key != "event_id"},
        )
        if path is not None:
            where, before, now = path
            raise self._mismatch(f"{event['type']}: {where} was {before} in the recording and is {now} now")

    def _mismatch(self, what: str) -> Mismatch:
        return Mismatch(f"{self._name}: {what}; a replay needs the settings and data of the recorded run")


def _difference(recorded: Any, given: Any, path: str = "") -> tuple[str, str, str] | None:
    """Return where two JSON values differ first, and what stands there in each; None where they are equal."""
    if isinstance(recorded, Mapping) and isinstance(given, Mapping):
        for key in dict.fromkeys([*recorded, *given]):
            found = _difference(recorded.get(key), given.get(key), f"{path}.{key}" if path else key)
            if found is not None:
                return found
        return None
    if isinstance(recorded, list) and isinstance(given, list) and len(recorded) == len(given):
        for index, (before, now) in enumerate(zip(recorded, given, strict=True)):
            found = _difference(before, now, f"{path}[{index}]")
            if found is not None:
                return found
        return None
    return None if recorded == given else (path, _shown(recorded), _shown(given))


def _shown(value: Any) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"
