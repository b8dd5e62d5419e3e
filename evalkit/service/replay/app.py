"""The replay as a server: the same routes as the embedded provider, every answer from the stored run."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import orjson
import soundfile
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from evalkit.service import client_events
from evalkit.service.bad_request import BadRequest
from evalkit.service.faults.decisions import HEADER, read_introduction
from evalkit.service.http_audio import SPEECH_RATE_HZ, read_form
from evalkit.service.http_json import json_body, refused
from evalkit.service.replay.archive import Archive
from evalkit.service.replay.player import MISMATCH, Mismatch, PlayedReply, Player
from evalkit.service.replay.recording import RecordedRun
from evalkit.service.replay.unusable import UnusableRun


def create_replay(run: RecordedRun) -> Starlette:
    """Return the application that serves `run`."""
    routes = [
        WebSocketRoute("/realtime", _serve_session),
        Route("/audio/speech", _speak, methods=["POST"]),
        Route("/audio/transcriptions", _transcribe, methods=["POST"]),
        Route("/responses", _respond, methods=["POST"]),
    ]
    app = Starlette(
        routes=[Route("/healthz", _health), Mount("/v1", routes=routes)],
        exception_handlers={BadRequest: refused, UnusableRun: _not_recorded, 500: refused},
    )
    app.state.run, app.state.archive = run, Archive(run)
    return app


async def _serve_session(socket: WebSocket) -> None:
    run: RecordedRun = socket.app.state.run
    who = read_introduction(socket.headers.get(HEADER))
    await socket.accept()
    try:
        if who is None:
            raise UnusableRun(
                f"a replay needs to know whose session it is (header {HEADER}); evalkit says so by itself"
            )
        player = Player(run.conversation(who.case, who.source), f"case {who.case}, {who.source}")
        reply = player.open()
        while True:
            await _send(socket, reply)
            reply = _take(player, client_events.decode(await socket.receive_text()))
    except WebSocketDisconnect:
        return
    except UnusableRun as error:
        await _send(socket, _refusal(str(error), None))
        await _drain(socket)


def _take(player: Player, event: dict[str, Any]) -> PlayedReply:
    try:
        return player.take(event)
    except Mismatch as mismatch:
        return _refusal(mismatch.message, event.get("event_id"))


def _refusal(message: str, event_id: object) -> PlayedReply:
    error = {"type": "invalid_request_error", "code": MISMATCH, "message": message, "param": None, "event_id": event_id}
    return PlayedReply([{"type": "error", "event_id": "event_mismatch", "error": error}])


async def _send(socket: WebSocket, reply: PlayedReply) -> None:
    for event in reply.events:
        await socket.send_text(orjson.dumps(event).decode())
    if reply.close is not None:
        await socket.close(*reply.close)
        raise WebSocketDisconnect(reply.close[0])


async def _drain(socket: WebSocket) -> None:
    """Read until the client leaves, so that it has time to read what it was told."""
    try:
        while True:
            await socket.receive_text()
    except WebSocketDisconnect:
        return


async def _speak(request: Request) -> Response:
    body = await json_body(request)
    audio = request.app.state.archive.speech(str(body.get("input", "")), str(body.get("voice", "")))
    if body.get("response_format") == "pcm":
        return Response(audio, media_type="audio/pcm")
    file = io.BytesIO()
    soundfile.write(file, np.frombuffer(audio, dtype="<i2"), SPEECH_RATE_HZ, format="WAV", subtype="PCM_16")
    return Response(file.getvalue(), media_type="audio/wav")


async def _transcribe(request: Request) -> Response:
    form = await read_form(request.headers.get("content-type", ""), await request.body())
    return JSONResponse({"text": request.app.state.archive.transcription(form.get("file", b""))})


async def _respond(request: Request) -> Response:
    body = await json_body(request)
    text = request.app.state.archive.answer(str(body.get("instructions") or ""), body.get("input") or "")
    content = [{"type": "output_text", "text": text, "annotations": []}]
    message = {"type": "message", "id": "msg_replay", "role": "assistant", "status": "completed", "content": content}
    return JSONResponse(
        {
            "id": "resp_replay",
            "object": "response",
            "created_at": 0,
            "status": "completed",
            "model": body.get("model"),
            "output": [message],
        }
    )


async def _health(request: Request) -> Response:
    return JSONResponse({"status": "ready", "cases": len(request.app.state.run.case_trials())})


async def _not_recorded(request: Request, error: Exception) -> Response:
    return await refused(request, BadRequest(f"replay: {error}", code=MISMATCH, status=404))
