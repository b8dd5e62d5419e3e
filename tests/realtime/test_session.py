"""A session against a scripted peer: whole turns, and every bad end at its own stage with the evidence kept."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from evalkit.audio.formats import AudioFormat
from evalkit.clock import MonotonicClock
from evalkit.errors import CaseFailure, ProtocolError
from evalkit.realtime.events import SessionSpec
from evalkit.realtime.session import RealtimeSession
from evalkit.realtime.timeline import Timeline
from evalkit.realtime.trace import Trace, restore_audio
from evalkit.records.faults import Failure, Fault, Stage, decide_fault
from evalkit.records.record import ToolCall, ToolOutput, Usage

StartPeer = Callable[..., Awaitable[str]]
_SPEC = SessionSpec("be brief", AudioFormat.G711_ULAW, AudioFormat.G711_ULAW)
_WIRE = bytes(range(256)) * 5
_USAGE = {"input_tokens": 3, "output_tokens": 4, "output_token_details": {"audio_tokens": 4}}


class _Case:
    """The client's half of a case: one trace, one time line."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.trace = Trace(self.lines.append)
        self.timeline = Timeline.begin(MonotonicClock())

    def session(self, url: str, source: str = "assistant") -> RealtimeSession:
        return RealtimeSession(url, {}, source=source, trace=self.trace, timeline=self.timeline)

    def events(self, event_type: str | None = None, direction: str | None = None) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.lines]
        return [
            line
            for line in lines
            if (event_type is None or line["type"] == event_type)
            and (direction is None or line["direction"] == direction)
        ]


@pytest.fixture
def case() -> _Case:
    return _Case()


async def test_a_turn_with_a_tool(start_peer: StartPeer, case: _Case) -> None:
    """Audio in, a tool call, its answer, a spoken reply: two responses, one turn, and the trace tells it all."""
    heard: list[dict[str, Any]] = []

    async def script(peer: Any) -> None:
        heard.append(await peer.accept_session())
        await peer.hear("input_audio_buffer.commit")
        await peer.begin_response()
        await peer.say_audio(b"\x7f\xff\x00", "One moment.")
        call = {"type": "function_call", "id": "i2", "call_id": "c1", "name": "lookup", "arguments": '{"id": "007"}'}
        await peer.end_response(output=[{"type": "message", "id": "item_1", "content": []}, call], usage=_USAGE)
        heard.append(await peer.hear("conversation.item.create"))
        await peer.begin_response("resp_2")
        await peer.say_audio(b"\x7f\x01", "On its way.", "resp_2")
        await peer.end_response("resp_2", usage=_USAGE)
        heard.extend(peer.heard)

    async with case.session(await start_peer(script)) as session:
        await session.configure(_SPEC, timeout_s=2)
        session.begin_turn(1, input_wav="in.wav", output_wav="out.wav")
        pacing = await session.send_audio(_WIRE, chunk_ms=20, real_time=False)
        first = await session.respond(timeout_s=2)
        await session.answer_tools([ToolOutput("c1", "lookup", first.tool_calls[0].arguments, {"eta": 2})])
        second = await session.respond(timeout_s=2)
        turn = session.turn_result()

    assert first.tool_calls == (ToolCall("lookup", {"id": "007"}, '{"id": "007"}', "c1"),)
    assert (turn.assistant_text, turn.audio) == ("One moment. On its way.", b"\x7f\xff\x00\x7f\x01")
    assert turn.responses == (first, second)
    assert turn.usage == Usage(input_tokens=6, output_tokens=8, output_audio_tokens=8)
    assert turn.served_model == session.served_model == "peer-1"
    assert 0 < turn.latencies["latency_first_audio_ms"] <= turn.latencies["latency_response_done_ms"] < 2000
    assert pacing.chunks == 8
    assert heard[0]["session"] == _SPEC.payload()
    assert heard[1]["item"] == {"type": "function_call_output", "call_id": "c1", "output": '{"eta":2}'}
    appended = [event for event in heard if event["type"] == "input_audio_buffer.append"]
    assert b"".join(base64.b64decode(event["audio"]) for event in appended) == _WIRE
    _check_trace(case, turn.audio)


