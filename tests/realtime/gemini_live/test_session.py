"""Sessions of Gemini Live in which the client takes the turns, with servers that do as they should and odd ones."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest
from gemini_peer import COUNTED, GeminiPeer, Said, call_of

from evalkit.audio.formats import AudioFormat
from evalkit.clock import MonotonicClock
from evalkit.errors import CaseFailure
from evalkit.realtime.events import SessionSpec
from evalkit.realtime.gemini_live.session import GeminiSession
from evalkit.realtime.results import ResponseResult
from evalkit.realtime.timeline import Timeline
from evalkit.realtime.trace import Trace, restore_audio
from evalkit.records.faults import Failure, Fault, decide_fault
from evalkit.records.record import ToolCall, ToolOutput, Usage

LOOKUP = {
    "type": "function",
    "name": "look_up",
    "description": "Looks up.",
    "parameters": {
        "type": "object", "properties": {"order_id": {"type": "string"}}, "required": ["order_id"],
        "additionalProperties": False,
    },
}  # fmt: skip
SPEC = SessionSpec(
    "help",
    input_format=AudioFormat.PCM16_16KHZ,
    tools=[LOOKUP],
    voice="Kore",
    model="some-model",
    transcription_model="some-model",
)
WIRE = bytes(range(256)) * 20
CALL = call_of("look_up", order_id="49903")


class Case:
    """The client's half of a case."""

    def __init__(self, url: str, **headers: str) -> None:
        self.lines: list[bytes] = []
        trace = Trace(self.lines.append)
        timeline = Timeline.begin(MonotonicClock())
        self.session = GeminiSession(url, headers, source="assistant", trace=trace, timeline=timeline)

    def events(self, event_type: str, direction: str) -> list[dict[str, Any]]:
        """Return what was traced of that kind."""
        lines = [json.loads(line) for line in self.lines]
        return [line["event"] for line in lines if (line["type"], line["direction"]) == (event_type, direction)]

    async def wait_for(self, event_type: str) -> None:
        """Wait until something of that kind has come."""
        for _ in range(500):
            if self.events(event_type, "received"):
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"no {event_type} came")


async def ask(session: GeminiSession, wire: bytes = WIRE) -> ResponseResult:
    """Say something in a turn of its own, and return the answer."""
    session.begin_turn(1, input_wav="in.wav", output_wav="out.wav")
    await session.send_audio(wire, chunk_ms=20, real_time=False)
    return await session.respond(timeout_s=2)


async def answered(peer: GeminiPeer, *, timeout_s: float = 2) -> tuple[Case, ResponseResult]:
    """Hold a session of one turn."""
    async with peer.serving():
        case = Case(peer.url)
        async with case.session as session:
            await session.configure(SPEC, timeout_s=timeout_s)
            return case, await ask(session)


async def failing(peer: GeminiPeer) -> Failure:
    """Hold a session of one turn that ends badly, and return how."""
    with pytest.raises(CaseFailure) as caught:
        await answered(peer, timeout_s=0.3)
    return Failure.of(caught.value)


async def test_a_turn_with_a_tool() -> None:
    """Sound in, a call, its answer, a spoken reply: two responses, one turn, and the log tells it all."""
    peer = GeminiPeer([Said("One moment.", 200, [CALL]), Said("On its way.", 300)])
    async with peer.serving():
        case = Case(peer.url)
        async with case.session as session:
            await session.configure(SPEC, timeout_s=2)
            first = await ask(session)
            await session.answer_tools([ToolOutput("fc_1", "look_up", {"order_id": "49903"}, {"eta": 2})])
            second = await session.respond(timeout_s=2)
            turn, heard = session.turn_result(), await session.heard(timeout_s=1)
    assert first.tool_calls == (ToolCall("look_up", {"order_id": "49903"}, '{"order_id":"49903"}', "fc_1"),)
    assert (first.failure, second.failure, turn.status) == (None, None, "completed")
    assert (turn.assistant_text, heard) == ("One moment. On its way.", "where is my order")
    assert len(turn.audio) == AudioFormat.PCM16.byte_count(500)
    assert turn.usage == Usage(
        input_tokens=60, output_tokens=24, input_text_tokens=20, input_audio_tokens=40, output_audio_tokens=24
    )
    assert 20 <= turn.latencies["latency_first_audio_ms"] <= turn.latencies["latency_response_done_ms"] < 2000
    assert [next(iter(each)) for each in peer.heard if "audio" not in each.get("realtimeInput", {})] == [
        "setup", "realtimeInput", "realtimeInput", "toolResponse",
    ]  # fmt: skip
    answers = peer.told("toolResponse", "functionResponses")
    assert answers == [[{"id": "fc_1", "name": "look_up", "response": {"output": {"eta": 2}}}]]
    assert peer.sound == WIRE
    _check_log(case, turn.audio)


