"""What a caller does during an answer: at its moment, with enough of the answer left, or told why not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from duplex_calls import LOOKUP, PlanDuplex
from duplex_peer import Reply

from evalkit.audio.levels import find_speech
from evalkit.audio.wav import read_wav
from evalkit.metrics.turn_taking.exchanges import find_distractions, find_false_stops
from evalkit.metrics.turn_taking.timeline import CallTimeline
from evalkit.realtime.duplex import DuplexSession
from evalkit.records.record import CallerWords, CaseRecord, Words
from evalkit.simulator.behaviour import read_behaviour

INTERRUPTS = {"act": "interruption", "delay_ms": 1500, "words": ["Wait."], "then": ["Sorry, go on."]}
LONG = Reply("one two three four five six seven eight nine ten", 8000)


def _notes(record: CaseRecord) -> dict[str, Any]:
    notes: Any = record.notes["turn_taking"]
    return notes  # type: ignore[no-any-return]


async def test_an_interruption_and_what_follows_it(planned_duplex: PlanDuplex) -> None:
    """It begins at its moment, the assistant's answer to it is heard out, and then the caller goes on."""
    replies = [LONG, Reply("Yes?", 400), Reply("Ten words it was.", 500)]
    async with planned_duplex(replies, ["Thanks.", "END_CALL"]) as call:
        call.behaviour = read_behaviour([{**INTERRUPTS, "turns": [1]}])
        record = await call.hold()
    assert record.failure is None
    steps = record.turns[0].steps
    said = [step.act if isinstance(step, CallerWords) else type(step) for step in steps]
    assert said == [Words, "interruption", Words, "turn", Words]
    assert record.turns[0].all_user_text == "Hi, where is order 49903? Wait. Sorry, go on."
    first, second, third = (step.text for step in steps if isinstance(step, Words))
    assert 0 < len(first.split()) < 10
    assert (second, third) == ("Yes?", "Ten words it was.")
    exchanges = [(each.caller, each.assistant) for each in call.caller.shown[0]]
    assert exchanges == [("Hi, where is order 49903?", first), ("Wait.", "Yes?"), ("Sorry, go on.", third)]
    simulator: Any = record.notes["simulator"]
    assert [each["turn_index"] for each in simulator["attempts"]] == [2, 3]
    notes = _notes(record)
    turn, cut_in, goes_on, _ = notes["caller"]
    assert [each["act"] for each in notes["caller"]] == ["turn", "interruption", "turn", "turn"]
    plan = cut_in["plan"]
    moment_s = plan["triggered_s"] + (plan["delay_ms"] + plan["waited_ms"]) / 1000
    assert cut_in["parts"][0][0] == pytest.approx(moment_s, abs=0.04)
    assert goes_on["parts"][0][0] > cut_in["parts"][-1][1] + 0.4
    assert notes["agent"][0]["was_cut"]
    assert record.turns[0].measures["yielded"] == 1
    assert record.turns[0].measures["yield_latency_ms"] < 300
    assert record.turns[0].measures["response_latency_ms"] == pytest.approx(
        (notes["agent"][0]["parts"][0][0] - turn["parts"][-1][1]) * 1000, abs=0.1
    )
    assert notes["left_out"] == []