def _check_trace(case: _Case, output: bytes) -> None:
    lines = case.events()
    assert [line["event_index"] for line in lines] == list(range(1, len(lines) + 1))
    assert {line["turn_index"] for line in lines} == {0, 1}
    sent = [line["event"]["audio"] for line in case.events("input_audio_buffer.append", "sent")]
    assert [elided["bytes"] for elided in sent] == [160] * 8
    assert b"".join(restore_audio(elided, _WIRE) for elided in sent) == _WIRE
    stored = AudioFormat.G711_ULAW.to_wire(AudioFormat.G711_ULAW.from_wire(output))
    received = [line["event"]["delta"] for line in case.events("response.output_audio.delta", "received")]
    assert {elided["wav"] for elided in received} == {"out.wav"}
    assert b"".join(restore_audio(elided, stored) for elided in received) == output
    created = case.events("response.create")[0]
    done = case.events("response.done")[0]
    assert created["event_index"] < done["event_index"]
    assert created["event_time_ms"] <= done["event_time_ms"]


async def test_latencies_can_be_told_from_the_log(start_peer: StartPeer, case: _Case) -> None:
    """The times of the result are those of the trace, to its rounding."""

    async def script(peer: Any) -> None:
        await peer.accept_session()
        await peer.begin_response()
        await asyncio.sleep(0.05)
        await peer.say_audio(b"ab", "hi")
        await peer.end_response()

    async with case.session(await start_peer(script)) as session:
        await session.configure(_SPEC, timeout_s=2)
        result = await session.respond(timeout_s=2)
    (created,) = case.events("response.create")
    (audio,) = case.events("response.output_audio.delta")
    (done,) = case.events("response.done")
    assert result.first_audio_ms is not None
    assert result.first_audio_ms >= 50
    assert result.first_audio_ms == pytest.approx(audio["event_time_ms"] - created["event_time_ms"], abs=0.002)
    assert result.done_ms == pytest.approx(done["event_time_ms"] - created["event_time_ms"], abs=0.002)


async def test_both_directions_flow_at_once(start_peer: StartPeer, case: _Case) -> None:
    """Events that arrive while audio is being sent in real time are taken on arrival, not afterwards."""

    async def script(peer: Any) -> None:
        await peer.accept_session()
        for number in range(3):
            await peer.hear("input_audio_buffer.append")
            await peer.say("conversation.item.added", number=number)

    async with case.session(await start_peer(script)) as session:
        await session.configure(_SPEC, timeout_s=2)
        await session.send_audio(_WIRE, chunk_ms=20, real_time=True)
    kinds = [line["type"] for line in case.events()]
    assert kinds.index("conversation.item.added") < len(kinds) - 1 - kinds[::-1].index("input_audio_buffer.append")


async def test_two_sessions_share_counter_and_clock(start_peer: StartPeer, case: _Case) -> None:
    """The connections of a case write one log: one counter, one time line, each line with its source."""

    async def script(peer: Any) -> None:
        await peer.accept_session()

    url = await start_peer(script)
    async with case.session(url) as assistant, case.session(url, "simulator") as simulator:
        await asyncio.gather(assistant.configure(_SPEC, timeout_s=2), simulator.configure(_SPEC, timeout_s=2))
    lines = case.events()
    assert [line["event_index"] for line in lines] == list(range(1, 7))
    assert [line["source"] for line in lines].count("simulator") == 3
    received = [line["event_time_ms"] for line in lines]
    assert received == sorted(received)


async def _failure(session: RealtimeSession, script_timeout_s: float = 2.0) -> CaseFailure:
    with pytest.raises(CaseFailure) as caught:
        await _one_turn(session, script_timeout_s)
    return caught.value


async def _one_turn(session: RealtimeSession, timeout_s: float) -> None:
    await session.configure(_SPEC, timeout_s=timeout_s)
    session.begin_turn(1, output_wav="out.wav")
    await session.send_audio(_WIRE, chunk_ms=20, real_time=False)
    await session.respond(timeout_s=timeout_s)


def _refuse(event_type: str, code: str, **error: Any) -> Callable[[Any], Awaitable[None]]:
    """A script that answers `event_type` with an error that names it."""

    async def script(peer: Any) -> None:
        if event_type != "session.update":
            await peer.accept_session()
        refused = await peer.hear(event_type)
        await peer.say("error", error={"code": code, "message": "no", "event_id": refused["event_id"], **error})

    return script


async def _nameless(peer: Any) -> None:
    await peer.accept_session()
    await peer.hear("response.create")
    await peer.say("error", error={"code": "input_audio_buffer_commit_empty", "message": "0.00ms"})


