"""Log lines plus audio files give back every byte; nothing that looks like a credential is written."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.audio.formats import AudioFormat
from evalkit.audio.wav import read_wav, write_pcm16
from evalkit.realtime.events import ClientEvents
from evalkit.realtime.trace import AudioRef, Direction, Trace, restore_audio

_PIECES = st.lists(st.binary(max_size=40) | st.lists(st.sampled_from([0x7F, 0xFF, 0x00]), max_size=40).map(bytes))


class _Log:
    def __init__(self, *, elide_audio: bool = True) -> None:
        self.lines: list[bytes] = []
        self.trace = Trace(self.lines.append, elide_audio=elide_audio)

    def record(self, payload: dict[str, Any], audio: AudioRef | None = None, **fields: Any) -> dict[str, Any]:
        columns = {"source": "assistant", "direction": Direction.SENT, "turn_index": 1, "at_ms": 1.0, **fields}
        self.trace.record(payload=payload, audio=audio, **columns)
        assert self.lines[-1].endswith(b"\n")
        assert self.lines[-1].count(b"\n") == 1
        line: dict[str, Any] = json.loads(self.lines[-1])
        return line


def _append(wire: bytes) -> dict[str, Any]:
    return {"type": "input_audio_buffer.append", "event_id": "evt_0001", "audio": base64.b64encode(wire).decode()}


def _delta(wire: bytes) -> dict[str, Any]:
    return {"type": "response.output_audio.delta", "delta": base64.b64encode(wire).decode(), "item_id": "i"}


def test_a_line_has_the_columns_of_the_contract() -> None:
    """Type, source, direction, turn, a counter from 1, time on the case's clock, and the payload as it was."""
    log = _Log()
    payload = {"type": "response.create", "event_id": "evt_0002"}
    line = log.record(payload, source="simulator", turn_index=3, at_ms=12.34567)
    assert line == {
        "type": "response.create",
        "source": "simulator",
        "direction": "sent",
        "turn_index": 3,
        "event_index": 1,
        "event_time_ms": 12.346,
        "event": payload,
    }
    assert log.record(payload, direction=Direction.RECEIVED)["event_index"] == 2


@given(_PIECES)
def test_input_audio_can_be_restored(pieces: list[bytes]) -> None:
    """What was sent is the file's stream at the offset, byte for byte, and the hash proves it."""
    log, stream, lines = _Log(), b"", []
    for piece in pieces:
        lines.append(log.record(_append(piece), AudioRef(piece, len(stream), "audio/c/input.wav")))
        stream += piece
    assert [restore_audio(line["event"]["audio"], stream) for line in lines] == pieces
    for line in lines:
        assert line["event"]["audio"]["wav"] == "audio/c/input.wav"
        assert set(line["event"]["audio"]) == {"bytes", "sha256", "wav", "offset"}


