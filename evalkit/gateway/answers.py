"""What a model's answer says of itself, read beside the bytes that are passed on: tokens, tools, ending, error.

A reader takes the JSON objects of an answer one by one, whether they were the events of a stream or one whole body. It
never fails: what it does not understand it leaves alone.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from evalkit.gateway.event_stream import StreamEvent
from evalkit.gateway.protocols import ModelProtocol


@dataclass(frozen=True)
class TokenCount:
    """The tokens of one call; None where the provider did not say.

    Attributes:
        input_tokens: All that was read, from a cache or not.
        output_tokens: All that was written, reasoning included.
        cached_tokens: Those of `input_tokens` that came from a cache.
        reported_cost_usd: What the provider says that the call cost, where it does.

    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    reported_cost_usd: float | None = None


class AnswerReader(ABC):
    """Reads one answer.

    Attributes:
        tokens: What was counted so far.
        finish: Why the model ended, in the provider's word; empty: it has not said so.
        model: Who answered; empty: the answer does not say.
        is_complete: Whether the answer has said that it is at its end.
        has_begun: Whether anything came that is of the protocol.
        unreadable: How many pieces were not JSON objects.
        error: The error object within the answer; None: there is none.

    """

    def __init__(self) -> None:
        self.tokens = TokenCount()
        self.finish = ""
        self.model = ""
        self.is_complete = False
        self.has_begun = False
        self.unreadable = 0
        self.error: Mapping[str, Any] | None = None
        self._tools: dict[object, str] = {}

    @property
    def tools_called(self) -> tuple[str, ...]:
        """The names of the tools that the model calls, in the order in which they came."""
        return tuple(self._tools.values())

    def take_event(self, event: StreamEvent) -> None:
        """Take one event of a stream."""
        if event.data.strip() == "[DONE]":
            self.is_complete = self.has_begun = True
            return
        self.take_text(event.data)

    def take_text(self, text: str | bytes) -> None:
        """Take a whole body, or the data of an event: an object, or a list of them."""
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            self.unreadable += 1
            return
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, Mapping):
                self._take(item)
            else:
                self.unreadable += 1

    def _take(self, body: Mapping[str, Any]) -> None:
        error = body.get("error")
        if isinstance(error, Mapping | str) and error:
            self._fail(error)
        if isinstance(body.get("model"), str):
            self.model = body["model"]
        self._read(body)

    def _fail(self, error: Mapping[str, Any] | str) -> None:
        self.error = error if isinstance(error, Mapping) else {"message": error}
        self.has_begun = True

    @abstractmethod
    def _read(self, body: Mapping[str, Any]) -> None:
        """Read what `body` says in the words of the protocol."""

    def _call(self, place: object, name: object) -> None:
        if isinstance(name, str) and name:
            self._tools.setdefault(place, name)

    def _count(self, **counts: float | None) -> None:
        """Replace the counts that are told; what was told before stays where nothing is."""
        self.tokens = replace(self.tokens, **{name: count for name, count in counts.items() if count is not None})  # type: ignore[arg-type]

    def _end(self, finish: object) -> None:
        if isinstance(finish, str) and finish:
            self.finish = finish


class ChatReader(AnswerReader):
    """Reads ``/chat/completions``."""

    def _read(self, body: Mapping[str, Any]) -> None:
        choices = as_list(body.get("choices"))
        if "choices" in body or "usage" in body:
            self.has_begun = True
        for choice in map(as_object, choices):
            piece = as_object(choice.get("delta")) or as_object(choice.get("message"))
            which = choice.get("index", 0)
            for place, call in enumerate(map(as_object, as_list(piece.get("tool_calls")))):
                tool = as_object(call.get("function")) or as_object(call.get("custom"))
                self._call((which, call.get("index", place)), tool.get("name"))
            self._call((which, "function_call"), as_object(piece.get("function_call")).get("name"))
            self._end(choice.get("finish_reason"))
            if isinstance(choice.get("error"), Mapping):
                self._fail(choice["error"])
        self.is_complete = self.is_complete or bool(self.finish)
        usage = as_object(body.get("usage"))
        cached = count_of(as_object(usage.get("prompt_tokens_details")), "cached_tokens")
        self._count(
            input_tokens=count_of(usage, "prompt_tokens"),
            output_tokens=count_of(usage, "completion_tokens"),
            cached_tokens=count_of(usage, "prompt_cache_hit_tokens") if cached is None else cached,
            reported_cost_usd=_cost_of(usage),
        )


class ResponsesReader(AnswerReader):
    """Reads ``/responses``."""

    _ENDS = ("response.completed", "response.incomplete", "response.failed", "error")

    def _read(self, body: Mapping[str, Any]) -> None:
        kind = str(body.get("type", ""))
        if kind == "error":
            self._fail(as_object(body.get("error")) or body)
        if kind in self._ENDS:
            self.is_complete = True
        if kind.startswith("response."):
            self.has_begun = True
        if kind in ("response.output_item.added", "response.output_item.done"):
            self._take_item(body.get("output_index"), as_object(body.get("item")))
        whole = as_object(body.get("response")) if kind else body
        if "output" in whole or "status" in whole:
            self._take_whole(whole)

    def _take_whole(self, whole: Mapping[str, Any]) -> None:
        self.has_begun = True
        if isinstance(whole.get("model"), str):
            self.model = whole["model"]
        for place, item in enumerate(map(as_object, as_list(whole.get("output")))):
            self._take_item(place, item)
        status = whole.get("status")
        if status in ("completed", "incomplete", "failed", "cancelled"):
            self.is_complete = True
            self._end(as_object(whole.get("incomplete_details")).get("reason") or status)
        if isinstance(whole.get("error"), Mapping):
            self._fail(whole["error"])
        usage = as_object(whole.get("usage"))
        self._count(
            input_tokens=count_of(usage, "input_tokens"),
            output_tokens=count_of(usage, "output_tokens"),
            cached_tokens=count_of(as_object(usage.get("input_tokens_details")), "cached_tokens"),
            reported_cost_usd=_cost_of(usage),
        )

    def _take_item(self, place: object, item: Mapping[str, Any]) -> None:
        kind = str(item.get("type", ""))
        if kind.endswith("_call"):
            self._call(place, item.get("name") or kind.removesuffix("_call"))