def _check_log(case: Case, output: bytes) -> None:
    sent = [event["realtimeInput"]["audio"]["data"] for event in case.events("realtimeInput", "sent")[1:-1]]
    assert b"".join(restore_audio(piece, WIRE) for piece in sent) == WIRE
    turns = [event["serverContent"].get("modelTurn") for event in case.events("serverContent", "received")]
    pieces = [part["inlineData"]["data"] for turn in turns if turn for part in turn["parts"]]
    assert {piece["wav"] for piece in pieces} == {"out.wav"}
    assert b"".join(restore_audio(piece, output) for piece in pieces) == output
    assert [each["type"] for each in map(json.loads, case.lines)].count("toolCall") == 1


async def test_the_setup() -> None:
    """Model, prompt, voice, tools without what the protocol does not know, transcripts, and turns that are ours."""
    peer = GeminiPeer()
    await answered(peer)
    (setup,) = peer.told("setup")
    parameters = {"type": "OBJECT", "required": ["order_id"], "properties": {"order_id": {"type": "STRING"}}}
    assert setup == {
        "model": "models/some-model",
        "generationConfig": {
            "responseModalities": ["AUDIO"],
            "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}},
        },
        "systemInstruction": {"parts": [{"text": "help"}]},
        "realtimeInputConfig": {"automaticActivityDetection": {"disabled": True}},
        "inputAudioTranscription": {},
        "outputAudioTranscription": {},
        "tools": [
            {"functionDeclarations": [{"name": "look_up", "description": "Looks up.", "parameters": parameters}]}
        ],
    }


@pytest.mark.parametrize(
    "odd",
    [
        GeminiPeer(is_binary=False),
        GeminiPeer(chunk_bytes=1001),
        GeminiPeer(chunk_bytes=1),
        GeminiPeer([Said(audio_ms=2000)], chunk_bytes=10**6),
        GeminiPeer(parts=3),
        GeminiPeer(mime_type="audio/pcm"),
        GeminiPeer(mime_type="audio/pcm; rate=24000"),
        GeminiPeer(heard_text=()),
        GeminiPeer(raw=['{"sessionResumptionUpdate": {"newHandle": "h", "resumable": true}}', '{"somethingNew": 1}']),
    ],
)
async def test_what_is_odd_and_right(odd: GeminiPeer) -> None:
    """Text or binary, sound in any pieces, tokens or none: the answer is whole."""
    if odd.chunk_bytes == 1:
        odd.answers = [Said(audio_ms=20)]
    _, result = await answered(odd)
    assert result.failure is None
    assert result.transcript == "All right."
    assert len(result.audio) == AudioFormat.PCM16.byte_count(odd.answers[0].audio_ms)


async def test_words_that_were_heard_may_come_late_or_never() -> None:
    """Behind the answer they are waited for a little; of a server that told none before they are not."""
    late = {"serverContent": {"inputTranscription": {"text": "late words"}}}
    peer = GeminiPeer(heard_text=())
    async with peer.serving():
        case = Case(peer.url)
        async with case.session as session:
            await session.configure(SPEC, timeout_s=2)
            await ask(session)
            waiting = asyncio.create_task(session.heard(timeout_s=2))
            await asyncio.sleep(0.05)
            assert not waiting.done()
            await peer.say(late)
            assert await waiting == "late words"
            await ask(session)
            assert await session.heard(timeout_s=0.05) is None
            await ask(session)
            began = asyncio.get_running_loop().time()
            assert await session.heard(timeout_s=2) is None
            assert asyncio.get_running_loop().time() - began < 1


@pytest.mark.parametrize("late", [True, False])
async def test_tokens_are_counted_once(late: bool) -> None:
    """With the end of a turn; what comes behind it is added to the next, since nothing else can be known of it."""
    peer = GeminiPeer(counts_late=late)
    async with peer.serving():
        case = Case(peer.url)
        async with case.session as session:
            await session.configure(SPEC, timeout_s=2)
            first, second = await ask(session), await ask(session)
    counted = [result.usage.input_tokens for result in (first, second)]
    assert counted == ([None, COUNTED["promptTokenCount"]] if late else [COUNTED["promptTokenCount"]] * 2)


