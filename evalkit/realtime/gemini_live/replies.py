"""What Gemini Live says: its messages, read into the events that Realtime sessions take. No I/O.

The protocol has turns and no responses, so a response is what the model does in one go:

- it begins with the first sound or words, or with a call of tools;
- it ends with ``toolCall``, behind which the model waits; with ``interrupted``, as cancelled; else with
  ``turnComplete``. It was done when ``generationComplete`` said so: a server may wait with ``turnComplete`` until it
  takes its sound to have been played.

Some models end a turn once more behind ``toolCall``: a ``turnComplete`` that ends nothing is passed over, once for each
``toolCall``. Transcriptions come in no order that is promised: words of the model's that come while it does nothing are
those of what it does next. Tokens are counted for each response, and the last count of one is right; where none came
before its end, the next one to come is its own, and is added to the next response's.

A message is at most one of ``setupComplete``, ``serverContent``, ``toolCall``, ``toolCallCancellation``, ``goAway`` and
others that nothing follows from; ``usageMetadata`` may stand beside any of them.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from evalkit.realtime.events import InvalidEvent, ServerEvent, parse_object

OUTPUT_RATE_HZ = 24_000
"""What Gemini Live speaks at."""

WRONG_SAMPLE_RATE = "wrong_sample_rate"
"""The kind of failure that sound which says of itself that it has another rate is."""

INTERRUPTED = "gemini_live.interrupted"
CALLS_CANCELLED = "gemini_live.calls_cancelled"
"""Events of our own making, for what the Realtime protocol has no word: sound is to stop; calls were taken back."""

_NO_REASONS = frozenset({"TURN_COMPLETE_REASON_UNSPECIFIED", "NEED_MORE_INPUT"})

Place = tuple[str | int, ...]
"""The keys to the base64 of a sound in its message."""


class UnusableSound(ValueError):
    """Sound that cannot be played. `kind` is the kind of failure, `message` what was found and expected."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind, self.message = kind, message
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class ReadEvent:
    """An event that a message stands for. `at_ms` is when it happened; `sound` is where its sound stands, if any."""

    event: ServerEvent
    at_ms: float
    sound: Place | None = None


@dataclass
class _Answer:
    """The response under way."""

    number: int
    made_at_ms: float | None = None
    calls: int = 0
    usage: Mapping[str, Any] | None = None
    owed_usage: Mapping[str, Any] | None = None

    @property
    def response_id(self) -> str:
        return f"answer_{self.number}"

    def event(self, kind: str, **fields: Any) -> ServerEvent:
        """Return an event that carries a piece of it."""
        ids = {"response_id": self.response_id, "item_id": f"said_{self.number}", "output_index": 0}
        return ServerEvent(kind, {"type": kind, **ids, "content_index": 0, **fields})