@given(_PIECES, st.sampled_from(list(AudioFormat)))
def test_output_audio_can_be_restored_from_a_pcm_file(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], audio_format: AudioFormat
) -> None:
    """Output is stored as PCM16 samples; encoding them again and the log give back every code, both zeros included."""
    size = audio_format.bytes_per_sample
    pieces = [piece[: len(piece) // size * size] for piece in pieces]
    log, stream, lines = _Log(), b"", []
    is_ulaw = audio_format is AudioFormat.G711_ULAW
    for piece in pieces:
        ref = AudioRef(piece, len(stream), "output.wav", stored_as_ulaw_samples=is_ulaw)
        lines.append(log.record(_delta(piece), ref)["event"]["delta"])
        stream += piece
    path = tmp_path_factory.mktemp("wav") / "output.wav"
    write_pcm16(path, audio_format.from_wire(stream), audio_format.sample_rate_hz)
    again = audio_format.to_wire(read_wav(path).pcm)
    assert [restore_audio(line, again) for line in lines] == pieces


def test_every_code_but_the_other_zero_survives_storage() -> None:
    """The claim the trace's arithmetic rests on: only mu-law 0x7F is not its own encoding after decoding."""
    codes = bytes(range(256))
    changed = {
        audio_format: [code for code in codes if audio_format.to_wire(audio_format.from_wire(codes))[code] != code]
        for audio_format in (AudioFormat.G711_ULAW, AudioFormat.G711_ALAW)
    }
    assert changed == {AudioFormat.G711_ULAW: [0x7F], AudioFormat.G711_ALAW: []}


@pytest.mark.parametrize("stream", [b"", b"abc", b"abcX", b"Xabcd"])
def test_a_file_that_does_not_hold_the_bytes_is_refused(stream: bytes) -> None:
    """A short or a changed file is an error that names it, never other audio."""
    elided = AudioRef(b"abcd", 0, "input.wav").to_json()
    assert restore_audio(elided, b"abcdef") == b"abcd"
    with pytest.raises(ValueError, match=r"input\.wav"):
        restore_audio(elided, stream)


def test_audio_stays_in_the_line_when_asked_or_without_a_file() -> None:
    """Nothing is elided with elide_audio off, nor for audio that has no place; the payload is never changed."""
    payload = _append(b"abcd")
    before = dict(payload)
    ref = AudioRef(b"abcd", 0, "input.wav")
    assert _Log(elide_audio=False).record(payload, ref)["event"] == before
    assert _Log().record(payload)["event"] == before
    assert _Log().record(payload, ref)["event"]["audio"]["bytes"] == 4
    assert payload == before


_CANARY = "sk-canary0123456789abcdef"


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "session.created", "session": {"client_secret": {"value": "ek_secretvalue"}}},
        {"type": "x", "headers": {"Authorization": "Basic c2VjcmV0dmFsdWU="}, "nested": [{"api_key": "secretvalue"}]},
        {"type": "error", "error": {"message": f"Incorrect API key provided: {_CANARY}"}},
        {"type": "error", "error": {"message": "got 'Bearer secretvalue-xyz'"}},
    ],
)
def test_credentials_are_blanked(payload: dict[str, Any]) -> None:
    """By key or by shape, in any depth; the rest of the line stays and stays JSON."""
    log = _Log()
    line = log.record(payload)
    assert b"[redacted]" in log.lines[0]
    assert not any(secret in log.lines[0] for secret in (b"secretvalue", b"c2VjcmV0", _CANARY.encode()))
    assert line["event"]["type"] == payload["type"]


def test_ordinary_words_are_not_blanked() -> None:
    """Tokens of usage and words that contain a key's name are data."""
    payload = {"type": "response.done", "response": {"usage": {"input_tokens": 3}, "authorization_code": "A-17"}}
    assert _Log().record(payload)["event"] == payload


def test_lines_can_be_read_back_from_a_file(tmp_path: Path) -> None:
    """A log written through any sink is one JSON object a line."""
    path = tmp_path / "events.jsonl"
    with path.open("wb") as file:
        trace = Trace(file.write)
        for number in range(3):
            trace.record(
                source="assistant", direction=Direction.SENT, turn_index=1, at_ms=number, payload={"type": "é\n"}
            )
    assert [json.loads(line)["event_index"] for line in path.read_text(encoding="utf-8").splitlines()] == [1, 2, 3]


@given(
    st.lists(st.binary(max_size=40), max_size=4), st.floats(0, 1e8), st.none() | st.text(max_size=8), st.booleans(),
    st.integers(0, 10**6),
)  # fmt: skip
def test_the_quick_way_for_sent_audio_writes_the_same_lines(
    pieces: list[bytes], at_ms: float, wav: str | None, elide: bool, offset: int
) -> None:
    """Byte for byte what any other event's way gives, whatever the file's name holds."""
    quick, slow, events = _Log(elide_audio=elide), _Log(elide_audio=elide), ClientEvents()
    frames = [events.append_audio_frame(piece) for piece in pieces]
    quick.trace.record_sent_audio(frames, source="assistant", turn_index=2, at_ms=at_ms, wav=wav, offset=offset)
    for frame in frames:
        payload = json.loads(frame.text)
        slow.record(payload, AudioRef(frame.audio, offset, wav), turn_index=2, at_ms=at_ms)
        offset += len(frame.audio)
    assert quick.lines == slow.lines