async def test_everything_lies_in_the_uplink_where_the_record_says(planned_duplex: PlanDuplex) -> None:
    """Sample by sample: there is sound in each act's place, and none between them."""
    behaviour = [INTERRUPTS, {"act": "vocal_tic", "after": "assistant_finished", "words": ["<cough>"], "delay_ms": 900}]
    async with planned_duplex([LONG, Reply("Yes?", 400)]) as call:
        call.behaviour = read_behaviour(behaviour)
        record = await call.hold()
    notes = _notes(record)
    audio = read_wav(call.run.audio_dir("sim") / "uplink.wav")
    rate_hz = notes["uplink"]["sample_rate_hz"]
    assert audio.sample_rate_hz == rate_hz
    assert [each["act"] for each in notes["caller"]] == ["turn", "interruption", "turn", "vocal_tic"]
    silent = np.ones(audio.pcm.size, dtype=np.bool_)
    for each in notes["caller"]:
        start, end = each["samples"]
        silent[start:end] = False
        heard = np.flatnonzero(find_speech(audio.pcm[start:end], rate_hz))
        began_s = notes["uplink"]["began_s"] + start / rate_hz
        assert each["parts"][0][0] == pytest.approx(began_s + heard[0] / rate_hz, abs=0.002)
        assert each["parts"][-1][1] == pytest.approx(began_s + (heard[-1] + 1) / rate_hz, abs=0.002)
    assert not audio.pcm[silent].any()


async def test_a_caller_who_talks_over_the_greeting(planned_duplex: PlanDuplex) -> None:
    """The assistant is asked to speak first, the first turn cuts in at its moment, and the words stand in order."""
    greeting = Reply("Welcome to the shop, my name is Sam, how can I help you today?", 8000)
    async with planned_duplex([greeting, Reply("It came.", 400)], ["Bye.", "END_CALL"]) as call:
        call.behaviour = read_behaviour([{"act": "interruption", "after": "greeting", "delay_ms": 1500}])
        record = await call.hold()
    assert record.failure is None
    first, words, answer = record.turns[0].steps
    assert (words, answer) == (CallerWords("Hi, where is order 49903?", "interruption"), Words("It came."))
    assert isinstance(first, Words)
    assert greeting.text.startswith(first.text)
    assert (record.turns[0].user_text, record.turns[0].all_user_text) == ("", "Hi, where is order 49903?")
    lines = call.run.conversation_path("sim").read_text().splitlines()
    assert lines[:2] == [f"TURN 1 ASSISTANT: {first.text}", "TURN 1 USER: Hi, where is order 49903?"]
    shown = [(each.caller, each.assistant) for each in call.caller.shown[0]]
    assert shown == [("", first.text), ("Hi, where is order 49903?", "It came.")]
    notes = _notes(record)
    cut_in = notes["caller"][0]
    assert (cut_in["act"], cut_in["plan"]["after"]) == ("interruption", "greeting")
    moment_s = cut_in["plan"]["triggered_s"] + 1.5 + cut_in["plan"]["waited_ms"] / 1000
    assert cut_in["parts"][0][0] == pytest.approx(moment_s, abs=0.04)
    assert (record.turns[0].measures["yielded"], len(call.peer.sent("response.create"))) == (1, 1)


async def test_a_greeting_that_is_too_short_is_heard_out(planned_duplex: PlanDuplex) -> None:
    """Then the caller speaks, and the record says why it did not cut in."""
    async with planned_duplex([Reply("Hello.", 600), Reply("It came.", 400)]) as call:
        call.behaviour = read_behaviour([{"act": "interruption", "after": "greeting", "delay_ms": 100}])
        record = await call.hold()
    notes = _notes(record)
    assert [each["act"] for each in notes["caller"]] == ["turn"]
    assert notes["caller"][0]["parts"][0][0] > notes["agent"][0]["parts"][-1][1]
    assert notes["left_out"][0]["reason"] == "the assistant had never 3 s of an answer left at its moment"
    assert [type(step) for step in record.turns[0].steps] == [Words, CallerWords, Words]


