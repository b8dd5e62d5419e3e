"""Faults before a session begins: the handshake is refused, limited, or never answered."""

from __future__ import annotations

import asyncio
import contextlib

from starlette.responses import JSONResponse
from starlette.websockets import WebSocket

from evalkit.service.faults.plan import FaultRule
from evalkit.service.line import HELD_S


async def spoil_handshake(websocket: WebSocket, rule: FaultRule) -> None:
    """Do to the handshake what `rule` says; the session is not to be held afterwards."""
    if rule.fault == "no_handshake":
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HELD_S):
                while (await websocket.receive())["type"] != "websocket.disconnect":
                    pass
        return
    if rule.fault == "rate_limited":
        await websocket.send_denial_response(refusal(429, rule.get("retry_after")))
    else:
        await websocket.send_denial_response(refusal(rule.get("status"), None))


def refusal(status: int, retry_after_s: float | None) -> JSONResponse:
    """Return an HTTP error in the API's shape."""
    kind = {429: "rate_limit_error", 401: "authentication_error"}.get(
        status, "server_error" if status >= 500 else "invalid_request_error"
    )
    code = "rate_limit_exceeded" if status == 429 else None
    error = {"type": kind, "code": code, "message": f"HTTP {status}: injected by a fault plan", "param": None}
    headers = {} if retry_after_s is None else {"Retry-After": f"{retry_after_s:g}"}
    return JSONResponse({"error": error}, status_code=status, headers=headers)
