"""What an agent asks: its body read once, for the model's name, for whether it wants a stream, and for replay."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from evalkit.gateway.answers import as_object, whole_text
from evalkit.gateway.protocols import ModelProtocol, Operation, RequestKind
from evalkit.records.json import Json, content_sha256

# What differs from one session to the next although nobody meant it to, and what stands for it.
_VOLATILE: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE), "<uuid>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"), "<time>"),
    (
        re.compile(
            r"\b(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day,? )?"
            r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
            r" \d{1,2}(?:st|nd|rd|th)?,? \d{4}\b"
        ),
        "<time>",
    ),
    (re.compile(r"\b\d+\.\d+ ?(?:ms|s|sec|secs|seconds)\b"), "<duration>"),
)


@dataclass(frozen=True)
class ModelRequest:
    """One request of an agent, its credentials left out.

    Attributes:
        kind: What method and path say.
        path: The path behind the session's prefix, as it came.
        query: The query without keys, as it came; empty: there is none.
        body: The body, unpacked.
        headers: The headers as they came, names in lower case.

    """

    kind: RequestKind
    path: str
    query: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @cached_property
    def content(self) -> Mapping[str, Any] | None:
        """The body as a JSON object; None where it is none."""
        try:
            value = json.loads(self.body) if self.body else {}
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, Mapping) else None

    @property
    def model(self) -> str:
        """The model that is asked for; empty where the request names none."""
        named = as_object(self.content).get("model")
        return whole_text(self.kind.model or (named if isinstance(named, str) else ""))

    @property
    def wants_stream(self) -> bool:
        """Whether the answer is to be a stream."""
        return self.kind.streams or as_object(self.content).get("stream") is True

    @cached_property
    def normalised(self) -> dict[str, Json]:
        """What makes this request this one: protocol, operation, model and messages, without ids and times."""
        return {
            "protocol": str(self.kind.protocol),
            "operation": str(self.kind.operation),
            "model": self.model,
            "messages": [_settled(part) for part in _messages(self.kind, as_object(self.content))],
        }

    @cached_property
    def sha256(self) -> str:
        """The hash of :attr:`normalised`."""
        return content_sha256(self.normalised)


def _messages(kind: RequestKind, content: Mapping[str, Any]) -> list[Any]:
    """Return system words first, then what was said, in the order of the request."""
    if kind.operation is Operation.LIST_MODELS:
        return []
    match kind.protocol:
        case ModelProtocol.CHAT:
            first, said = None, content.get("messages")
        case ModelProtocol.RESPONSES:
            first, said = content.get("instructions"), content.get("input")
        case ModelProtocol.MESSAGES:
            first, said = content.get("system"), content.get("messages")
        case ModelProtocol.GEMINI:
            first = content.get("systemInstruction") or content.get("system_instruction")
            said = content.get("contents") or as_object(content.get("generateContentRequest")).get("contents")
    return [{"system": first}, *(said if isinstance(said, list) else [said])]


def _settled(value: Any) -> Json:
    """Return `value` with what is volatile in its texts replaced, and without marks that only a cache reads."""
    if isinstance(value, str):
        for pattern, instead in _VOLATILE:
            value = pattern.sub(instead, value)
        return whole_text(value)
    if isinstance(value, Mapping):
        return {whole_text(str(key)): _settled(item) for key, item in value.items() if key != "cache_control"}
    if isinstance(value, list):
        return [_settled(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):  # JSON has no NaN, but Python reads one
        return None
    return value if isinstance(value, bool | int | float) else None
