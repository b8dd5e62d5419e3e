"""A simulated call in full duplex with a scripted server that takes the turns, planned and ready to be held."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from duplex_peer import DuplexPeer, Reply

from evalkit.audio.channels import ChannelSpec
from evalkit.audio.formats import AudioFormat
from evalkit.clock import MonotonicClock
from evalkit.mocks.definitions import Mock
from evalkit.mocks.session import MockSession
from evalkit.modes.voice.call import CallSetup, hold_call
from evalkit.modes.voice.dialogue import CallPlan
from evalkit.realtime.events import DetectionSpec, SessionSpec
from evalkit.records.case import Case, CaseTrial
from evalkit.records.record import CaseRecord
from evalkit.settings.types import LimitSettings
from evalkit.simulator.behaviour import BehaviourRule
from evalkit.simulator.caller import CallerTurn, Speak
from evalkit.simulator.conversation import Exchange
from evalkit.simulator.persona import Persona
from evalkit.store.run_directory import RunDirectory

PCM16 = AudioFormat.PCM16
FIRST = "Hi, where is order 49903?"
LOOKUP = ("get_order_status", {"order_id": "49903"})
TOOL = {
    "type": "function",
    "name": "get_order_status",
    "description": "",
    "parameters": {"type": "object", "properties": {"order_id": {"type": "string"}}, "required": ["order_id"]},
}
STATUS = Mock("mock #1", "get_order_status", ({"status": "shipped"},))
LIMITS = LimitSettings(
    response_timeout_s=10, turn_timeout_s=None, case_timeout_s=30, run_timeout_s=None, grace_s=30, max_attempts=1,
    requests_in_flight=None, max_tool_rounds=2, max_cost_usd=None, prices_file=None, max_infrastructure_share=0,
)  # fmt: skip


def tones(*parts_ms: float) -> np.ndarray[Any, np.dtype[np.int16]]:
    """Speech and silence in turns, beginning with speech."""
    pieces = []
    for number, duration_ms in enumerate(parts_ms):
        times = np.arange(int(duration_ms * 24)) / 24_000
        pieces.append((8000 * (number % 2 == 0) * np.sin(2 * np.pi * 300 * times)).astype(np.int16))
    return np.concatenate(pieces)


class ScriptedCaller:
    """Says its lines, and remembers what it was shown."""

    sound = b""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = iter(lines)
        self.shown: list[list[Exchange]] = []

    async def __aenter__(self) -> ScriptedCaller:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing is held open."""

    def begin_turn(self, turn_index: int, audio_path: str) -> None:
        """Nothing is to be prepared."""

    async def speak(self, past: Sequence[Exchange]) -> CallerTurn:
        self.shown.append(list(past))
        return CallerTurn(next(self._lines), tones(300))


def plan_of(session: SessionSpec, caller: ScriptedCaller, mocks: Sequence[Mock], **further: Any) -> CallPlan:
    """Return the plan of a short call at the speed of speech, about an order; `further` says whom, and what else."""
    return CallPlan(
        session=session,
        headers={},
        open_caller=lambda *_: caller,
        persona=Persona("# Facts\nOrder number: 49903\n"),
        first_user_turn=FIRST,
        new_tools=lambda: MockSession(mocks, (TOOL,)),
        channel=ChannelSpec(),
        max_turns=4,
        max_regenerations=0,
        chunk_ms=20,
        real_time=True,
        fingerprint={"mode": "run"},
        **further,
    )


class DuplexCall:
    """A planned call; fields may be changed before it is held."""

    def __init__(self, peer: DuplexPeer, folder: Path, caller: ScriptedCaller) -> None:
        self.peer, self.caller, self.run = peer, caller, RunDirectory(folder)
        self.first = tones(400)
        self.output_format = self.input_format = PCM16
        self.limits = LIMITS
        self.behaviour: Sequence[BehaviourRule] = ()
        self.seed = 7
        self.other_voices: list[str] = []
        self.mock = STATUS
        self.transcription_model: str | None = None

    def _plan(self) -> CallPlan:
        async def speak(text: str) -> CallerTurn:
            return CallerTurn(text, self.first if text == FIRST else tones(300))

        detection = DetectionSpec("server_vad", silence_duration_ms=200)
        spec = SessionSpec(
            "help", self.input_format, self.output_format, tools=(TOOL,), transcription_model=self.transcription_model,
            turn_detection=detection,
        )  # fmt: skip
        return plan_of(
            spec,
            self.caller,
            (self.mock,),
            url=self.peer.url,
            assistant_model="m",
            speak=speak,
            behaviour=self.behaviour,
            speak_as=self._speak_as,
        )

    def _speak_as(self, voice: str) -> Speak:
        async def speak(text: str) -> CallerTurn:
            self.other_voices.append(voice)
            return CallerTurn(text, tones(400))

        return speak

    async def hold(self) -> CaseRecord:
        setup = CallSetup(self.run, MonotonicClock(), self.limits, lambda _: self._plan(), lambda _, __: 1.0)
        return await hold_call(setup, CaseTrial(Case("sim", "run", {}), 1, self.seed), 1)

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run.events_path("sim").read_text().splitlines()]


PlanDuplex = Callable[..., contextlib.AbstractAsyncContextManager[DuplexCall]]


def plan_duplex(folder: Path) -> PlanDuplex:
    """Return what plans a call with a server that gives these replies, and a caller who says these lines."""

    @contextlib.asynccontextmanager
    async def plan(replies: Iterable[Reply], lines: Sequence[str] = ("END_CALL",), **odd: Any) -> AsyncIterator[Any]:
        given = list(replies)
        endless = itertools.chain(given, itertools.repeat(given[-1]))
        async with DuplexPeer(endless, **odd).serving() as peer:
            yield DuplexCall(peer, folder, ScriptedCaller(lines))

    return plan
