"""Calls in full duplex with servers that take the turns themselves, odd ones among them, in real time."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from duplex_peer import DuplexPeer, Reply, tone_wire

from evalkit.audio.formats import AudioFormat
from evalkit.clock import MonotonicClock
from evalkit.errors import CaseFailure, ProtocolError
from evalkit.realtime.duplex import QUIET_MS, CallStream, DuplexSession
from evalkit.realtime.events import DetectionSpec, SessionSpec
from evalkit.realtime.timeline import Timeline
from evalkit.realtime.trace import Trace, restore_audio
from evalkit.realtime.uplink import PlacedClip
from evalkit.records.faults import Failure, Fault, Stage, decide_fault
from evalkit.records.record import ToolCall, ToolOutput

SPEC = SessionSpec("help", turn_detection=DetectionSpec("server_vad", silence_duration_ms=200))
PCM16 = AudioFormat.PCM16
LOOKUP = ("look_up", {"order_id": "49903"})


class Call:
    """A call with a peer: the session, and what was traced of it."""

    def __init__(self, peer: DuplexPeer) -> None:
        self.peer = peer
        self.lines: list[dict[str, Any]] = []
        trace = Trace(lambda line: self.lines.append(json.loads(line)))
        stream = CallStream(20, "sent.wav", "received.wav")
        timeline = Timeline.begin(MonotonicClock())
        self.session = DuplexSession(peer.url, {}, source="assistant", trace=trace, timeline=timeline, stream=stream)

    async def say(self, duration_ms: float = 300, turn_index: int = 1) -> PlacedClip:
        self.session.begin_turn(turn_index)
        return self.session.say(tone_wire(PCM16, duration_ms))

    def heard_ms(self) -> list[tuple[float, float]]:
        """Where the assistant was heard, in ms of the call."""
        playout = self.session.playout
        return [(each.start / 24, each.end / 24) for each in playout.pieces(playout.end)]


@contextlib.asynccontextmanager
async def calling(*replies: Reply, spec: SessionSpec = SPEC, **odd: Any) -> AsyncIterator[Call]:
    """Hold a call with a peer that gives these replies, the last one again and again."""
    endless = itertools.chain(replies or [Reply()], itertools.repeat((replies or [Reply()])[-1]))
    async with DuplexPeer(endless, **odd).serving() as peer:
        call = Call(peer)
        async with call.session as session:
            await session.configure(spec, timeout_s=5)
            session.begin()
            yield call


def _words(call: Call) -> list[str]:
    return [response.result.transcript for response in call.session.responses]


async def test_a_turn_that_nobody_asked_to_be_answered() -> None:
    """No commit, no response.create: the server heard the end, answered, and was heard to its end."""
    async with calling(Reply("It has been shipped.", 500)) as call:
        clip = await call.say()
        assert await call.session.listen(clip, timeout_s=5) == ()
        ((start_ms, end_ms),) = call.heard_ms()
        assert end_ms - start_ms == pytest.approx(500, abs=1)
        assert start_ms - clip.end_ms >= 200
        assert call.session.now_ms >= end_ms + QUIET_MS
    assert _words(call) == ["It has been shipped."]
    kinds = {event["type"] for event in call.peer.heard}
    assert kinds == {"session.update", "input_audio_buffer.append"}
    detection = call.peer.heard[0]["session"]["audio"]["input"]["turn_detection"]
    assert detection == {
        "type": "server_vad", "silence_duration_ms": 200, "create_response": True, "interrupt_response": True,
    }  # fmt: skip


async def test_the_uplink_never_stops() -> None:
    """A chunk for every 20 ms of the call, speech or not; log and stream give back every byte in both directions."""
    async with calling() as call:
        clip = await call.say()
        await call.session.listen(clip, timeout_s=5)
        took_ms = call.session.now_ms
    session = call.session
    sent = [line for line in call.lines if line["type"] == "input_audio_buffer.append"]
    assert len(sent) == pytest.approx(took_ms / 20, abs=10)
    wire = session.uplink.wire
    assert b"".join(restore_audio(line["event"]["audio"], wire) for line in sent) == wire
    assert wire[clip.start * 2 : clip.end * 2] == tone_wire(PCM16, 300)
    deltas = [line["event"]["delta"] for line in call.lines if line["type"] == "response.output_audio.delta"]
    assert b"".join(restore_audio(delta, session.downlink) for delta in deltas) == session.downlink
    assert len(session.lateness_ms) == len(sent)
    assert session.now_ms == pytest.approx(took_ms, abs=100)


async def test_nobody_speaks_in_the_past() -> None:
    """Where the uplink is late, what is said begins now all the same, and the silence before it is made up for."""
    async with calling() as call:
        time.sleep(0.4)  # noqa: ASYNC251 - nothing is sent meanwhile
        now_ms = call.session.now_ms
        clip = await call.say()
        assert clip.start_ms == pytest.approx(now_ms, abs=5)
        assert call.session.uplink.sent_samples < clip.start - 24 * 300
        await call.session.listen(clip, timeout_s=5)
    assert max(call.session.lateness_ms) > 300


async def test_the_caller_cuts_in() -> None:
    """Playing stops, the server learns what was heard and never more than it sent, and late sound is dropped."""
    async with calling(Reply("A very long answer.", 4000), Reply("Sorry, go on.", 200), sends_late=3) as call:
        await call.say()
        await call.session._await(lambda: call.session.playout.end > 0, 5, Stage.RESPONSE_ERROR)
        await asyncio.sleep(0.3)
        second = await call.say(400, turn_index=2)
        assert await call.session.listen(second, timeout_s=5) == ()
        (first_ms, cut_ms), _ = call.heard_ms()
    assert 0 <= cut_ms - second.start_ms <= 150
    (truncation,) = call.peer.sent("conversation.item.truncate")
    assert truncation["item_id"] == "item_1"
    assert truncation["content_index"] == 0
    assert truncation["audio_end_ms"] == int(cut_ms - first_ms)
    assert [each.was_interrupted for each in call.session.responses] == [True, False]
    assert [each.turn_index for each in call.session.responses] == [1, 2]
    assert call.session.playout.dropped_samples == 3 * 2400
    assert not call.peer.sent("response.cancel")


async def test_a_response_that_was_done_can_still_be_cut() -> None:
    """The server has sent all of it long ago; seconds of it had not been heard."""
    async with calling(Reply("Long, and sent at once.", 3000), Reply("Yes?", 100)) as call:
        await call.say()
        await call.session._await(lambda: bool(call.session.responses[:1]), 5, Stage.RESPONSE_ERROR)
        await call.session._await(lambda: call.session.responses[0].is_done, 5, Stage.RESPONSE_ERROR)
        second = await call.say(300, turn_index=2)
        await call.session.listen(second, timeout_s=5)
        (first_ms, cut_ms), _ = call.heard_ms()
    (truncation,) = call.peer.sent("conversation.item.truncate")
    assert truncation["audio_end_ms"] == int(cut_ms - first_ms) < 3000
    assert [each.was_interrupted for each in call.session.responses] == [False, False]


async def test_tools_are_answered_while_the_call_goes_on() -> None:
    """The response behind the answers is asked for once, and the uplink does not wait for it."""
    async with calling(Reply("", 0, [LOOKUP]), Reply("It has been shipped.", 200)) as call:
        clip = await call.say()
        (made,) = await call.session.listen(clip, timeout_s=5)
        assert isinstance(made, ToolCall)
        before = call.session.uplink.sent_samples
        await asyncio.sleep(0.1)
        assert call.session.uplink.sent_samples > before
        await call.session.answer_tools([ToolOutput(made.call_id, made.name, made.arguments, {"status": "shipped"})])
        assert await call.session.listen(clip, timeout_s=5) == ()
    assert _words(call) == ["", "It has been shipped."]
    order = [event["type"] for event in call.peer.heard if not event["type"].startswith(("input", "session"))]
    assert order == ["conversation.item.create", "response.create"]


async def test_a_pause_of_the_caller_is_taken_for_an_end() -> None:
    """The answer to the first half is cut by the second; only what follows that ends the turn."""
    async with calling(Reply("You said half.", 1500), Reply("Now I know it all.", 200)) as call:
        call.session.begin_turn(1)
        pause = PCM16.to_wire(np.zeros(24 * 350, dtype=np.int16))
        clip = call.session.say(tone_wire(PCM16, 300) + pause + tone_wire(PCM16, 600))
        await call.session.listen(clip, timeout_s=5)
    assert _words(call) == ["You said half.", "Now I know it all."]
    assert [each.turn_index for each in call.session.responses] == [1, 1]
    assert len(call.peer.sent("conversation.item.truncate")) == 1
    assert len(call.session.speech.started) == 2


ODD = {
    "keeps its detection": {"detection": "server_vad"},
    "says nothing of its detection": {"detection": "absent"},
    "names of before": {"has_beta_names": True},
    "no usage": {"has_usage": False},
    "no transcript": {"has_transcript": False},
    "reports no speech": {"says_speech": False},
    "no ids": {"has_ids": False},
    "names no detection": {"detection": "absent"},
    "reports without places": {"says_places": False},
    "reports the end late": {"reports_late": True},
    "does not say that it begins": {"says_created": False},
    "ends twice": {"repeats_done": True},
    "chatters": {"chatters": True},
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
async def test_odd_servers_are_driven(odd: dict[str, Any]) -> None:
    """One turn, heard to its end; what they do not say is not known, and nothing else is amiss."""
    async with calling(Reply("Yes.", 300), **odd) as call:
        clip = await call.say()
        assert await call.session.listen(clip, timeout_s=5) == ()
        ((start_ms, end_ms),) = call.heard_ms()
    (response,) = call.session.responses
    assert end_ms - start_ms == pytest.approx(300, abs=1)
    assert response.result.failure is None
    assert response.result.transcript == ("Yes." if odd.get("has_transcript", True) else "")
    assert response.result.usage.output_tokens == (5 if odd.get("has_usage", True) else None)


async def test_a_server_that_answers_twice() -> None:
    """Both answers belong to the turn, and are heard one after the other."""
    async with calling(Reply("One.", 300), Reply("Two.", 300), answers=2) as call:
        clip = await call.say()
        await call.session.listen(clip, timeout_s=5)
        first, second = call.heard_ms()
    assert _words(call) == ["One.", "Two."]
    assert second[0] >= first[1]


@pytest.mark.parametrize("names_events", [True, False])
async def test_a_server_that_objects_to_truncation(names_events: bool) -> None:
    """It knows better how long its item was; that harms nobody, and is counted."""
    odd = {"refuses_truncation": True, "names_events": names_events}
    async with calling(Reply("Long.", 3000), Reply("Yes?", 100), **odd) as call:
        await call.say()
        await call.session._await(lambda: call.session.playout.end > 0, 5, Stage.RESPONSE_ERROR)
        second = await call.say(300, turn_index=2)
        await call.session.listen(second, timeout_s=5)
    assert call.session.refused_truncations == 1


async def test_a_server_that_speaks_first() -> None:
    """A greeting is no answer; the caller can wait until it is over."""
    async with calling(Reply("Hello, this is the shop.", 500), Reply("Yes.", 200), greets=True) as call:
        await call.session._await(lambda: bool(call.session.responses), 5, Stage.RESPONSE_ERROR)
        assert await call.session.silence(timeout_s=5)
        clip = await call.say()
        await call.session.listen(clip, timeout_s=5)
        (greeting, answer) = call.heard_ms()
    assert greeting[1] <= clip.start_ms < clip.end_ms < answer[0]
    assert [each.turn_index for each in call.session.responses] == [1, 1]


async def test_a_server_that_has_begun_when_it_is_asked() -> None:
    """It says that it is busy; what it has begun does not know the tools' answers, so it is asked again behind it."""
    replies = Reply("", 0, [LOOKUP]), Reply("One moment.", 200), Reply("It has been shipped.", 200)
    async with calling(*replies, is_busy=1) as call:
        clip = await call.say()
        (made,) = await call.session.listen(clip, timeout_s=5)
        await call.session.answer_tools([ToolOutput(made.call_id, made.name, made.arguments, {"status": "shipped"})])
        assert await call.session.listen(clip, timeout_s=5) == ()
    assert _words(call) == ["", "One moment.", "It has been shipped."]
    assert len(call.peer.sent("response.create")) == 2


