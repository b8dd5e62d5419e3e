"""Puts the pieces of a streamed chat completion together, as endpoints really send them.

========================================= =============================================================
what comes                                what it is
========================================= =============================================================
a known index, and no id or the same      more of the call that was begun there
a known index and an id that is new       another call: proxies number every call 0
no ids at all                             a call for each index, or for each name after whole arguments
neither index nor id                      a call for each name, else more of the last one
arguments as an object                    the whole arguments
a name that comes later                   the name
========================================= =============================================================

Whether tools are called is decided by whether there are calls, never by ``finish_reason``. What a model reasons in a
field of its own (``reasoning``, ``reasoning_content``) is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from evalkit.service.brain.conversation import Call


@dataclass
class _OpenCall:
    call_id: str = ""
    name: str = ""
    arguments: str = ""

    @property
    def is_whole(self) -> bool:
        return _object_of(self.arguments) is not None


class CompletionAssembly:
    """What has come of one completion so far.

    Args:
        redact: Takes out of a call's arguments what must not be in them.

    Attributes:
        finish: Why it ended, in the endpoint's word; empty: it has not.
        usage: The tokens that the endpoint counted; empty where it tells none.

    """

    def __init__(self, redact: Callable[[str], str] = lambda text: text) -> None:
        self.finish = ""
        self.usage: Mapping[str, Any] = {}
        self._redact = redact
        self._calls: list[_OpenCall] = []
        self._at: dict[int, _OpenCall] = {}

    def take(self, chunk: Mapping[str, Any]) -> str:
        """Take a chunk of a stream, or a whole completion; return the words in it."""
        if isinstance(chunk.get("usage"), Mapping):
            self.usage = chunk["usage"]
        choices = _list(chunk.get("choices"))
        first = _mapping(choices[0]) if choices else {}
        piece = _mapping(first.get("delta")) or _mapping(first.get("message"))
        for told in _list(piece.get("tool_calls")):
            self._take_call(_mapping(told))
        if isinstance(first.get("finish_reason"), str):
            self.finish = first["finish_reason"]
        return _words(piece.get("content")) or _words(piece.get("refusal"))

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls that were made, in the order in which they were begun, each with its arguments as written."""
        written = ((call.name, self._redact(call.arguments)) for call in self._calls)
        return tuple(Call(name, _object_of(arguments) or {}, arguments or "{}") for name, arguments in written)

    def _take_call(self, told: Mapping[str, Any]) -> None:
        function = _mapping(told.get("function"))
        index = told.get("index")
        piece = _OpenCall(_text(told.get("id")), _text(function.get("name")), _arguments(function.get("arguments")))
        call = self._call_of(index if isinstance(index, int) else None, piece)
        call.call_id = call.call_id or piece.call_id
        call.name = call.name or piece.name
        if isinstance(function.get("arguments"), Mapping):
            call.arguments = piece.arguments
        else:
            call.arguments += piece.arguments

    def _call_of(self, index: int | None, piece: _OpenCall) -> _OpenCall:
        """Return the call that `piece` belongs to, a new one where it belongs to none."""
        known = next((call for call in self._calls if piece.call_id and call.call_id == piece.call_id), None)
        if known is not None:
            return known
        last = self._calls[-1] if self._calls else None
        under_way = last if index is None else self._at.get(index)
        if under_way is None or _begins_another(under_way, piece):
            under_way = _OpenCall()
            self._calls.append(under_way)
        if index is not None:
            self._at[index] = under_way
        return under_way


def _begins_another(call: _OpenCall, piece: _OpenCall) -> bool:
    if piece.call_id and call.call_id:  # it is not the same one
        return True
    if not (piece.name and call.name):
        return False
    return call.is_whole and (piece.name != call.name or bool(piece.arguments))


def _arguments(told: Any) -> str:
    return orjson.dumps(told).decode() if isinstance(told, Mapping) else _text(told)


def _object_of(arguments: str) -> Mapping[str, Any] | None:
    try:
        value = orjson.loads(arguments)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _words(content: Any) -> str:
    """Return the words of a text, or of the text parts of a content that is a list."""
    if isinstance(content, str):
        return _text(content)
    return "".join(_text(part.get("text")) for part in map(_mapping, _list(content)))


def _text(value: Any) -> str:
    """Return `value` where it is a text, halves of characters that no wire takes replaced."""
    if not isinstance(value, str):
        return ""
    return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()