async def _untied(peer: Any) -> None:
    await peer.accept_session()
    await peer.begin_response()
    await peer.say_audio(b"abc", "Hel")
    await peer.say("error", error={"type": "server_error", "code": "oops", "message": "sorry"})


async def _expired(peer: Any) -> None:
    await peer.accept_session()
    await peer.begin_response()
    await peer.say("error", error={"type": "invalid_request_error", "code": "session_expired", "message": "60 min"})
    await peer.socket.close(1001, "invalid_request_error.session_expired")


async def _garbage(peer: Any) -> None:
    await peer.accept_session()
    await peer.begin_response()
    await peer.say_audio(b"abc", "Hel")
    await peer.socket.send('{"type": ')


async def _binary(peer: Any) -> None:
    await peer.socket.send(b"\x00\x01")


async def _mute(peer: Any) -> None:
    await peer.accept_session()
    await peer.begin_response()
    await peer.say_audio(b"abc", "Hel")
    await peer.hear("response.cancel")


async def _closing(peer: Any) -> None:
    await peer.accept_session()
    await peer.begin_response()
    await peer.say_audio(b"abc", "Hel")
    await peer.socket.close(1011, "overload")


async def _cut(peer: Any) -> None:
    await peer.accept_session()
    await peer.begin_response()
    peer.socket.transport.abort()


async def _deaf(peer: Any) -> None:
    await peer.say("session.created", session={})
    await peer.hear("session.update")


async def _gone_while_listening(peer: Any) -> None:
    await peer.accept_session()
    await peer.hear("input_audio_buffer.append")
    await peer.socket.close(1013, "try again later")


@pytest.mark.parametrize(
    ("script", "stage", "error_type", "fault"),
    [
        (_refuse("session.update", "invalid_value"), "session_update", "invalid_value", Fault.INFRASTRUCTURE),
        (_deaf, "session_update", "session_timeout", Fault.INFRASTRUCTURE),
        (_binary, "session_update", "invalid_event", Fault.INFRASTRUCTURE),
        (_refuse("input_audio_buffer.append", "bad_audio"), "stream_audio", "bad_audio", Fault.INFRASTRUCTURE),
        (_refuse("input_audio_buffer.commit", "input_audio_buffer_commit_empty"), "stream_audio",
         "input_audio_buffer_commit_empty", Fault.INFRASTRUCTURE),
        (_nameless, "stream_audio", "input_audio_buffer_commit_empty", Fault.INFRASTRUCTURE),
        (_refuse("response.create", "tools_unusable"), "response_error", "tools_unusable", Fault.ASSISTANT),
        (_refuse("response.create", "rate_limit_exceeded"), "response_error", "rate_limit_exceeded",
         Fault.INFRASTRUCTURE),
        (_untied, "response_error", "server_error", Fault.INFRASTRUCTURE),
        (_expired, "response_error", "session_expired", Fault.INFRASTRUCTURE),
        (_garbage, "response_error", "invalid_event", Fault.INFRASTRUCTURE),
        (_mute, "response_timeout", "timeout", Fault.ASSISTANT),
        (_closing, "response_missing_done", "connection_closed", Fault.INFRASTRUCTURE),
        (_cut, "response_missing_done", "connection_closed", Fault.INFRASTRUCTURE),
    ],
)  # fmt: skip
async def test_a_bad_end_has_its_stage(
    start_peer: StartPeer, case: _Case, script: Any, stage: str, error_type: str, fault: Fault
) -> None:
    """Each way a server can fail us is told apart, and the right party is blamed."""
    async with case.session(await start_peer(script)) as session:
        failure = await _failure(session, 0.3)
        partial = session.turn_result()
    assert (failure.stage, failure.error_type) == (stage, error_type)
    assert decide_fault(Failure(Stage(failure.stage), failure.error_type, failure.message)) is fault
    if script in (_untied, _garbage, _mute, _closing):
        assert (partial.assistant_text, partial.audio, partial.status) == ("Hel", b"abc", "in_progress")
        assert partial.first_audio_ms is not None
    if script is _mute:
        assert case.events("response.cancel", "sent")
    if script is _garbage:
        assert case.events("invalid_event", "received")[0]["event"]["frame"] == '{"type": '