async def test_an_answer_is_done_when_it_is_made() -> None:
    """A server that waits with the end of a turn until it takes its sound to have been heard is no slower by that."""
    _, result = await answered(GeminiPeer(playback_ms=400))
    assert result.done_ms is not None
    assert result.done_ms < 300


@pytest.mark.parametrize("odd", [GeminiPeer(ends_again=True), GeminiPeer(splits_calls=True), GeminiPeer()])
async def test_calls_however_they_come(odd: GeminiPeer) -> None:
    """In one message or one by one, with another end of the turn behind them or not: each is answered once."""
    calls = [CALL, call_of("look_up", "fc_2", order_id="7")]
    odd.answers = [Said("One moment.", 100, calls), Said("Here they are.")]
    if odd.splits_calls:
        odd.answers = [*odd.answers, Said("Here they are.")]
    async with odd.serving():
        case = Case(odd.url)
        async with case.session as session:
            await session.configure(SPEC, timeout_s=2)
            result = await ask(session)
            while result.tool_calls:
                outputs = [ToolOutput(call.call_id, call.name, call.arguments, "x") for call in result.tool_calls]
                await session.answer_tools(outputs)
                result = await session.respond(timeout_s=2)
            turn = session.turn_result()
    assert [call.call_id for call in turn.tool_calls] == ["fc_1", "fc_2"]
    assert "Here they are." in turn.assistant_text
    answered_ids = [each["id"] for told in odd.told("toolResponse", "functionResponses") for each in told]
    assert answered_ids == ["fc_1", "fc_2"]


async def test_a_call_that_is_taken_back() -> None:
    """Its answer is not sent, and it did not happen; the log has both messages."""
    peer = GeminiPeer([Said("One moment.", 100, [CALL]), Said()], cancels=True)
    async with peer.serving():
        case = Case(peer.url)
        async with case.session as session:
            await session.configure(SPEC, timeout_s=2)
            result = await ask(session)
            await case.wait_for("toolCallCancellation")
            await session.answer_tools([ToolOutput("fc_1", "look_up", {}, "x")])
            with pytest.raises(CaseFailure, match=r"no turnComplete within 0\.2 s"):
                await session.respond(timeout_s=0.2)
            turn = session.turn_result()
    assert result.tool_calls
    assert turn.tool_calls == ()
    assert peer.told("toolResponse") == []
    assert case.events("toolCall", "received")


async def test_a_server_that_takes_turns_by_itself() -> None:
    """Nobody could tell what its answers are to."""

    async def hold(case: Case) -> None:
        async with case.session as session:
            await session.configure(SPEC, timeout_s=2)
            await case.wait_for("serverContent")
            await ask(session)

    peer = GeminiPeer(speaks_unasked=True, think_ms=0)
    async with peer.serving():
        with pytest.raises(CaseFailure, match="it began an answer that nobody had asked for") as caught:
            await hold(Case(peer.url))
    assert (caught.value.stage, caught.value.error_type) == ("session_update", "turn_detection_kept")