@dataclass
class GeminiReplies:
    """Reads the messages of one session, in order.

    Attributes:
        heard: What the server took the caller's words for since :meth:`begin_utterance`, in pieces, each with when it
            was told, in milliseconds since the case began.
        leaves_in: How long the server said that it would stay, when it said that it would go; None: it has not.

    """

    heard: list[tuple[float, str]] = field(default_factory=list)
    leaves_in: str | None = None
    _count: int = 0
    _answer: _Answer | None = None
    _words: list[str] = field(default_factory=list)
    _early_usage: Mapping[str, Any] | None = None
    _owed_usage: Mapping[str, Any] | None = None
    _is_usage_owed: bool = False
    _utterance: str = ""
    _is_answered: bool = False
    _is_silent_of_input: bool = False
    _is_turn_open: bool = False
    _may_end_again: int = 0

    def heard_between(self, from_ms: float, until_ms: float) -> str:
        """Return what the server took the caller's words for, as far as it was told in a time; empty: nothing."""
        return "".join(words for at_ms, words in self.heard if from_ms <= at_ms < until_ms).strip()

    def begin_utterance(self, number: int) -> None:
        """Take it that the caller says something that is to be answered: what was said until now was of before."""
        self._is_silent_of_input = bool(self._utterance) and not self.heard
        self._utterance, self._is_answered = f"heard_{number}", False
        self.heard.clear()
        self.drop_words()

    def drop_words(self) -> None:
        """Take it that words of the model's which are still to be placed belong to nothing that will come."""
        self._words.clear()

    def expect(self) -> None:
        """Take it that an answer was asked for: the end of a turn is that of the answer, though it is empty."""
        self._is_turn_open = True

    def pass_over_end(self) -> None:
        """Take it that a turn was ended once more behind a call."""
        self._may_end_again = max(0, self._may_end_again - 1)

    def read(self, message: Mapping[str, Any], at_ms: float) -> Iterator[ReadEvent]:
        """Yield the events that a message of `at_ms` stands for.

        Raises:
            InvalidEvent: Something in it is not of the type that the protocol has.
            UnusableSound: Its sound is none that the protocol has.

        """
        usage = _object(message, "usageMetadata")
        if usage:
            self._count_tokens(usage)
        if "setupComplete" in message:
            yield ReadEvent(ServerEvent("session.updated", {"type": "session.updated", "session": {}}), at_ms)
        if "goAway" in message:
            self.leaves_in = str(_object(message, "goAway").get("timeLeft") or "an unknown time")
        if "serverContent" in message:
            yield from self._read_content(_object(message, "serverContent"), at_ms)
        if "toolCall" in message:
            yield from self._read_calls(_object(message, "toolCall"), at_ms)
        if "toolCallCancellation" in message:
            told = _list(_object(message, "toolCallCancellation"), "ids")
            payload = {"type": CALLS_CANCELLED, "ids": [str(each) for each in told]}
            yield ReadEvent(ServerEvent(CALLS_CANCELLED, payload), at_ms)

    def _read_content(self, content: Mapping[str, Any], at_ms: float) -> Iterator[ReadEvent]:
        heard = _object(content, "inputTranscription").get("text")
        if isinstance(heard, str) and heard:
            self.heard.append((at_ms, heard))
            if self._is_answered:
                yield from self._tell_heard(at_ms)
        if content.get("interrupted") is True:
            yield ReadEvent(ServerEvent(INTERRUPTED, {"type": INTERRUPTED}), at_ms)
            if self._answer is not None:
                yield from self._end(self._answer, at_ms, "cancelled", "turn_detected")
        words = _object(content, "outputTranscription").get("text")
        if isinstance(words, str) and words:
            self._words.append(words)
        for number, part in enumerate(_objects(_object(content, "modelTurn"), "parts")):
            yield from self._read_part(part, ("serverContent", "modelTurn", "parts", number), at_ms)
        if self._answer is not None:
            yield from self._tell_words(self._answer, at_ms)
        if content.get("generationComplete") is True and self._answer is not None:
            self._answer.made_at_ms = at_ms
        if content.get("turnComplete") is True:
            yield from self._end_turn(content, at_ms)

    def _read_part(self, part: Mapping[str, Any], place: Place, at_ms: float) -> Iterator[ReadEvent]:
        text, data = part.get("text"), _object(part, "inlineData")
        if data:
            _require_playable(data)
            answer = yield from self._open(at_ms)
            event = answer.event("response.output_audio.delta", delta=data.get("data"))
            yield ReadEvent(event, at_ms, (*place, "inlineData", "data") if isinstance(data.get("data"), str) else None)
        elif isinstance(text, str) and text and part.get("thought") is not True:
            answer = yield from self._open(at_ms)
            yield ReadEvent(answer.event("response.output_text.delta", delta=text), at_ms)

    def _read_calls(self, told: Mapping[str, Any], at_ms: float) -> Iterator[ReadEvent]:
        calls = _objects(told, "functionCalls")
        if not calls:
            return
        answer = yield from self._open(at_ms)
        yield from self._tell_words(answer, at_ms)
        for call in calls:
            answer.calls += 1
            arguments = call.get("args")
            item = {
                "type": "function_call",
                "id": f"call_{answer.number}_{answer.calls}",
                "call_id": str(call.get("id") or f"call_{answer.number}_{answer.calls}"),
                "name": str(call.get("name") or ""),
                "arguments": orjson.dumps({} if arguments is None else arguments).decode(),
            }
            kind = "response.output_item.done"
            yield ReadEvent(answer.event(kind, item=item, output_index=answer.calls), at_ms)
        self._may_end_again += 1
        yield from self._end(answer, at_ms, "completed", "")

    def _end_turn(self, content: Mapping[str, Any], at_ms: float) -> Iterator[ReadEvent]:
        reason = str(content.get("turnCompleteReason") or "")
        status = "completed" if not reason or reason in _NO_REASONS else "incomplete"
        if self._answer is None and self._may_end_again:
            self._may_end_again -= 1
            return
        if self._answer is not None or self._is_turn_open or self._words:
            answer = yield from self._open(at_ms)
            yield from self._tell_words(answer, at_ms)
            self._may_end_again = 0
            yield from self._end(answer, at_ms, status, reason if status == "incomplete" else "")

    def _open(self, at_ms: float) -> Generator[ReadEvent, None, _Answer]:
        """Begin a response where none is under way; return the one that is."""
        if self._answer is None:
            self._count += 1
            self._answer = _Answer(self._count, usage=self._early_usage, owed_usage=self._owed_usage)
            self._early_usage = self._owed_usage = None
            response = {"id": self._answer.response_id, "status": "in_progress"}
            yield ReadEvent(_response_event("response.created", response), at_ms)
        return self._answer

    def _tell_words(self, answer: _Answer, at_ms: float) -> Iterator[ReadEvent]:
        for words in self._words:
            yield ReadEvent(answer.event("response.output_audio_transcript.delta", delta=words), at_ms)
        self._words.clear()

    def _end(self, answer: _Answer, at_ms: float, status: str, reason: str) -> Iterator[ReadEvent]:
        self._answer, self._is_turn_open = None, False
        yield from self._tell_heard(at_ms)
        response: dict[str, Any] = {"id": answer.response_id, "status": status, "output": []}
        if reason:
            response["status_details"] = {"type": status, "reason": reason}
        counted = [each for each in (answer.usage, answer.owed_usage) if each is not None]
        if counted:
            response["usage"] = _usage(counted)
        self._is_usage_owed = answer.usage is None
        done_ms = at_ms if answer.made_at_ms is None or status == "cancelled" else answer.made_at_ms
        yield ReadEvent(_response_event("response.done", response), done_ms)

    def _tell_heard(self, at_ms: float) -> Iterator[ReadEvent]:
        """Yield what was made of the utterance that is answered, where anything was told of it.

        That may come behind the answer, so it is given up only where nothing came of the utterance before either.
        """
        self._is_answered = bool(self._utterance)
        if not self._is_answered:
            return
        told = {"input_audio_buffer.committed": ""}
        if self.heard or self._is_silent_of_input:
            outcome = "completed" if self.heard else "failed"
            words = self.heard_between(0.0, math.inf)
            told[f"conversation.item.input_audio_transcription.{outcome}"] = words
        for kind, words in told.items():
            payload = {"type": kind, "item_id": self._utterance, "transcript": words}
            yield ReadEvent(ServerEvent(kind, payload), at_ms)

    def _count_tokens(self, usage: Mapping[str, Any]) -> None:
        if self._answer is not None:
            self._answer.usage = usage
        elif self._is_usage_owed:
            self._owed_usage = usage
        else:
            self._early_usage = usage


