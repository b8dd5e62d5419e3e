"""The lines between evalkit and the program in the box: a call out, an answer back; ``docs/coding.md`` shows both.

What comes back was written by a program that nobody trusts: a line that is no answer raises ValueError, whatever is in
it, and a value that no record could hold is made one that can be held and equals nothing.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from evalkit.modes.coding.task import Language, TaskCall
from evalkit.modes.coding.tokens import DEEPEST, decode_text, decode_value, encode_text, encode_value, split_tokens
from evalkit.records.json import Json, JsonObject

LONGEST_ANSWER = 64 * 1024
"""Bytes of an answer that are kept; of a longer one only its length is."""
_TOKEN_LANGUAGES = frozenset({Language.RUST, Language.CPP})
_LONGEST_TEXT = 400  # of an error's kind and message
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def request_line(language: Language, call: TaskCall) -> bytes:
    """Return the line that asks for `call`, without a newline."""
    if language in _TOKEN_LANGUAGES:
        return f"call {encode_text(call.fn)} {encode_value(list(call.args))}".encode()
    return json.dumps({"fn": call.fn, "args": call.args}, ensure_ascii=True, separators=(",", ":")).encode()


def read_answer_line(language: Language, line: bytes) -> JsonObject:
    """Return the answer in `line`: ``{"ok": VALUE}`` or ``{"error": KIND, "message": TEXT}``.

    Raises ValueError for a line that is neither.
    """
    if len(line) > LONGEST_ANSWER:
        return {"oversized": len(line)}
    text = line.decode("utf-8")
    try:
        answer = _from_tokens(text) if language in _TOKEN_LANGUAGES else _from_json(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if "ok" in answer:
        return {"ok": _holdable(answer["ok"])}
    kind, message = str(answer["error"]), str(answer.get("message", ""))
    return {"error": _text(kind[:_LONGEST_TEXT]), "message": _text(message[:_LONGEST_TEXT])}


def _from_json(text: str) -> JsonObject:
    answer: Any = json.loads(text, parse_constant=_refuse_constant)
    if not isinstance(answer, dict) or not (answer.keys() == {"ok"} or answer.keys() >= {"error"}):
        raise ValueError("it is neither an answer nor an error")
    return answer


def _from_tokens(text: str) -> JsonObject:
    tokens = iter(split_tokens(text))
    kind = next(tokens)
    if kind == "ok":
        answer: dict[str, Json] = {"ok": decode_value(tokens)}
    elif kind == "error":
        answer = {"error": decode_text(next(tokens, "")), "message": decode_text(next(tokens, ""))}
    else:
        raise ValueError("it is neither an answer nor an error")
    if next(tokens, None) is not None:
        raise ValueError("it goes on behind its end")
    return answer


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _holdable(value: Any, depth: int = 0) -> Json:
    """Return `value` with what JSON and UTF-8 cannot hold replaced. Raises ValueError for one that is too deep."""
    if depth > DEEPEST:
        raise ValueError(f"it is nested more than {DEEPEST} levels deep")
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": str(value)}
    if isinstance(value, Mapping):
        return {_text(key): _holdable(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [_holdable(inner, depth + 1) for inner in value]
    scalar: Json = value
    return scalar


def _text(text: str) -> str:
    """Return `text` with every half of a Unicode character replaced by U+FFFD."""
    return _LONE_SURROGATE.sub("\ufffd", text)
