"""Tools as webhooks: ``POST /tools/CALL/NAME`` with the arguments as a JSON object, answered with the tool's output.

=========================== ==========================================================================================
``/tools/CALL/NAME``        one call of a tool
``/tools/NAME``             the same; whose it is the header says, an argument, or that there is one call only
``/tools/CALL``, ``/tools`` messages in Vapi's envelope (:mod:`evalkit.tool_host.vapi`), which the other two take too
=========================== ==========================================================================================

A tool that fails answers 200 like any other: what its mock says is then what the assistant is told, whatever the
agent's framework makes of other statuses. 404 means that nobody knows whose call it is, 410 that the call is over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import orjson
from starlette.requests import Request
from starlette.responses import Response

from evalkit.records.json import Json, JsonObject
from evalkit.tool_host.hosted_call import AskedTool, HostedCall, UnknownCall, Via, output_text, read_arguments
from evalkit.tool_host.open_calls import OpenCalls
from evalkit.tool_host.vapi import is_message, make_result, read_tool_calls

LARGEST_BODY_BYTES = 4 * 1024 * 1024
_FORMS = "POST JSON arguments to /tools/CALL/NAME"


async def answer_webhook(request: Request, parts: Sequence[str], header: Sequence[str], calls: OpenCalls) -> Response:
    """Answer a request to ``/tools/…``.

    Args:
        request: The request.
        parts: The parts of its path behind ``/tools``.
        header: How its header names the call, where it does.
        calls: The calls that are open.

    Raises:
        ClientDisconnect: The agent left before its request was whole.

    """
    body = await _read_body(request)
    if body is None:
        return json_response(413, {"error": f"the body is longer than {LARGEST_BODY_BYTES} bytes"})
    document = _read_json(body)
    message = read_tool_calls(document)
    if message is not None:
        named = [*header, *_call_of(parts, message.asked, calls)]
        results = await asyncio.gather(*(_result(asked, named, message.call_ids, calls) for asked in message.asked))
        return json_response(200, {"results": list(results)})
    if is_message(document) and not _tool_of(parts, calls):
        return json_response(200, {})  # of what else happens in a call; it wants no answer
    name = _tool_of(parts, calls)
    if not name:
        return json_response(404, {"error": f"the address names no tool; {_FORMS}"})
    asked = AskedTool(name, read_arguments(body), body.decode(errors="replace"), Via.WEBHOOK)
    found = calls.claim(asked, [*header, *parts[: len(parts) - 1]])
    if isinstance(found, UnknownCall):
        return json_response(410 if found.is_over else 404, {"error": found.why})
    return json_response(200, (await found.answer(asked)).output.output)


def json_response(status: int, content: Json) -> Response:
    """Return an answer in JSON."""
    return Response(orjson.dumps(content), status, media_type="application/json")


async def _result(asked: AskedTool, named: Sequence[str], call_ids: Sequence[str], calls: OpenCalls) -> JsonObject:
    found = calls.claim(asked, named, call_ids)
    if isinstance(found, HostedCall):
        answer = await found.answer(asked)
        return make_result(asked, output_text(answer.output.output), fails=answer.fails)
    return make_result(asked, found.why, fails=True)


def _call_of(parts: Sequence[str], asked: Sequence[AskedTool], calls: OpenCalls) -> Sequence[str]:
    """Return the call that the path names; one part alone is a tool's where the envelope calls that."""
    is_tool = len(parts) == 1 and not calls.is_known(parts[0]) and parts[0] in [each.name for each in asked]
    return [] if is_tool else parts[:1]


def _tool_of(parts: Sequence[str], calls: OpenCalls) -> str:
    """Return the tool that the path names; one part alone is a call's where that is known."""
    return "" if not parts or (len(parts) == 1 and calls.is_known(parts[0])) else parts[-1]


async def _read_body(request: Request) -> bytes | None:
    pieces, total = [], 0
    async for piece in request.stream():
        total += len(piece)
        if total > LARGEST_BODY_BYTES:
            return None
        pieces.append(piece)
    return b"".join(pieces)


def _read_json(body: bytes) -> Json:
    try:
        document: Json = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return document
