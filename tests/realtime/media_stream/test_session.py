"""Calls over a media stream, with applications that are odd in many ways, in real time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from duplex_peer import tone_wire
from media_stream_peer import SILENCE, MediaStreamPeer, speech

from evalkit.audio.formats import AudioFormat
from evalkit.audio.g711 import Pcm
from evalkit.clock import MonotonicClock
from evalkit.errors import CaseFailure, ProtocolError
from evalkit.realtime.events import SessionSpec
from evalkit.realtime.live_call import CallStream
from evalkit.realtime.media_stream.answer_url import StreamAddress
from evalkit.realtime.media_stream.dialect import DIALECTS, PLIVO, TWILIO
from evalkit.realtime.media_stream.session import MediaStreamCall, MediaStreamTarget
from evalkit.realtime.media_stream.signature import sign_request
from evalkit.realtime.timeline import Timeline
from evalkit.realtime.trace import Trace, restore_audio
from evalkit.realtime.uplink import PlacedClip
from evalkit.records.faults import Failure, Fault, decide_fault

ULAW = AudioFormat.G711_ULAW
SPEC = SessionSpec("", ULAW, ULAW)


class LineCall:
    """A call to a peer, and what was traced of it."""

    def __init__(self, peer: MediaStreamPeer, *, agent_speaks_first: bool = False, **target: Any) -> None:
        self.peer = peer
        self.lines: list[dict[str, Any]] = []
        trace = Trace(lambda line: self.lines.append(json.loads(line)))
        called = MediaStreamTarget(peer.url, peer.dialect, agent_speaks_first, **target)
        self.session = MediaStreamCall(
            called,
            {"evalkit_call": "c1"},
            trace=trace,
            timeline=Timeline.begin(MonotonicClock()),
            stream=CallStream(20, "sent.wav", "received.wav"),
        )

    def say(self, *parts_ms: float, turn_index: int = 1) -> PlacedClip:
        self.session.begin_turn(turn_index)
        return self.session.say(speech(*(parts_ms or (300,))))

    def heard_ms(self) -> list[tuple[float, float]]:
        """Where the application was heard, in ms of the call."""
        return [(each.start / 8, each.sound_end / 8) for each in self.session.responses]


@contextlib.asynccontextmanager
async def calling(peer: MediaStreamPeer, **target: Any) -> AsyncIterator[LineCall]:
    async with peer.serving():
        call = LineCall(peer, **target)
        async with call.session as session:
            await session.configure(SPEC, timeout_s=5)
            session.begin()
            yield call


async def _refusal(peer: MediaStreamPeer, timeout_s: float = 0.6, **target: Any) -> Failure:
    with pytest.raises(CaseFailure) as failed:
        async with calling(peer, **target) as call:
            await call.session.listen(call.say(), timeout_s=timeout_s)
    return Failure.of(failed.value)


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
async def test_a_call_and_an_answer(dialect: Any) -> None:
    """In each dialect: a call begins, the caller is heard, the answer is heard, the call ends."""
    peer = MediaStreamPeer([speech(500)], dialect=dialect)
    async with calling(peer, parameters={"tenant": "7"}) as call:
        clip = call.say()
        assert await call.session.listen(clip, timeout_s=5) == ()
        ((start_ms, end_ms),) = call.heard_ms()
        assert end_ms - start_ms == pytest.approx(500, abs=25)
        assert start_ms >= clip.end_ms
        assert call.session.now_ms >= end_ms + 1000
    start = peer.told("start")[0]
    assert {"tenant", "evalkit_call"} <= set(json.dumps(start).replace("\\", "").split('"'))
    assert len(peer.told("stop")) == (dialect.stop is not None)
    assert [event for _, message in peer.heard[:2] for event in [message["event"]]] == (
        ["start", "media"] if dialect is PLIVO else ["connected", "start"]
    )


async def test_a_line_carries_20_ms_at_a_time_for_as_long_as_it_lasts() -> None:
    """Silence too, at absolute deadlines, numbered; log and stream give back every byte in both directions."""
    peer = MediaStreamPeer(frame_bytes=1100)
    async with calling(peer) as call:
        clip = call.say()
        await call.session.listen(clip, timeout_s=5)
        took_ms = call.session.now_ms
    media = peer.told("media")
    assert len(media) == pytest.approx(took_ms / 20, abs=10)
    assert [each["media"]["chunk"] for each in media] == [str(number) for number in range(1, len(media) + 1)]
    assert [each["media"]["timestamp"] for each in media[:3]] == ["0", "20", "40"]
    numbers = [int(message["sequenceNumber"]) for _, message in peer.heard[1:]]
    assert numbers == list(range(1, len(numbers) + 1))
    sent = [line for line in call.lines if line["type"] == "media" and line["direction"] == "sent"]
    wire = call.session.uplink.wire
    assert b"".join(restore_audio(line["event"]["media"]["payload"], wire) for line in sent) == wire
    assert wire[clip.start : clip.end] == speech(300)
    got = [line for line in call.lines if line["type"] == "media" and line["direction"] == "received"]
    received = [restore_audio(line["event"]["media"]["payload"], call.session.downlink) for line in got]
    assert b"".join(received) == call.session.downlink == speech(400)


@pytest.mark.parametrize("frame_bytes", [7, 160, 333, 1100, 100_000])
async def test_frames_of_any_size_are_heard_alike(frame_bytes: int) -> None:
    """What arrives in one message or in hundreds is played in real time: neither earlier nor later."""
    peer = MediaStreamPeer([speech(100, 700, 200)], frame_bytes=frame_bytes)
    async with calling(peer) as call:
        await call.session.listen(call.say(), timeout_s=5)
        ((start_ms, end_ms),) = call.heard_ms()
        assert end_ms - start_ms == pytest.approx(1000, abs=80)
        heard = call.session.playout.heard_of(call.session.responses[0].playout_id, call.session.playout.end)
    assert heard is not None
    assert np.array_equal(heard[1][: 8 * 1000], ULAW.from_wire(speech(100, 700, 200)))


async def test_silence_without_end_is_not_an_answer_without_end() -> None:
    """An application that fills every pause with silence has finished when its speech has."""
    async with calling(MediaStreamPeer([speech(400)], fills_silence=True)) as call:
        await call.session.listen(call.say(), timeout_s=3)
        assert len(call.heard_ms()) == 1


async def test_unsteady_arrival_makes_no_gaps() -> None:
    """Frames sent in real time come a little late now and then: the line has a buffer for that."""
    async with calling(MediaStreamPeer([speech(600)], paced=True)) as call:
        await call.session.listen(call.say(), timeout_s=5)
        assert call.session.playout.underruns == 0
        ((start_ms, end_ms),) = call.heard_ms()
        assert end_ms - start_ms == pytest.approx(600, abs=80)


async def test_a_word_that_is_cut_in_two_is_told_from_a_pause_between_two() -> None:
    """Sound that comes late inside a word leaves a hole, which is no end; what comes late behind a pause does not."""
    peer = MediaStreamPeer([speech(800), speech(400, 200, 400)], frame_bytes=160, stalls={400: 300.0})
    async with calling(peer) as call:
        session, clip = call.session, call.say()
        await session.listen(clip, timeout_s=5)
        await session.listen(call.say(turn_index=2), timeout_s=5)
        (hole,), first = session.speech_holes, session.responses[0]
        told = session.describe_peer()["line_findings"]
    assert (hole.turn_index, hole.start_ms - first.start / 8) == (1, pytest.approx(400, abs=25))
    assert hole.duration_ms == pytest.approx(300, abs=100)
    assert list(told) == ["starved_playback"]
    starved = told["starved_playback"]
    assert (starved["fault"], starved["count"], len(starved["spans_s"])) == ("assistant", 1, 1)


async def test_speech_that_breaks_off_inside_a_word_has_not_finished() -> None:
    """It may be starved: it is waited for, longer than a pause lasts, and what then comes belongs to the answer."""
    peer = MediaStreamPeer([speech(800)], frame_bytes=160, stalls={400: 1600.0})
    async with calling(peer) as call:
        await call.session.listen(call.say(), timeout_s=5)
        before, behind = call.heard_ms()
        (hole,) = call.session.speech_holes
    assert behind[0] - before[1] == pytest.approx(hole.duration_ms, abs=1)
    assert hole.duration_ms == pytest.approx(1600, abs=150)


async def test_who_stops_for_the_caller_is_not_starved() -> None:
    """It breaks off because he speaks, without a word to the line, and goes on."""
    peer = MediaStreamPeer([speech(800)], frame_bytes=160, stalls={400: 600.0}, paced=True, silence_ms=4000)
    async with calling(peer) as call:
        session = call.session
        call.say()
        peer.answer_again()
        await session.watch(lambda: session.heard_at(session.now_ms) is not None, timeout_s=5)
        call.say(turn_index=2)
        await session.watch(lambda: session.responses[0].sound_end >= 1300 * 8, timeout_s=5)
        assert session.speech_holes == ()


async def test_bursts_and_jitter_are_told_of_and_do_no_harm() -> None:
    """What comes all at once is played in time; what comes a little late is played on without a gap."""
    async with calling(MediaStreamPeer([speech(2500)], frame_bytes=1600)) as call:
        await call.session.listen(call.say(), timeout_s=6)
        burst = call.session.describe_peer()["line_findings"]
    assert (burst["bursts"]["fault"], burst["bursts"]["count"]) == (None, 1)
    assert burst["bursts"]["longest_ms"] == pytest.approx(2500, abs=250)
    async with calling(MediaStreamPeer([speech(800)], paced=True, stalls={400: 32.0})) as call:
        await call.session.listen(call.say(), timeout_s=5)
        jitter = call.session.describe_peer()["line_findings"]
    assert set(jitter) == {"jitter"}
    assert 20 < jitter["jitter"]["longest_ms"] <= 60


async def test_a_mark_is_told_of_when_the_sound_before_it_has_been_played() -> None:
    """Not when it arrives: all of the sound came at once."""
    peer = MediaStreamPeer([speech(700)], marks=True)
    async with calling(peer) as call:
        await call.session.listen(call.say(), timeout_s=5)
    ((told_at, _),) = [(at, message) for at, message in peer.heard if message["event"] == "mark"]
    assert 0.65 <= told_at - peer.marked_at["said-1"] <= 1.0


async def test_a_cleared_mark_is_told_of_at_once_and_the_answer_was_cut() -> None:
    """The caller cuts in: what waits is thrown away, what comes behind his words answers them."""
    peer = MediaStreamPeer([speech(4000), speech(300)], marks=True, clears=True, stops=False)
    async with calling(peer) as call:
        session = call.session
        call.say()
        await session.watch(lambda: session.heard_at(session.now_ms) is not None, timeout_s=5)
        second = call.say(turn_index=2)
        await session.listen(second, timeout_s=5)
        first, answer = session.responses
        assert first.was_interrupted
        assert first.sound_end / 8 - second.start_ms < 400
        assert (answer.was_interrupted, answer.turn_index) == (False, 2)
        told = session.describe_peer()["stream"]
    assert (told["clears"], told["clears_of_nothing"], told["marks"]) == (2, 1, 2)
    (cut_at, _), *_ = [(at, message) for at, message in peer.heard if message["event"] == "mark"]
    assert cut_at - peer.marked_at["said-1"] < 2.0


@pytest.mark.parametrize("paced", [True, False])
async def test_it_is_known_who_sends_sound_as_it_is_heard(paced: bool) -> None:
    """Of such a one nobody knows how much is left; it stops sending where another's sound is thrown away."""
    peer = MediaStreamPeer([speech(3000), speech(300)], frame_bytes=1100, paced=paced, clears=True, stops=True)
    async with calling(peer) as call:
        session = call.session
        call.say()
        await session.watch(lambda: session.heard_at(session.now_ms) is not None, timeout_s=5)
        await asyncio.sleep(0.5)
        assert session.sends_ahead is not paced
        await session.listen(call.say(turn_index=2), timeout_s=5)
        first, answer = session.responses
        assert (first.was_interrupted, answer.was_interrupted) == (True, False)
        assert first.sound_end / 8 - first.start / 8 < 2000


