"""Two scripted peers on real loopback sockets, an assistant and a caller, and a call planned between them."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from duplex_calls import PlanDuplex, plan_duplex
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from evalkit.audio.channels import ChannelSpec
from evalkit.audio.formats import AudioFormat
from evalkit.clock import MonotonicClock
from evalkit.mocks.definitions import Mock
from evalkit.mocks.session import MockSession
from evalkit.modes.voice.call import CallSetup, hold_call
from evalkit.modes.voice.dialogue import CallPlan
from evalkit.realtime.events import SessionSpec
from evalkit.realtime.session import RealtimeSession
from evalkit.records.case import Case, CaseTrial
from evalkit.records.record import CaseRecord
from evalkit.settings.types import LimitSettings
from evalkit.simulator.behaviour import BehaviourRule
from evalkit.simulator.caller import CallerTurn, RealtimeCaller
from evalkit.simulator.persona import Persona
from evalkit.store.run_directory import RunDirectory

PERSONA = """# Facts
Name: Tom Becker
Order number: 49903

# Goal
- Find out where the order is.

# Style
Calm.

# Rules
- You are the caller, on the phone. Everything you say is heard, nothing is read aloud.
- When your goal is settled, say END_CALL and nothing else.
"""
TOOL = {
    "type": "function",
    "name": "get_order_status",
    "description": "",
    "parameters": {"type": "object", "properties": {"order_id": {"type": "string"}}, "required": ["order_id"]},
}
STATUS = Mock("mock #1", "get_order_status", ({"status": "shipped"},))


def tone(duration_ms: float, rate_hz: int = 24_000, level: int = 8000) -> np.ndarray[Any, np.dtype[np.int16]]:
    """A sound that counts as speech."""
    times = np.arange(int(duration_ms * rate_hz / 1000)) / rate_hz
    return (level * np.sin(2 * np.pi * 300 * times)).astype(np.int16)


@dataclass(frozen=True)
class Say:
    """One response of a scripted peer: words, their sound, tool calls."""

    text: str = ""
    audio_ms: float = 200.0
    calls: Sequence[tuple[str, Any]] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    level: int = 8000


@dataclass
class ScriptedPeer:
    """A realtime server that answers every ``response.create`` with the next line of its script."""

    script: Iterator[Say]
    heard: list[dict[str, Any]] = field(default_factory=list)
    audio_format: AudioFormat = AudioFormat.PCM16
    url: str = ""
    _responses: int = 0

    async def play(self, socket: ServerConnection) -> None:
        """Serve one connection to its end."""
        with contextlib.suppress(ConnectionClosed):
            await self._send(socket, "session.created", session={"type": "realtime", "model": "peer-1"})
            async for frame in socket:
                event = json.loads(frame)
                self.heard.append(event)
                if event["type"] == "session.update":
                    await self._send(socket, "session.updated", session={**event["session"], "model": "peer-1"})
                elif event["type"] == "input_audio_buffer.commit":
                    await self._send(socket, "input_audio_buffer.committed")
                elif event["type"] == "response.create":
                    await self._respond(socket, next(self.script))

    def sent(self, event_type: str) -> list[dict[str, Any]]:
        """Return what the client sent of that type."""
        return [event for event in self.heard if event["type"] == event_type]

    async def _respond(self, socket: ServerConnection, say: Say) -> None:
        self._responses += 1
        response_id = f"resp_{self._responses}"
        await self._send(socket, "response.created", response={"id": response_id, "status": "in_progress"})
        ids = {"response_id": response_id, "item_id": f"item_{self._responses}", "output_index": 0, "content_index": 0}
        if say.text:
            await self._send(socket, "response.output_audio_transcript.delta", delta=say.text, **ids)
        if say.audio_ms and (say.text or not say.calls):
            wire = self.audio_format.to_wire(tone(say.audio_ms, self.audio_format.sample_rate_hz, say.level))
            delta = base64.b64encode(wire).decode()
            await self._send(socket, "response.output_audio.delta", delta=delta, **ids)
        output = [
            {
                "type": "function_call",
                "id": f"fc_{self._responses}_{number}",
                "call_id": f"call_{self._responses}_{number}",
                "name": name,
                "arguments": arguments if isinstance(arguments, str) else json.dumps(arguments),
            }
            for number, (name, arguments) in enumerate(say.calls)
        ]
        usage = {"input_tokens": 10, "output_tokens": 5}
        done = {"id": response_id, "status": "completed", "output": output, "usage": usage, **say.fields}
        await self._send(socket, "response.done", response=done)

    async def _send(self, socket: ServerConnection, event_type: str, **fields: Any) -> None:
        await socket.send(json.dumps({"type": event_type, **fields}))


Line = str | Mapping[str, Any]
StartPeer = Callable[..., Awaitable[ScriptedPeer]]


@pytest.fixture
async def start_peer() -> AsyncIterator[StartPeer]:
    """Start a peer with a script: plain words, or the fields of :class:`Say`."""
    servers: list[Server] = []

    async def start(script: Iterable[Line], audio_format: AudioFormat = AudioFormat.PCM16) -> ScriptedPeer:
        lines = (Say(line) if isinstance(line, str) else Say(**line) for line in script)
        peer = ScriptedPeer(lines, audio_format=audio_format)
        server = await serve(peer.play, "127.0.0.1", 0, max_size=None)
        servers.append(server)
        peer.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/realtime?model=m"
        return peer

    yield start
    for server in servers:
        server.close(close_connections=True)
        await server.wait_closed()


LIMITS = LimitSettings(
    response_timeout_s=5,
    turn_timeout_s=None,
    case_timeout_s=30,
    run_timeout_s=None,
    grace_s=30,
    max_attempts=1,
    requests_in_flight=None,
    max_tool_rounds=3,
    max_cost_usd=None,
    prices_file=None,
    max_infrastructure_share=0,
)


@dataclass
class Call:
    """A planned call; fields may be changed before it is held."""

    run: RunDirectory
    assistant: ScriptedPeer
    caller: ScriptedPeer
    mocks: tuple[Mock, ...] = (STATUS,)
    channel: ChannelSpec = field(default_factory=ChannelSpec)
    input_format: AudioFormat = AudioFormat.PCM16
    output_format: AudioFormat = AudioFormat.PCM16
    max_turns: int = 6
    max_regenerations: int = 1
    chunk_ms: float = 20
    real_time: bool = False
    limits: LimitSettings = LIMITS
    first_ms: float = 300
    seed: int = 7
    first: Any = None
    behaviour: Sequence[BehaviourRule] = ()

    def plan(self) -> CallPlan:
        """Return the plan."""
        persona = Persona(PERSONA)

        async def speak(text: str) -> CallerTurn:
            return CallerTurn(text, tone(self.first_ms) if self.first is None else self.first, {"speech": 0.5})

        def open_caller(trace: Any, timeline: Any, introduction: Any) -> RealtimeCaller:
            session = RealtimeSession(self.caller.url, {}, source="simulator", trace=trace, timeline=timeline)
            return RealtimeCaller(session, persona, "marin", timeout_s=5, price=lambda _: 0.25)

        return CallPlan(
            session=SessionSpec("help", self.input_format, self.output_format, tools=(TOOL,)),
            url=self.assistant.url,
            headers={},
            assistant_model="m",
            open_caller=open_caller,
            speak=speak,
            persona=persona,
            first_user_turn="Hi, where is order 49903?",
            new_tools=lambda: MockSession(self.mocks, (TOOL,)),
            channel=self.channel,
            max_turns=self.max_turns,
            max_regenerations=self.max_regenerations,
            chunk_ms=self.chunk_ms,
            real_time=self.real_time,
            fingerprint={"mode": "run"},
            behaviour=self.behaviour,
        )

    async def hold(self, attempt: int = 1) -> CaseRecord:
        """Hold it."""
        setup = CallSetup(self.run, MonotonicClock(), self.limits, lambda _: self.plan(), lambda _, __: 1.0)
        return await hold_call(setup, CaseTrial(Case("sim", "run", {}), 1, self.seed), attempt)

    def events(self) -> list[dict[str, Any]]:
        """Return the event trace."""
        return [json.loads(line) for line in self.run.events_path("sim").read_text().splitlines()]

    def transcript(self) -> list[str]:
        """Return the lines of the conversation."""
        return self.run.conversation_path("sim").read_text().splitlines()


@pytest.fixture
def plan_call(start_peer: StartPeer, tmp_path: Path) -> Callable[..., Awaitable[Call]]:
    """Plan a call between an assistant and a caller by their scripts; further arguments are fields of the call."""

    async def plan(assistant: Iterable[Line], caller: Iterable[Line] = (), **fields: Any) -> Call:
        output_format = fields.get("output_format", AudioFormat.PCM16)
        peers = await start_peer(assistant, output_format), await start_peer(caller)
        return Call(RunDirectory(tmp_path), *peers, **fields)

    return plan


@pytest.fixture(name="planned_duplex")
def _planned_duplex(tmp_path: Path) -> PlanDuplex:
    """Plan a call in full duplex with a server that gives these replies, and a caller who says these lines."""
    return plan_duplex(tmp_path)
