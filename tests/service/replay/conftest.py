"""A stored run of one case, written as evalkit writes it: trace, sounds, record and grades."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evalkit.audio.formats import AudioFormat
from evalkit.audio.wav import write_pcm16, write_wav
from evalkit.realtime.events import ClientEvents, SessionSpec
from evalkit.realtime.trace import AudioRef, Direction, Trace
from evalkit.service.replay.recording import RecordedRun

ULAW = AudioFormat.G711_ULAW
SAID = bytes(range(256)) * 4
ANSWER = bytes([0x7F, 0xFF, 0x00, 0x7F] * 100)
PERSONA = "# Facts\nName: Tom\n"


class Writer:
    """Writes one session's trace, chunk by chunk."""

    def __init__(self, chunk_bytes: int) -> None:
        self.lines: list[bytes] = []
        self.client = ClientEvents()
        self._trace = Trace(self.lines.append)
        self._chunk_bytes = chunk_bytes

    def sent(self, payload: dict[str, Any], audio: AudioRef | None = None) -> None:
        """Note what the client sent."""
        self._note(Direction.SENT, payload, audio)

    def received(self, event_type: str, audio: AudioRef | None = None, **fields: Any) -> None:
        """Note what the server sent."""
        self._note(Direction.RECEIVED, {"type": event_type, "event_id": f"event_{len(self.lines)}", **fields}, audio)

    def utterance(self) -> None:
        """Append and commit what the client says."""
        for start in range(0, len(SAID), self._chunk_bytes):
            chunk = SAID[start : start + self._chunk_bytes]
            self.sent(self.client.append_audio(chunk), AudioRef(chunk, start, "audio/c1/input.wav"))
        self.sent(self.client.commit_audio())

    def _note(self, direction: Direction, payload: dict[str, Any], audio: AudioRef | None) -> None:
        self._trace.record(
            source="assistant", direction=direction, turn_index=1, at_ms=0.0, payload=payload, audio=audio
        )


def _events(chunk_bytes: int) -> bytes:
    writer = Writer(chunk_bytes)
    writer.received("session.created", session={"model": "m"})
    writer.sent(writer.client.session_update(SessionSpec("Be kind.", ULAW, ULAW)))
    writer.received("session.updated", session={"model": "m"})
    writer.utterance()
    writer.received("input_audio_buffer.committed", item_id="item_1")
    writer.sent(writer.client.create_response())
    writer.received("response.created", response={"id": "resp_1"})
    for start in (0, 200):
        piece = ANSWER[start : start + 200]
        reference = AudioRef(piece, start, "audio/c1/output.wav", stored_as_ulaw_samples=True)
        writer.received("response.output_audio.delta", reference, response_id="resp_1", delta="")
    writer.received("response.done", response={"id": "resp_1", "status": "completed"})
    writer.sent({"type": "mocked_tool_call", "name": "find"})
    return b"".join(writer.lines)


def _record(failure: dict[str, Any] | None) -> dict[str, Any]:
    turn = {
        "turn_index": 1,
        "user_text": "Where is it?",
        "steps": [{"kind": "words", "text": "Here."}],
        "artifacts": {
            "input_audio_path": "audio/c1/input.wav",
            "output_audio_path": "audio/c1/output.wav",
            "speech_audio_path": "audio/c1/speech.wav",
        },
    }
    return {
        "case": {"inputs": {"persona": PERSONA}},
        "settings": {"speech": {"voice": "marin"}, "audio": {"input_format": "g711_ulaw"}},
        "turns": [turn],
        "failure": failure,
        "notes": {
            "simulator": {"attempts": [{"turn_index": 2, "text": "Hm."}, {"turn_index": 2, "text": "Thank you."}]}
        },
    }


@pytest.fixture
def store(tmp_path: Path) -> Callable[..., RecordedRun]:
    """Store a run; its parts can be changed."""

    def stored(failure: dict[str, Any] | None = None, grades: list[dict[str, Any]] | None = None) -> RecordedRun:
        for folder in ("events", "records", "audio/c1"):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / "events" / "c1.jsonl").write_bytes(_events(160))
        (tmp_path / "records" / "c1.json").write_text(json.dumps(_record(failure)), encoding="utf-8")
        lines = [
            json.dumps({"key": "c1", "turn_index": 1, "evidence": [], "judge": {}, **grade}) for grade in grades or []
        ]
        (tmp_path / "grades.jsonl").write_text("\n".join(lines), encoding="utf-8")
        write_wav(tmp_path / "audio" / "c1" / "input.wav", SAID, ULAW)
        write_pcm16(tmp_path / "audio" / "c1" / "output.wav", ULAW.from_wire(ANSWER), 8000)
        write_pcm16(tmp_path / "audio" / "c1" / "speech.wav", np.arange(2400, dtype=np.int16), 24_000)
        return RecordedRun(tmp_path)

    return stored


@pytest.fixture
def said() -> bytes:
    """What the client said."""
    return SAID


@pytest.fixture
def answer() -> bytes:
    """What the server said, byte for byte, both zeros of mu-law among it."""
    return ANSWER


@pytest.fixture
def persona() -> str:
    """The caller's part."""
    return PERSONA