async def test_who_sends_sound_as_it_is_heard_is_cut_in_on_at_the_moment(
    planned_duplex: PlanDuplex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How much of the answer is left is never known then; the caller does not wait for it to be."""
    monkeypatch.setattr(DuplexSession, "sends_ahead", False)
    async with planned_duplex([Reply("one two three four five", 3000), Reply("Yes?", 400)]) as call:
        call.behaviour = read_behaviour([{**INTERRUPTS, "turns": [1], "then": []}])
        record = await call.hold()
    notes = _notes(record)
    assert [each["act"] for each in notes["caller"]] == ["turn", "interruption"]
    assert notes["caller"][1]["plan"]["waited_ms"] == 0
    assert record.turns[0].measures["yielded"] == 1


ASIDES = ("backchannel", "vocal_tic", "side_speech")


@pytest.mark.parametrize("act", ASIDES)
async def test_what_is_not_heard_as_a_turn_changes_nothing(planned_duplex: PlanDuplex, act: str) -> None:
    """The answer goes on, nobody waits for another, and the words are no part of what was said to the assistant."""
    async with planned_duplex([LONG]) as call:
        call.behaviour = read_behaviour(
            [{"act": act, "count": 2, "delay_ms": 500, "words": ["Okay."], "voice": "ash", "level_db": -30}]
        )
        record = await call.hold()
    assert record.failure is None
    said = [step for step in record.turns[0].steps if isinstance(step, CallerWords)]
    assert said == [CallerWords("Okay.", act)] * 2
    assert record.turns[0].all_user_text == "Hi, where is order 49903?"
    assert record.turns[0].assistant_text == LONG.text
    assert call.other_voices == ["ash", "ash"]
    notes = _notes(record)
    assert [each["act"] for each in notes["caller"]] == ["turn", act, act]
    first, second = (each["plan"] for each in notes["caller"][1:])
    assert (first["delay_ms"], second["delay_ms"], first["level_db"]) == (500, 1000, -30)
    assert call.run.conversation_path("sim").read_text().splitlines()[-1] == f"TURN 1 USER ({act}): Okay."
    timeline = CallTimeline.from_json("sim", notes)
    assert [each.reaction.value for each in find_distractions(timeline)] == ["ignored", "ignored"]


async def test_an_assistant_that_stops_for_a_cough_has_its_time_to_go_on(planned_duplex: PlanDuplex) -> None:
    """It is silent for good: the caller waits as long as a resumption may take, and the call goes on."""
    tic = {"act": "vocal_tic", "delay_ms": 500, "words": ["<cough>"]}
    async with planned_duplex([LONG], goes_silent=True) as call:
        call.limits = replace(call.limits, response_timeout_s=20)
        call.behaviour = read_behaviour([tic])
        record = await call.hold()
    assert (record.failure, record.notes["ended_by"]) == (None, "caller")
    notes = _notes(record)
    (stop,) = find_false_stops(CallTimeline.from_json("sim", notes))
    assert (stop.resumption.value, record.turns[0].assistant_text.split()[0]) == ("silent", "one")
    assert notes["duration_s"] > stop.stopped_s + 5


async def test_side_speech_when_all_is_said(planned_duplex: PlanDuplex) -> None:
    """It comes so long after the last sound; an assistant that answers it is heard out, in the same turn."""
    side = {"act": "side_speech", "after": "assistant_finished", "delay_ms": 1500, "words": ["Turn that down."]}
    async with planned_duplex([Reply("It came.", 400), Reply("Turn what down?", 400)], ["Bye.", "END_CALL"]) as call:
        call.behaviour = read_behaviour([{**side, "turns": [1]}])
        record = await call.hold()
    assert record.failure is None
    assert [step.text for step in record.turns[0].steps if isinstance(step, Words | CallerWords)] == [
        "It came.", "Turn that down.", "Turn what down?",
    ]  # fmt: skip
    assert [(each.caller, each.assistant) for each in call.caller.shown[0]] == [
        ("Hi, where is order 49903?", "It came. Turn what down?"),
    ]
    notes = _notes(record)
    aside = notes["caller"][1]
    assert aside["parts"][0][0] == pytest.approx(notes["agent"][0]["parts"][-1][1] + 1.5, abs=0.06)
    (distraction,) = find_distractions(CallTimeline.from_json("sim", notes))
    assert distraction.reaction.value == "spoke_up"


async def test_something_done_while_a_tool_is_at_work(planned_duplex: PlanDuplex) -> None:
    """So long after the call, also while nobody speaks, and before a slow tool has answered."""
    cough = {"act": "vocal_tic", "after": "tool_called", "delay_ms": 500, "words": ["<throat>"], "level_db": -30}
    async with planned_duplex([Reply("", 0, [LOOKUP]), Reply("It came.", 400)]) as call:
        call.mock = replace(call.mock, delay_ms=1500)
        call.behaviour = read_behaviour([cough])
        record = await call.hold()
    notes = _notes(record)
    assert [each["act"] for each in notes["caller"]] == ["turn", "vocal_tic"]
    ((called_s, answered_s),) = [(each["called_s"], each["answered_s"]) for each in notes["tool_calls"]]
    cleared = notes["caller"][1]
    assert cleared["plan"]["triggered_s"] == pytest.approx(called_s, abs=0.02)
    assert cleared["parts"][0][0] == pytest.approx(called_s + 0.5, abs=0.04)
    assert cleared["parts"][-1][1] < answered_s


@pytest.mark.parametrize(
    ("replies", "reason"),
    [
        ([Reply("Short.", 1500)], "the assistant had never 3 s of an answer left at its moment"),
        ([Reply("", 0, [LOOKUP]), Reply("It came.", 300)], "the assistant had never 3 s of an answer left"),
    ],
)
async def test_an_answer_that_is_too_short_is_not_interrupted(
    planned_duplex: PlanDuplex, replies: list[Reply], reason: str
) -> None:
    """Whether it would have given way could not be told; the plan and the reason are in the record."""
    async with planned_duplex(replies) as call:
        call.behaviour = read_behaviour([{**INTERRUPTS, "delay_ms": 100}])
        record = await call.hold()
    notes = _notes(record)
    assert [each["act"] for each in notes["caller"]] == ["turn"]
    interruption, follow_up = notes["left_out"]
    assert (interruption["words"], interruption["turn_index"]) == ("Wait.", 1)
    assert interruption["reason"].startswith(reason)
    assert follow_up["reason"] == "what it follows was left out, or the call ended first"


async def test_an_act_waits_until_enough_of_the_answer_is_known(planned_duplex: PlanDuplex) -> None:
    """It begins as late as the record says that it waited: the server had not sent 3 s more by its moment."""
    async with planned_duplex([LONG, Reply("Yes?", 400)]) as call:
        call.behaviour = read_behaviour([{**INTERRUPTS, "delay_ms": 100, "then": []}])
        record = await call.hold()
    assert record.failure is None
    cut_in = _notes(record)["caller"][1]
    plan = cut_in["plan"]
    assert plan["waited_ms"] > 50
    moment_s = plan["triggered_s"] + (plan["delay_ms"] + plan["waited_ms"]) / 1000
    assert cut_in["parts"][0][0] == pytest.approx(moment_s, abs=0.005)


async def test_a_later_answer_of_the_turn_will_do(planned_duplex: PlanDuplex) -> None:
    """A word before a tool is called is too short; the answer behind it is long enough."""
    async with planned_duplex([Reply("One moment.", 300, [LOOKUP]), LONG, Reply("Yes?", 400)]) as call:
        call.behaviour = read_behaviour([INTERRUPTS])
        record = await call.hold()
    assert record.failure is None
    assert [each["act"] for each in _notes(record)["caller"]] == ["turn", "interruption", "turn"]


async def test_a_plan_that_the_call_did_not_reach(planned_duplex: PlanDuplex) -> None:
    """A call that fails has the record of what was done by then, and of what was not."""
    async with planned_duplex([Reply()], is_deaf=True) as call:
        call.limits = replace(call.limits, response_timeout_s=0.7)
        call.behaviour = read_behaviour([INTERRUPTS])
        record = await call.hold()
    assert record.failure is not None
    assert _notes(record)["left_out"][0]["reason"] == "the assistant was not heard"
