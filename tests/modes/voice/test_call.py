"""Simulated calls between scripted peers on real sockets: what is said, called, recorded, and whose fault what is."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from duplex_calls import tones

from evalkit.audio.channels import ChannelSpec
from evalkit.audio.formats import AudioFormat
from evalkit.audio.levels import find_speech
from evalkit.audio.wav import read_wav
from evalkit.mocks.definitions import Mock
from evalkit.realtime.trace import restore_audio
from evalkit.records.faults import Fault, Stage
from evalkit.records.record import CaseRecord, ToolCall, ToolOutput, Words, from_json, to_json
from evalkit.simulator.behaviour import read_behaviour

PlanCall = Callable[..., Awaitable[Any]]
LOOKUP = ("get_order_status", {"order_id": "49903"})
TELEPHONE = ChannelSpec.from_config(
    {"noise": {"kind": "babble", "snr_db": 5}, "loss": {"pattern": "random", "share": 0.2}}
)


async def _hold(call: Any) -> CaseRecord:
    record: CaseRecord = await call.hold()
    return record


def _problems(record: CaseRecord) -> Any:
    notes: Any = record.notes
    return [attempt["problem"] for attempt in notes["simulator"]["attempts"]]


async def test_a_call_from_greeting_to_goodbye(plan_call: PlanCall) -> None:
    """The first words are the fixed ones, tools are answered until the assistant speaks, END_CALL is not played."""
    call = await plan_call(
        [{"text": "One moment.", "calls": [LOOKUP]}, "It has been shipped.", "You're welcome."],
        ["Great, thank you very much.", "end call."],
    )
    record = await _hold(call)
    assert call.transcript() == [
        "TURN 1 USER: Hi, where is order 49903?",
        "TURN 1 ASSISTANT: One moment.",
        'TURN 1 TOOL_CALL: {"name": "get_order_status", "arguments": {"order_id": "49903"}, "call_id": "call_1_0"}',
        'TURN 1 TOOL_OUTPUT: {"call_id": "call_1_0", "name": "get_order_status", "output": {"status": "shipped"}}',
        "TURN 1 ASSISTANT: It has been shipped.",
        "TURN 2 USER: Great, thank you very much.",
        "TURN 2 ASSISTANT: You're welcome.",
    ]
    assert (record.failure, record.fault, record.notes["ended_by"]) == (None, None, "caller")
    assert [turn.turn_index for turn in record.turns] == [1, 2]
    assert [turn.assistant_text for turn in record.turns] == ["One moment. It has been shipped.", "You're welcome."]
    assert [type(step) for step in record.turns[0].steps] == [Words, ToolCall, ToolOutput, Words]
    assert len(call.assistant.sent("input_audio_buffer.commit")) == 2
    assert record.cost_usd == {"speech": 0.5, "simulator": 0.5, "assistant": 2.0}
    assert from_json(to_json(record)) == record


async def test_a_pause_inside_a_sentence_needs_no_duplex(plan_call: PlanCall) -> None:
    """The assistant is sent it, and the record says where it lies in the turn's sound."""
    call = await plan_call(["It has been shipped."], ["END_CALL"])
    call.first = tones(500, 150, 500)
    call.behaviour = read_behaviour([{"act": "pause", "duration_ms": 800}])
    record = await _hold(call)
    simulator: Any = record.notes["simulator"]
    (pause,) = simulator["pauses"]
    assert (pause["turn_index"], pause["duration_ms"]) == (1, 800)
    start, end = pause["samples"]
    assert end - start == pytest.approx(0.8 * 24_000, abs=2)
    pcm = read_wav(call.run.audio_dir("sim") / "turn_01_user.wav").pcm
    assert not pcm[start:end].any()
    assert pcm[: start + 1].any()
    assert pcm[end:].any()
    assert pcm.size == pytest.approx((500 + 800 + 500) * 24, abs=50)