@pytest.mark.parametrize(
    ("odd", "stage", "kind", "fault", "words"),
    [
        (
            GeminiPeer(is_deaf=True),
            "session_update", "session_timeout", Fault.INFRASTRUCTURE, "no setupComplete within 0.3 s",
        ),
        (
            GeminiPeer(refuses=(1007, "API key not valid. Please pass a valid API key.")),
            "session_update", "authentication_failed", Fault.INFRASTRUCTURE, "API key not valid",
        ),
        (
            GeminiPeer(refuses=(1008, "models/some-model is not found for API version v1beta")),
            "session_update", "model_not_found", Fault.INFRASTRUCTURE, "models/some-model is not found",
        ),
        (
            GeminiPeer(refuses=(1007, "Request contains an invalid argument.")),
            "session_update", "invalid_request", Fault.INFRASTRUCTURE, "code 1007",
        ),
        (
            GeminiPeer(refuses=(1011, "You exceeded your current quota")),
            "session_update", "insufficient_quota", Fault.INFRASTRUCTURE, "your current quota",
        ),
        (
            GeminiPeer(refuses=(1011, "Internal error occurred.")),
            "session_update", "internal_error", Fault.INFRASTRUCTURE, "Internal error occurred.",
        ),
        (
            GeminiPeer(mime_type="audio/pcm;rate=16000"),
            "response_error", "wrong_sample_rate", Fault.ASSISTANT,
            "the server sent sound as 'audio/pcm;rate=16000'; expected 'audio/pcm;rate=24000'",
        ),
        (
            GeminiPeer(mime_type="audio/ogg"),
            "response_error", "audio_decode", Fault.INFRASTRUCTURE, "the server sent 'audio/ogg'",
        ),
        (
            GeminiPeer(raw=[b"{not json"]),
            "response_error", "invalid_event", Fault.INFRASTRUCTURE, "a message that is not JSON",
        ),
        (
            GeminiPeer(raw=[b"\xff\xfe"]),
            "response_error", "invalid_event", Fault.INFRASTRUCTURE, "a binary message of 2 bytes that is not UTF-8",
        ),
        (
            GeminiPeer(raw=['{"serverContent": [1]}']),
            "response_error", "invalid_event", Fault.INFRASTRUCTURE, "whose 'serverContent' is a list",
        ),
        (
            GeminiPeer(leaves_in="5s"),
            "response_missing_done", "session_expired", Fault.INFRASTRUCTURE, "as it had said that it would in 5s",
        ),
        (
            GeminiPeer(breaks=True),
            "response_missing_done", "connection_closed", Fault.INFRASTRUCTURE, "the connection broke",
        ),
        (
            GeminiPeer(think_ms=60_000),
            "response_timeout", "timeout", Fault.ASSISTANT, "no turnComplete within 2 s",
        ),
    ],
)  # fmt: skip
async def test_what_goes_wrong_is_told_as_what_it_is(
    odd: GeminiPeer, stage: str, kind: str, fault: Fault, words: str
) -> None:
    """Where, what kind, whose fault, and a sentence with what was found."""
    failure = await failing(odd)
    assert (failure.stage, failure.error_type, decide_fault(failure)) == (stage, kind, fault)
    assert words in failure.message


async def test_sound_that_is_no_base64() -> None:
    """It is an answer without sound, and what is wrong with it is said."""
    part = {"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": "***"}}
    peer = GeminiPeer(raw=[json.dumps({"serverContent": {"modelTurn": {"parts": [part]}}})])
    _, result = await answered(peer)
    assert result.failure is not None
    assert result.failure.error_type == "audio_decode"


async def test_an_empty_turn_is_an_empty_answer() -> None:
    """A server that ends a turn in which it did nothing is not waited for."""
    _, result = await answered(GeminiPeer([Said("", 0)]))
    assert (result.status, result.transcript, result.audio) == ("completed", "", b"")


async def test_a_turn_that_was_ended_for_a_reason() -> None:
    """It is incomplete, and the reason is the server's word."""
    _, result = await answered(GeminiPeer(reason="MALFORMED_FUNCTION_CALL"))
    assert result.failure is not None
    assert (result.failure.error_type, "MALFORMED_FUNCTION_CALL" in result.failure.message) == (
        "response_incomplete", True,
    )  # fmt: skip


async def test_the_key_is_nowhere_but_in_the_handshake() -> None:
    """A server that quotes it reads redacted, in messages of either kind and in the reason of a close."""
    key = "AIza" + "k" * 35
    quoted = {"serverContent": {"outputTranscription": {"text": f"your key is {key}"}}}
    peer = GeminiPeer(raw=[json.dumps(quoted).encode(), json.dumps(quoted)])
    async with peer.serving():
        case = Case(peer.url, **{"x-goog-api-key": key})
        async with case.session as session:
            await session.configure(SPEC, timeout_s=2)
            result = await ask(session)
    assert peer.headers["x-goog-api-key"] == key
    assert result.transcript.count("[redacted]") == 2
    assert key not in result.transcript
    assert key.encode() not in b"".join(case.lines)
    refusing = GeminiPeer(refuses=(1008, f"bad key {key}"))
    async with refusing.serving():
        case = Case(refusing.url, **{"x-goog-api-key": key})
        with pytest.raises(CaseFailure) as caught:
            async with case.session as session:
                await session.configure(SPEC, timeout_s=2)
    assert key not in str(caught.value)
    assert base64.b64encode(key.encode()) not in b"".join(case.lines)
