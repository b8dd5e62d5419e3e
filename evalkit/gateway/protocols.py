"""The four protocols that agents speak to models: which request is which, and how each says that something is wrong.

========== ====================================================== ===============================
protocol   paths, below the session's prefix                      header with the key
========== ====================================================== ===============================
chat       ``…/chat/completions``                                 ``Authorization: Bearer``
responses  ``…/responses``                                        ``Authorization: Bearer``
messages   ``…/messages``, ``…/messages/count_tokens``            ``x-api-key``
gemini     ``…/models/M:generateContent``,                        ``x-goog-api-key``
           ``…:streamGenerateContent``, ``…:countTokens``
========== ====================================================== ===============================

``GET …/models`` and ``GET …/models/M`` are let through as well. Nothing else is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import unquote


class ModelProtocol(StrEnum):
    """How a model is spoken to."""

    CHAT = "chat"
    RESPONSES = "responses"
    MESSAGES = "messages"
    GEMINI = "gemini"


class Operation(StrEnum):
    """What a request wants: an answer, the number of its tokens, or the list of models."""

    GENERATE = "generate"
    COUNT_TOKENS = "count_tokens"
    LIST_MODELS = "list_models"


@dataclass(frozen=True)
class RequestKind:
    """What the method and the path of a request say.

    Attributes:
        protocol: How it speaks.
        operation: What it wants.
        model: The model's name where the path holds it, as it does in Gemini's; else empty.
        streams: Whether the path asks for a stream; in the other protocols the body does.

    """

    protocol: ModelProtocol
    operation: Operation
    model: str = ""
    streams: bool = False


_VERSION = r"(?:/v\d+[a-z0-9]*)?"
_MODEL = r"[A-Za-z0-9._~:@%+/-]+?"
_POSTS: tuple[tuple[re.Pattern[str], ModelProtocol, Operation, bool], ...] = tuple(
    (re.compile(_VERSION + pattern), protocol, operation, streams)
    for pattern, protocol, operation, streams in (
        ("/chat/completions", ModelProtocol.CHAT, Operation.GENERATE, False),
        ("/responses", ModelProtocol.RESPONSES, Operation.GENERATE, False),
        ("/messages", ModelProtocol.MESSAGES, Operation.GENERATE, False),
        ("/messages/count_tokens", ModelProtocol.MESSAGES, Operation.COUNT_TOKENS, False),
        (rf"/models/({_MODEL}):generateContent", ModelProtocol.GEMINI, Operation.GENERATE, False),
        (rf"/models/({_MODEL}):streamGenerateContent", ModelProtocol.GEMINI, Operation.GENERATE, True),
        (rf"/models/({_MODEL}):countTokens", ModelProtocol.GEMINI, Operation.COUNT_TOKENS, False),
    )
)
_LISTS = re.compile(rf"{_VERSION}/models(?:/({_MODEL}))?/?")
_STEP_UP = re.compile(r"(?:^|/)\.{1,2}(?:/|$)|//")


def recognise(method: str, path: str, headers: Mapping[str, str]) -> RequestKind | None:
    """Return what a request is, or None where it is none that is let through.

    Args:
        method: The HTTP method.
        path: The path behind the session's prefix, percent-encoded as it came, without the query.
        headers: The request's headers, names in lower case; they tell whose list of models is asked for.

    """
    if _STEP_UP.search(unquote(path)):
        return None
    if method == "GET" and (found := _LISTS.fullmatch(path)):
        return RequestKind(_who_lists(path, headers), Operation.LIST_MODELS, unquote(found[1] or ""))
    if method != "POST":
        return None
    for pattern, protocol, operation, streams in _POSTS:
        if found := pattern.fullmatch(path):
            return RequestKind(protocol, operation, unquote(found[1]) if found.lastindex else "", streams)
    return None


def key_headers(protocol: ModelProtocol, key: str) -> dict[str, str]:
    """Return the header that `key` goes into."""
    match protocol:
        case ModelProtocol.MESSAGES:
            return {"x-api-key": key}
        case ModelProtocol.GEMINI:
            return {"x-goog-api-key": key}
        case _:
            return {"authorization": f"Bearer {key}"}


def error_body(protocol: ModelProtocol | None, status: int, kind: str, message: str) -> bytes:
    """Return the JSON that a client of `protocol` reads as an error; None: nobody knows which it speaks.

    Args:
        protocol: Whose form it is written in.
        status: The HTTP status it goes with.
        kind: What happened, in a word of ours; it stands where the protocol has room for one.
        message: What happened, for a person.

    """
    said: dict[str, Any]
    match protocol:
        case ModelProtocol.MESSAGES:
            said = {"type": "error", "error": {"type": _MESSAGES_TYPES.get(status, "api_error"), "message": message}}
        case ModelProtocol.GEMINI:
            error: dict[str, Any] = {"code": status, "message": message, "status": _GOOGLE.get(status, "INTERNAL")}
            error["details"] = [{"@type": _GOOGLE_REASON, "reason": kind.upper(), "domain": "evalkit"}]
            said = {"error": error}
        case _:
            # Clients of this protocol give up at once on this code only.
            code = "insufficient_quota" if kind == "budget" else kind
            type_ = code if kind == "budget" else _OPENAI_TYPES.get(status, "server_error")
            said = {"error": {"message": message, "type": type_, "param": None, "code": code}}
    return json.dumps(said, ensure_ascii=False).encode()


_GOOGLE_REASON = "type.googleapis.com/google.rpc.ErrorInfo"
_MESSAGES_TYPES = {
    400: "invalid_request_error",
    404: "not_found_error",
    413: "request_too_large",
    415: "invalid_request_error",
    429: "rate_limit_error",
    504: "timeout_error",
}
_GOOGLE = {
    400: "INVALID_ARGUMENT",
    404: "NOT_FOUND",
    413: "INVALID_ARGUMENT",
    415: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_OPENAI_TYPES = dict.fromkeys((400, 404, 413, 415), "invalid_request_error")


def _who_lists(path: str, headers: Mapping[str, str]) -> ModelProtocol:
    if "anthropic-version" in headers:
        return ModelProtocol.MESSAGES
    is_google = "x-goog-api-key" in headers or path.startswith("/v1beta/")
    return ModelProtocol.GEMINI if is_google else ModelProtocol.CHAT
