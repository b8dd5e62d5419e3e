"""``/v1/responses``: the same models, asked in text."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from evalkit.service.answer_form import AnswerForm, read_form
from evalkit.service.bad_request import BadRequest, Shape, invalid_value, missing_parameter
from evalkit.service.brain.conversation import Answered, Called, Conversation, Item, Reply, Said, UserTurn
from evalkit.service.events_out import Ids
from evalkit.service.http_json import json_body
from evalkit.service.service_state import ServiceState
from evalkit.service.session_config import complete_tool
from evalkit.service.text_usage import usage_of, within_limit

_STRING = {"type": "string"}
_SHAPE = Shape(
    {
        "type": "object",
        "required": ["model", "input"],
        "properties": {
            "model": _STRING,
            "input": {"type": ["string", "array"]},
            "instructions": {"type": ["string", "null"]},
            "tools": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["type", "name"],
                    "properties": {"type": {"enum": ["function"]}, "name": _STRING, "parameters": {"type": "object"}},
                },
            },
            "tool_choice": {
                "type": ["string", "object"],
                "if": {"type": "string"},
                "then": {"enum": ["auto", "none", "required"]},
                "else": {"required": ["type", "name"], "properties": {"type": {"enum": ["function"]}, "name": _STRING}},
            },
            "text": {
                "type": "object",
                "properties": {
                    "format": {
                        "type": "object",
                        "required": ["type"],
                        "properties": {"type": {"enum": ["text", "json_schema", "json_object"]}},
                    }
                },
            },
            "metadata": {"type": ["object", "null"], "additionalProperties": _STRING},
            "stream": {"enum": [False]},
            "background": {"enum": [False]},
            "previous_response_id": {"type": "null"},
            "max_output_tokens": {"type": ["integer", "null"], "minimum": 1},
            "parallel_tool_calls": {"type": "boolean"},
            "temperature": {"type": ["number", "null"]},
            "top_p": {"type": ["number", "null"]},
            "reasoning": {"type": ["object", "null"]},
            "store": {"type": ["boolean", "null"]},
            "seed": {"type": ["integer", "null"]},
            "user": _STRING,
            "include": {"type": ["array", "null"]},
            "truncation": {"enum": ["auto", "disabled"]},
        },
        "additionalProperties": False,
    }
)


async def respond(request: Request) -> Response:
    """Answer ``POST /v1/responses``."""
    state: ServiceState = request.app.state.service
    body = await json_body(request)
    _SHAPE.check(body)
    model = state.model_named(body["model"])
    form = read_form((body.get("text") or {}).get("format"), "text.format")
    conversation = _conversation(body, form)
    reply = within_limit(await state.reply(model, conversation), body.get("max_output_tokens"))
    form.check(reply, model)
    made = _response({**body, "model": model}, conversation, reply)
    if reply.is_cut:
        made |= {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    return JSONResponse(made)


def _conversation(body: Mapping[str, Any], form: AnswerForm) -> Conversation:
    given = body["input"]
    wires = [{"role": "user", "content": given}] if isinstance(given, str) else given
    instructions = [body.get("instructions") or ""]
    items: list[Item] = []
    for index, wire in enumerate(wires):
        item = _item(wire, f"input[{index}]")
        if isinstance(item, str):
            instructions.append(item)
        else:
            items.append(item)
    choice = body.get("tool_choice", "auto")
    return Conversation(
        instructions="\n\n".join(filter(None, instructions)),
        tools=tuple(complete_tool(tool) for tool in body.get("tools", ())),
        items=tuple(items),
        tool_choice=choice if isinstance(choice, str) else choice["name"],
        answer_schema=form.schema,
    )


def _item(wire: Any, path: str) -> Item | str:
    """Return the item, or the text of a system or developer message."""
    if not isinstance(wire, dict):
        raise BadRequest(f"Invalid type for '{path}': expected an object.", code="invalid_type", param=path)
    match wire.get("type", "message"):
        case "message":
            words = _words(_required(wire, "content", path), f"{path}.content")
            makers = {"user": UserTurn, "assistant": Said, "system": str, "developer": str}
            role = _required(wire, "role", path)
            if not isinstance(role, str) or role not in makers:
                raise invalid_value(f"{path}.role", role, makers)
            made: Item | str = makers[role](words)
            return made
        case "function_call":
            call_id, name, text = (_required_text(wire, key, path) for key in ("call_id", "name", "arguments"))
            return Called(call_id, name, _arguments(text, path))
        case "function_call_output":
            return Answered(_required_text(wire, "call_id", path), _words(_required(wire, "output", path), path))
        case kind:
            raise invalid_value(f"{path}.type", kind, ["message", "function_call", "function_call_output"])


def _words(content: Any, path: str) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else [content]
    for index, part in enumerate(parts):
        kind = part.get("type") if isinstance(part, dict) else part
        if kind not in {"input_text", "output_text"}:
            raise invalid_value(f"{path}[{index}].type", kind, ["input_text", "output_text"])
    return " ".join(str(part.get("text", "")) for part in parts)


def _required(wire: Mapping[str, Any], key: str, path: str) -> Any:
    if key not in wire:
        raise missing_parameter(f"{path}.{key}")
    return wire[key]


def _required_text(wire: Mapping[str, Any], key: str, path: str) -> str:
    value = _required(wire, key, path)
    if not isinstance(value, str):
        raise BadRequest(
            f"Invalid type for '{path}.{key}': expected a string.", code="invalid_type", param=f"{path}.{key}"
        )
    return value


def _arguments(text: str, path: str) -> Mapping[str, Any]:
    try:
        arguments = orjson.loads(text)
    except orjson.JSONDecodeError:
        arguments = None
    if not isinstance(arguments, dict):
        param = f"{path}.arguments"
        raise BadRequest(f"Invalid '{param}': expected a JSON object as text.", code="invalid_value", param=param)
    return arguments


def _response(body: Mapping[str, Any], conversation: Conversation, reply: Reply) -> dict[str, Any]:
    ids, now_s = Ids(secrets.token_hex(8)), time.time()
    output: list[dict[str, Any]] = []
    if reply.text or not reply.calls:
        part = {"type": "output_text", "text": reply.text, "annotations": [], "logprobs": []}
        output.append(
            {"id": ids.new("msg"), "type": "message", "role": "assistant", "status": "completed", "content": [part]}
        )
    for call in reply.calls:
        names = {"id": ids.new("fc"), "call_id": ids.new("call"), "name": call.name, "arguments": call.arguments_json}
        output.append({"type": "function_call", "status": "completed", **names})
    tools = [{"strict": None, **tool} for tool in conversation.tools]
    return {
        "id": ids.new("resp"),
        "object": "response",
        "created_at": now_s,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "metadata": body.get("metadata") or {},
        "model": body["model"],
        "output": output,
        "parallel_tool_calls": body.get("parallel_tool_calls", True),
        "temperature": body.get("temperature"),
        "top_p": body.get("top_p"),
        "text": body.get("text") or {"format": {"type": "text"}},
        "tool_choice": body.get("tool_choice", "auto"),
        "tools": tools,
        "truncation": body.get("truncation", "disabled"),
        "usage": _usage(conversation, reply),
    }


def _usage(conversation: Conversation, reply: Reply) -> dict[str, Any] | None:
    counted = usage_of(conversation, reply)
    if counted is None:
        return None
    return {
        "input_tokens": counted.shown,
        "input_tokens_details": {"cached_tokens": counted.cached, "cache_write_tokens": 0},
        "output_tokens": counted.made,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": counted.shown + counted.made,
    }
