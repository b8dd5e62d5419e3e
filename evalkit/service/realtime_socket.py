"""The WebSocket side of a Realtime session: drives :class:`Session`, does its work, sends its events in order.

One task reads, one writes, and each piece of work is a task of its own. The writer draws a response's deltas only when
everything before them has been sent, so a slow client slows its own response and nobody else's, and the reader goes on
all the while. Where the session detects turns, audio is sent at four times the speed of speech and not all at once: an
answer can be interrupted while it is made, and also when it is ready and still being played. What a fault plan does to
a session happens between the session and the writer, in an :class:`~evalkit.service.faults.injector.Injector`.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import deque
from contextlib import aclosing

import orjson
from starlette.websockets import WebSocket, WebSocketDisconnect

from evalkit.service import echo
from evalkit.service.bad_request import BadRequest
from evalkit.service.brain.chat.failures import BrainFailure
from evalkit.service.brain.conversation import Sentence
from evalkit.service.events_out import Event, Events, Ids
from evalkit.service.faults import actions
from evalkit.service.faults.catalogue import Where
from evalkit.service.faults.decisions import HEADER, read_introduction, rules_for_session, stranger
from evalkit.service.faults.handshake import spoil_handshake
from evalkit.service.faults.injector import Injector
from evalkit.service.line import line_of
from evalkit.service.responses_stream import PIECE_MS
from evalkit.service.service_state import ServiceState, model_not_found
from evalkit.service.session import Session
from evalkit.service.session_config import VoiceLimits
from evalkit.service.work import FindVoice, LetTimePass, Recognise, SessionStep, Speak, Think, Work

CLOSE_REFUSED = 4000
_MAX_UNSENT = 1000
TIMES_REAL_TIME = 4.0
"""How much faster than speech audio is sent where the session detects turns."""
_log = logging.getLogger(__name__)


async def serve_realtime(socket: WebSocket) -> None:
    """Hold one session on `socket` until the client leaves."""
    state: ServiceState = socket.app.state.service
    try:
        state.gate.check(socket.headers)
    except BadRequest as refusal:
        await socket.send_denial_response(state.gate.denial(refusal))
        return
    state.handshakes += 1
    who = read_introduction(socket.headers.get(HEADER)) or stranger(state.handshakes)
    spoilt = rules_for_session(state.faults, Where.CONNECT, who)
    if spoilt:
        state.injected[spoilt[0].fault] += 1
        await spoil_handshake(socket, spoilt[0])
        return
    await socket.accept()
    query = socket.query_params
    try:
        model = _asked_model(state, query.get("model") or query.get("deployment"), socket.headers.get("openai-beta"))
    except BadRequest as refusal:
        event = Events(Ids(secrets.token_hex(8))).error(refusal, None)
        await socket.send_text(orjson.dumps(event).decode())
        await socket.close(CLOSE_REFUSED, f"{refusal.kind}.{refusal.code}")
        return
    rules = rules_for_session(state.faults, Where.SESSION, who)
    await _Driver(socket, state, model, Injector(rules) if rules else None).run()


def _asked_model(state: ServiceState, model: str | None, beta: str | None) -> str:
    if beta is not None and "realtime" in beta:
        message = "The beta API shape is not supported: do not send the OpenAI-Beta header."
        raise BadRequest(message, code="beta_api_shape_disabled")
    if model is None:
        raise BadRequest("You must provide a model parameter.", code="missing_model", param="model")
    named = state.model_named(model)
    if not state.has_session_with(named):
        raise model_not_found(model, state.realtime_models)
    return named


class _Driver:
    def __init__(self, socket: WebSocket, state: ServiceState, model: str, injector: Injector | None) -> None:
        voice = state.engines.speech
        self._socket = socket
        self._state = state
        self._model = model
        self._injector = injector
        self._session = Session(
            model=model,
            salt=secrets.token_hex(8),
            now_s=int(time.time()),
            limits=VoiceLimits(voice.speakers, voice.min_speed, voice.max_speed),
            is_echo=model == echo.NAME,
            counts_tokens=model == echo.NAME or not state.brain.thinks_elsewhere(model),
        )
        self._line = line_of(socket)
        self._unsent: deque[Event] = deque()
        self._is_full = False
        self._news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._defect: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thinking: dict[str, asyncio.Task[None]] = {}
        self._next_batch_at = 0.0

    async def run(self) -> None:
        self._state.sessions += 1
        self._take(self._session.open())
        self._line.listen(self._hear)
        writer = asyncio.create_task(self._write())
        reader = asyncio.create_task(self._read())
        try:
            done, _pending = await asyncio.wait({writer, reader, self._defect}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                _raise_unless_gone(task)
        finally:
            for task in (reader, writer, *self._tasks):
                task.cancel()
            await asyncio.gather(reader, writer, *self._tasks, return_exceptions=True)

    async def _read(self) -> None:
        """Take what the line does not hand on while it arrives, until the client leaves."""
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            self._hear(text if text is not None else message["bytes"])

    def _hear(self, frame: str | bytes) -> None:
        try:
            self._take(self._session.receive(frame))
        except Exception as defect:  # noqa: BLE001 - raised by run(); what reads the socket must not see it
            if not self._defect.done():
                self._defect.set_exception(defect)
        if len(self._unsent) > _MAX_UNSENT and not self._is_full:
            self._is_full = True
            self._line.pause()

    async def _write(self) -> None:
        while True:
            early_s = self._draw_if_due()
            while self._unsent:
                if self._line.is_stuck:
                    await self._line.drain()
                if self._injector is None:
                    self._send_all()
                else:
                    await self._send_spoilt(self._injector)
                if self._is_full and not self._unsent:
                    self._is_full = False
                    self._line.resume()
                early_s = self._draw_if_due()
                if self._unsent:
                    await asyncio.sleep(0)
            self._news = asyncio.get_running_loop().create_future()
            if early_s is None:
                await self._news
            else:
                await asyncio.wait({self._news}, timeout=early_s)

    def _send_all(self) -> None:
        texts = [orjson.dumps(event) for event in self._unsent]
        self._unsent.clear()
        self._line.send(texts)

    async def _send_spoilt(self, injector: Injector) -> None:
        """Do what the faults make of the next event."""
        actions = list(injector.take(self._unsent.popleft()))
        self._state.injected.update(injector.committed())
        for action in actions:
            await self._perform(action)

    def _draw_if_due(self) -> float | None:
        """Draw the next batch, where everything before it has been sent and it is time.

        Returns the seconds until then where it is not; None: there is nothing before something happens.
        """
        if self._unsent:
            return None
        if self._session.detects_turns and self._session.streaming:
            now_s = asyncio.get_running_loop().time()
            if now_s < self._next_batch_at:
                return self._next_batch_at - now_s
            self._next_batch_at = now_s + PIECE_MS / 1000 / TIMES_REAL_TIME
        self._carry_out(self._session.draw())
        return None

    async def _perform(self, action: actions.Action) -> None:
        match action:
            case actions.SendEvent(event):
                self._line.send([orjson.dumps(event)])
            case actions.SendRaw(frame):
                if isinstance(frame, str):
                    self._line.send([frame.encode()])
                else:
                    await self._socket.send_bytes(frame)
            case actions.Wait(seconds):
                await asyncio.sleep(seconds)
            case actions.CloseSocket(code, reason):
                await self._socket.close(code, reason)
            case actions.ResetConnection():
                self._line.reset()
            case actions.FreezeConnection():
                await self._line.freeze()

    def _take(self, step: SessionStep) -> None:
        """Carry out what follows from something that happened, and wake the writer where it has to do with it."""
        self._carry_out(step)
        if (self._unsent or self._session.streaming) and not self._news.done():
            self._news.set_result(None)

    def _carry_out(self, step: SessionStep) -> None:
        self._unsent.extend(step.events)
        for work in step.work:
            task = asyncio.create_task(self._do(work))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            if isinstance(work, Think):
                self._thinking[work.response_id] = task
        for response_id in step.ended:
            self._stop_thinking(response_id)

    def _stop_thinking(self, response_id: str) -> None:
        """Want no more of a reply, so that a model elsewhere stops writing it."""
        task = self._thinking.pop(response_id, None)
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    async def _do(self, work: Work) -> None:
        match work:
            case Recognise():
                await self._recognise(work)
            case Think():
                await self._think(work)
            case Speak():
                await self._speak(work)
            case FindVoice():
                await self._judge(work)
            case LetTimePass():
                await asyncio.sleep(work.duration_s)
                self._take(self._session.waited(work.ticket))

    async def _recognise(self, work: Recognise) -> None:
        try:
            text = await self._state.engines.hear(work.pcm, work.rate_hz)
        except Exception as error:  # noqa: BLE001 - however an engine fails, the session goes on
            _log.exception("recognition failed")
            self._take(self._session.not_heard(work.ticket, f"recognition failed: {error}"))
        else:
            self._take(self._session.heard(work.ticket, text))

    async def _judge(self, work: FindVoice) -> None:
        try:
            probabilities = await self._state.voice_activity.judge(work.stream, work.pcm)
        except Exception as error:  # noqa: BLE001 - however it fails, the session goes on
            _log.exception("turn detection failed")
            self._take(self._session.not_judged(work.ticket, f"turn detection failed: {error}"))
        else:
            self._take(self._session.judged(work.ticket, probabilities))

    async def _think(self, work: Think) -> None:
        try:
            async with aclosing(self._state.think(self._model, work.conversation)) as parts:
                async for part in parts:
                    if isinstance(part, Sentence):
                        self._take(self._session.told(work.response_id, part.text))
                    else:
                        self._take(self._session.thought(work.response_id, part))
        except Exception as error:  # noqa: BLE001 - however a model fails, the session goes on
            self._fail(work.response_id, error)

    async def _speak(self, work: Speak) -> None:
        try:
            audio = await self._state.engines.say(work.text, work.voice, work.speed)
        except Exception as error:  # noqa: BLE001 - however a voice fails, the session goes on
            self._fail(work.response_id, error)
        else:
            self._take(self._session.spoken(work.response_id, audio.pcm, audio.rate_hz, work.sentence))

    def _fail(self, response_id: str, error: Exception) -> None:
        if isinstance(error, BrainFailure):
            self._take(self._session.failed(response_id, error.message, code=error.code or "", kind=error.kind))
            return
        _log.error("response failed", exc_info=error)
        self._take(self._session.failed(response_id, f"the response could not be made: {error}"))


def _raise_unless_gone(task: asyncio.Future[None]) -> None:
    error = task.exception()
    if error is not None and not isinstance(error, WebSocketDisconnect):
        raise error
