r"""Vapi's envelope: a ``tool-calls`` message holds one or several calls of tools, and wants a result for each.

::

    {"message": {"type": "tool-calls", "call": {"id": "…"},
                 "toolCallList": [{"id": "toolu_1", "name": "get_order_status", "arguments": {"order_id": "48213"}}]}}

    {"results": [{"toolCallId": "toolu_1", "name": "get_order_status", "result": "{\"status\":\"shipped\"}"}]}

Name and arguments may also stand within ``function``, as they do in Chat Completions, and the arguments may be text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from evalkit.records.json import Json, JsonObject
from evalkit.tool_host.hosted_call import AskedTool, Via, read_arguments

_TOOL_CALLS = "tool-calls"


@dataclass(frozen=True)
class ToolCallsMessage:
    """A ``tool-calls`` message: the calls in it, and the id that the telephone call has there, if any."""

    asked: tuple[AskedTool, ...]
    call_ids: tuple[str, ...]


def is_message(body: Json) -> bool:
    """Tell whether a request's body is in the envelope, be it of tools or of anything else."""
    message = body.get("message") if isinstance(body, Mapping) else None
    return isinstance(message, Mapping) and isinstance(message.get("type"), str)


def read_tool_calls(body: Json) -> ToolCallsMessage | None:
    """Return the calls in a request's body; None where it is no ``tool-calls`` message."""
    message: Any = body.get("message") if isinstance(body, Mapping) else None
    if not isinstance(message, Mapping) or message.get("type") != _TOOL_CALLS:
        return None
    entries = message.get("toolCallList")
    if not isinstance(entries, Sequence) or isinstance(entries, str):
        return None
    call = message.get("call")
    call_id = call.get("id") if isinstance(call, Mapping) else None
    asked = tuple(_read_call(entry) for entry in entries if isinstance(entry, Mapping))
    return ToolCallsMessage(asked, (call_id,) if isinstance(call_id, str) else ())


def make_result(asked: AskedTool, text: str, *, fails: bool) -> JsonObject:
    """Return the result of one call. A result is one line: a line break would end it."""
    line = " ".join(text.splitlines())
    return {"toolCallId": asked.call_id, "name": asked.name, ("error" if fails else "result"): line}


def _read_call(entry: Mapping[str, Any]) -> AskedTool:
    inner = entry.get("function")
    function = inner if isinstance(inner, Mapping) else entry
    sent = function.get("arguments", function.get("parameters"))
    raw = sent if isinstance(sent, str) else orjson.dumps({} if sent is None else sent).decode()
    return AskedTool(str(function.get("name", "")), read_arguments(raw), raw, Via.WEBHOOK, str(entry.get("id", "")))
