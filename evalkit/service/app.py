"""The service as a Starlette application: which route is where, and what they share.

============================================ ===============================================
route                                        what
============================================ ===============================================
``/v1/realtime?model=``                      the Realtime protocol (WebSocket)
``/openai/v1/realtime?model=``               the same, in Azure's URL shape
``/openai/realtime?deployment=&api-version=`` the same, in Azure's older URL shape
``/v1/audio/speech``                         text to audio
``/v1/audio/transcriptions``                 audio to text
``/v1/responses``                            text in, text and tool calls out
``/v1/chat/completions``                     the same in the older API, whole or as a stream
``/v1/models``                               the models there are
``/healthz``                                 readiness and counters, without a key
``/warm``                                    loads the engines that are named, and answers when they are loaded
============================================ ===============================================

The HTTP routes answer under ``/openai/v1`` as well. A key is taken as ``Authorization: Bearer`` or as ``api-key``, and
asked for only when the service was started with one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute

from evalkit.service.audio_engines import AudioEngines
from evalkit.service.bad_request import BadRequest, Shape
from evalkit.service.brain.seam import Brain
from evalkit.service.child import ENGINES
from evalkit.service.faults.http_faults import RequestFaults, spoilt_answer
from evalkit.service.faults.plan import FaultPlan
from evalkit.service.http_audio import speak, transcribe
from evalkit.service.http_chat import complete
from evalkit.service.http_json import json_body, refused
from evalkit.service.http_responses import respond
from evalkit.service.realtime_socket import serve_realtime
from evalkit.service.service_state import KeyCheck, ServiceState, read_aliases

_WARMING = Shape(
    {
        "type": "object",
        "required": ["engines"],
        "properties": {"engines": {"type": "array", "items": {"enum": list(ENGINES)}}},
        "additionalProperties": False,
    }
)
_Handler = Callable[[Request], Awaitable[Response]]
_ErrorHandler = Callable[[Request, Exception], Awaitable[Response]]


def create_app(
    *,
    brain: Brain,
    engines: AudioEngines,
    key: str | None = None,
    faults: FaultPlan | None = None,
    aliases: Sequence[str] = (),
) -> Starlette:
    """Return the application.

    Args:
        brain: What thinks for the models; ``local-echo`` is there besides and thinks nothing.
        engines: What speaks and transcribes; warm them before serving.
        key: The key to ask clients for; None asks for none.
        faults: What is to go wrong; None: nothing.
        aliases: Other names of its models, as ``NAME=MODEL``.

    Raises:
        ConfigError: An alias names no model.

    """
    state = ServiceState(brain, engines, KeyCheck(key), faults or FaultPlan())
    state.aliases = read_aliases(aliases, state.answered_models, brain.knows)
    guarded = _guard(RequestFaults(state.faults))

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await state.aclose()

    api = [
        WebSocketRoute("/realtime", serve_realtime),
        Route("/audio/speech", guarded(speak), methods=["POST"]),
        Route("/audio/transcriptions", guarded(transcribe), methods=["POST"]),
        Route("/responses", guarded(respond), methods=["POST"]),
        Route("/chat/completions", guarded(complete), methods=["POST"]),
        Route("/models", guarded(_list_models)),
    ]
    routes: list[BaseRoute] = [
        Route("/healthz", _health),
        Route("/warm", guarded(_warm), methods=["POST"]),
        WebSocketRoute("/openai/realtime", serve_realtime),
        Mount("/v1", routes=api),
        Mount("/openai/v1", routes=api),
    ]
    handlers: dict[int | type[Exception], _ErrorHandler] = dict.fromkeys((BadRequest, HTTPException, 500), refused)
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers=handlers)
    app.state.service = state
    return app


def _guard(faults: RequestFaults) -> Callable[[_Handler], _Handler]:
    """Return what stands before every handler: the key is checked, and the plan's faults are committed."""

    def guard(handler: _Handler) -> _Handler:
        async def guarded(request: Request) -> Response:
            state: ServiceState = request.app.state.service
            state.gate.check(request.headers)
            rule = await faults.rule_for(request) if faults.plan.rules else None
            if rule is None:
                return await handler(request)
            state.injected[rule.fault] += 1
            return await spoilt_answer(rule)

        return guarded

    return guard


async def _list_models(request: Request) -> Response:
    state: ServiceState = request.app.state.service
    rows = [{"id": name, "object": "model", "created": 0, "owned_by": "evalkit"} for name in state.all_models]
    return JSONResponse({"object": "list", "data": rows})


async def _warm(request: Request) -> Response:
    state: ServiceState = request.app.state.service
    body = await json_body(request)
    _WARMING.check(body)
    await state.engines.warm(body["engines"])
    return JSONResponse({"loaded": state.engines.loaded})


async def _health(request: Request) -> Response:
    state: ServiceState = request.app.state.service
    engines = {"speech": state.engines.speech.name, "transcription": state.engines.transcription.name}
    told = {"token": state.token, "loaded": state.engines.loaded, "counters": state.counters}
    return JSONResponse({"status": "ready", **engines, **told})