async def test_an_answer_to_nothing_is_no_answer(start_peer: StartPeer, case: _Case) -> None:
    """A server that shows no sign of having taken what was said is refused, and what it answered is kept."""

    async def script(peer: Any) -> None:
        peer.is_silent_of_input = True
        await peer.accept_session()
        await peer.begin_response()
        await peer.say_audio(b"abc", "How can I help you?")
        await peer.end_response(usage={"input_tokens": 300, "input_token_details": {"audio_tokens": 0}})

    async with case.session(await start_peer(script)) as session:
        failure = await _failure(session, 2)
        partial = session.turn_result()
    assert (failure.stage, failure.error_type) == ("stream_audio", "input_not_taken")
    assert "try audio.input_format=pcm16" in failure.message
    assert decide_fault(Failure.of(failure)) is Fault.INFRASTRUCTURE
    assert partial.assistant_text == "How can I help you?"


async def test_a_dead_line_is_not_the_assistants_silence(start_peer: StartPeer, case: _Case) -> None:
    """When time is up and no ping is answered, the line is to blame, however short the assistant's time was."""

    async def script(peer: Any) -> None:
        await peer.accept_session()
        await peer.hear("response.create")
        peer.socket.transport.pause_reading()
        await asyncio.sleep(3)
        peer.socket.transport.resume_reading()

    async with case.session(await start_peer(script)) as session:
        await session.configure(_SPEC, timeout_s=2)
        with pytest.raises(CaseFailure, match="answers no ping") as caught:
            await session.respond(timeout_s=0.1)
    failure = Failure(Stage(caught.value.stage), caught.value.error_type, "")
    assert (failure.stage, failure.error_type) == (Stage.RESPONSE_MISSING_DONE, "connection_closed")
    assert decide_fault(failure) is Fault.INFRASTRUCTURE


async def test_a_server_that_hangs_up_while_we_speak_is_noticed(start_peer: StartPeer, case: _Case) -> None:
    """Sending stops soon after the connection is gone, at stage stream_audio, with the server's words."""
    async with case.session(await start_peer(_gone_while_listening)) as session:
        await session.configure(_SPEC, timeout_s=2)
        with pytest.raises(CaseFailure, match="try again later") as caught:
            await session.send_audio(bytes(80_000), chunk_ms=20, real_time=True)
    assert (caught.value.stage, caught.value.error_type) == ("stream_audio", "connection_closed")
    assert len(case.events("input_audio_buffer.append")) < 100


async def test_the_first_trouble_explains_the_rest(start_peer: StartPeer, case: _Case) -> None:
    """A server that refuses our audio and then hangs up is told as the refusal."""

    async def script(peer: Any) -> None:
        await _refuse("input_audio_buffer.commit", "bad_audio")(peer)
        await peer.socket.close(1011, "gone")

    async with case.session(await start_peer(script)) as session:
        await session.configure(_SPEC, timeout_s=2)
        await session.send_audio(_WIRE, chunk_ms=20, real_time=False)
        await asyncio.sleep(0.1)
        with pytest.raises(CaseFailure) as caught:
            await session.respond(timeout_s=2)
    assert (caught.value.stage, caught.value.error_type) == ("stream_audio", "bad_audio")
    assert session.turn_result().responses == ()


async def test_what_was_said_before_the_end_counts(start_peer: StartPeer, case: _Case) -> None:
    """A response.done that arrived just before the connection went away is a result, not a failure."""

    async def script(peer: Any) -> None:
        await peer.accept_session()
        await peer.begin_response()
        await peer.say_audio(b"abc", "Bye.")
        await peer.end_response()
        await peer.socket.close()

    async with case.session(await start_peer(script)) as session:
        await session.configure(_SPEC, timeout_s=2)
        assert (await session.respond(timeout_s=2)).transcript == "Bye."
        await asyncio.sleep(0.05)
        with pytest.raises(CaseFailure) as caught:
            await session.add_user_text("hello?")
    assert caught.value.error_type == "connection_closed"


async def test_late_events_of_an_earlier_response_are_logged_whole(start_peer: StartPeer, case: _Case) -> None:
    """Audio of a response that was over stays out of the next one, and its bytes stay in the log line."""

    async def script(peer: Any) -> None:
        await peer.accept_session()
        await peer.begin_response()
        await peer.end_response(status="cancelled", status_details={"reason": "client_cancelled"})
        await peer.hear("response.create")
        await peer.say_audio(b"late", "late", "resp_1")
        await peer.say("response.created", response={"id": "resp_2"})
        await peer.say_audio(b"abc", "hi", "resp_2")
        await peer.say_audio(b"late", "late", "resp_1")
        await peer.end_response("resp_2")

    async with case.session(await start_peer(script)) as session:
        await session.configure(_SPEC, timeout_s=2)
        cancelled = await session.respond(timeout_s=2)
        result = await session.respond(timeout_s=2)
    assert cancelled.failure is not None
    assert cancelled.failure.error_type == "response_cancelled"
    assert (result.audio, result.transcript) == (b"abc", "hi")
    deltas = [line["event"]["delta"] for line in case.events("response.output_audio.delta")]
    assert [delta if isinstance(delta, str) else delta["bytes"] for delta in deltas] == ["bGF0ZQ==", 3, "bGF0ZQ=="]


