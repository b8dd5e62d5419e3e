"""The client against the embedded provider: a real socket, real speech, real transcription. Needs the `local` extra."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from evalkit.audio.formats import AudioFormat
from evalkit.audio.resample import resample
from evalkit.clock import MonotonicClock
from evalkit.errors import CaseFailure, ConfigError
from evalkit.realtime.events import OutputModality, SessionSpec
from evalkit.realtime.pacer import pad_to_minimum
from evalkit.realtime.session import RealtimeSession
from evalkit.realtime.timeline import Timeline
from evalkit.realtime.trace import Trace, restore_audio
from evalkit.records.record import ToolOutput
from evalkit.service import child

_TOOL = {
    "type": "function",
    "name": "get_order_status",
    "description": "Look up the status of a customer's order by its order number.",
    "parameters": {
        "type": "object",
        "properties": {"order_id": {"type": "string", "description": "The order number, six digits."}},
        "required": ["order_id"],
    },
}


@pytest.fixture(scope="module")
def service() -> Iterator[child.ServiceChild]:
    try:
        child.check_installed(child.ServiceOptions())
    except ConfigError as missing:
        pytest.skip(str(missing))
    with child.start() as running:
        yield running


class _Client:
    def __init__(self, service: child.ServiceChild, model: str) -> None:
        self.lines: list[bytes] = []
        self.session = RealtimeSession(
            f"{service.url.replace('http', 'ws', 1)}/realtime?model={model}",
            {},
            source="assistant",
            trace=Trace(self.lines.append),
            timeline=Timeline.begin(MonotonicClock()),
        )

    def elided(self, event_type: str, key: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.lines]
        return [line["event"][key] for line in lines if line["type"] == event_type]


def _say(service: child.ServiceChild, text: str, audio_format: AudioFormat) -> bytes:
    """The service's own voice, in a wire format."""
    body = {"model": "local-speech", "voice": "marin", "input": text, "response_format": "pcm"}
    request = urllib.request.Request(  # noqa: S310 - our own loopback service
        f"{service.url}/audio/speech", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
        pcm = np.frombuffer(response.read(), dtype="<i2").astype(np.int16)
    return audio_format.to_wire(resample(pcm, 24_000, audio_format.sample_rate_hz))


@pytest.mark.parametrize("audio_format", [AudioFormat.PCM16, AudioFormat.G711_ULAW, AudioFormat.G711_ALAW])
async def test_a_turn_in_every_format(service: child.ServiceChild, audio_format: AudioFormat) -> None:
    """Two seconds of tone come back in the format asked for, and the log can restore every byte of both directions."""
    client = _Client(service, "local-echo")
    wire = bytes(range(256)) * 20
    async with client.session as session:
        await session.configure(SessionSpec("x", audio_format, audio_format), timeout_s=5)
        session.begin_turn(1, input_wav="in.wav", output_wav="out.wav")
        await session.send_audio(wire, chunk_ms=20, real_time=False)
        result = await session.respond(timeout_s=10)
    assert result.failure is None
    assert len(result.audio) == audio_format.byte_count(2000)
    assert int(np.abs(audio_format.from_wire(result.audio)).max()) > 7000
    assert result.transcript == "This is a tone of two seconds."
    assert result.served_model == "local-echo"
    assert result.usage.output_tokens
    sent = client.elided("input_audio_buffer.append", "audio")
    assert b"".join(restore_audio(piece, wire) for piece in sent) == wire
    stored = audio_format.to_wire(audio_format.from_wire(result.audio))
    received = client.elided("response.output_audio.delta", "delta")
    assert b"".join(restore_audio(piece, stored) for piece in received) == result.audio


@pytest.mark.parametrize("audio_format", [AudioFormat.PCM16, AudioFormat.G711_ULAW])
async def test_a_spoken_request_calls_a_tool_and_is_answered(
    service: child.ServiceChild, audio_format: AudioFormat
) -> None:
    """Speech goes in, the tool is called with the number that was said, and its answer is spoken."""
    wire = _say(service, "What is the status of my order? The number is four eight two, one three five.", audio_format)
    client = _Client(service, "local-agent")
    spec = SessionSpec("Help.", audio_format, audio_format, tools=[_TOOL], transcription_model="local-transcription")
    async with client.session as session:
        await session.configure(spec, timeout_s=5)
        session.begin_turn(1)
        await session.send_audio(wire, chunk_ms=40, real_time=False)
        asked = await session.respond(timeout_s=30)
        heard = await session.heard(timeout_s=10)
        assert [(call.name, call.arguments) for call in asked.tool_calls] == [
            ("get_order_status", {"order_id": "482135"})
        ]
        await session.answer_tools([ToolOutput(asked.tool_calls[0].call_id, "", None, {"status": "shipped"})])
        replied = await session.respond(timeout_s=30)
    assert heard is not None
    assert "order" in heard.lower()
    assert "shipped" in replied.transcript.lower()
    assert audio_format.duration_ms(len(replied.audio)) > 500
    assert replied.first_audio_ms is not None


async def test_a_commit_that_is_too_short_fails_the_sending(service: child.ServiceChild) -> None:
    """The service refuses 40 ms, and the refusal is a failure to send; padded to 100 ms it is taken."""
    client = _Client(service, "local-echo")
    short = bytes([0xFF]) * 320
    async with client.session as session:
        await session.configure(SessionSpec("x", AudioFormat.G711_ULAW, AudioFormat.G711_ULAW), timeout_s=5)
        await session.send_audio(pad_to_minimum(short, AudioFormat.G711_ULAW), chunk_ms=20, real_time=True)
        assert (await session.respond(timeout_s=5)).failure is None
        await session.send_audio(short, chunk_ms=20, real_time=True)
        with pytest.raises(CaseFailure) as caught:
            await session.respond(timeout_s=5)
    assert (caught.value.stage, caught.value.error_type) == ("stream_audio", "input_audio_buffer_commit_empty")


async def test_written_turns_work_too(service: child.ServiceChild) -> None:
    """Text in, text out: no audio, and the first word is timed."""
    client = _Client(service, "local-echo")
    async with client.session as session:
        await session.configure(SessionSpec("x", output_modality=OutputModality.TEXT), timeout_s=5)
        await session.add_user_text("hello")
        result = await session.respond(timeout_s=10)
    assert (result.text, result.audio, result.transcript) == ("This is a tone of two seconds.", b"", "")
    assert result.first_text_ms is not None


async def test_a_model_that_does_not_exist_is_refused(service: child.ServiceChild) -> None:
    """A wrong model name ends as a failure that says so, at the handshake or at the first event."""
    client = _Client(service, "no-such-model")
    with pytest.raises(CaseFailure, match="no-such-model"):
        async with client.session as session:
            await session.configure(SessionSpec("x"), timeout_s=5)


async def test_many_full_duplex_conversations_at_once(service: child.ServiceChild) -> None:
    """Ten paced conversations are answered while they speak, byte for byte, and each trace has both sides by turns.

    The small sample of benchmarks/paced_sessions.py: whether, not how well.
    """
    wire = np.random.default_rng(0).integers(-8000, 8000, 24_000, np.int16).tobytes()

    async def converse() -> tuple[int, list[str]]:
        client = _Client(service, "local-echo")
        async with client.session as session:
            await session.configure(SessionSpec("x"), timeout_s=20)
            session.begin_turn(1)
            answer = asyncio.create_task(session.respond(timeout_s=30, metadata={"echo": "appends"}))
            await asyncio.sleep(0)
            pacing = await session.send_audio(wire, chunk_ms=20, real_time=True)
            result = await answer
        assert (pacing.chunks, result.failure) == (50, None)
        return len(result.audio), [json.loads(line)["type"] for line in client.lines]

    for answered_bytes, types in await asyncio.gather(*(converse() for _ in range(10))):
        assert answered_bytes == len(wire)
        last_sent = len(types) - types[::-1].index("input_audio_buffer.append")
        assert types[:last_sent].count("response.output_audio.delta") > 25
