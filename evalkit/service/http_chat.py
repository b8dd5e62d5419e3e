"""``/v1/chat/completions``: the same models, asked in text in the older API, whole or as a stream.

What a model would say beyond ``max_completion_tokens`` (or ``max_tokens``) is left out, and the answer ends as
``length``. Temperature, seed and the like are taken and change nothing: the models have no chance in them. A strict
``json_schema`` that the answer does not keep to is refused with status 400.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from evalkit.service.answer_form import FORM, AnswerForm, read_form
from evalkit.service.bad_request import BadRequest, Shape, invalid_value
from evalkit.service.brain.conversation import Answered, Called, Conversation, Item, Reply, Said, UserTurn
from evalkit.service.events_out import Ids
from evalkit.service.http_json import json_body
from evalkit.service.service_state import ServiceState
from evalkit.service.session_config import complete_tool
from evalkit.service.text_usage import usage_of, within_limit

_STRING = {"type": "string"}
_TEXT_PART = {
    "type": "object",
    "required": ["type", "text"],
    "properties": {"type": {"enum": ["text"]}, "text": _STRING},
}
_CONTENT = {"type": ["string", "array", "null"], "items": _TEXT_PART}
_CALL = {
    "type": "object",
    "required": ["id", "type", "function"],
    "properties": {
        "id": _STRING,
        "type": {"enum": ["function"]},
        "function": {
            "type": "object",
            "required": ["name", "arguments"],
            "properties": {"name": _STRING, "arguments": _STRING},
        },
    },
}
_MESSAGE = {
    "type": "object",
    "required": ["role"],
    "properties": {
        "role": {"enum": ["system", "developer", "user", "assistant", "tool"]},
        "content": _CONTENT,
        "name": _STRING,
        "tool_call_id": _STRING,
        "tool_calls": {"type": "array", "items": _CALL},
        "refusal": {"type": ["string", "null"]},
    },
}
_TOOL = {
    "type": "object",
    "required": ["type", "function"],
    "properties": {
        "type": {"enum": ["function"]},
        "function": {
            "type": "object",
            "required": ["name"],
            "properties": {"name": _STRING, "parameters": {"type": "object"}},
        },
    },
}
_CHOSEN = {"type": "object", "required": ["name"], "properties": {"name": _STRING}}
_SHAPE = Shape(
    {
        "type": "object",
        "required": ["model", "messages"],
        "properties": {
            "model": _STRING,
            "messages": {"type": "array", "minItems": 1, "items": _MESSAGE},
            "tools": {"type": "array", "items": _TOOL},
            "tool_choice": {
                "type": ["string", "object"],
                "if": {"type": "string"},
                "then": {"enum": ["auto", "none", "required"]},
                "else": {
                    "required": ["type", "function"],
                    "properties": {"type": {"enum": ["function"]}, "function": _CHOSEN},
                },
            },
            "response_format": FORM,
            "stream": {"type": ["boolean", "null"]},
            "stream_options": {
                "type": ["object", "null"],
                "properties": {"include_usage": {"type": "boolean"}, "include_obfuscation": {"type": "boolean"}},
                "additionalProperties": False,
            },
            "n": {"enum": [1, None]},
            "max_tokens": {"type": ["integer", "null"], "minimum": 1},
            "max_completion_tokens": {"type": ["integer", "null"], "minimum": 1},
            "temperature": {"type": ["number", "null"]},
            "top_p": {"type": ["number", "null"]},
            "reasoning_effort": {"type": ["string", "null"]},
            "seed": {"type": ["integer", "null"]},
            "parallel_tool_calls": {"type": "boolean"},
            "store": {"type": ["boolean", "null"]},
            "metadata": {"type": ["object", "null"], "additionalProperties": _STRING},
            "user": _STRING,
        },
        "additionalProperties": False,
    }
)
_PIECE_CHARACTERS = 24


async def complete(request: Request) -> Response:
    """Answer ``POST /v1/chat/completions``."""
    state: ServiceState = request.app.state.service
    body = await json_body(request)
    _SHAPE.check(body)
    model = state.model_named(body["model"])
    form = read_form(body.get("response_format"), "response_format", nested="json_schema")
    conversation = _conversation(body, form)
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    reply = within_limit(await state.reply(model, conversation), limit)
    form.check(reply, model)
    made = _Completion(model, conversation, reply)
    if not body.get("stream"):
        return JSONResponse(made.whole())
    asks_for_usage = bool((body.get("stream_options") or {}).get("include_usage"))
    chunks = (b"data: " + orjson.dumps(chunk) + b"\n\n" for chunk in made.chunks(with_usage=asks_for_usage))
    return StreamingResponse(_with_end(chunks), media_type="text/event-stream")


def _with_end(chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield from chunks
    yield b"data: [DONE]\n\n"


class _Completion:
    """A reply in the API's shape."""

    def __init__(self, model: str, conversation: Conversation, reply: Reply) -> None:
        self._model, self._conversation, self._reply = model, conversation, reply
        self._finish = "length" if reply.is_cut else "tool_calls" if reply.calls else "stop"
        self._ids, self._created = Ids(secrets.token_hex(8)), int(time.time())
        self._id = self._ids.new("chatcmpl")

    def whole(self) -> dict[str, Any]:
        """Return the completion at once."""
        calls, text = self._calls(), self._reply.text
        message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
        if calls:
            message |= {"content": text or None, "tool_calls": calls}
        choice = {"index": 0, "message": message, "finish_reason": self._finish, "logprobs": None}
        return {**self._head("chat.completion"), "choices": [choice], "usage": self._usage()}

    def chunks(self, *, with_usage: bool) -> Iterator[dict[str, Any]]:
        """Yield it piece by piece: the role, the words, the calls, why it ended, and its usage where that is asked."""
        usage: dict[str, Any] = {"usage": None} if with_usage else {}
        text = self._reply.text
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": "", "refusal": None}]
        deltas += [{"content": text[at : at + _PIECE_CHARACTERS]} for at in range(0, len(text), _PIECE_CHARACTERS)]
        deltas += [{"tool_calls": [{"index": index, **call}]} for index, call in enumerate(self._calls())]
        for delta, finish in (*((delta, None) for delta in deltas), ({}, self._finish)):
            choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
            yield {**self._head("chat.completion.chunk"), "choices": [choice], **usage}
        if with_usage:
            yield {**self._head("chat.completion.chunk"), "choices": [], "usage": self._usage()}

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self._id, "object": kind, "created": self._created, "model": self._model}

    def _calls(self) -> list[dict[str, Any]]:
        return [
            {
                "id": self._ids.new("call"),
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments_json},
            }
            for call in self._reply.calls
        ]

    def _usage(self) -> dict[str, Any] | None:
        counted = usage_of(self._conversation, self._reply)
        if counted is None:
            return None
        return {
            "prompt_tokens": counted.shown,
            "completion_tokens": counted.made,
            "total_tokens": counted.shown + counted.made,
            "prompt_tokens_details": {"cached_tokens": counted.cached},
            "completion_tokens_details": {"reasoning_tokens": 0},
        }