async def test_the_caller_is_shown_the_call_from_its_own_side(plan_call: PlanCall) -> None:
    """Its words are its own, the assistant's are the user's; nothing is kept in the server's conversation."""
    call = await plan_call(["It has been shipped.", "Tomorrow."], ["When will it be here?", "END_CALL"])
    await _hold(call)
    first, second = (event["response"] for event in call.caller.sent("response.create"))
    assert first["conversation"] == second["conversation"] == "none"
    said = [(item["role"], item["content"][0]["type"], item["content"][0]["text"]) for item in second["input"]]
    assert said == [
        ("assistant", "output_text", "Hi, where is order 49903?"),
        ("user", "input_text", "It has been shipped."),
        ("assistant", "output_text", "When will it be here?"),
        ("user", "input_text", "Tomorrow."),
    ]
    (update,) = call.caller.sent("session.update")
    assert "You are the caller" in update["session"]["instructions"]
    assert update["session"]["output_modalities"] == ["audio"]
    for peer in (call.caller, call.assistant):
        assert peer.sent("session.update")[0]["session"]["audio"]["input"]["turn_detection"] is None
    assert not call.caller.sent("input_audio_buffer.append")


async def test_both_connections_share_one_trace(plan_call: PlanCall) -> None:
    """One counter, one clock, turns named, and log plus WAV files give back every byte of sound."""
    call = await plan_call([{"calls": [LOOKUP]}, "It has been shipped.", "Bye."], ["Thanks a lot then.", "END_CALL"])
    await _hold(call)
    events = call.events()
    assert [event["event_index"] for event in events] == list(range(1, len(events) + 1))
    times = [event["event_time_ms"] for event in events]
    assert times == sorted(times)
    assert {event["source"] for event in events} == {"assistant", "simulator"}
    assert {event["turn_index"] for event in events if event["type"] == "response.create"} == {1, 2, 3}
    restored = 0
    for event in events:
        elided = event["event"].get("audio" if event["direction"] == "sent" else "delta")
        if isinstance(elided, dict):
            restored += len(restore_audio(elided, read_wav(call.run.root / elided["wav"]).payload))
    assert restored > 0


async def test_both_tools_of_one_response_are_answered_before_the_assistant_goes_on(plan_call: PlanCall) -> None:
    """Two calls, two outputs, in their order, one each, and only then another response."""
    other = ("get_order_status", {"order_id": "1"})
    call = await plan_call([{"calls": [LOOKUP, other]}, "Both are on their way."], ["END_CALL"])
    record = await _hold(call)
    order = [
        event["item"]["call_id"] if event["type"] == "conversation.item.create" else event["type"]
        for event in call.assistant.heard
        if event["type"] in ("conversation.item.create", "response.create")
    ]
    assert order == ["response.create", "call_1_0", "call_1_1", "response.create"]
    (turn,) = record.turns
    assert [output.call_id for output in turn.tool_outputs] == [made.call_id for made in turn.tool_calls]
    assert record.fault is None


async def test_an_assistant_that_calls_tools_for_ever_is_stopped(plan_call: PlanCall) -> None:
    """By the limit, with fault assistant, every call answered once, and the evidence kept."""
    call = await plan_call(itertools.repeat({"calls": [LOOKUP]}))
    record = await _hold(call)
    assert record.failure is not None
    assert (record.failure.stage, record.fault) == (Stage.TOOL_ROUNDS, Fault.ASSISTANT)
    (turn,) = record.turns
    assert len(turn.tool_calls) == len(turn.tool_outputs) == 4
    assert record.notes["ended_by"] == "failure"


async def test_a_call_that_no_mock_takes_is_recorded(plan_call: PlanCall) -> None:
    """As an event, and in the record, beside the verdict on the arguments."""
    call = await plan_call([{"calls": [("refund", {}), ("get_order_status", {})]}, "I can't."], ["END_CALL"])
    record = await _hold(call)
    notes: Any = record.notes
    assert [answer["type"] for answer in notes["tool_answers"]] == ["unmatched_tool_call", "mocked_tool_call"]
    assert notes["tool_answers"][1]["schema_problems"]
    assert record.turns[0].tool_outputs[0].output == {"status": "Unsupported tool"}
    traced = [event["event"] for event in call.events() if event["type"].endswith("_tool_call")]
    assert traced == notes["tool_answers"]


