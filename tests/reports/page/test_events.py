"""An event log of any length becomes a few lines and the moments that matter."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from stored_run import event

from evalkit.reports.page.events import digest_events, read_digest

SOUND = {"bytes": 320, "sha256": "f", "wav": "audio/c/output.wav", "offset": 0}


def one_turn() -> list[bytes]:
    return [
        event("session.update", 1.0, 0, session={"model": "m"}),
        *(event("input_audio_buffer.append", 10.0 + n, audio=SOUND) for n in range(3)),
        event("response.create", 20.0),
        event("rate_limits.updated", 21.0, rate_limits=[]),
        event("response.output_audio.delta", 120.0, response_id="r1", delta=SOUND),
        event("response.output_audio_transcript.delta", 121.0, response_id="r1", delta="Hel"),
        event("response.function_call_arguments.done", 130.0, call_id="c1", name="look_up", arguments='{"id": 7}'),
        event("response.done", 140.0, response={"status": "completed"}),
        event(
            "conversation.item.create", 150.0, item={"type": "function_call_output", "call_id": "c1", "output": "{}"}
        ),
        event("response.create", 151.0),
        event("response.output_audio.delta", 300.0, response_id="r2", delta=SOUND),
        event("response.output_audio.delta", 301.0, response_id="r2", delta=SOUND),
        event("response.done", 310.0, response={"status": "failed", "status_details": {"error": "e"}}),
    ]


def test_the_moments_of_a_turn() -> None:
    """First sound sent, first request, first sound of each response, calls and their answers, the last end."""
    turn = digest_events(one_turn(), 80).turns[1]
    assert (turn.sound_began_ms, turn.asked_ms, turn.done_ms) == (10.0, 20.0, 310.0)
    assert [(r.first_sound_ms, r.sound_bytes) for r in turn.responses.values()] == [(120.0, 320), (300.0, 640)]
    (call,) = turn.calls.values()
    assert (call.name, call.called_ms, call.answered_ms) == ("look_up", 130.0, 150.0)


def test_a_stream_of_pieces_is_one_line() -> None:
    """Sound and deltas in a row are counted, housekeeping is left out, words are those worth reading."""
    digest = digest_events(one_turn(), 80)
    lines = [(line.event_type, line.count) for line in digest.lines]
    assert digest.total == 13 + 2
    assert ("input_audio_buffer.append", 3) in lines
    assert ("response deltas", 2) in lines
    assert "rate_limits.updated" not in [name for name, _ in lines]
    words = {line.event_type: line.words for line in digest.lines}
    assert words["response.function_call_arguments.done"] == 'look_up({"id": 7})'
    assert words["response.done"] == 'failed {"error":"e"}'


def test_a_turn_with_gemini_live() -> None:
    """The same moments, from messages that are named by what they hold; sound is one line, all else stands there."""
    part = {"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": SOUND}}
    answer = {"serverContent": {"modelTurn": {"parts": [part, part]}}}
    messages: list[tuple[str, float, Any]] = [
        ("setup", 1.0, {"setup": {"model": "models/m"}}),
        *(("realtimeInput", 10.0 + n, {"realtimeInput": {"audio": {"data": SOUND}}}) for n in range(3)),
        ("realtimeInput", 20.0, {"realtimeInput": {"activityEnd": {}}}),
        ("serverContent", 120.0, answer),
        ("toolCall", 130.0, {"toolCall": {"functionCalls": [{"id": "c1", "name": "look_up", "args": {"id": 7}}]}}),
        ("toolResponse", 150.0, {"toolResponse": {"functionResponses": [{"id": "c1", "response": {"output": 1}}]}}),
        ("serverContent", 300.0, answer),
        ("serverContent", 301.0, answer),
        ("serverContent", 302.0, {"serverContent": {"interrupted": True}}),
        ("serverContent", 310.0, {"serverContent": {"turnComplete": True}}),
    ]
    log = [
        json.dumps({"type": kind, "source": "assistant", "direction": "sent", "turn_index": 1, "event_index": 1,
                    "event_time_ms": at_ms, "event": message}, separators=(",", ":")).encode() + b"\n"
        for kind, at_ms, message in messages
    ]  # fmt: skip
    digest = digest_events(log, 80)
    turn = digest.turns[1]
    assert (turn.sound_began_ms, turn.asked_ms, turn.done_ms) == (10.0, 20.0, 310.0)
    assert [(r.first_sound_ms, r.sound_bytes) for r in turn.responses.values()] == [(120.0, 640), (300.0, 1280)]
    (call,) = turn.calls.values()
    assert (call.name, call.called_ms, call.answered_ms) == ("look_up", 130.0, 150.0)
    assert [(line.event_type, line.count) for line in digest.lines] == [
        ("setup", 1), ("realtimeInput.audio", 3), ("realtimeInput.activityEnd", 1), ("serverContent.modelTurn", 1),
        ("toolCall", 1), ("toolResponse", 1), ("serverContent.modelTurn", 2), ("serverContent.interrupted", 1),
        ("serverContent.turnComplete", 1),
    ]  # fmt: skip


def test_the_sound_of_a_telephone_line_is_one_line_each_way() -> None:
    """A frame every 20 ms would be all that is shown."""
    frames = [event("media", 20.0 * number, media={"payload": SOUND}) for number in range(50)]
    digest = digest_events([event("start", 0.0), *frames, event("stop", 1000.0)], 80)
    assert [(line.event_type, line.count) for line in digest.lines] == [("start", 1), ("media", 50), ("stop", 1)]
    assert digest.total == 52


def test_the_callers_session_moves_no_moment() -> None:
    """A simulated caller has a session of its own in the same log; only the assistant's counts."""
    lines = [event("response.create", 5.0, source="simulator"), event("response.create", 9.0)]
    assert digest_events(lines, 80).turns[1].asked_ms == 9.0


