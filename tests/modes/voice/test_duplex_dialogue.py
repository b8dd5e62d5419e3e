"""Simulated calls in full duplex with scripted servers that take the turns: what is heard, recorded and measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from duplex_calls import LIMITS, LOOKUP, PlanDuplex, tones
from duplex_peer import Reply

from evalkit.audio.formats import AudioFormat
from evalkit.audio.levels import find_speech
from evalkit.audio.wav import read_wav
from evalkit.realtime.trace import restore_audio
from evalkit.records.faults import Fault, Stage
from evalkit.records.record import ToolCall, ToolOutput, Words, from_json, to_json


def _heard_ms(path: Path, channel: int) -> list[tuple[float, float]]:
    audio = read_wav(path)
    is_speech = find_speech(audio.pcm[:, channel], audio.sample_rate_hz, frame_ms=5)
    edges = np.flatnonzero(np.diff(is_speech.astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
    return [(start / audio.sample_rate_hz * 1000, end / audio.sample_rate_hz * 1000) for start, end in edges.tolist()]


async def test_a_call_from_greeting_to_goodbye(planned_duplex: PlanDuplex) -> None:
    """Nothing is committed, tools are answered, both sides are recorded where they were heard, to 20 ms."""
    replies = [Reply("", 0, [LOOKUP]), Reply("It has been shipped.", 500), Reply("Tomorrow.", 300)]
    async with planned_duplex(replies, ["When will it be here?", "END_CALL"]) as call:
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
        assert turn.measures["detected_turns"] == 1
        assert not {"yielded", "yield_latency_ms"} & set(turn.measures)
    assert from_json(to_json(record)) == record


@pytest.mark.parametrize("after_ms", [0.0, 900.0])
async def test_what_the_server_heard_stands_beside_what_was_said(planned_duplex: PlanDuplex, after_ms: float) -> None:
    """Turn by turn, in however many pieces it cut what it heard, and however late it tells; a failure is left out."""
    hears = ["Hi, where is order", "49913?", None, "Thank you."]
    replies = [Reply("One", 100), Reply("It has been shipped.", 400), Reply("What?", 200), Reply("Bye.", 200)]
    lines = ["When will it be here?", "Thank you.", "END_CALL"]
    async with planned_duplex(replies, lines, hears=hears, hears_after_ms=after_ms) as call:
        call.first, call.transcription_model = tones(300, 500, 400), "listener"
        record = await call.hold()
    assert record.failure is None
    assert [turn.heard_text for turn in record.turns] == ["Hi, where is order 49913?", None, "Thank you."]
    (updated,) = call.peer.sent("session.update")
    assert updated["session"]["audio"]["input"]["transcription"] == {"model": "listener"}


async def test_a_server_that_tells_nothing_of_what_it_heard_keeps_nobody_waiting(planned_duplex: PlanDuplex) -> None:
    """Where it was not asked."""
    async with planned_duplex([Reply("Yes.", 200)]) as call:
        record = await call.hold()
    assert [turn.heard_text for turn in record.turns] == [None]
    assert record.duration_ms < 4500


async def test_every_byte_of_both_directions_is_kept(planned_duplex: PlanDuplex) -> None:
    """In files of the whole call, which the event log points to; G.711 too."""
    async with planned_duplex([Reply("Yes.", 300)]) as call:
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


async def test_an_answer_to_half_a_sentence_is_what_was_heard_of_it(planned_duplex: PlanDuplex) -> None:
    """It is cut when the caller goes on; its words are as many as its sound held, and the caller was interrupted."""
    replies = [Reply("one two three four five six seven eight nine ten", 2000), Reply("All of it.", 300)]
    async with planned_duplex(replies) as call:
        call.first = tones(400, 700, 700)
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
    assert -0.0002 < notes["agent"][0]["parts"][0][0] - cut["first_arrived_s"] < 0.3  # both are rounded to 0.1 ms
    assert cut["first_arrived_s"] <= cut["last_arrived_s"]
    ((first, second),) = [each["parts"] for each in notes["caller"]]
    assert second[0] - first[1] == pytest.approx(0.7, abs=0.02)
    assert notes["agent"][0]["parts"][-1][1] == pytest.approx(second[0], abs=0.3)
    assert len(notes["server"]["speech_started_s"]) == 2


async def test_a_call_that_a_cancellation_took_back_did_not_happen(planned_duplex: PlanDuplex) -> None:
    """The tool that was called on half a sentence is neither answered nor graded."""
    replies = [Reply("One moment.", 6000, [LOOKUP]), Reply("Now I know.", 200)]
    async with planned_duplex(replies) as call:
        call.first = tones(300, 400, 300)
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
async def test_a_server_that_cannot_hold_a_call(
    planned_duplex: PlanDuplex, odd: Any, stage: Stage, fault: Fault
) -> None:
    """The record says why in one sentence, and has what was said and heard by then."""
    async with planned_duplex([Reply()], **odd) as call:
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


async def test_an_assistant_that_calls_tools_for_ever(planned_duplex: PlanDuplex) -> None:
    """It is stopped after as many rounds as it may have."""
    async with planned_duplex([Reply("", 0, [LOOKUP])]) as call:
        record = await call.hold()
    assert record.failure is not None
    assert record.failure.error_type == "too_many_tool_rounds"


async def test_silence_is_no_answer(planned_duplex: PlanDuplex) -> None:
    """A response that says nothing ends the call as it does where the client takes the turns."""
    async with planned_duplex([Reply("", 0)]) as call:
        record = await call.hold()
    assert record.failure is not None
    assert record.failure.stage == Stage.RESPONSE_EMPTY
