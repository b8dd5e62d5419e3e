"""Faults of the HTTP routes: which role a request is for, and what it is answered with instead."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256

import orjson
from starlette.requests import Request
from starlette.responses import Response

from evalkit.service.bad_request import BadRequest
from evalkit.service.brain.rules.caller.models import CALLERS
from evalkit.service.faults.decisions import rule_for_request
from evalkit.service.faults.handshake import refusal
from evalkit.service.faults.plan import FaultPlan, FaultRule
from evalkit.service.http_audio import read_form
from evalkit.service.line import HELD_S

_ROLES = {
    "/audio/speech": "speech",
    "/audio/transcriptions": "transcription",
    "/responses": "judge",
    "/chat/completions": "judge",
}


@dataclass
class RequestFaults:
    """A plan's HTTP rules at work. The same body again is the next attempt at it.

    Attributes:
        plan: The plan.
        seen: How often each request was made.

    """

    plan: FaultPlan
    seen: Counter[bytes] = field(default_factory=Counter)

    async def rule_for(self, request: Request) -> FaultRule | None:
        """Return the rule that hits this request."""
        role = next((role for path, role in _ROLES.items() if request.url.path.endswith(path)), None)
        if role is None:
            return None
        content = await _content(request.headers.get("content-type", ""), await request.body())
        if role == "judge" and _model(content) in CALLERS:
            role = "caller"
        digest = sha256(role.encode() + content).digest()
        self.seen[digest] += 1
        return rule_for_request(self.plan, role, content, self.seen[digest])


async def spoilt_answer(rule: FaultRule) -> Response:
    """Return what a request is answered with that `rule` hits."""
    if rule.fault == "http_status":
        return refusal(rule.get("status"), rule.get("retry_after"))
    if rule.fault == "http_stall":
        await asyncio.sleep(HELD_S)
    return Response(b'{"object": "response", "output": [{', media_type="application/json")


async def _content(content_type: str, body: bytes) -> bytes:
    """Return the body without what differs from request to request: of a form, the file alone."""
    try:
        return (await read_form(content_type, body)).get("file", body)
    except BadRequest:
        return body


def _model(body: bytes) -> str:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    return str(document.get("model", "")) if isinstance(document, dict) else ""