async def test_a_slow_tool_is_waited_for(plan_call: PlanCall) -> None:
    """The wait is part of the turn's latency."""
    slow = Mock("mock #1", "get_order_status", ({"status": "shipped"},), delay_ms=150)
    call = await plan_call([{"calls": [LOOKUP]}, "Shipped."], ["END_CALL"], mocks=(slow,))
    record = await _hold(call)
    assert record.turns[0].latencies["latency_first_audio_ms"] >= 150


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ({"text": ""}, "silence"),
        ({"text": "Where is it?", "level": 0}, "silence"),
        ("Thank you for calling, how can I help you today?", "role_swap"),
        ("My instructions say that I am the caller.", "leaked_instructions"),
        ("Thanks a lot. END_CALL", "leaked_instructions"),
        ("My order number is 77120.", "invented_fact"),
    ],
)
async def test_a_caller_that_does_not_stay_one_is_blamed(plan_call: PlanCall, line: Any, problem: str) -> None:
    """Its turn is made again, every attempt is kept, and the assistant neither hears it nor answers for it."""
    call = await plan_call(["It has been shipped."], itertools.repeat(line))
    record = await _hold(call)
    assert record.failure is not None
    assert (record.failure.stage, record.failure.error_type) == (Stage.SIMULATOR_TURN, problem)
    assert (record.fault, record.scored) == (Fault.SIMULATOR, False)
    assert _problems(record) == [problem, problem]
    assert len(record.turns) == 1
    assert len(call.assistant.sent("input_audio_buffer.commit")) == 1


async def test_a_turn_that_is_good_the_second_time_is_played(plan_call: PlanCall) -> None:
    """The bad attempt is in the record and in no context, neither the caller's nor the assistant's."""
    call = await plan_call(
        ["It has been shipped.", "Tomorrow."], ["How may I help you?", "When will it be here?", "END_CALL"]
    )
    record = await _hold(call)
    assert (record.fault, record.notes["ended_by"]) == (None, "caller")
    assert _problems(record) == ["role_swap", "", ""]
    notes: Any = record.notes
    assert (notes["simulator"]["turns"], notes["simulator"]["regenerations"]) == (2, 1)
    assert notes["simulator"]["problems"] == {"role_swap": 1}
    assert record.turns[1].user_text == "When will it be here?"
    shown = [item["content"][0]["text"] for item in call.caller.sent("response.create")[-1]["response"]["input"]]
    assert "How may I help you?" not in shown
    both = read_wav(call.run.root / record.turns[1].artifacts["caller_audio_path"])
    assert both.duration_ms == pytest.approx(400)


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"status": "incomplete", "status_details": {"reason": "content_filter"}}, Fault.SIMULATOR),
        ({"status": "failed", "status_details": {"error": {"code": "server_error"}}}, Fault.INFRASTRUCTURE),
    ],
)
async def test_a_callers_response_that_fails_is_never_the_assistants(
    plan_call: PlanCall, fields: Any, fault: Fault
) -> None:
    """It is the caller's, or the line's by its kind."""
    call = await plan_call(["It has been shipped."], [{"text": "And", "fields": fields}])
    record = await _hold(call)
    assert record.failure is not None
    assert (record.failure.stage, record.fault) == (Stage.SIMULATOR_TURN, fault)


@pytest.mark.parametrize(
    ("script", "error_type"),
    [
        ([{"audio_ms": 0}], "no_answer"),
        ([{"calls": [LOOKUP]}, {"audio_ms": 0}], "no_answer"),
        ([{"calls": [("get_order_status", "{")]}, "Hm."], "invalid_tool_arguments"),
        ([{"text": "It", "fields": {"status": "incomplete"}}], "response_incomplete"),
    ],
)
async def test_an_assistant_that_misbehaves_is_blamed_and_what_it_did_is_kept(
    plan_call: PlanCall, script: Any, error_type: str
) -> None:
    """In its second turn, with the first one whole."""
    call = await plan_call(["It has been shipped.", *script], ["When will it be here?"])
    record = await _hold(call)
    assert record.failure is not None
    assert (record.failure.error_type, record.fault) == (error_type, Fault.ASSISTANT)
    assert [turn.turn_index for turn in record.turns] == [1, 2]
    assert record.turns[1].user_text == "When will it be here?"
    assert (call.run.audio_dir("sim") / "conversation.wav").is_file()


