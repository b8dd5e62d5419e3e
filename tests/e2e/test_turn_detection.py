"""The embedded service decides whose turn it is: real speech over a real socket, to clients that only send audio."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import pytest
from phone_caller import calling, spoken

from evalkit.audio.formats import AudioFormat

MODEL = "local-agent"
TURN = [
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
]


@pytest.fixture(scope="module")
def question(service_url: str) -> Any:
    """Somebody asks something, without a pause."""
    return spoken(service_url, "Can you tell me where my parcel is?")


@pytest.fixture(scope="module")
def objection(service_url: str) -> Any:
    """Somebody interrupts."""
    return spoken(service_url, "Wait a moment please.")


def detection(kind: str = "server_vad", **values: Any) -> dict[str, Any]:
    """Return a session with slow speech, so that answers last, and that turn detection."""
    audio = {"input": {"turn_detection": {"type": kind, **values}}, "output": {"speed": 0.7}}
    return {"audio": audio}


async def test_a_default_session_gets_an_answer(service_url, question):
    """A client that sends nothing but audio gets the events of a turn in order, and a spoken answer."""
    async with calling(service_url, MODEL) as caller:
        caller.say(question)
        await caller.until("response.done")
    types = [kind for kind, _ in groupby(caller.types) if kind not in {"session.created", "conversation.created"}]
    assert types[: len(TURN) + 1] == [*TURN, "response.created"]
    start, stop = caller.events[2], caller.events[3]
    assert start["audio_start_ms"] < 200
    assert stop["audio_end_ms"] == pytest.approx(len(question) / 24 + 600, abs=150)
    response = caller.events[-1]["response"]
    assert response["status"] == "completed"
    assert len(response["output"][0]["content"][0]["transcript"]) > 10


@pytest.mark.parametrize("kind", ["server_vad", "semantic_vad"])
async def test_barge_in(service_url, question, objection, kind):
    """Who speaks during an answer cancels it, and is answered instead."""
    async with calling(service_url, MODEL, detection(kind)) as caller:
        caller.say(question)
        await caller.until("response.output_audio.delta")
        caller.say(objection)
        cancelled = (await caller.until("response.done"))["response"]
        at = len(caller.events)
        assert cancelled["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
        assert caller.types.index("response.done") > caller.types.index(TURN[0], caller.types.index(TURN[1]))
        answered = (await caller.until("response.done", 2))["response"]
    assert answered["status"] == "completed"
    deltas = [event for event in caller.events[at:] if event["type"].endswith(".delta")]
    assert {event["response_id"] for event in deltas} == {answered["id"]}


async def test_an_answer_that_may_not_be_interrupted(service_url, question, objection):
    """With interrupt_response false an answer goes on while somebody speaks."""
    async with calling(service_url, MODEL, detection(interrupt_response=False)) as caller:
        caller.say(question)
        await caller.until("response.output_audio.delta")
        caller.say(objection)
        await caller.until(TURN[0], 2)
        assert "response.done" not in caller.types
        assert (await caller.until("response.done"))["response"]["status"] == "completed"


async def test_events_only(service_url, question):
    """With create_response false a turn is committed and transcribed, and nobody answers until they are asked to."""
    session = detection(create_response=False)
    session["audio"]["input"]["transcription"] = {"model": "whisper-1"}
    async with calling(service_url, MODEL, session) as caller:
        caller.say(question)
        told = await caller.until("conversation.item.input_audio_transcription.completed")
        assert "parcel" in told["transcript"].lower()
        assert await caller.during(1) == []
        await caller.send("response.create")
        assert (await caller.until("response.done"))["response"]["status"] == "completed"


async def test_idle_timeout(service_url, question):
    """A caller who says nothing for the idle timeout after an answer has been played is spoken to."""
    async with calling(service_url, MODEL, detection(idle_timeout_ms=5000)) as caller:
        caller.say(question)
        await caller.until("response.done")
        timeout = await caller.until("input_audio_buffer.timeout_triggered")
        assert timeout["audio_end_ms"] - timeout["audio_start_ms"] == pytest.approx(5000, abs=500)
        assert (await caller.until("response.done", 2))["response"]["status"] == "completed"
    committed = caller.of("input_audio_buffer.committed")[-1]
    assert committed["item_id"] == timeout["item_id"]


async def test_truncation(service_url, question):
    """Audio can be cut where playback stopped, not beyond what there was, and the words are gone with it."""
    async with calling(service_url, MODEL) as caller:
        caller.say(question)
        item = (await caller.until("response.done"))["response"]["output"][0]
        place = {"item_id": item["id"], "content_index": 0}
        await caller.send("conversation.item.truncate", **place, audio_end_ms=600_000)
        error = (await caller.until("error"))["error"]
        assert "is already shorter than 600000ms" in error["message"]
        await caller.send("conversation.item.truncate", **place, audio_end_ms=500)
        await caller.until("conversation.item.truncated")
        await caller.send("conversation.item.retrieve", item_id=item["id"])
        part = (await caller.until("conversation.item.retrieved"))["item"]["content"][0]
    assert part["transcript"] == ""


@pytest.mark.parametrize("audio_format", [AudioFormat.G711_ULAW, AudioFormat.G711_ALAW])
async def test_a_telephone(service_url, question, audio_format):
    """A call in G.711 has turns as well."""
    wire = {"type": audio_format.wire_type}
    session = {"audio": {"input": {"format": wire}, "output": {"format": wire}}}
    async with calling(service_url, MODEL, session, audio_format) as caller:
        caller.say(question)
        assert (await caller.until("response.done"))["response"]["status"] == "completed"
    stop = caller.of("input_audio_buffer.speech_stopped")[0]["audio_end_ms"]
    assert stop == pytest.approx(len(question) / 24 + 600, abs=150)
