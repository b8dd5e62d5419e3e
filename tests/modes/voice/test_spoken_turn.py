"""One utterance to a server that takes the turns, be it odd: what is heard, recorded and measured."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from duplex_peer import DuplexPeer, Reply, tone_wire

from evalkit.audio.formats import AudioFormat
from evalkit.audio.wav import read_wav
from evalkit.clock import MonotonicClock
from evalkit.compose.planning import plan
from evalkit.modes.voice.settings import VoiceSettings
from evalkit.modes.voice.spoken_turn import TurnSetup, run_spoken_turn
from evalkit.modes.voice.utterance import PreparedUtterance
from evalkit.realtime.events import DetectionSpec, SessionSpec
from evalkit.records.case import Case, CaseTrial
from evalkit.records.faults import Fault, Stage
from evalkit.records.record import CaseRecord, ToolCall, ToolOutput, Words, from_json, to_json
from evalkit.runner.jobs import packaged_source
from evalkit.runner.prepare import read_settings
from evalkit.store.run_directory import RunDirectory

ULAW = AudioFormat.G711_ULAW
LOOKUP = ("get_order_status", {"order_id": "49903"})
DETECTION = DetectionSpec("server_vad", silence_duration_ms=200)


def _pause(duration_ms: float) -> bytes:
    return ULAW.to_wire(np.zeros(int(8 * duration_ms), dtype=np.int16))


class Utterance:
    """An utterance that will be said; fields may be changed before it is."""

    def __init__(self, peer: DuplexPeer, folder: Path) -> None:
        self.peer, self.run = peer, RunDirectory(folder)
        self.wire = tone_wire(ULAW, 400)
        self.answers_tools = False
        self.detection: DetectionSpec | None = DETECTION
        config = plan(["mode=walk", "turn_detection=server_vad"], packaged_source()).jobs[0].config
        settings: Any = read_settings(config, Path.cwd())[1]
        limits = replace(settings.limits, response_timeout_s=3, case_timeout_s=30, max_tool_rounds=2)
        self.settings: VoiceSettings = replace(settings, limits=limits)

    async def say(self) -> CaseRecord:
        async def answer(calls: Sequence[ToolCall]) -> list[ToolOutput]:
            return [ToolOutput(call.call_id, call.name, call.arguments, {"status": "shipped"}) for call in calls]

        async def speak(_: CaseTrial) -> PreparedUtterance:
            return PreparedUtterance(self.wire)

        setup = TurnSetup(
            settings=self.settings,
            session=SessionSpec("help", ULAW, ULAW, turn_detection=self.detection),
            url=self.peer.url,
            headers={},
            run=self.run,
            clock=MonotonicClock(),
            fingerprint={"mode": "walk"},
            price=lambda _, __: 1.0,
            new_tools=(lambda _: answer) if self.answers_tools else None,
        )
        return await run_spoken_turn(setup, CaseTrial(Case("lamp", "walk", {"user_text": "Hi."}), 1, 7), 1, speak)

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run.events_path("lamp").read_text().splitlines()]


SayTo = Callable[..., contextlib.AbstractAsyncContextManager[Utterance]]


@pytest.fixture
def saying(tmp_path: Path) -> SayTo:
    """Give an utterance to a server with replies, the last of them for ever."""

    @contextlib.asynccontextmanager
    async def planned(*replies: Reply, **odd: Any) -> AsyncIterator[Utterance]:
        endless = itertools.chain(replies, itertools.repeat(replies[-1]))
        async with DuplexPeer(endless, **odd).serving() as peer:
            yield Utterance(peer, tmp_path)

    return planned


async def test_the_server_finds_the_end_and_is_heard_out(saying: SayTo) -> None:
    """Nobody commits or asks; record, measures and files are those of a call in full duplex."""
    async with saying(Reply("It has been shipped.", 500)) as utterance:
        record = await utterance.say()
    assert (record.failure, record.fault) == (None, None)
    (turn,) = record.turns
    assert (turn.user_text, turn.assistant_text) == ("Hi.", "It has been shipped.")
    assert {event["type"] for event in utterance.peer.heard} == {"session.update", "input_audio_buffer.append"}
    assert (turn.measures["detected_turns"], turn.measures["interrupted_caller"]) == (1, 0)
    assert turn.measures["output_audio_ms"] == pytest.approx(500, abs=1)
    assert 200 <= turn.measures["response_latency_ms"] < 1500
    notes: Any = record.notes["turn_taking"]
    ((said,),) = [each["parts"] for each in notes["caller"]]
    # The first words have a fixed place on the call's clock, which begins with the connection's first moments.
    conversation = read_wav(utterance.run.audio_dir("lamp") / "conversation.wav")
    assert said[1] - said[0] == pytest.approx(0.4, abs=0.02)
    assert conversation.sample_count / conversation.sample_rate_hz == pytest.approx(notes["duration_s"], abs=0.001)
    uplink = read_wav(utterance.run.root / record.artifacts["uplink_audio_path"])
    assert uplink.payload[8 * 400 : 8 * 800] == utterance.wire
    downlink = read_wav(utterance.run.root / record.artifacts["downlink_audio_path"])
    assert downlink.sample_count == 8 * 500
    assert set(turn.artifacts) == {"input_audio_path", "output_audio_path"}
    assert record.cost_usd["assistant"] == 1.0
    assert from_json(to_json(record)) == record


async def test_an_utterance_that_is_cut_is_answered_on_its_half(saying: SayTo) -> None:
    """What was heard of that answer is part of the turn, and the record says how often the server cut."""
    async with saying(Reply("one two three four five six", 1200), Reply("All of it.", 300)) as utterance:
        utterance.wire = tone_wire(ULAW, 400) + _pause(500) + tone_wire(ULAW, 400)
        record = await utterance.say()
    (turn,) = record.turns
    half = turn.assistant_text.removesuffix(" All of it.").split()
    assert 1 <= len(half) < 6
    assert half == ["one", "two", "three", "four", "five", "six"][: len(half)]
    assert (turn.measures["detected_turns"], turn.measures["interrupted_caller"]) == (2, 1)
    notes: Any = record.notes["turn_taking"]
    assert len(notes["server"]["committed_s"]) == 2


async def test_what_is_said_last_is_waited_for(saying: SayTo) -> None:
    """A short answer to the first half, over before the rest is reported, does not end the exchange."""
    async with saying(Reply("Yes?", 100), Reply("Now I know.", 200)) as utterance:
        utterance.wire = tone_wire(ULAW, 300) + _pause(1400) + tone_wire(ULAW, 60)
        record = await utterance.say()
    assert record.turns[0].assistant_text == "Yes? Now I know."


async def test_calls_end_the_turn_where_nobody_answers_them(saying: SayTo) -> None:
    """As in a walk with the client's turns: a call is graded, and nothing more is asked for."""
    async with saying(Reply("One moment.", 200, [LOOKUP])) as utterance:
        record = await utterance.say()
    assert record.failure is None
    assert [type(step) for step in record.turns[0].steps] == [Words, ToolCall]
    assert not utterance.peer.sent("response.create")
    notes: Any = record.notes["turn_taking"]
    assert [each["called_s"] == each["answered_s"] for each in notes["tool_calls"]] == [True]


