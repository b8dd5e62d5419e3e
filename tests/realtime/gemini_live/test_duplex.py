"""Calls with servers of Gemini Live that take the turns themselves, in real time."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from duplex_peer import tone_wire
from gemini_peer import HEARD, GeminiPeer, Said, call_of

from evalkit.clock import MonotonicClock
from evalkit.errors import CaseFailure
from evalkit.realtime.events import DetectionSpec, SessionSpec
from evalkit.realtime.gemini_live.duplex import GeminiCall
from evalkit.realtime.live_call import CallStream
from evalkit.realtime.timeline import Timeline
from evalkit.realtime.trace import Trace, restore_audio
from evalkit.realtime.uplink import PlacedClip
from evalkit.records.record import ToolOutput

SPEC = SessionSpec("help", input_format=HEARD, turn_detection=DetectionSpec("server_vad"), model="some-model")
CALL = call_of("look_up", order_id="49903")


class Held:
    """A call with a peer: the session, and what was traced of it."""

    def __init__(self, peer: GeminiPeer) -> None:
        self.peer = peer
        self.lines: list[dict[str, Any]] = []
        trace, timeline = Trace(lambda line: self.lines.append(json.loads(line))), Timeline.begin(MonotonicClock())
        stream = CallStream(20, "sent.wav", "received.wav")
        self.session = GeminiCall(peer.url, {}, source="assistant", trace=trace, timeline=timeline, stream=stream)

    def say(self, duration_ms: float = 300, turn_index: int = 1) -> PlacedClip:
        self.session.begin_turn(turn_index)
        return self.session.say(tone_wire(HEARD, duration_ms))

    def told(self) -> Any:
        """What the notes of a record say of the server."""
        return self.session.describe_peer()["server"]


@contextlib.asynccontextmanager
async def calling(peer: GeminiPeer) -> AsyncIterator[Held]:
    """Hold a call."""
    async with peer.serving():
        held = Held(peer)
        async with held.session as session:
            await session.configure(SPEC, timeout_s=5)
            session.begin()
            yield held


async def test_a_turn_that_nobody_asked_to_be_answered() -> None:
    """The server heard the end, answered, and was heard to its end; every byte of both directions is in the log."""
    async with calling(GeminiPeer([Said("It has been shipped.", 500)])) as held:
        clip = held.say()
        assert await held.session.listen(clip, timeout_s=5) == ()
    (answer,) = held.session.responses
    assert (answer.result.transcript, answer.result.usage.input_audio_tokens) == ("It has been shipped.", 20)
    (piece,) = held.session.playout.pieces(held.session.playout.end)
    assert piece.samples == 24 * 500
    assert {next(iter(each)) for each in held.peer.heard} == {"setup", "realtimeInput"}
    assert held.told() == {"interrupted_s": [], "cancelled_calls": []}
    began_ms = held.session.began_at_ms
    assert held.session.heard_between(began_ms + clip.start_ms, 10**6) == "where is my order"
    assert held.session.heard_between(0.0, began_ms + clip.end_ms) is None
    wire = held.session.uplink.wire
    sent = [line["event"]["realtimeInput"]["audio"]["data"] for line in held.lines if line["type"] == "realtimeInput"]
    assert b"".join(restore_audio(piece, wire) for piece in sent) == wire
    turns = [line["event"]["serverContent"].get("modelTurn") for line in held.lines if line["type"] == "serverContent"]
    pieces = [part["inlineData"]["data"] for turn in turns if turn for part in turn["parts"]]
    assert b"".join(restore_audio(piece, held.session.downlink) for piece in pieces) == held.session.downlink


async def test_a_caller_who_cuts_in_is_answered() -> None:
    """Playing stops at once, what still comes of the old answer is dropped, and the new one stands."""
    peer = GeminiPeer([Said("A long story.", 3000), Said("Yes?", 300)], playback_ms=3000)
    async with calling(peer) as held:
        first = held.say()
        await held.session.watch(lambda: bool(held.session.downlink), timeout_s=5)
        await asyncio.sleep(0.4)
        clip = held.say(300, 2)
        assert await held.session.listen(clip, timeout_s=5) == ()
    cut, answer = held.session.responses
    assert (cut.was_interrupted, answer.was_interrupted) == (True, False)
    (interrupted_s,) = held.told()["interrupted_s"]
    heard = held.session.playout.pieces(held.session.playout.end)
    assert sum(piece.samples for piece in heard if piece.response_id == cut.playout_id) < 24 * 1500
    assert sum(piece.samples for piece in heard if piece.response_id == answer.playout_id) == 24 * 300
    assert interrupted_s * 1000 > held.session.began_at_ms + clip.start_ms > first.end_ms


async def test_tools_are_answered_at_once() -> None:
    """What takes the answers up comes by itself."""
    async with calling(GeminiPeer([Said("One moment.", 200, [CALL]), Said("Tuesday.", 300)])) as held:
        clip = held.say()
        (call,) = await held.session.listen(clip, timeout_s=5)
        await held.session.answer_tools([ToolOutput(call.call_id, call.name, call.arguments, {"day": "Tuesday"})])
        assert await held.session.listen(clip, timeout_s=5) == ()
    assert [each.result.transcript for each in held.session.responses] == ["One moment.", "Tuesday."]
    assert held.peer.told("toolResponse", "functionResponses") == [
        [{"id": "fc_1", "name": "look_up", "response": {"output": {"day": "Tuesday"}}}]
    ]


@pytest.mark.parametrize("waits", [True, False])
async def test_a_call_that_the_caller_cut_short_did_not_happen(waits: bool) -> None:
    """He speaks while a tool is at work: its answer is not sent, and what he said then is answered."""
    async with calling(GeminiPeer([Said("One moment.", 200, [CALL]), Said("Never mind then.", 300)])) as held:
        clip = held.say()
        (call,) = await held.session.listen(clip, timeout_s=5)
        second = held.say(300, 2)
        if waits:
            await held.session.watch(lambda: bool(held.told()["cancelled_calls"]), timeout_s=5)
        else:
            await held.session.watch(lambda: len(held.session.responses) > 1, timeout_s=5)
        await held.session.answer_tools([ToolOutput(call.call_id, call.name, call.arguments, "x")])
        assert await held.session.listen(second, timeout_s=5) == ()
    assert held.told()["cancelled_calls"] == ["fc_1"]
    assert held.peer.told("toolResponse") == []
    assert [each.calls for each in held.session.responses] == [(), ()]
    assert held.session.responses[-1].result.transcript == "Never mind then."


async def test_a_call_that_was_taken_back_before_anybody_answered_it() -> None:
    """Nobody is asked to."""
    async with calling(GeminiPeer([Said("One moment.", 200, [CALL])], cancels=True)) as held:
        held.say()
        await held.session.watch(lambda: bool(held.told()["cancelled_calls"]), timeout_s=5)
        assert held.session.responses[-1].calls == ()


async def test_whoever_is_to_speak_first_does() -> None:
    """An empty turn is ended, and answered."""
    async with calling(GeminiPeer([Said("Welcome.", 200)])) as held:
        await held.session.ask_to_speak()
        assert await held.session.watch(lambda: bool(held.session.downlink), timeout_s=5)
    assert held.peer.told("clientContent") == [{"turnComplete": True}]


@pytest.mark.parametrize(
    ("odd", "kind", "words"),
    [
        (GeminiPeer(silence_ms=10**6), "timeout", "the server answered nothing to what was said within 1 s"),
        (GeminiPeer(playback_ms=10**6), "timeout", "no turnComplete within 1 s of the response's beginning"),
        (GeminiPeer(leaves_in="10s"), "session_expired", "as it had said that it would in 10s (goAway)"),
        (GeminiPeer(breaks=True), "connection_closed", "the connection broke"),
        (GeminiPeer(mime_type="audio/pcm;rate=8000"), "wrong_sample_rate", "sound as 'audio/pcm;rate=8000'"),
        (GeminiPeer(raw=[b"[]"]), "invalid_event", "a JSON list where an object was due"),
    ],
)
async def test_what_goes_wrong_is_told_as_what_it_is(odd: GeminiPeer, kind: str, words: str) -> None:
    """As where the client takes the turns."""
    with pytest.raises(CaseFailure) as caught:
        async with calling(odd) as held:
            await held.session.listen(held.say(), timeout_s=1)
    assert caught.value.error_type == kind
    assert words in caught.value.message