async def test_a_clear_alone_proves_nothing() -> None:
    """An application that clears whenever it hears somebody has not been interrupted."""
    async with calling(MediaStreamPeer([speech(300)], clears=True)) as call:
        await call.session.listen(call.say(), timeout_s=5)
        assert [each.was_interrupted for each in call.session.responses] == [False]
        assert call.session.describe_peer()["stream"]["clears_of_nothing"] == 1


async def test_a_fragment_spoken_into_a_pause_is_no_answer() -> None:
    """It takes the pause for an end, and says something; the answer to the whole is waited for."""
    peer = MediaStreamPeer([speech(200), speech(500)], silence_ms=300)
    async with calling(peer) as call:
        clip = call.say(300, 900, 400)
        await call.session.listen(clip, timeout_s=5)
        fragment, answer = call.heard_ms()
        assert fragment[0] < clip.end_ms < answer[0]
        assert answer[1] - answer[0] == pytest.approx(500, abs=25)


async def test_an_application_that_greets_is_waited_for() -> None:
    """The caller speaks when the greeting has been heard."""
    async with calling(MediaStreamPeer(greeting=speech(400)), agent_speaks_first=True) as call:
        assert call.session.owes_greeting
        assert await call.session.silence(timeout_s=5)
        ((_, end_ms),) = call.heard_ms()
        assert call.session.now_ms >= end_ms + 1000
        assert not call.session.owes_greeting