async def test_tools_are_answered_where_the_mode_does(saying: SayTo) -> None:
    """The answer behind them is part of the same turn."""
    async with saying(Reply("", 0, [LOOKUP]), Reply("It has been shipped.", 200)) as utterance:
        utterance.answers_tools = True
        record = await utterance.say()
    assert record.failure is None
    assert [type(step) for step in record.turns[0].steps] == [ToolCall, ToolOutput, Words]
    assert len(utterance.peer.sent("response.create")) == 1


async def test_a_greeting_is_no_answer_to_what_is_said_after_it(saying: SayTo) -> None:
    """It is heard out first, and no latency counts from it."""
    async with saying(Reply("Hello.", 600), Reply("It has been shipped.", 200), greets=True) as utterance:
        record = await utterance.say()
    (turn,) = record.turns
    notes: Any = record.notes["turn_taking"]
    greeting, answer = (each["parts"] for each in notes["agent"])
    ((said,),) = [each["parts"] for each in notes["caller"]]
    assert greeting[-1][1] <= said[0] < said[1] < answer[0][0]
    assert turn.measures["detected_turns"] == 1
    assert turn.latencies["latency_response_done_ms"] < 1000 * (answer[-1][1] - greeting[0][0]) / 2


ODD = {
    "keeps its detection": {"detection": "server_vad"},
    "says nothing of its detection": {"detection": "absent"},
    "names of before": {"has_beta_names": True},
    "no usage": {"has_usage": False},
    "no ids": {"has_ids": False},
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
async def test_odd_servers_are_driven(saying: SayTo, odd: dict[str, Any]) -> None:
    """The same answer, and the same one turn."""
    async with saying(Reply("Yes.", 200), **odd) as utterance:
        record = await utterance.say()
    assert record.failure is None
    assert record.turns[0].assistant_text == "Yes."
    assert record.turns[0].measures["detected_turns"] == 1


async def test_of_a_server_that_reports_nothing_nobody_knows_how_often_it_cut(saying: SayTo) -> None:
    """It answers all the same, and that is heard."""
    async with saying(Reply("Yes.", 200), says_speech=False) as utterance:
        record = await utterance.say()
    assert record.turns[0].assistant_text == "Yes."
    assert "detected_turns" not in record.turns[0].measures


@pytest.mark.parametrize(
    ("odd", "stage", "fault"),
    [
        ({"detection": None}, Stage.SESSION_UPDATE, Fault.INFRASTRUCTURE),
        ({"detection": "semantic_vad"}, Stage.SESSION_UPDATE, Fault.INFRASTRUCTURE),
        ({"is_deaf": True}, Stage.STREAM_AUDIO, Fault.INFRASTRUCTURE),  # in G.711, which it may not be able to read
        ({"never_ends": True}, Stage.RESPONSE_TIMEOUT, Fault.ASSISTANT),
    ],
)
async def test_a_server_that_cannot_be_talked_to(saying: SayTo, odd: Any, stage: Stage, fault: Fault) -> None:
    """One sentence, the fault that it is in a simulated call too, and what was heard by then."""
    async with saying(Reply("Yes.", 200), **odd) as utterance:
        limits = replace(utterance.settings.limits, response_timeout_s=0.7)
        utterance.settings = replace(utterance.settings, limits=limits)
        record = await utterance.say()
    assert record.failure is not None
    assert (record.failure.stage, record.fault) == (stage, fault)
    is_open = stage is not Stage.SESSION_UPDATE
    assert bool(record.turns) == is_open
    assert (utterance.run.audio_dir("lamp") / "conversation.wav").exists() == is_open
    notes: Any = record.notes
    assert notes == {} or notes["turn_taking"]["ended_waiting"]


async def test_a_server_that_takes_turns_unasked_is_refused_with_the_setting_that_drives_it(saying: SayTo) -> None:
    """Where turns are the client's, and for this mode too."""
    async with saying(Reply("Yes.", 200), detection="server_vad") as utterance:
        utterance.detection = None
        record = await utterance.say()
    assert record.failure is not None
    assert (record.failure.error_type, record.fault) == ("turn_detection_kept", Fault.INFRASTRUCTURE)
    assert "turn_detection=server_vad" in record.failure.message
    assert record.notes == {}