async def test_a_response_that_fails() -> None:
    """It has ended, and its failure is a result; nobody waits for another."""
    async with calling(Reply("", 0, status="failed")) as call:
        clip = await call.say()
        assert await call.session.listen(clip, timeout_s=5) == ()
    failure = call.session.responses[-1].result.failure
    assert failure is not None
    assert failure.stage == Stage.RESPONSE_STATUS


async def _refusal(spec: SessionSpec = SPEC, timeout_s: float = 0.6, **odd: Any) -> Failure:
    async def hold() -> None:
        async with calling(spec=spec, **odd) as call:
            clip = await call.say()
            await call.session.listen(clip, timeout_s=timeout_s)

    with pytest.raises(CaseFailure) as caught:
        await hold()
    return Failure.of(caught.value)


SEMANTIC = replace(SPEC, turn_detection=DetectionSpec("semantic_vad", eagerness="high"))


@pytest.mark.parametrize(
    ("odd", "sentence"),
    [
        ({"detection": None}, "leaves turns to the client; expected turn_detection=none"),
        ({"spec": SEMANTIC, "detection": "server_vad"}, "by 'server_vad'; expected turn_detection=server_vad"),
        ({"spec": SEMANTIC, "detection": "server_vad", "has_beta_names": True}, "it detects turns by 'server_vad'"),
    ],
)
async def test_a_server_that_detects_otherwise_is_refused(odd: dict[str, Any], sentence: str) -> None:
    """It would be measured as what it is not."""
    failure = await _refusal(**odd)
    assert (failure.stage, failure.error_type) == (Stage.SESSION_UPDATE, "turn_detection_refused")
    assert sentence in failure.message
    assert decide_fault(failure) is Fault.INFRASTRUCTURE