async def test_a_caller_who_never_ends_is_stopped_by_the_turns(plan_call: PlanCall) -> None:
    """That is an end like any other."""
    call = await plan_call(
        (f"Answer {n}, is that so?" for n in itertools.count()),
        (f"And one more thing, {n}?" for n in itertools.count()),
        max_turns=3,
    )
    record = await _hold(call)
    assert (record.fault, record.notes["ended_by"], len(record.turns)) == (None, "max_turns", 3)
    assert len(call.caller.sent("response.create")) == 2


async def test_nobody_at_the_other_end_is_the_lines_fault(plan_call: PlanCall) -> None:
    """A refused connection of either side loses the case to infrastructure, without a turn."""
    call = await plan_call([])
    call.caller.url = "ws://127.0.0.1:9/v1/realtime"
    record = await _hold(call)
    assert (record.fault, record.turns) == (Fault.INFRASTRUCTURE, ())


async def test_a_call_that_takes_too_long_is_cut_off_with_what_there_is(plan_call: PlanCall) -> None:
    """limits.case_timeout_s; the turn under way is in the record."""
    slow = Mock("mock #1", "get_order_status", ({"status": "shipped"},), delay_ms=5000)
    call = await plan_call([{"text": "Wait.", "calls": [LOOKUP]}], mocks=(slow,))
    call.limits = replace(call.limits, case_timeout_s=0.7)
    record = await _hold(call)
    assert record.failure is not None
    assert record.failure.stage is Stage.CASE_TIMEOUT
    assert record.turns[0].assistant_text == "Wait."


async def test_the_line_lies_between_caller_and_assistant(plan_call: PlanCall) -> None:
    """What is sent is what the line made of it, and the same again for the same seed."""
    sent = []
    for seed in (7, 7, 8):
        call = await plan_call(["Shipped, I think."] * 2, ["Thank you for that.", "END_CALL"], channel=TELEPHONE)
        call.seed = seed
        record = await _hold(call)
        paths = [turn.artifacts for turn in record.turns]
        sent.append([(call.run.root / path["user_audio_path"]).read_bytes() for path in paths])
        clean = [(call.run.root / path["clean_user_audio_path"]).read_bytes() for path in paths]
        assert all(heard != said for heard, said in zip(sent[-1], clean, strict=True))
        assert record.turns[0].measures["channel_loss_share"] > 0
    assert sent[0] == sent[1] != sent[2]


async def test_g711_both_ways(plan_call: PlanCall) -> None:
    """The caller's 24 kHz become the assistant's 8 kHz mu-law on the wire and in the file."""
    ulaw = AudioFormat.G711_ULAW
    call = await plan_call(["It has been shipped."], ["END_CALL"], input_format=ulaw, output_format=ulaw)
    record = await _hold(call)
    (turn,) = record.turns
    assert turn.measures["input_audio_ms"] == pytest.approx(300)
    assert turn.measures["output_audio_ms"] == pytest.approx(200)
    user = read_wav(call.run.root / turn.artifacts["user_audio_path"])
    assert (user.codec, user.sample_rate_hz) == (ulaw, 8000)
    assert read_wav(call.run.root / record.artifacts["conversation_audio_path"]).sample_rate_hz == 8000


def _onsets_ms(path: Path, channel: int) -> list[float]:
    """Return where the sounds on one channel begin: after at least 30 ms without any."""
    audio = read_wav(path)
    loud = np.flatnonzero(np.abs(audio.pcm[:, channel].astype(int)) > 300)
    starts = loud[np.diff(loud, prepend=-audio.sample_rate_hz) > audio.sample_rate_hz * 0.03]
    return [float(start) / audio.sample_rate_hz * 1000 for start in starts]