def read_message(frame: str | bytes) -> dict[str, Any]:
    """Return the message in one WebSocket message, text or binary. Raises InvalidEvent with what was found instead."""
    if isinstance(frame, bytes):
        try:
            frame = frame.decode("utf-8")
        except UnicodeDecodeError:
            raise InvalidEvent(f"a binary message of {len(frame)} bytes that is not UTF-8 text") from None
    return parse_object(frame)


def _response_event(kind: str, response: Mapping[str, Any]) -> ServerEvent:
    return ServerEvent(kind, {"type": kind, "response": dict(response)})


def _require_playable(data: Mapping[str, Any]) -> None:
    told = str(data.get("mimeType") or "audio/pcm")
    kind, *parameters = [part.strip().lower() for part in told.split(";")]
    rates = [part.removeprefix("rate=") for part in parameters if part.startswith("rate=")]
    expected = f"expected 'audio/pcm;rate={OUTPUT_RATE_HZ}', the only sound that the protocol sends"
    if kind != "audio/pcm":
        raise UnusableSound("audio_decode", f"the server sent {told[:80]!r}; {expected}")
    if rates and rates[0] != str(OUTPUT_RATE_HZ):
        raise UnusableSound(WRONG_SAMPLE_RATE, f"the server sent sound as {told[:80]!r}; {expected}")


def _usage(counted: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return counts of tokens, added up, as the Realtime protocol names them; thoughts are part of what was put out."""

    def total(*keys: str) -> int | None:
        return _sum(_number(told, key) for told in counted for key in keys)

    def of_modality(key: str, modality: str) -> int | None:
        details = [each for told in counted for each in _objects(told, key)]
        return _sum(_number(each, "tokenCount") for each in details if each.get("modality") == modality)

    return {
        "input_tokens": total("promptTokenCount", "toolUsePromptTokenCount"),
        "output_tokens": total("responseTokenCount", "thoughtsTokenCount"),
        "input_token_details": {
            "text_tokens": of_modality("promptTokensDetails", "TEXT"),
            "audio_tokens": of_modality("promptTokensDetails", "AUDIO"),
            "cached_tokens": total("cachedContentTokenCount"),
            "cached_tokens_details": {"audio_tokens": of_modality("cacheTokensDetails", "AUDIO")},
        },
        "output_token_details": {
            "text_tokens": of_modality("responseTokensDetails", "TEXT"),
            "audio_tokens": of_modality("responseTokensDetails", "AUDIO"),
        },
    }


def _sum(counts: Iterable[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _number(told: Mapping[str, Any], key: str) -> int | None:
    value = told.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _object(told: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = told.get(key)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidEvent(f"a message whose {key!r} is a {type(value).__name__}; expected an object")
    return value


def _list(told: Mapping[str, Any], key: str) -> Sequence[Any]:
    value = told.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidEvent(f"a message whose {key!r} is a {type(value).__name__}; expected a list")
    return value


def _objects(told: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = _list(told, key)
    if not all(isinstance(each, Mapping) for each in found):
        raise InvalidEvent(f"a message whose {key!r} holds something else than objects")
    return list(found)