def test_a_long_log_keeps_its_errors_and_both_ends() -> None:
    """Whatever is left out, an error is not."""
    lines = [event("response.created", float(n)) for n in range(500)]
    lines[250] = event("error", 250.0, error={"message": "boom"})
    kept = digest_events(lines, 20).lines
    assert len(kept) <= 20
    assert kept[0].at_ms == 0.0
    assert kept[-1].at_ms == 499.0
    assert [line.words for line in kept if line.event_type == "error"] == ['{"error":{"message":"boom"}}']


def test_only_errors_is_still_bounded() -> None:
    """A log of nothing but errors does not make a page of any length."""
    assert len(digest_events([event("error", float(n)) for n in range(500)], 20).lines) == 20


def test_what_is_no_event_is_passed_over() -> None:
    """A torn last line, as a run that is still going has it, and lines of another kind."""
    digest = digest_events([b'{"type": "x"}\n', b"[1]\n", event("error", 1.0), b'{"type":"err'], 20)
    assert digest.total == 1


def test_another_spelling_of_json_reads_the_same() -> None:
    """Spaces and another order of keys: slower to read, and no other result."""
    spaced = [json.dumps(dict(sorted(json.loads(line).items()))).encode() + b"\n" for line in one_turn()]
    assert digest_events(spaced, 80) == digest_events(one_turn(), 80)


def test_sound_that_was_kept_inline_counts_too() -> None:
    """With trace.audio=full a piece is base64."""
    piece = base64.b64encode(bytes(300)).decode()
    turn = digest_events([event("response.output_audio.delta", 1.0, response_id="r", delta=piece)], 9).turns[1]
    assert turn.responses["r"].sound_bytes == 300


def test_no_log_is_an_empty_digest(tmp_path: Path) -> None:
    """A case lost before it connected has none."""
    assert read_digest(tmp_path / "none.jsonl", 9).total == 0