async def test_a_paced_call_lies_where_its_events_say(plan_call: PlanCall) -> None:
    """Both sides of conversation.wav begin within 20 ms of their first event, and overlap by a chunk a turn at most."""
    slow = Mock("mock #1", "get_order_status", ({"status": "shipped"},), delay_ms=400)
    call = await plan_call(
        [{"text": "One moment.", "calls": [LOOKUP]}, "It has been shipped.", "Tomorrow."],
        ["When will it be here?", "END_CALL"],
        real_time=True, chunk_ms=10, mocks=(slow,),
    )  # fmt: skip
    record = await _hold(call)
    assert record.notes["timeline"] == "paced"
    events = [event for event in call.events() if event["source"] == "assistant"]
    said, heard = [], []
    for index in (1, 2):
        turn = [event for event in events if event["turn_index"] == index]
        said.append(next(e["event_time_ms"] for e in turn if e["type"] == "input_audio_buffer.append"))
        heard += [e["event_time_ms"] for e in turn if e["type"] == "response.output_audio.delta"]
    path = call.run.root / record.artifacts["conversation_audio_path"]
    assert _onsets_ms(path, 0) == pytest.approx(said, abs=20)
    assert _onsets_ms(path, 1) == pytest.approx(heard, abs=20)
    both = read_wav(path).pcm
    overlap = (np.abs(both[:, 0].astype(int)) > 300) & (np.abs(both[:, 1].astype(int)) > 300)
    assert overlap.sum() <= 2 * 24 * 10
    assert record.turns[0].latencies["latency_voice_to_voice_ms"] > 0
    assert record.turns[0].measures["lateness_p99_ms"] >= 0


async def test_an_unpaced_call_is_laid_end_to_end_with_the_measured_latency(plan_call: PlanCall) -> None:
    """And says that it was constructed."""
    slow = Mock("mock #1", "get_order_status", ({"status": "shipped"},), delay_ms=120)
    call = await plan_call(
        [{"calls": [LOOKUP]}, "It has been shipped.", "Tomorrow."], ["When will it be here?", "END_CALL"], mocks=(slow,)
    )
    record = await _hold(call)
    assert record.notes["timeline"] == "constructed"
    first, second = (turn.latencies["latency_first_audio_ms"] for turn in record.turns)
    path = call.run.root / record.artifacts["conversation_audio_path"]
    answered = 300 + first
    assert _onsets_ms(path, 1) == pytest.approx([answered, answered + 200 + 200 + second], abs=5)
    left = read_wav(path).pcm[:, 0]
    speaking = np.flatnonzero(find_speech(left, 24_000))
    assert speaking[-1] / 24 == pytest.approx(answered + 200 + 200, abs=15)


async def test_another_attempt_leaves_its_own_files_only(plan_call: PlanCall) -> None:
    """No file of a longer first attempt is among those of the second, and none of the first is lost."""
    longer = await plan_call(["A, is it?", "B, is it?"], ["Something else.", "END_CALL"])
    await longer.hold()
    moved = longer.run.set_aside("sim", 1)
    shorter = await plan_call(["A."], ["END_CALL"])
    await shorter.hold(attempt=2)
    names = {path.name for path in shorter.run.audio_dir("sim").iterdir()}
    assert names == {"turn_01_user.wav", "turn_01_assistant.wav", "turn_02_caller.wav", "conversation.wav"}
    assert {path.name for path in (shorter.run.root / moved["audio_folder"]).iterdir()} > names
    assert "Something else." in (shorter.run.root / moved["conversation_path"]).read_text()
    assert "Something else." in (shorter.run.root / moved["event_log_path"]).read_text()
    assert "Something else." not in shorter.run.events_path("sim").read_text()


async def test_two_calls_with_the_same_words_leave_the_same_transcript(plan_call: PlanCall) -> None:
    """Nothing of time or place is in it."""
    texts = []
    for _ in range(2):
        call = await plan_call([{"calls": [LOOKUP]}, "It has been shipped."], ["END_CALL"])
        await call.hold()
        texts.append(call.transcript())
    assert texts[0] == texts[1]
