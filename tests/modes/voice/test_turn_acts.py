"""What a caller does during an answer: at its moment, with enough of the answer left, or told why not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from duplex_calls import LOOKUP, PlanDuplex
from duplex_peer import Reply

from evalkit.audio.levels import find_speech
from evalkit.audio.wav import read_wav
from evalkit.records.record import CallerWords, CaseRecord, Words
from evalkit.simulator.behaviour import read_behaviour

INTERRUPTS = {"act": "interruption", "delay_ms": 500, "words": ["Wait."], "then": ["Sorry, go on."]}
LONG = Reply("one two three four five six seven eight nine ten", 6000)


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
    assert cut_in["parts"][0][0] == pytest.approx(plan["triggered_s"] + plan["delay_ms"] / 1000, abs=0.04)
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
        call.behaviour = read_behaviour([INTERRUPTS])
        record = await call.hold()
    assert record.failure is not None
    assert _notes(record)["left_out"][0]["reason"] == "the assistant was not heard"