async def test_an_application_that_is_to_greet_and_does_not() -> None:
    """Nothing is taken for a greeting."""
    async with calling(MediaStreamPeer(), agent_speaks_first=True) as call:
        assert not await call.session.silence(timeout_s=0.3)
        assert call.session.owes_greeting


async def test_words_are_what_a_recogniser_hears() -> None:
    """Each stretch once, with its pauses, as far as it was played."""
    heard: list[tuple[int, int]] = []

    async def recognise(pcm: Pcm, rate_hz: int) -> str:
        heard.append((pcm.size, rate_hz))
        return f"words {len(heard)}"

    async with calling(MediaStreamPeer([speech(300, 500, 200), speech(200)])) as call:
        await call.session.listen(call.say(), timeout_s=5)
        await call.session.hear_words(recognise)
        await call.session.hear_words(recognise)
        await call.session.listen(call.say(turn_index=2), timeout_s=5)
        await call.session.hear_words(recognise)
        assert [each.result.transcript for each in call.session.responses] == ["words 1", "words 2"]
    (size, rate_hz), _ = heard
    assert rate_hz == 8000
    assert size / 8 >= 1000


async def test_the_caller_waits_while_a_tool_is_at_work_and_for_what_it_told() -> None:
    """A tool that is called elsewhere keeps the application busy, however long it is silent meanwhile."""
    at_work = True
    peer = MediaStreamPeer([speech(200)])
    async with calling(peer) as call:
        session, clip = call.session, call.say()
        session.watch_tools(lambda: at_work)
        listening = asyncio.create_task(session.listen(clip, timeout_s=4))
        await asyncio.sleep(2.2)
        assert not listening.done()
        at_work = False
        session.note_tool_answer(session.began_at_ms + session.now_ms)
        await asyncio.sleep(1.4)
        assert not listening.done()
        peer.answer_again()
        await session.watch(lambda: len(session.responses) > 1, timeout_s=2)
        await asyncio.wait_for(listening, 5)
        first, second = call.heard_ms()
    assert second[0] - first[1] > 2000


