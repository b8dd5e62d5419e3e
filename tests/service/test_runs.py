"""Responses under way: one at a time in the conversation, any number beside it, and none that outlives a cancel."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalkit.service.brain.conversation import (
    Answered,
    Call,
    Called,
    Conversation,
    Origin,
    Reply,
    Said,
    ToolMode,
    UserTurn,
)
from evalkit.service.work import SessionStep, Think

TOOL = {"type": "function", "name": "find", "description": "Finds.", "parameters": {"type": "object"}}


def test_follow_up_after_tool_output(new_bench):
    """The model sees its call and the tool's answer in the next response."""

    def reply(conversation: Conversation) -> Reply:
        if isinstance(conversation.items[-1], Answered):
            return Reply(f"It is {conversation.items[-1].output}.")
        return Reply("", (Call("find", {"order": "007"}),))

    bench = new_bench(reply=reply)
    bench.say()
    call = bench.send("response.create")[-1]["response"]["output"][0]
    bench.send(
        "conversation.item.create",
        item={"type": "function_call_output", "call_id": call["call_id"], "output": "late"},
    )
    done = bench.send("response.create")[-1]["response"]
    assert done["output"][0]["content"][0]["transcript"] == "It is late."
    assert bench.seen[1].items == (
        UserTurn("hello there"),
        Called(call["call_id"], "find", {"order": "007"}),
        Answered(call["call_id"], "late"),
    )


def test_spoken_differs_from_text(new_bench):
    """What is synthesised is `spoken`; the transcript is `text`."""
    bench = new_bench(reply=lambda _: Reply("Yes.", spoken="No."), holds_work=True)
    bench.send("response.create")
    bench.do(bench.work.pop())
    assert bench.work[0].text == "No."
    bench.holds_work = False
    events = bench.settle(bench.session.receive(b"\0"))
    assert events.only("response.output_audio_transcript.done")["transcript"] == "Yes."


def test_active_response(new_bench):
    """The conversation has at most one response; others may run outside it."""
    bench = new_bench(holds_work=True)
    first = bench.send("response.create")[0]["response"]["id"]
    error = bench.send("response.create", event_id="e1").error
    assert (error["code"], error["event_id"]) == ("conversation_already_has_active_response", "e1")
    assert first in error["message"]
    outside = bench.send("response.create", response={"conversation": "none"})
    assert outside[0]["response"]["conversation_id"] is None