class MessagesReader(AnswerReader):
    """Reads ``/messages``, whose input tokens leave out those of the cache: they are added here."""

    def __init__(self) -> None:
        super().__init__()
        self._usage: dict[str, Any] = {}

    def _read(self, body: Mapping[str, Any]) -> None:
        match body.get("type"):
            case "message":
                self._take_message(body)
                self.is_complete = True
            case "message_start":
                self._take_message(as_object(body.get("message")))
            case "content_block_start":
                self._take_block(body.get("index"), as_object(body.get("content_block")))
            case "message_delta":
                self._end(as_object(body.get("delta")).get("stop_reason"))
                self._take_usage(as_object(body.get("usage")))
            case "message_stop":
                self.is_complete = True
            case "ping" | "content_block_delta" | "content_block_stop" | "error":
                pass
            case _:
                if "input_tokens" in body:  # of count_tokens
                    self._take_usage(body)
                elif not {"data", "id"} & body.keys():
                    return
        self.has_begun = True

    def _take_message(self, message: Mapping[str, Any]) -> None:
        if isinstance(message.get("model"), str):
            self.model = message["model"]
        for place, block in enumerate(map(as_object, as_list(message.get("content")))):
            self._take_block(place, block)
        self._end(message.get("stop_reason"))
        self._take_usage(as_object(message.get("usage")))

    def _take_block(self, place: object, block: Mapping[str, Any]) -> None:
        if str(block.get("type", "")).endswith("tool_use"):
            self._call(place, block.get("name"))

    def _take_usage(self, usage: Mapping[str, Any]) -> None:
        self._usage.update({name: value for name, value in usage.items() if value is not None})
        read = count_of(self._usage, "input_tokens")
        cached = count_of(self._usage, "cache_read_input_tokens")
        written = count_of(self._usage, "cache_creation_input_tokens")
        self._count(
            input_tokens=None if read is None else read + (cached or 0) + (written or 0),
            output_tokens=count_of(self._usage, "output_tokens"),
            cached_tokens=cached,
            reported_cost_usd=_cost_of(self._usage),
        )


class GeminiReader(AnswerReader):
    """Reads ``:generateContent``; a stream is the same object again and again."""

    def __init__(self) -> None:
        super().__init__()
        self._seen = 0

    def _read(self, body: Mapping[str, Any]) -> None:
        if {"candidates", "usageMetadata", "promptFeedback", "totalTokens", "models", "name"} & body.keys():
            self.has_begun = True
        if isinstance(body.get("modelVersion"), str):
            self.model = body["modelVersion"]
        for candidate in map(as_object, as_list(body.get("candidates"))):
            for part in map(as_object, as_list(as_object(candidate.get("content")).get("parts"))):
                self._seen += 1
                self._call(self._seen, as_object(part.get("functionCall")).get("name"))
            self._end(candidate.get("finishReason"))
        self._end(as_object(body.get("promptFeedback")).get("blockReason"))
        self.is_complete = bool(self.finish)
        usage = as_object(body.get("usageMetadata"))
        self._count(
            input_tokens=_sum_of(usage, "promptTokenCount", "toolUsePromptTokenCount"),
            output_tokens=_sum_of(usage, "candidatesTokenCount", "thoughtsTokenCount"),
            cached_tokens=count_of(usage, "cachedContentTokenCount"),
        )


def reader_for(protocol: ModelProtocol) -> AnswerReader:
    """Return what reads the answers of `protocol`."""
    match protocol:
        case ModelProtocol.CHAT:
            return ChatReader()
        case ModelProtocol.RESPONSES:
            return ResponsesReader()
        case ModelProtocol.MESSAGES:
            return MessagesReader()
        case ModelProtocol.GEMINI:
            return GeminiReader()


def as_object(value: object) -> Mapping[str, Any]:
    """Return `value` where it is a JSON object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def as_list(value: object) -> Sequence[Any]:
    """Return `value` where it is a JSON list, else an empty one."""
    return value if isinstance(value, list) else ()


def whole_text(text: str) -> str:
    """Return `text` with halves of surrogate pairs replaced: JSON may hold them, but they cannot be written."""
    return text.encode(errors="replace").decode()


def count_of(usage: Mapping[str, Any], name: str) -> int | None:
    """Return the number at `name`; None where there is none, so that what was not told never becomes 0."""
    value = usage.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _sum_of(usage: Mapping[str, Any], *names: str) -> int | None:
    known = [count for name in names if (count := count_of(usage, name)) is not None]
    return sum(known) if known else None


def _cost_of(usage: Mapping[str, Any]) -> float | None:
    value = usage.get("cost")
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 else None
