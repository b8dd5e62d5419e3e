"""Responses under way: one at a time in the conversation, any number beside it, and none that outlives a cancel."""

from __future__ import annotations

import base64

import pytest

from evalkit.service.brain.conversation import Answered, Call, Called, Conversation, Reply, UserTurn

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