async def test_the_servers_transcript_of_our_words_may_come_late(start_peer: StartPeer, case: _Case) -> None:
    """heard() waits for the transcript of the utterance sent last, and gives up without failing the case."""

    async def script(peer: Any) -> None:
        await peer.accept_session()
        await peer.hear("input_audio_buffer.commit")
        await peer.say("input_audio_buffer.committed", item_id="u1")
        await peer.hear("conversation.item.create")
        await peer.say(
            "conversation.item.input_audio_transcription.completed", item_id="u1", content_index=0, transcript="hello"
        )

    async with case.session(await start_peer(script)) as session:
        await session.configure(_SPEC, timeout_s=2)
        await session.send_audio(_WIRE, chunk_ms=20, real_time=False)
        assert await session.heard(timeout_s=0.05) is None
        await session.add_user_text("go on")
        assert await session.heard(timeout_s=2) == "hello"


async def test_options_go_into_the_request(start_peer: StartPeer, case: _Case) -> None:
    """Options of respond() stand in response.create."""
    asked: list[Any] = []

    async def script(peer: Any) -> None:
        await peer.accept_session()
        asked.append(await peer.hear("response.create"))
        await peer.end_response()

    async with case.session(await start_peer(script)) as session:
        await session.configure(_SPEC, timeout_s=2)
        await session.respond(timeout_s=2, tool_choice="none")
    assert asked[0]["response"] == {"tool_choice": "none"}


async def test_a_cancelled_case_keeps_its_evidence(start_peer: StartPeer, case: _Case) -> None:
    """A case that is stopped from outside leaves what was heard, and the connection closes."""
    async with case.session(await start_peer(_mute)) as session:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await _one_turn(session, 30)
        assert session.turn_result().assistant_text == "Hel"
    assert case.events("session.created")


async def test_calls_out_of_order_are_our_own_defect(start_peer: StartPeer, case: _Case) -> None:
    """A session that was never entered, and two responses at once, are protocol errors, not data about a server."""
    with pytest.raises(ProtocolError, match="before it was entered"):
        await case.session("ws://127.0.0.1:1/").add_user_text("x")
    async with case.session(await start_peer(_mute)) as session:
        await session.configure(_SPEC, timeout_s=2)
        waiting = asyncio.create_task(session.respond(timeout_s=5))
        await asyncio.sleep(0.05)
        with pytest.raises(ProtocolError, match="under way"):
            await session.respond(timeout_s=1)
        waiting.cancel()
        await asyncio.wait({waiting})


async def test_a_defect_in_taking_events_is_not_swallowed(start_peer: StartPeer) -> None:
    """An exception of our own in the receiving task surfaces in the call under way instead of hanging it."""

    class BrokenTrace(Trace):
        def record(self, **columns: Any) -> int:
            if columns["direction"] == "received":
                raise RuntimeError("disk full")
            return 0

    session = RealtimeSession(
        await start_peer(_deaf), {}, source="assistant", trace=BrokenTrace(lambda _: None),
        timeline=Timeline.begin(MonotonicClock()),
    )  # fmt: skip
    await session.__aenter__()
    with pytest.raises(RuntimeError, match="disk full"):
        await session.configure(_SPEC, timeout_s=5)
    with pytest.raises(RuntimeError, match="disk full"):
        await session.__aexit__(None, None, None)


async def test_many_tools_are_answered_in_order(start_peer: StartPeer, case: _Case) -> None:
    """Each output is one item, in the order given."""
    answered: list[Sequence[Any]] = []

    async def script(peer: Any) -> None:
        await peer.accept_session()
        await peer.hear("response.create")
        answered.append([e["item"] for e in peer.heard if e["type"] == "conversation.item.create"])
        await peer.end_response()

    async with case.session(await start_peer(script)) as session:
        await session.configure(_SPEC, timeout_s=2)
        await session.answer_tools([ToolOutput(f"c{n}", "t", None, f"out {n}") for n in range(3)])
        await session.respond(timeout_s=2)
    assert [(item["call_id"], item["output"]) for item in answered[0]] == [
        ("c0", "out 0"), ("c1", "out 1"), ("c2", "out 2"),
    ]  # fmt: skip


