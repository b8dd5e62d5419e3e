"""A session in writing: what it sends, what it takes, and servers that speak although they were asked to write."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from evalkit.clock import MonotonicClock
from evalkit.errors import CaseFailure
from evalkit.realtime.events import ServerEvent, SessionSpec
from evalkit.realtime.results import TurnResult
from evalkit.realtime.session import RealtimeSession
from evalkit.realtime.timeline import Timeline
from evalkit.realtime.trace import Trace
from evalkit.realtime.written_answers import find_spoken
from evalkit.records.faults import Failure, Fault, Stage, decide_fault

StartPeer = Callable[..., Awaitable[str]]
_SPEC = SessionSpec("be brief", in_writing=True)


def _session(url: str) -> RealtimeSession:
    trace, timeline = Trace(lambda _: None), Timeline.begin(MonotonicClock())
    return RealtimeSession(url, {}, source="assistant", trace=trace, timeline=timeline)


async def _hold(session: RealtimeSession) -> TurnResult:
    async with session:
        await session.configure(_SPEC, timeout_s=2)
        session.begin_turn(1)
        await session.add_user_text("Where is it?")
        await session.respond(timeout_s=2)
    return session.turn_result()


@pytest.mark.parametrize(
    ("event_type", "fields", "shows"),
    [
        ("session.updated", {"session": {"output_modalities": ["text"]}}, False),
        ("session.updated", {"session": {"modalities": ["audio", "text"]}}, False),
        ("session.updated", {"session": {}}, False),
        ("session.updated", {"session": None}, False),
        ("session.updated", {"session": {"output_modalities": None, "modalities": ["audio"]}}, True),
        ("session.updated", {"session": {"output_modalities": ["audio"]}}, True),
        ("session.created", {"session": {"output_modalities": ["audio"]}}, False),
        ("response.output_audio.delta", {"delta": "AAAA"}, True),
        ("response.audio.delta", {"delta": "AAAA"}, True),
        ("response.output_text.delta", {"delta": "Hi"}, False),
    ],
)
def test_a_server_that_speaks_gives_itself_away(event_type: str, fields: dict[str, Any], shows: bool) -> None:
    """By its settings, once it has taken ours, or by sound; what it is by default says nothing."""
    assert (find_spoken(ServerEvent(event_type, {"type": event_type, **fields})) is not None) is shows


async def test_words_go_and_come_as_text(start_peer: StartPeer) -> None:
    """Nothing that is sent is about sound; a turn detection that the server keeps has nothing to detect."""
    heard: list[dict[str, Any]] = []

    async def script(peer: Any) -> None:
        kept = {"audio": {"input": {"turn_detection": {"type": "server_vad"}}}}
        await peer.say("session.created", session={"model": "peer-1", "output_modalities": ["audio"], **kept})
        update = await peer.hear("session.update")
        await peer.say("session.updated", session={**update["session"], **kept})
        await peer.begin_response()
        ids = {"response_id": "resp_1", "item_id": "i1", "output_index": 0, "content_index": 0}
        await peer.say("response.output_text.delta", delta="On its ", **ids)
        await peer.say("response.output_text.delta", delta="way.", **ids)
        await peer.end_response(usage={"input_tokens": 5, "output_tokens": 3})
        heard.extend(peer.heard)

    turn = await _hold(_session(await start_peer(script)))
    assert turn.assistant_text == "On its way."
    assert set(turn.latencies) == {"latency_first_text_ms", "latency_response_done_ms"}
    assert [event["type"] for event in heard] == ["session.update", "conversation.item.create", "response.create"]
    assert heard[0]["session"]["output_modalities"] == ["text"]
    assert heard[1]["item"]["content"] == [{"type": "input_text", "text": "Where is it?"}]
    assert "audio" not in json.dumps(heard)


async def _says_that_it_speaks(peer: Any) -> None:
    await peer.say("session.created", session={"model": "peer-1"})
    update = await peer.hear("session.update")
    await peer.say("session.updated", session={**update["session"], "output_modalities": ["audio"]})
    await peer.begin_response()


async def _speaks(peer: Any) -> None:
    await peer.accept_session()
    await peer.begin_response()
    await peer.say_audio(b"abc", "Not an answer.")
    await peer.end_response()


@pytest.mark.parametrize("script", [_says_that_it_speaks, _speaks])
async def test_a_server_that_speaks_is_refused(start_peer: StartPeer, script: Any) -> None:
    """One sentence with the remedy, and infrastructure: what it said is not what it was asked for."""
    with pytest.raises(CaseFailure, match=r"answers in .*take input=voice") as caught:
        await _hold(_session(await start_peer(script)))
    failure = Failure(caught.value.stage, caught.value.error_type, caught.value.message)
    assert (failure.stage, failure.error_type) == (Stage.SESSION_UPDATE, "output_modality_refused")
    assert decide_fault(failure) is Fault.INFRASTRUCTURE


async def test_a_server_that_objects_to_text_is_quoted(start_peer: StartPeer) -> None:
    """An error for session.update stays what it is: the server's code and words, at session_update."""

    async def script(peer: Any) -> None:
        await peer.say("session.created", session={"model": "peer-1"})
        update = await peer.hear("session.update")
        error = {"code": "invalid_value", "message": "Invalid modalities: ['text'].", "event_id": update["event_id"]}
        await peer.say("error", error=error)

    with pytest.raises(CaseFailure, match=r"Invalid modalities: \['text'\]") as caught:
        await _hold(_session(await start_peer(script)))
    assert (caught.value.stage, caught.value.error_type) == (Stage.SESSION_UPDATE, "invalid_value")


async def test_a_response_that_nobody_asked_for_counts_in_writing_too(start_peer: StartPeer) -> None:
    """That no turn detection can have begun it does not tell which response answers what."""

    async def script(peer: Any) -> None:
        await peer.accept_session()
        await peer.begin_response("asked")
        await peer.say("response.created", response={"id": "unasked", "status": "in_progress"})
        await peer.end_response("asked")

    with pytest.raises(CaseFailure) as caught:
        await _hold(_session(await start_peer(script)))
    assert caught.value.error_type == "turn_detection_kept"
