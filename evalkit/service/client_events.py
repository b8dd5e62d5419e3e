"""The client events of the Realtime protocol: which exist, and what each may carry.

:func:`parse` turns a frame into a checked event, or raises :class:`BadRequest`. Nested objects (a session, an item, the
parameters of a response) are checked by their own functions, so that the error names the full path of the field.

An optional field that is null counts as left out, except where null itself says something (``turn_detection: null``).

Only what this server can do is allowed: function tools (no MCP), text and audio content (no images), no stored prompts.
"""

from __future__ import annotations

from typing import Any

import orjson

from evalkit.service.bad_request import BadRequest, Shape, invalid_value, missing_parameter

Wire = dict[str, Any]

_STRING: Wire = {"type": "string"}
_NULL_ONLY: Wire = {"type": "null"}
_MILLISECONDS: Wire = {"type": "integer", "minimum": 0, "maximum": 10000}


def _object(properties: Wire, *required: str, nullable: bool = False) -> Wire:
    return {
        "type": ["object", "null"] if nullable else "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _enum(*values: Any) -> Wire:
    return {"enum": list(values)}


_FORMAT = {
    **_object({"type": _enum("audio/pcm", "audio/pcmu", "audio/pcma"), "rate": _enum(24000)}, "type"),
    "if": {"properties": {"type": {"enum": ["audio/pcmu", "audio/pcma"]}}},
    "then": _object({"type": {}}),
}
_TOOL = _object(
    {
        "type": _enum("function"),
        "name": {"type": "string", "pattern": "^[a-zA-Z0-9_.-]{1,128}$"},
        "description": _STRING,
        "parameters": {"type": "object"},
    },
    "type",
    "name",
)
_TOOL_CHOICE = {
    "type": ["string", "object"],
    "if": {"type": "string"},
    "then": _enum("auto", "none", "required"),
    "else": _object({"type": _enum("function"), "name": _STRING}, "type", "name"),
}
_MAX_TOKENS = {
    "type": ["integer", "string"],
    "if": {"type": "string"},
    "then": _enum("inf"),
    "else": {"minimum": 1, "maximum": 32000},
}
_MODALITIES = _enum(["audio"], ["text"])
_REASONING = _object({"effort": _enum("minimal", "low", "medium", "high", "xhigh")}, nullable=True)
_TRANSCRIPTION = _object(
    {
        "model": _STRING,
        "language": _STRING,
        "languages": {"type": "array", "items": _STRING},
        "prompt": _STRING,
        "keywords": {"type": "array", "items": _STRING},
        "delay": _enum("minimal", "low", "medium", "high", "xhigh"),
    },
    nullable=True,
)
_NOISE_REDUCTION = _object(
    {"type": _enum("near_field", "far_field"), "strength": {"type": "number", "minimum": 0}}, nullable=True
)
_WHETHER: Wire = {"type": "boolean"}
_ANSWERING: Wire = {"create_response": _WHETHER, "interrupt_response": _WHETHER}
_TURN_DETECTIONS = {
    "server_vad": _object(
        {
            "type": _enum("server_vad"),
            "threshold": {"type": "number", "minimum": 0, "maximum": 1},
            "prefix_padding_ms": _MILLISECONDS,
            "silence_duration_ms": _MILLISECONDS,
            "idle_timeout_ms": {"type": ["integer", "null"], "minimum": 5000, "maximum": 30000},
            **_ANSWERING,
        },
        "type",
    ),
    "semantic_vad": _object(
        {"type": _enum("semantic_vad"), "eagerness": _enum("low", "medium", "high", "auto"), **_ANSWERING}, "type"
    ),
}
_TURN_DETECTION: Wire = {
    "type": ["object", "null"],
    "if": {"type": "object"},
    "then": {
        "properties": {"type": _enum(*_TURN_DETECTIONS)},
        "required": ["type"],
        "if": {"properties": {"type": {"const": "server_vad"}}},
        "then": _TURN_DETECTIONS["server_vad"],
        "else": _TURN_DETECTIONS["semantic_vad"],
    },
}
_COMMON: Wire = {
    "instructions": _STRING,
    "max_output_tokens": _MAX_TOKENS,
    "output_modalities": _MODALITIES,
    "parallel_tool_calls": {"type": "boolean"},
    "prompt": _NULL_ONLY,
    "reasoning": _REASONING,
    "tool_choice": _TOOL_CHOICE,
    "tools": {"type": "array", "items": _TOOL},
}
_SESSION = Shape(
    _object(
        {
            **_COMMON,
            "type": _enum("realtime"),
            "model": _STRING,
            "include": {"type": ["array", "null"], "maxItems": 0},
            "tracing": {"type": ["object", "string", "null"]},
            "truncation": {"type": ["object", "string"]},
            "audio": _object(
                {
                    "input": _object(
                        {
                            "format": _FORMAT,
                            "transcription": _TRANSCRIPTION,
                            "noise_reduction": _NOISE_REDUCTION,
                            "turn_detection": _TURN_DETECTION,
                        }
                    ),
                    "output": _object({"format": _FORMAT, "voice": _STRING, "speed": {"type": "number"}}),
                }
            ),
        },
        "type",
    ),
    "session",
)
_RESPONSE = Shape(
    _object(
        {
            **_COMMON,
            "audio": _object({"output": _object({"format": _FORMAT, "voice": _STRING})}),
            "conversation": _enum("auto", "none"),
            "input": {"type": "array"},
            "metadata": {
                "type": ["object", "null"],
                "maxProperties": 16,
                "additionalProperties": {"type": "string", "maxLength": 512},
            },
        }
    ),
    "response",
)

_ITEM_EXTRAS: Wire = {
    "id": {"type": "string", "minLength": 1, "maxLength": 64},
    "object": _enum("realtime.item"),
    "status": _enum("completed", "incomplete", "in_progress"),
}


def _message(role: str, content: Wire) -> Shape:
    fields = {
        **_ITEM_EXTRAS,
        "type": _enum("message"),
        "role": _enum(role),
        "content": {"type": "array", "items": content, "minItems": 1},
    }
    return Shape(_object(fields, "type", "role", "content"), "item")


_TEXT_PART = _object({"type": _enum("input_text"), "text": _STRING}, "type", "text")
_USER_PART = {
    "type": "object",
    "properties": {"type": _enum("input_text", "input_audio")},
    "required": ["type"],
    "if": {"properties": {"type": {"const": "input_audio"}}},
    "then": _object(
        {"type": _enum("input_audio"), "audio": _STRING, "transcript": {"type": ["string", "null"]}}, "type", "audio"
    ),
    "else": _TEXT_PART,
}
_ASSISTANT_PART = {
    "type": "object",
    "properties": {"type": _enum("output_text", "output_audio")},
    "required": ["type"],
    "if": {"properties": {"type": {"const": "output_audio"}}},
    "then": _object({"type": _enum("output_audio"), "audio": _STRING, "transcript": _STRING}, "type", "transcript"),
    "else": _object({"type": _enum("output_text"), "text": _STRING}, "type", "text"),
}
_MESSAGES = {
    "system": _message("system", _TEXT_PART),
    "user": _message("user", _USER_PART),
    "assistant": _message("assistant", _ASSISTANT_PART),
}
_CALL = Shape(
    _object(
        {**_ITEM_EXTRAS, "type": _enum("function_call"), "call_id": _STRING, "name": _STRING, "arguments": _STRING},
        "type",
        "name",
        "arguments",
    ),
    "item",
)
_CALL_OUTPUT = Shape(
    _object(
        {**_ITEM_EXTRAS, "type": _enum("function_call_output"), "call_id": _STRING, "output": _STRING},
        "type",
        "call_id",
        "output",
    ),
    "item",
)
_REFERENCE = Shape(_object({"type": _enum("item_reference"), "id": _STRING}, "type", "id"), "item")

_ITEM_ID: Wire = {"item_id": _STRING}
_EVENTS: dict[str, tuple[Wire, tuple[str, ...]]] = {
    "session.update": ({"session": {"type": "object"}}, ("session",)),
    "input_audio_buffer.append": ({"audio": _STRING}, ("audio",)),
    "input_audio_buffer.commit": ({}, ()),
    "input_audio_buffer.clear": ({}, ()),
    "conversation.item.create": (
        {"item": {"type": "object"}, "previous_item_id": {"type": ["string", "null"]}},
        ("item",),
    ),
    "conversation.item.delete": (_ITEM_ID, ("item_id",)),
    "conversation.item.retrieve": (_ITEM_ID, ("item_id",)),
    "conversation.item.truncate": (
        {
            **_ITEM_ID,
            "content_index": {"type": "integer", "minimum": 0},
            "audio_end_ms": {"type": "integer", "minimum": 0},
        },
        ("item_id", "content_index", "audio_end_ms"),
    ),
    "response.create": ({"response": {"type": ["object", "null"]}}, ()),
    "response.cancel": ({"response_id": {"type": ["string", "null"]}}, ()),
}
_EVENT_SHAPES = {
    name: Shape(
        _object({"type": _STRING, "event_id": {"type": ["string", "null"], "maxLength": 512}, **fields}, *required)
    )
    for name, (fields, required) in _EVENTS.items()
}
EVENT_TYPES = tuple(_EVENTS)
_NULL_MEANS_OFF = frozenset({"turn_detection", "transcription", "noise_reduction", "tracing"})
_CLIENTS_OWN = frozenset({"parameters", "metadata"})


def decode(frame: str) -> Wire:
    """Return the JSON object in a text frame; raises :class:`BadRequest` when it holds none."""
    try:
        event = orjson.loads(frame)
    except orjson.JSONDecodeError as error:
        message = f"The server could not parse the JSON body of your event: {error}."
        raise BadRequest(message, code="invalid_json") from error
    if not isinstance(event, dict):
        raise BadRequest("An event must be a JSON object.", code="invalid_json")
    return event


def check_event(event: Wire) -> str:
    """Return the type of a well-formed event; raises :class:`BadRequest`."""
    kind = event.get("type")
    if kind is None:
        raise missing_parameter("type")
    if not isinstance(kind, str) or kind not in _EVENT_SHAPES:
        raise invalid_value("type", kind, EVENT_TYPES)
    if not _is_plain_append(kind, event):
        _EVENT_SHAPES[kind].check(event)
    return kind


def read_session(session: Wire) -> Wire:
    """Return the fields that `session` gives; raises :class:`BadRequest` for one that this server cannot hold."""
    given: Wire = without_nulls(session, keep=_NULL_MEANS_OFF)
    _SESSION.check(given)
    return given


def read_response(params: Wire) -> Wire:
    """Return the parameters of a response that are given; raises :class:`BadRequest`."""
    given: Wire = without_nulls(params)
    _RESPONSE.check(given)
    return given


def read_item(given: Any, path: str = "item", *, references: bool = False) -> Wire:
    """Return a conversation item without what is null; raises :class:`BadRequest`.

    `references` allows ``item_reference``.
    """
    if not isinstance(given, dict):
        raise BadRequest(f"Invalid type for '{path}': expected an object.", code="invalid_type", param=path)
    item: Wire = without_nulls(given)
    kind = item.get("type")
    if kind is None:
        raise missing_parameter(f"{path}.type")
    if kind == "message":
        role = item.get("role")
        if role is None:
            raise missing_parameter(f"{path}.role")
        if not isinstance(role, str) or role not in _MESSAGES:
            raise invalid_value(f"{path}.role", role, _MESSAGES)
        _MESSAGES[role].check(item, path)
        return item
    shapes = {"function_call": _CALL, "function_call_output": _CALL_OUTPUT}
    if references:
        shapes["item_reference"] = _REFERENCE
    if not isinstance(kind, str) or kind not in shapes:
        raise invalid_value(f"{path}.type", kind, ["message", *shapes])
    shapes[kind].check(item, path)
    return item


def without_nulls(value: Any, keep: frozenset[str] = frozenset()) -> Any:
    """Return `value` without the fields that are null, at any depth; what clients define themselves stays as it is."""
    if isinstance(value, list):
        return [without_nulls(element, keep) for element in value]
    if not isinstance(value, dict):
        return value
    return {
        name: field if name in _CLIENTS_OWN else without_nulls(field, keep)
        for name, field in value.items()
        if field is not None or name in keep
    }


def _is_plain_append(kind: str, event: Wire) -> bool:
    """Whether this is the one event that comes fifty times a second, in the form that everybody sends."""
    if kind != "input_audio_buffer.append" or not isinstance(event.get("audio"), str):
        return False
    return len(event) == 2 or (len(event) == 3 and isinstance(event.get("event_id"), str))