async def test_words_written_before_a_tools_answer_are_not_taken_for_what_it_told() -> None:
    """Their sound begins behind it, since a mock answers at once; the answer may take another 2 s then."""
    peer = MediaStreamPeer([speech(600)])
    async with calling(peer) as call:
        session, clip = call.session, call.say()
        session.note_tool_answer(session.began_at_ms + clip.end_ms - 100)
        listening = asyncio.create_task(session.listen(clip, timeout_s=4))
        await session.watch(lambda: len(session.responses) > 0 and session.is_silent, timeout_s=3)
        await asyncio.sleep(1.2)
        assert not listening.done()
        peer.answer_again()
        await asyncio.wait_for(listening, 6)
        first, second = call.heard_ms()
    assert second[0] - first[1] > 2000


@pytest.mark.parametrize(
    ("odd", "kind", "sentence"),
    [
        ({"raw": ["not json"]}, "invalid_frame", "the application sent a message that is not JSON"),
        ({"raw": [b"\x01\x02"]}, "invalid_frame", "a binary message of 2 bytes"),
        ({"raw": ['{"event": "media"}']}, "wrong_stream", "a twilio line would not play it"),
        ({"names_stream": ""}, "wrong_stream", "'media' with no streamSid"),
        ({"names_stream": "MZ0"}, "wrong_stream", "which is another call's"),
        ({"raw": ['{"event": "x", "y": "' + "z" * (1 << 20) + '"}']}, "oversized_frame", "more than 1024 KiB"),
        ({"answers": [b""], "hangs_up_after": 1}, "hung_up", "the application hung up before it had answered"),
        ({"answers": [b""], "hangs_up_after": 1, "close_code": 1011}, "application_error", "code 1011"),
        ({"answers": [b""]}, "timeout", "the application sent no sound within 0.6 s"),
        ({"answers": [b""], "fills_silence": True}, "timeout", "all of it is silence"),
        ({"answers": [b""], "greeting": speech(200)}, "timeout", "said nothing within 0.6 s of what was said to it"),
        ({"answers": [speech(3000)]}, "timeout", "spoke for 0.6 s without a pause"),
    ],
)
async def test_what_an_application_does_wrong_is_its_own_fault(odd: dict[str, Any], kind: str, sentence: str) -> None:
    """Named, in a sentence, and blamed on the assistant."""
    failure = await _refusal(MediaStreamPeer(**odd))
    assert failure.error_type == kind
    assert sentence in failure.message
    assert decide_fault(failure) is Fault.ASSISTANT


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
async def test_keys_are_pressed_one_after_the_other_and_answered(dialect: Any) -> None:
    """Each at its time, in silence, as each provider tells of them; what the application presses is kept."""
    pressed = {"twilio": {"event": "dtmf", "dtmf": {"digit": "5"}}, "plivo": {"event": "sendDTMF", "dtmf": "5"}}
    raw = json.dumps(pressed.get(dialect.name, pressed["twilio"]))
    async with calling(MediaStreamPeer(dialect=dialect, answers_key="#", raw=[raw])) as call:
        session = call.session
        session.begin_turn(1)
        clip = session.press_keys("42#", not_before_ms=200)
        await session.listen(clip, timeout_s=5)
        ((answered_ms, _),) = call.heard_ms()
        assert clip.end_ms - clip.start_ms == 600
        assert answered_ms >= clip.end_ms - 200
        assert session.uplink.wire[clip.start : clip.end] == SILENCE * 4800
        (kept,) = session.describe_peer()["stream"]["keys"]
    assert kept["keys"] == "5"
    told = [(at, message) for at, message in call.peer.heard if message["event"] == "dtmf"]
    assert [message["dtmf"]["digit"] for _, message in told] == ["4", "2", "#"]
    assert told[2][0] - told[0][0] == pytest.approx(0.4, abs=0.1)
    assert {line["type"] for line in call.lines} >= {"dtmf"}