def test_cancel_midstream(new_bench):
    """A cancelled response closes what is open as incomplete and says who cancelled it."""
    bench = new_bench(holds_work=True, speech_ms=1000)
    bench.send("response.create")
    bench.do(bench.work.pop(0))
    bench.do(bench.work.pop(0))
    drawn = bench.draw(4)
    assert drawn.of("response.output_audio.delta")
    events = bench.send("response.cancel")
    response = events[-1]["response"]
    assert response["status"] == "cancelled"
    assert response["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
    assert events.only("response.output_item.done")["item"]["status"] == "incomplete"
    assert response["usage"]["output_token_details"]["audio_tokens"] == 6
    assert not bench.session.streaming
    assert bench.send("response.create").types[0] == "response.created"


@pytest.mark.parametrize("done", [0, 1])
def test_late_work_of_a_cancelled_response(new_bench, done):
    """What the model or the voice brings after a cancel is dropped."""
    bench = new_bench(holds_work=True)
    bench.send("response.create")
    for _ in range(done):
        bench.do(bench.work.pop(0))
    bench.send("response.cancel")
    assert bench.do(bench.work.pop(0)) == []
    assert not bench.work
    assert not bench.session.streaming


@pytest.mark.parametrize("fields", [{}, {"response_id": "resp_x"}])
def test_nothing_to_cancel(bench, fields):
    """Cancelling nothing is an error, and a harmless one."""
    assert bench.send("response.cancel", **fields).error["code"] == "response_cancel_not_active"


def test_response_overrides(new_bench):
    """A response's own instructions, tools, voice, modalities and metadata hold for it alone."""
    bench = new_bench(holds_work=True)
    bench.configure(instructions="Be kind.", tools=[TOOL])
    overrides = {
        "instructions": "Be brief.",
        "tools": [{**TOOL, "name": "tell"}],
        "tool_choice": {"type": "function", "name": "tell"},
        "metadata": {"a": "b"},
        "audio": {"output": {"voice": "cedar", "format": {"type": "audio/pcmu"}}},
    }
    created = bench.send("response.create", response=overrides)[0]["response"]
    assert created["metadata"] == {"a": "b"}
    assert created["audio"] == {"output": {"format": {"type": "audio/pcmu"}, "voice": "cedar"}}
    bench.do(bench.work.pop())
    assert bench.work[0].voice == "cedar"
    assert bench.seen[0] == Conversation("Be brief.", (dict(TOOL, name="tell"),), (), "tell")
    bench.send("response.cancel")
    bench.send("response.create")
    bench.do(bench.work.pop())
    assert bench.seen[1].instructions == "Be kind."


def test_out_of_band_response(bench):
    """A response outside the conversation answers its own input and leaves the conversation alone."""
    bench.say()
    given = [
        {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "Sum up."}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi."}]},
    ]
    events = bench.send("response.create", response={"conversation": "none", "input": given})
    assert not [kind for kind in events.types if kind.startswith("conversation.item")]
    assert bench.seen[0].instructions == "Sum up."
    assert bench.seen[0].items == (UserTurn("Hi."),)
    bench.send("response.create")
    assert bench.seen[1].items == (UserTurn("hello there"),)


def test_input_references_items_and_audio(bench):
    """Input may point at items of the conversation and may hold audio of its own."""
    item_id = bench.say()[0]["item_id"]
    audio = {"type": "input_audio", "audio": base64.b64encode(bytes(9600)).decode()}
    given = [{"type": "item_reference", "id": item_id}, {"type": "message", "role": "user", "content": [audio]}]
    bench.send("response.create", response={"input": given})
    assert bench.seen[0].items == (UserTurn("hello there"), UserTurn("hello there"))
    error = bench.send("response.create", response={"input": [{"type": "item_reference", "id": "x"}]}).error
    assert error["code"] == "item_reference_invalid_item_id"


def test_failures_fail_the_response(new_bench):
    """A model, an engine that fails ends the response as failed, and the session goes on."""
    bench = new_bench(holds_work=True)
    bench.configure(audio={"input": {"transcription": {"model": "whisper-1"}}})
    bench.say()
    bench.send("response.create")
    events = bench.settle(bench.session.not_heard(bench.work.pop().ticket, "no recogniser"))
    assert events.types == ["conversation.item.input_audio_transcription.failed", "response.done"]
    assert events[-1]["response"]["status_details"]["error"]["message"] == "no recogniser"
    bench.send("conversation.item.delete", item_id=events[0]["item_id"])
    response_id = bench.send("response.create")[0]["response"]["id"]
    events = bench.settle(bench.session.failed(response_id, "no idea"))
    assert events[-1]["response"]["status"] == "failed"


def _speak_all(bench: Any) -> Any:
    """Do the work that waits, and return what follows."""
    events = []
    while bench.work:
        events += bench.do(bench.work.pop(0))
    return events


def test_the_first_sentence_is_heard_while_the_rest_is_written(new_bench):
    """Its sound streams as soon as it is spoken, and then nothing is due until the next one is; the calls come last."""
    bench = new_bench(holds_work=True, counts_tokens=False, speech_ms=100)
    response_id = bench.send("response.create").only("response.created")["response"]["id"]
    think = bench.work.pop(0)
    assert isinstance(think, Think)
    assert bench.settle(bench.session.told(response_id, "One moment, please. ")).types == []
    (speak,) = bench.work
    assert (speak.text, speak.sentence) == ("One moment, please. ", 0)
    assert not bench.session.streaming
    _speak_all(bench)
    first = bench.draw(3)
    assert first.types[-2:] == ["response.output_audio_transcript.delta", "response.output_audio.delta"]
    assert first.only("response.output_audio_transcript.delta")["delta"] == "One moment, please. "
    bench.session.told(response_id, "It is ")
    assert bench.session.told(response_id, "late.").events == []
    origin = Origin(ToolMode.NATIVE, 40, 8, 12)
    whole = Reply("One moment, please. It is late.", (Call("find", {}, '{"a": 1}'),), origin=origin)
    bench.session.thought(response_id, whole)
    assert bench.draw(2) == []
    for number in (2, 1):
        bench.session.spoken(response_id, np.ones(1600, dtype=np.int16), 16_000, number)
    bench.holds_work = False
    events = bench.settle(SessionStep())
    done = events.only("response.done")["response"]
    message, call = done["output"]
    assert message["content"] == [{"type": "output_audio", "transcript": whole.text}]
    assert (call["name"], call["arguments"]) == ("find", '{"a": 1}')
    assert done["metadata"] == {"tool_mode": "native"}
    assert (done["usage"]["input_tokens"], done["usage"]["output_tokens"]) == (40, 12)
    assert done["usage"]["input_token_details"]["cached_tokens"] == 8
    item = bench.send("conversation.item.retrieve", item_id=message["id"])[0]["item"]
    assert len(base64.b64decode(item["content"][0]["audio"])) == 3 * 100 * 48


def test_a_written_answer_comes_sentence_by_sentence(new_bench):
    """Without a voice between."""
    bench = new_bench(holds_work=True, counts_tokens=False)
    bench.configure(output_modalities=["text"])
    response_id = bench.send("response.create")[0]["response"]["id"]
    bench.session.told(response_id, "One moment. ")
    assert [one["delta"] for one in bench.draw(2).of("response.output_text.delta")] == ["One moment. "]
    bench.session.told(response_id, "Done.")
    bench.session.thought(response_id, Reply("One moment. Done.", origin=Origin(ToolMode.NONE)))
    done = bench.draw(4).only("response.done")["response"]
    assert (done["usage"], done["metadata"]) == (None, {"tool_mode": "none"})
    assert done["output"][0]["content"][0]["text"] == "One moment. Done."


def test_a_sentence_without_a_sound_is_passed_over_in_silence(new_bench):
    """A smile is no reason to say nothing at all."""
    bench = new_bench(holds_work=True)
    response_id = bench.send("response.create")[0]["response"]["id"]
    bench.work.clear()
    bench.session.told(response_id, ":-) ")
    assert bench.session.streaming
    assert bench.work == []


def test_json_is_written_and_not_spoken(new_bench):
    """Whether a reply comes sentence by sentence or whole, its transcript has all of it."""
    call = '{"name": "fly", "arguments": {"to": "Rome"}}'
    bench = new_bench(holds_work=True)
    response_id = bench.send("response.create")[0]["response"]["id"]
    bench.work.clear()
    assert [work.text for work in bench.session.told(response_id, f"Here: {call}").work] == ["Here: "]
    assert bench.session.told(response_id, f"```json\n{call}\n```").work == []
    for reply, said in ((f"Here: {call} Well.", ["Here:  Well."]), (call, [])):
        bench = new_bench(holds_work=True)
        response_id = bench.send("response.create")[0]["response"]["id"]
        step = bench.session.thought(response_id, Reply(reply))
        assert [work.text for work in step.work] == said
    bench.work.clear()
    bench.holds_work = False
    message = bench.settle(SessionStep()).only("response.done")["response"]["output"][0]
    assert message["content"] == [{"type": "output_audio", "transcript": call}]


def test_nobody_wants_the_rest_of_an_answer_that_has_ended(new_bench):
    """The driver is told, and what comes later is dropped; what was said stays."""
    bench = new_bench(holds_work=True, counts_tokens=False, speech_ms=2000)
    response_id = bench.send("response.create")[0]["response"]["id"]
    bench.work.clear()
    step = bench.session.told(response_id, "One two three four. ")
    speak = step.work[0]
    bench.do(speak)
    bench.draw(11)
    step = bench.session.receive(b'{"type": "response.cancel"}'.decode())
    assert step.ended == [response_id]
    done = step.events[-1]["response"]
    assert (done["status"], done["usage"], done["metadata"]) == ("cancelled", None, None)
    assert bench.session.told(response_id, "Five.").work == []
    bench.session.thought(response_id, Reply("Five."))
    bench.session.spoken(response_id, np.ones(16, dtype=np.int16), 16_000, 1)
    assert not bench.session.streaming
    bench.send("response.create")
    (said,) = bench.work[-1].conversation.items
    assert said == Said("One two ")
    assert said.heard == "One two "


def test_the_model_is_told_what_was_heard(new_bench):
    """By the client's word; an answer that was heard to its end was not cut."""
    bench = new_bench(speech_ms=4000)
    bench.reply = lambda _: Reply("One two three four.")
    item = bench.send("response.create").only("response.done")["response"]["output"][0]
    bench.send("response.create")
    assert bench.seen[-1].items[0].heard is None
    bench.send("conversation.item.truncate", item_id=item["id"], content_index=0, audio_end_ms=2100)
    bench.send("response.create")
    assert bench.seen[-1].items[0].heard == "One two"


def test_a_failure_has_its_own_name(new_bench):
    """By which a client tells whose it is."""
    bench = new_bench(holds_work=True)
    response_id = bench.send("response.create")[0]["response"]["id"]
    step = bench.session.failed(response_id, "slow down", code="rate_limit_exceeded", kind="upstream_error")
    error = bench.settle(step)[-1]["response"]["status_details"]["error"]
    assert error == {"type": "upstream_error", "code": "rate_limit_exceeded", "message": "slow down"}


_SENTENCES = st.lists(st.text("ab .\n", min_size=1, max_size=12), min_size=1, max_size=5)


@given(_SENTENCES, st.booleans(), st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sentences_come_out_in_order_however_they_are_spoken(new_bench, check_event, sentences, cancels, data):
    """Whichever is ready first, whatever is drawn in between: words and sound are whole, or cut at a cancel."""
    bench = new_bench(holds_work=True, counts_tokens=False)
    response_id = bench.send("response.create")[0]["response"]["id"]
    steps = [("told", text) for text in sentences] + [("thought", "")]
    speaking, events = [], []
    while steps or speaking:
        doing = data.draw(st.sampled_from(["next"] * bool(steps) + ["speak"] * bool(speaking) + ["draw"]))
        if doing == "draw":
            events += bench.draw(data.draw(st.integers(1, 4)))
        elif doing == "speak":
            speak = speaking.pop(data.draw(st.integers(0, len(speaking) - 1)))
            bench.session.spoken(response_id, np.ones(1600, dtype=np.int16), 16_000, speak.sentence)
        else:
            what, text = steps.pop(0)
            if what == "told":
                speaking += bench.session.told(response_id, text).work
            else:
                bench.session.thought(response_id, Reply("".join(sentences), origin=Origin(ToolMode.NONE)))
    if cancels:
        events += bench.session.receive('{"type": "response.cancel"}').events
    while bench.session.streaming:
        events += bench.draw(1)
    for event in events:
        check_event(event)
    done = [event for event in events if event["type"] == "response.done"][-1]["response"]
    deltas = [event["delta"] for event in events if event["type"] == "response.output_audio_transcript.delta"]
    sound = [event["delta"] for event in events if event["type"] == "response.output_audio.delta"]
    voiced = [text for text in sentences if any(character.isalnum() for character in text)]
    assert "".join(sentences).startswith("".join(deltas))
    assert sum(len(base64.b64decode(piece)) for piece in sound) <= len(voiced) * 4800
    if done["status"] == "completed":
        assert "".join(deltas) == "".join(sentences)
        assert sum(len(base64.b64decode(piece)) for piece in sound) == len(voiced) * 4800