def _conversation(body: Mapping[str, Any], form: AnswerForm) -> Conversation:
    instructions: list[str] = []
    items: list[Item] = []
    for index, message in enumerate(body["messages"]):
        path, words = f"messages[{index}]", _words(message.get("content"))
        match message["role"]:
            case "system" | "developer":
                instructions.append(words)
            case "user":
                items.append(UserTurn(words))
            case "assistant":
                items += [Said(words)] if words else []
                calls = enumerate(message.get("tool_calls", ()))
                items += [_called(call, f"{path}.tool_calls[{at}]") for at, call in calls]
            case "tool":
                if "tool_call_id" not in message:
                    raise invalid_value(f"{path}.tool_call_id", None, ["the id of a call"])
                items.append(Answered(message["tool_call_id"], words))
    choice = body.get("tool_choice", "auto")
    return Conversation(
        instructions="\n\n".join(filter(None, instructions)),
        tools=tuple(complete_tool({"type": "function", **tool["function"]}) for tool in body.get("tools", ())),
        items=tuple(items),
        tool_choice=choice if isinstance(choice, str) else choice["function"]["name"],
        answer_schema=form.schema,
    )


def _words(content: Any) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    return " ".join(part["text"] for part in content)


def _called(call: Mapping[str, Any], path: str) -> Called:
    function = call["function"]
    try:
        arguments = orjson.loads(function["arguments"])
    except orjson.JSONDecodeError:
        arguments = None
    if not isinstance(arguments, dict):
        param = f"{path}.function.arguments"
        raise BadRequest(f"Invalid '{param}': expected a JSON object as text.", code="invalid_value", param=param)
    return Called(call["id"], function["name"], arguments)