async def test_a_connection_that_breaks_is_nobodys_answer() -> None:
    """Without a close frame it is not known whose fault it was: it is tried again."""
    failure = await _refusal(MediaStreamPeer([b""], hangs_up_after=1, close_code=0))
    assert failure.error_type == "connection_closed"
    assert failure.message.endswith("; see the application's own log")
    assert decide_fault(failure) is Fault.INFRASTRUCTURE


async def test_an_application_that_hangs_up_after_its_answer_has_ended_the_call() -> None:
    """What it had said by then was heard; what it had only sent was not."""
    async with calling(MediaStreamPeer([speech(600)], paced=True, hangs_up_after=1)) as call:
        assert await call.session.listen(call.say(), timeout_s=5) == ()
        assert call.session.has_hung_up
        ((start_ms, end_ms),) = call.heard_ms()
        assert end_ms - start_ms == pytest.approx(590, abs=60)


@pytest.mark.parametrize(("before_ms", "is_over"), [(400, True), (1600, False)])
async def test_words_that_cross_with_a_goodbye_need_no_answer(before_ms: int, is_over: bool) -> None:
    """The application had answered, and hangs up as the caller begins again; who talks for longer is cut off."""
    answer = speech(2400)
    async with calling(MediaStreamPeer([answer], paced=True, hangs_up_after=1, think_ms=0)) as call:
        session, clip = call.session, call.say()
        answers = asyncio.create_task(session.listen(clip, timeout_s=5))
        assert await session.watch(lambda: bool(session.responses), timeout_s=5)
        begins_ms = session.responses[0].start / 8 + 2400 - before_ms
        session.say(speech(3000), not_before_ms=begins_ms)
        if is_over:
            assert await answers == ()
        else:
            with pytest.raises(CaseFailure, match="hung up before it had answered"):
                await answers
        assert session.has_hung_up


