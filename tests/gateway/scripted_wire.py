"""The four protocols as a scripted endpoint needs them: what a request says, how answers and errors are written."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

INPUT_TOKENS, OUTPUT_TOKENS, CACHED_TOKENS = 11, 5, 4


@dataclass(frozen=True)
class Tool:
    """A tool that is offered; `is_custom`: it takes plain text."""

    name: str
    schema: Mapping[str, Any]
    is_custom: bool = False


@dataclass(frozen=True)
class Asked:
    """What a request says, whichever its protocol."""

    protocol: str
    model: str
    streams: bool
    user_text: str
    rounds_done: int
    tools: Sequence[Tool]
    answer_schema: Mapping[str, Any] | None


@dataclass(frozen=True)
class ToolUse:
    """A tool call as it is rendered; `arguments` is a text for a custom tool."""

    name: str
    arguments: Mapping[str, Any] | str


Piece: TypeAlias = str | ToolUse
Event: TypeAlias = tuple[str, Any]


_REMINDERS = re.compile(r"<(system-reminder|environment_context|user_instructions|session_context)>.*?</\1>", re.DOTALL)


def _text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, Mapping):
        return str(content.get("text") or _text_of(content.get("content") or content.get("parts")))
    return "\n".join(_text_of(part) for part in content or ())


def _spoken(content: Any) -> str:
    return _REMINDERS.sub("", _text_of(content)).strip()


def read_chat(body: Mapping[str, Any]) -> Asked:
    """Read a request to ``/chat/completions``."""
    user, rounds = "", 0
    for message in body.get("messages") or ():
        if message.get("role") == "user" and _spoken(message.get("content")):
            user, rounds = _spoken(message.get("content")), 0
        elif message.get("role") == "assistant" and message.get("tool_calls"):
            rounds += 1
    tools = [tool["function"] for tool in body.get("tools") or () if "function" in tool]
    offered = [Tool(tool["name"], tool.get("parameters") or {}) for tool in tools]
    wanted = body.get("response_format") or {}
    schema = (wanted.get("json_schema") or {}).get("schema") if wanted.get("type") == "json_schema" else None
    return Asked("chat", body.get("model", ""), bool(body.get("stream")), user, rounds, offered, schema)


def read_responses(body: Mapping[str, Any]) -> Asked:
    """Read a request to ``/responses``."""
    said = body.get("input") or ()
    items = [{"role": "user", "content": said}] if isinstance(said, str) else said
    user, rounds = "", 0
    for item in items:
        kind = item.get("type", "message")
        if kind == "message" and item.get("role") == "user" and _spoken(item.get("content")):
            user, rounds = _spoken(item.get("content")), 0
        elif kind.endswith("_call_output"):
            rounds += 1
    offered = [
        Tool(tool.get("name") or tool["type"], tool.get("parameters") or {}, tool["type"] == "custom")
        for tool in body.get("tools") or ()
    ]
    wanted = (body.get("text") or {}).get("format") or {}
    schema = wanted.get("schema") if wanted.get("type") == "json_schema" else None
    return Asked("responses", body.get("model", ""), bool(body.get("stream")), user, rounds, offered, schema)


def read_messages(body: Mapping[str, Any]) -> Asked:
    """Read a request to ``/messages``."""
    user, rounds = "", 0
    for message in body.get("messages") or ():
        content = message.get("content")
        kinds = {part.get("type") for part in content} if isinstance(content, list) else set()
        if message["role"] == "assistant":
            rounds += "tool_use" in kinds
        elif message["role"] == "user" and "tool_result" not in kinds and _spoken(content):
            user, rounds = _spoken(content), 0
    offered = [Tool(tool["name"], tool.get("input_schema") or {}) for tool in body.get("tools") or ()]
    wanted = ((body.get("output_config") or {}).get("format") or body.get("output_format")) or {}
    schema = wanted.get("schema") if wanted.get("type") == "json_schema" else None
    return Asked("messages", body.get("model", ""), bool(body.get("stream")), user, rounds, offered, schema)


def read_gemini(body: Mapping[str, Any], target: str) -> Asked:
    """Read a request to ``:generateContent`` or ``:streamGenerateContent``."""
    user, rounds = "", 0
    for content in body.get("contents") or ():
        parts = content.get("parts") or ()
        answers = sum("functionResponse" in part for part in parts)
        rounds += answers
        if content.get("role", "user") == "user" and not answers and _spoken(parts):
            user, rounds = _spoken(parts), 0
    offered = [
        Tool(tool["name"], tool.get("parametersJsonSchema") or tool.get("parameters") or {})
        for group in body.get("tools") or ()
        for tool in group.get("functionDeclarations") or ()
    ]
    wanted = body.get("generationConfig") or {}
    schema = wanted.get("responseJsonSchema") or wanted.get("responseSchema")
    schema = (schema or {}) if wanted.get("responseMimeType") == "application/json" else None
    model = re.sub(r".*/models/([^:?]+).*", r"\1", target)
    return Asked("gemini", model, "streamGenerateContent" in target, user, rounds, offered, schema)


def _number(asked: Asked, pieces: Sequence[Piece]) -> int:
    """Return what tells this answer from others of its session: clients take messages of one id for one message."""
    return zlib.crc32(repr((asked.user_text, asked.rounds_done, pieces)).encode())


def render_chat(asked: Asked, pieces: Sequence[Piece]) -> tuple[dict[str, Any], list[Event]]:
    """Return a whole answer of ``/chat/completions``, and the same as events."""
    number = _number(asked, pieces)
    text = "".join(piece for piece in pieces if isinstance(piece, str))
    calls = [
        {
            "id": f"call_{number}_{place}",
            "type": "function",
            "function": {"name": use.name, "arguments": json.dumps(use.arguments)},
        }
        for place, use in enumerate(piece for piece in pieces if isinstance(piece, ToolUse))
    ]
    usage = {
        "prompt_tokens": INPUT_TOKENS, "completion_tokens": OUTPUT_TOKENS, "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
        "prompt_tokens_details": {"cached_tokens": CACHED_TOKENS},
    }  # fmt: skip
    base = {"id": f"chatcmpl-{number}", "created": 1, "model": asked.model}
    finish = "tool_calls" if calls else "stop"
    message = {"role": "assistant", "content": text or None, **({"tool_calls": calls} if calls else {})}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    whole = {**base, "object": "chat.completion", "choices": [choice], "usage": usage}

    def chunk(delta: Mapping[str, Any], ended: str | None = None, **more: Any) -> Event:
        choices = [{"index": 0, "delta": delta, "finish_reason": ended}]
        return "", {**base, "object": "chat.completion.chunk", "choices": choices, **more}

    events = [chunk({"role": "assistant", "content": ""})]
    events += [chunk({"content": word}) for word in _words(text)]
    events += [chunk({"tool_calls": [{**call, "index": place}]}) for place, call in enumerate(calls)]
    return whole, [*events, chunk({}, finish, usage=usage), ("", "[DONE]")]


def render_responses(asked: Asked, pieces: Sequence[Piece]) -> tuple[dict[str, Any], list[Event]]:
    """Return a whole answer of ``/responses``, and the same as events."""
    number = _number(asked, pieces)
    custom = {tool.name for tool in asked.tools if tool.is_custom}
    items: list[dict[str, Any]] = []
    for place, piece in enumerate(pieces):
        if isinstance(piece, str):
            content = [{"type": "output_text", "text": piece, "annotations": []}]
            items.append(
                {
                    "type": "message",
                    "id": f"msg_{number}_{place}",
                    "role": "assistant",
                    "status": "completed",
                    "content": content,
                }
            )
        elif piece.name in custom:
            items.append(
                {
                    "type": "custom_tool_call",
                    "id": f"ctc_{number}_{place}",
                    "call_id": f"call_{number}_{place}",
                    "name": piece.name,
                    "input": piece.arguments,
                }
            )
        else:
            arguments = json.dumps(piece.arguments)
            items.append(
                {
                    "type": "function_call",
                    "id": f"fc_{number}_{place}",
                    "call_id": f"call_{number}_{place}",
                    "name": piece.name,
                    "arguments": arguments,
                }
            )
    usage = {
        "input_tokens": INPUT_TOKENS, "output_tokens": OUTPUT_TOKENS, "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
        "input_tokens_details": {"cached_tokens": CACHED_TOKENS}, "output_tokens_details": {"reasoning_tokens": 0},
    }  # fmt: skip
    whole = {
        "id": f"resp_{number}", "object": "response", "created_at": 1, "status": "completed", "model": asked.model,
        "output": items, "usage": usage,
    }  # fmt: skip
    events: list[Event] = []

    def add(kind: str, **fields: Any) -> None:
        events.append((kind, {"type": kind, "sequence_number": len(events), **fields}))

    add("response.created", response={**whole, "status": "in_progress", "output": [], "usage": None})
    for place, item in enumerate(items):
        begun = {**item, "content": []} if item["type"] == "message" else item
        add("response.output_item.added", output_index=place, item=begun)
        if item["type"] == "message":
            where = {"item_id": item["id"], "output_index": place, "content_index": 0}
            text = item["content"][0]["text"]
            add("response.content_part.added", **where, part={"type": "output_text", "text": "", "annotations": []})
            for word in _words(text):
                add("response.output_text.delta", **where, delta=word)
            add("response.output_text.done", **where, text=text)
        add("response.output_item.done", output_index=place, item=item)
    add("response.completed", response=whole)
    return whole, events


def render_messages(asked: Asked, pieces: Sequence[Piece]) -> tuple[dict[str, Any], list[Event]]:
    """Return a whole answer of ``/messages``, and the same as events."""
    number = _number(asked, pieces)
    blocks: list[dict[str, Any]] = [
        {"type": "text", "text": piece}
        if isinstance(piece, str)
        else {"type": "tool_use", "id": f"toolu_{number}_{place}", "name": piece.name, "input": piece.arguments}
        for place, piece in enumerate(pieces)
    ]
    finish = "tool_use" if any(block["type"] == "tool_use" for block in blocks) else "end_turn"
    usage = {
        "input_tokens": INPUT_TOKENS - CACHED_TOKENS, "cache_read_input_tokens": CACHED_TOKENS,
        "cache_creation_input_tokens": 0, "output_tokens": OUTPUT_TOKENS,
    }  # fmt: skip
    whole = {
        "id": f"msg_{number}", "type": "message", "role": "assistant", "model": asked.model, "content": blocks,
        "stop_reason": finish, "stop_sequence": None, "usage": usage,
    }  # fmt: skip
    begun = {**whole, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    events: list[Event] = []

    def add(kind: str, **fields: Any) -> None:
        events.append((kind, {"type": kind, **fields}))

    add("message_start", message=begun)
    for place, block in enumerate(blocks):
        empty = {**block, "text": ""} if block["type"] == "text" else {**block, "input": {}}
        add("content_block_start", index=place, content_block=empty)
        if block["type"] == "text":
            for word in _words(block["text"]):
                add("content_block_delta", index=place, delta={"type": "text_delta", "text": word})
        else:
            partial = json.dumps(block["input"])
            add("content_block_delta", index=place, delta={"type": "input_json_delta", "partial_json": partial})
        add("content_block_stop", index=place)
    add("message_delta", delta={"stop_reason": finish, "stop_sequence": None}, usage={"output_tokens": OUTPUT_TOKENS})
    add("message_stop")
    return whole, events


def render_gemini(asked: Asked, pieces: Sequence[Piece]) -> tuple[dict[str, Any], list[Event]]:
    """Return a whole answer of ``:generateContent``, and the same as events."""
    usage = {
        "promptTokenCount": INPUT_TOKENS, "candidatesTokenCount": OUTPUT_TOKENS - 2, "thoughtsTokenCount": 2,
        "cachedContentTokenCount": CACHED_TOKENS, "totalTokenCount": INPUT_TOKENS + OUTPUT_TOKENS,
    }  # fmt: skip
    parts: list[dict[str, Any]] = [
        {"text": piece} if isinstance(piece, str) else {"functionCall": {"name": piece.name, "args": piece.arguments}}
        for piece in pieces
    ]

    def body(said: Sequence[Mapping[str, Any]], *, ended: bool) -> dict[str, Any]:
        candidate = {
            "index": 0,
            "content": {"role": "model", "parts": said},
            **({"finishReason": "STOP"} if ended else {}),
        }
        told = {"usageMetadata": usage} if ended else {}
        return {"candidates": [candidate], **told, "modelVersion": asked.model, "responseId": "scripted"}

    words: list[Mapping[str, Any]] = [
        {"text": word} for part in parts if "text" in part for word in _words(part["text"])
    ] + [part for part in parts if "functionCall" in part]
    events = [("", body([word], ended=place == len(words) - 1)) for place, word in enumerate(words)]
    return body(parts, ended=True), events


def _words(text: str) -> list[str]:
    return re.findall(r"\S+\s*|\s+", text)


RENDERERS = {
    "chat": render_chat,
    "responses": render_responses,
    "messages": render_messages,
    "gemini": render_gemini,
}
_GOOGLE = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
}
_ANTHROPIC = {
    401: "authentication_error", 402: "billing_error", 403: "permission_error", 404: "not_found_error",
    429: "rate_limit_error", 500: "api_error", 529: "overloaded_error",
}  # fmt: skip


def error_object(protocol: str, status: int, message: str, code: str) -> dict[str, Any]:
    """Return the body of an HTTP error as the provider of `protocol` writes it."""
    if protocol == "messages":
        return {"type": "error", "error": {"type": code or _ANTHROPIC.get(status, "api_error"), "message": message}}
    if protocol == "gemini":
        return {"error": {"code": status, "message": message, "status": code or _GOOGLE.get(status, "UNKNOWN")}}
    return {"error": {"message": message, "type": "scripted", "param": None, "code": code or None}}


def error_event(protocol: str, message: str, code: str) -> Event:
    """Return the event that tells of a failure within a stream."""
    match protocol:
        case "messages":
            return "error", {"type": "error", "error": {"type": code or "overloaded_error", "message": message}}
        case "responses":
            failed = {"status": "failed", "error": {"code": code or "server_error", "message": message}, "output": []}
            return "response.failed", {"type": "response.failed", "response": failed}
        case "gemini":
            return "", {"error": {"code": 503, "message": message, "status": code or "UNAVAILABLE"}}
        case _:
            return "", {"error": {"message": message, "code": code or "server_error"}}


def key_of(protocol: str, headers: Mapping[str, str]) -> str:
    """Return the key that a request came with, read where its protocol has it."""
    if protocol == "messages":
        return headers.get("x-api-key", "")
    if protocol == "gemini":
        return headers.get("x-goog-api-key", "")
    return headers.get("authorization", "").removeprefix("Bearer ")