async def test_a_peer_that_streams_for_ever(
    start_peer: StartPeer, case: _Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A response without end is cut off at its limit, long before its time is up, and what was heard is kept."""
    monkeypatch.setattr("evalkit.realtime.turns.MAX_RESPONSE_CHARS", 100_000)

    async def script(peer: Any) -> None:
        await peer.accept_session()
        await peer.hear("response.create")
        audio = base64.b64encode(bytes(600)).decode()
        while True:
            await peer.say("response.output_audio.delta", response_id="r1", item_id="i1", delta=audio)

    async with case.session(await start_peer(script)) as session:
        await session.configure(_SPEC, timeout_s=5)
        session.begin_turn(1)
        with pytest.raises(CaseFailure) as caught:
            await session.respond(timeout_s=30)
    assert (caught.value.stage, caught.value.error_type) == (Stage.RESPONSE_ERROR, "response_too_large")
    assert 50_000 < len(session.turn_result().audio) < 100_000


async def _keeps_its_detection(peer: Any) -> None:
    """Takes the session's settings, but for the turn detection."""
    await peer.say("session.created", session={"model": "peer-1"})
    update = await peer.hear("session.update")
    audio = update["session"]["audio"]
    kept = {**audio, "input": {**audio["input"], "turn_detection": {"type": "server_vad", "create_response": True}}}
    await peer.say("session.updated", session={**update["session"], "audio": kept})


async def _answers_by_itself(peer: Any) -> None:
    """Says that it takes manual turns, and answers as soon as it has heard enough."""
    await peer.accept_session()
    await peer.hear("input_audio_buffer.append")
    await peer.say("response.created", response={"id": "unasked", "status": "in_progress"})
    await peer.say_audio(b"abc", "Not an answer.", "unasked")
    await peer.end_response("unasked")


async def _answers_when_asked_and_again(peer: Any) -> None:
    """Answers what it was asked, in one go with a response of its own."""
    await peer.accept_session()
    await peer.begin_response("asked")
    await peer.say("response.created", response={"id": "unasked", "status": "in_progress"})
    await peer.end_response("asked")


async def _is_busy_with_its_own(peer: Any) -> None:
    """Has begun a response that it told nobody of."""
    await peer.accept_session()
    asked = await peer.hear("response.create")
    error = {"code": "conversation_already_has_active_response", "message": "busy", "event_id": asked["event_id"]}
    await peer.say("error", error=error)


@pytest.mark.parametrize(
    "script", [_keeps_its_detection, _answers_by_itself, _answers_when_asked_and_again, _is_busy_with_its_own]
)
async def test_a_server_that_takes_turns_by_itself_is_refused(start_peer: StartPeer, case: _Case, script: Any) -> None:
    """Nobody can tell which of its responses answers us, so none is taken: infrastructure, at session_update."""
    session = case.session(await start_peer(script))

    async def hold() -> None:
        async with session:
            await session.configure(_SPEC, timeout_s=2)
            await session.send_audio(_WIRE, chunk_ms=20, real_time=True)
            await session.respond(timeout_s=2)

    with pytest.raises(CaseFailure, match="keeps its own turn detection") as caught:
        await hold()
    failure = Failure(Stage(caught.value.stage), caught.value.error_type, caught.value.message)
    assert (failure.stage, failure.error_type) == (Stage.SESSION_UPDATE, "turn_detection_kept")
    assert decide_fault(failure) is Fault.INFRASTRUCTURE
    assert "Not an answer." not in session.turn_result().assistant_text


async def test_an_unasked_response_after_the_last_answer_counts(start_peer: StartPeer, case: _Case) -> None:
    """What the server does until the connection is closed still shows whose turns they were."""

    async def script(peer: Any) -> None:
        await peer.accept_session()
        await peer.begin_response("asked")
        await peer.end_response("asked")
        await peer.say("input_audio_buffer.speech_started", item_id="u2")

    session = case.session(await start_peer(script))
    with pytest.raises(CaseFailure) as caught:
        async with session:
            await _one_turn(session, 2)
    assert (caught.value.stage, caught.value.error_type) == ("session_update", "turn_detection_kept")