async def test_a_call_is_signed_where_there_is_a_token() -> None:
    """As Twilio signs a handshake: the address alone. The token itself goes nowhere."""
    peer = MediaStreamPeer()
    async with calling(peer, auth_token="not-so-secret") as call:
        await call.session.listen(call.say(), timeout_s=5)
    assert peer.headers["x-twilio-signature"] == sign_request("not-so-secret", peer.url, {})
    assert "not-so-secret" not in json.dumps([call.lines, peer.heard, peer.headers])


async def test_an_application_is_called_by_way_of_what_answers_for_it() -> None:
    """It says where its stream is, and what that is to be handed; what the caller hands over wins."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        handed = '<Parameter name="tenant" value="7"/><Parameter name="evalkit_call" value="theirs"/>'
        body = f'<Response><Connect><Stream url="{peer.url}">{handed}</Stream></Connect></Response>'
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    peer = MediaStreamPeer()
    async with peer.serving(), await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        call = LineCall(peer)
        target = MediaStreamTarget(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/call", TWILIO, False)  # noqa: FBT003
        call.session = MediaStreamCall(
            target, {"evalkit_call": "c1"}, trace=Trace(lambda _: None), timeline=Timeline.begin(MonotonicClock()),
            stream=CallStream(20),
        )  # fmt: skip
        async with call.session as session:
            await session.configure(SPEC, timeout_s=5)
            session.begin()
            await session.listen(call.say(), timeout_s=5)
    assert peer.told("start")[0]["start"]["customParameters"] == {"tenant": "7", "evalkit_call": "c1"}


async def test_a_stream_that_is_not_where_it_was_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who told of the address is named: it is not the one that was typed."""

    async def answer(*_: Any) -> StreamAddress:
        return StreamAddress("ws://127.0.0.1:9/ws", {})

    monkeypatch.setattr("evalkit.realtime.media_stream.session.ask_for_stream", answer)
    for url, told in (("http://127.0.0.1/call", True), ("ws://127.0.0.1:9/ws", False)):
        target = MediaStreamTarget(url, TWILIO, False)  # noqa: FBT003
        timeline = Timeline.begin(MonotonicClock())
        call = MediaStreamCall(target, {}, trace=Trace(lambda _: None), timeline=timeline, stream=CallStream(20))
        with pytest.raises(CaseFailure, match=re.escape("ws://127.0.0.1:9/ws")) as refused:
            await call.__aenter__()
        assert ("that is the address that target.url answered" in refused.value.message) is told


async def test_a_line_carries_no_tools_and_no_other_sound() -> None:
    """A mistake of ours, not the application's."""
    async with MediaStreamPeer().serving() as peer:
        call = LineCall(peer)
        with pytest.raises(ProtocolError, match="carries no tool calls"):
            await call.session.answer_tools([])
        with pytest.raises(ProtocolError, match="a twilio line does not carry pcm16"):
            await call.session.configure(SessionSpec(""), timeout_s=1)


async def test_three_calls_at_once_are_kept_apart() -> None:
    """Each has ids of its own."""
    peers = [MediaStreamPeer([speech(200 * number)]) for number in (1, 2, 3)]

    async def hold(peer: MediaStreamPeer) -> float:
        async with calling(peer) as call:
            await call.session.listen(call.say(), timeout_s=5)
            ((start_ms, end_ms),) = call.heard_ms()
            return end_ms - start_ms

    assert await asyncio.gather(*map(hold, peers)) == [pytest.approx(200 * number, abs=45) for number in (1, 2, 3)]
    assert len({peer.told("start")[0]["start"]["callSid"] for peer in peers}) == 3
    assert all(peer.told("start")[0]["streamSid"].startswith(TWILIO.stream_prefix) for peer in peers)


def test_silence_and_sound_of_the_peer_are_what_they_say() -> None:
    """The tests above rest on it."""
    assert not ULAW.from_wire(SILENCE * 10).any()
    assert ULAW.from_wire(tone_wire(ULAW, 20)).any()