@pytest.mark.parametrize("code", ["unknown_parameter", "session_limit_reached"])
async def test_a_server_that_objects_to_the_session(code: str) -> None:
    """It names no event; nothing else was asked of it yet, and the assistant is not to blame."""
    failure = await _refusal(refuses_session=code)
    assert (failure.stage, failure.error_type) == (Stage.SESSION_UPDATE, code)
    assert decide_fault(failure) is Fault.INFRASTRUCTURE


async def test_a_server_that_hears_nobody_in_g711() -> None:
    """It may have agreed to a format that it cannot read: whoever looks for the cause is told so."""
    spec = replace(SPEC, input_format=AudioFormat.G711_ULAW)
    failure = await _refusal(spec=spec, is_deaf=True)
    assert failure.message.endswith("if it cannot read the g711_ulaw that it was sent, try audio.input_format=pcm16")
    assert (failure.stage, failure.error_type) == (Stage.STREAM_AUDIO, "input_not_taken")
    assert decide_fault(failure) is Fault.INFRASTRUCTURE


@pytest.mark.parametrize(
    ("odd", "sentence"),
    [
        ({"is_deaf": True}, "heard nobody speak, and it answered nothing within 0.6 s"),
        ({"silence_ms": 9000}, "heard no end of what was said within 0.6 s"),
        ({"answers": 0}, "the server heard what was said, and answered nothing within 0.6 s"),
        ({"never_ends": True}, "no response.done within 0.6 s of the response's beginning"),
    ],
)
async def test_a_server_that_does_not_answer(odd: dict[str, Any], sentence: str) -> None:
    """Each says in a sentence what was waited for; it is the assistant's fault."""
    failure = await _refusal(**odd)
    assert (failure.stage, failure.error_type) == (Stage.RESPONSE_TIMEOUT, "timeout")
    assert sentence in failure.message
    assert decide_fault(failure) is Fault.ASSISTANT


async def test_a_server_that_hangs_up() -> None:
    """Whoever listens is told at once."""

    async def hold() -> None:
        async with calling() as call:
            clip = await call.say()
            assert call.peer._socket is not None
            await call.peer._socket.close(1011, "bye")
            await call.session.listen(clip, timeout_s=5)

    with pytest.raises(CaseFailure) as caught:
        await hold()
    assert (caught.value.stage, caught.value.error_type) == (Stage.RESPONSE_MISSING_DONE, "connection_closed")


async def test_a_session_without_a_turn_detection() -> None:
    """That is what the other kind of session is for."""
    async with DuplexPeer(itertools.repeat(Reply())).serving() as peer, Call(peer).session as session:
        with pytest.raises(ProtocolError):
            await session.configure(SessionSpec("help"), timeout_s=5)
