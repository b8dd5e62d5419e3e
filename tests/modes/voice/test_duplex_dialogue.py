"""Simulated calls in full duplex with scripted servers that take the turns: what is heard, recorded and measured."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from duplex_peer import DuplexPeer, Reply

from evalkit.audio.formats import AudioFormat
from evalkit.audio.levels import find_speech
from evalkit.audio.wav import read_wav
from evalkit.clock import MonotonicClock
from evalkit.mocks.definitions import Mock
from evalkit.mocks.session import MockSession
from evalkit.modes.voice.call import CallSetup, hold_call
from evalkit.modes.voice.dialogue import CallPlan
from evalkit.realtime.events import DetectionSpec, SessionSpec
from evalkit.realtime.trace import restore_audio
from evalkit.records.case import Case, CaseTrial
from evalkit.records.faults import Fault, Stage
from evalkit.records.record import CaseRecord, ToolCall, ToolOutput, Words, from_json, to_json
from evalkit.settings.types import LimitSettings
from evalkit.simulator.caller import CallerTurn
from evalkit.simulator.conversation import Exchange
from evalkit.simulator.persona import Persona
from evalkit.store.run_directory import RunDirectory

PCM16 = AudioFormat.PCM16
LOOKUP = ("get_order_status", {"order_id": "49903"})
TOOL = {
    "type": "function",
    "name": "get_order_status",
    "description": "",
    "parameters": {"type": "object", "properties": {"order_id": {"type": "string"}}, "required": ["order_id"]},
}
STATUS = Mock("mock #1", "get_order_status", ({"status": "shipped"},))
LIMITS = LimitSettings(
    response_timeout_s=3, turn_timeout_s=None, case_timeout_s=30, run_timeout_s=None, grace_s=30, max_attempts=1,
    requests_in_flight=None, max_tool_rounds=2, max_cost_usd=None, prices_file=None, max_infrastructure_share=0,
)  # fmt: skip


def _sound(*parts_ms: float) -> np.ndarray[Any, np.dtype[np.int16]]:
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
        return CallerTurn(next(self._lines), _sound(300))


class DuplexCall:
    """A planned call; fields may be changed before it is held."""

    def __init__(self, peer: DuplexPeer, folder: Path, caller: ScriptedCaller) -> None:
        self.peer, self.caller, self.run = peer, caller, RunDirectory(folder)
        self.first = _sound(400)
        self.output_format = self.input_format = PCM16
        self.limits = LIMITS

    def _plan(self) -> CallPlan:
        async def speak(text: str) -> CallerTurn:
            return CallerTurn(text, self.first)

        detection = DetectionSpec("server_vad", silence_duration_ms=200)
        return CallPlan(
            session=SessionSpec("help", self.input_format, self.output_format, tools=(TOOL,), turn_detection=detection),
            url=self.peer.url,
            headers={},
            assistant_model="m",
            open_caller=lambda *_: self.caller,
            speak=speak,
            persona=Persona("# Facts\nOrder number: 49903\n"),
            first_user_turn="Hi, where is order 49903?",
            new_tools=lambda: MockSession((STATUS,), (TOOL,)),
            channel=_clean(),
            max_turns=4,
            max_regenerations=0,
            chunk_ms=20,
            real_time=True,
            fingerprint={"mode": "run"},
        )

    async def hold(self) -> CaseRecord:
        setup = CallSetup(self.run, MonotonicClock(), self.limits, lambda _: self._plan(), lambda _, __: 1.0)
        return await hold_call(setup, CaseTrial(Case("sim", "run", {}), 1, 7), 1)

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run.events_path("sim").read_text().splitlines()]


def _clean() -> Any:
    from evalkit.audio.channels import ChannelSpec

    return ChannelSpec()


PlanDuplex = Callable[..., contextlib.AbstractAsyncContextManager[DuplexCall]]


@pytest.fixture
def planned(tmp_path: Path) -> PlanDuplex:
    """Plan a call with a server that gives these replies, and a caller who says these lines."""

    @contextlib.asynccontextmanager
    async def plan(replies: Iterable[Reply], lines: Sequence[str] = ("END_CALL",), **odd: Any) -> AsyncIterator[Any]:
        given = list(replies)
        endless = itertools.chain(given, itertools.repeat(given[-1]))
        async with DuplexPeer(endless, **odd).serving() as peer:
            yield DuplexCall(peer, tmp_path, ScriptedCaller(lines))

    return plan


def _heard_ms(path: Path, channel: int) -> list[tuple[float, float]]:
    audio = read_wav(path)
    is_speech = find_speech(audio.pcm[:, channel], audio.sample_rate_hz, frame_ms=5)
    edges = np.flatnonzero(np.diff(is_speech.astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
    return [(start / audio.sample_rate_hz * 1000, end / audio.sample_rate_hz * 1000) for start, end in edges.tolist()]


async def test_a_call_from_greeting_to_goodbye(planned: PlanDuplex) -> None:
    """Nothing is committed, tools are answered, both sides are recorded where they were heard, to 20 ms."""
    replies = [Reply("", 0, [LOOKUP]), Reply("It has been shipped.", 500), Reply("Tomorrow.", 300)]
    async with planned(replies, ["When will it be here?", "END_CALL"]) as call:
        record = await call.hold()
    assert (record.failure, record.fault, record.notes["ended_by"]) == (None, None, "caller")
    assert [turn.assistant_text for turn in record.turns] == ["It has been shipped.", "Tomorrow."]
    assert [type(step) for step in record.turns[0].steps] == [ToolCall, ToolOutput, Words]
    assert [[each.assistant for each in shown] for shown in call.caller.shown] == [
        ["It has been shipped."], ["It has been shipped.", "Tomorrow."],
    ]  # fmt: skip
    assert not call.peer.sent("input_audio_buffer.commit")
    assert len(call.peer.sent("response.create")) == 1
    folder = call.run.audio_dir("sim")
    caller, assistant = (_heard_ms(folder / "conversation.wav", channel) for channel in (0, 1))
    assert [end - start for start, end in caller] == pytest.approx([400, 300], abs=10)
    assert [end - start for start, end in assistant] == pytest.approx([500, 300], abs=10)
    events = call.events()
    began = [
        next(each["event_time_ms"] for each in events if each["event"].get("response_id") == response_id)
        for response_id in ("resp_2", "resp_3")
    ]
    assert [start for start, _ in assistant] == pytest.approx(began, abs=20)
    for turn, said, answered in zip(record.turns, caller, assistant, strict=True):
        assert turn.measures["response_latency_ms"] == pytest.approx(answered[0] - said[1], abs=20)
        assert turn.latencies["latency_voice_to_voice_ms"] == pytest.approx(answered[0] - said[1], abs=20)
        assert (turn.measures["interrupted_caller"], turn.measures["overlap_ms"]) == (0, 0)
        assert not {"yielded", "yield_latency_ms"} & set(turn.measures)
    assert from_json(to_json(record)) == record


async def test_every_byte_of_both_directions_is_kept(planned: PlanDuplex) -> None:
    """In files of the whole call, which the event log points to; G.711 too."""
    async with planned([Reply("Yes.", 300)]) as call:
        call.input_format = call.output_format = AudioFormat.G711_ULAW
        record = await call.hold()
    assert record.failure is None
    restored = {"sent": b"", "received": b""}
    for event in call.events():
        elided = event["event"].get("audio" if event["direction"] == "sent" else "delta")
        if isinstance(elided, dict):
            audio = read_wav(call.run.root / elided["wav"])
            wire = audio.payload if event["direction"] == "sent" else AudioFormat.G711_ULAW.to_wire(audio.pcm)
            restored[event["direction"]] += restore_audio(elided, wire)
    assert read_wav(call.run.audio_dir("sim") / "uplink.wav").payload == restored["sent"]
    assert len(restored["received"]) == 2400
    assert record.artifacts["uplink_audio_path"] == "audio/sim/uplink.wav"


async def test_an_answer_to_half_a_sentence_is_what_was_heard_of_it(planned: PlanDuplex) -> None:
    """It is cut when the caller goes on; its words are as many as its sound held, and the caller was interrupted."""
    replies = [Reply("one two three four five six seven eight nine ten", 2000), Reply("All of it.", 300)]
    async with planned(replies) as call:
        call.first = _sound(400, 700, 700)
        record = await call.hold()
    (turn,) = record.turns
    words = turn.assistant_text.removesuffix(" All of it.").split()
    assert words == ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"][: len(words)]
    assert 1 <= len(words) <= 6
    assert turn.measures["interrupted_caller"] == 1
    assert 0 < turn.measures["overlap_ms"] < 400
    assert turn.measures["response_latency_ms"] > 200
    assert turn.measures["output_audio_ms"] == pytest.approx(400 + len(words) * 200, abs=110)
    notes: Any = record.notes["turn_taking"]
    assert [each["was_cut"] for each in notes["agent"]] == [True, False]
    cut, whole = notes["generated"]
    assert cut["played_s"] < cut["sound_s"]
    assert whole["played_s"] == pytest.approx(whole["sound_s"], abs=0.001)
    assert 0 <= notes["agent"][0]["parts"][0][0] - cut["first_arrived_s"] < 0.3
    assert cut["first_arrived_s"] <= cut["last_arrived_s"]
    ((first, second),) = [each["parts"] for each in notes["caller"]]
    assert second[0] - first[1] == pytest.approx(0.7, abs=0.02)
    assert notes["agent"][0]["parts"][-1][1] == pytest.approx(second[0], abs=0.3)
    assert len(notes["server"]["speech_started_s"]) == 2


async def test_a_call_that_a_cancellation_took_back_did_not_happen(planned: PlanDuplex) -> None:
    """The tool that was called on half a sentence is neither answered nor graded."""
    replies = [Reply("One moment.", 6000, [LOOKUP]), Reply("Now I know.", 200)]
    async with planned(replies) as call:
        call.first = _sound(300, 400, 300)
        record = await call.hold()
    assert record.failure is None
    assert record.turns[0].tool_calls == ()
    assert record.turns[0].assistant_text.endswith("Now I know.")
    events = [event["event"] for event in call.events()]
    assert [event["item"]["name"] for event in events if event["type"] == "response.output_item.done"] == [LOOKUP[0]]


@pytest.mark.parametrize(
    ("odd", "stage", "fault"),
    [
        ({"detection": None}, Stage.SESSION_UPDATE, Fault.INFRASTRUCTURE),
        ({"is_deaf": True}, Stage.RESPONSE_TIMEOUT, Fault.ASSISTANT),
        ({"never_ends": True}, Stage.RESPONSE_TIMEOUT, Fault.ASSISTANT),
    ],
)
async def test_a_server_that_cannot_hold_a_call(planned: PlanDuplex, odd: Any, stage: Stage, fault: Fault) -> None:
    """The record says why in one sentence, and has what was said and heard by then."""
    async with planned([Reply()], **odd) as call:
        call.limits = replace(LIMITS, response_timeout_s=0.7)
        record = await call.hold()
    assert record.failure is not None
    assert (record.failure.stage, record.fault) == (stage, fault)
    assert record.notes["ended_by"] == "failure"
    if stage is Stage.RESPONSE_TIMEOUT:
        assert (call.run.audio_dir("sim") / "conversation.wav").is_file()
        notes: Any = record.notes["turn_taking"]
        assert notes["ended_waiting"]
        assert len(record.turns) == 1


async def test_an_assistant_that_calls_tools_for_ever(planned: PlanDuplex) -> None:
    """It is stopped after as many rounds as it may have."""
    async with planned([Reply("", 0, [LOOKUP])]) as call:
        record = await call.hold()
    assert record.failure is not None
    assert record.failure.error_type == "too_many_tool_rounds"


async def test_silence_is_no_answer(planned: PlanDuplex) -> None:
    """A response that says nothing ends the call as it does where the client takes the turns."""
    async with planned([Reply("", 0)]) as call:
        record = await call.hold()
    assert record.failure is not None
    assert record.failure.stage == Stage.RESPONSE_EMPTY
