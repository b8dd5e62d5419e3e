"""A server that takes turns by itself is told from one that leaves them to us, and only the former is refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from evalkit.realtime.events import ServerEvent
from evalkit.realtime.turn_taking import TurnTaking


def _event(kind: str, **fields: Any) -> ServerEvent:
    return ServerEvent(kind, {"type": kind, **fields})


def _response(kind: str, response_id: str) -> ServerEvent:
    return _event(kind, response={"id": response_id, "status": "completed"})


def _breaches(events: Sequence[ServerEvent | str]) -> list[str]:
    """Feed events, and what we do between them (``commit``, ``ask``); return what was found."""
    watched, found = TurnTaking(), []
    for event in events:
        if event == "commit":
            watched.note_commit()
        elif event == "ask":
            watched.note_request()
        elif isinstance(event, ServerEvent):
            found += [breach] if (breach := watched.find_breach(event)) else []
    return found


_VAD = {"type": "server_vad", "threshold": 0.5}


@pytest.mark.parametrize(
    ("session", "named"),
    [
        ({"audio": {"input": {"turn_detection": _VAD}}}, "server_vad"),
        ({"audio": {"input": {"turn_detection": {"type": "semantic_vad"}}}}, "semantic_vad"),
        ({"turn_detection": _VAD}, "server_vad"),
        ({"audio": None, "turn_detection": _VAD}, "server_vad"),
    ],
)
def test_a_session_that_still_names_a_detection(session: Any, named: str) -> None:
    """Both paths count, and the message says what was found, what was expected and what to do."""
    (breach,) = _breaches([_event("session.updated", session=session)])
    assert f"its session.updated says '{named}'" in breach
    assert "expected turn_detection null" in breach
    assert "switch the server's own voice activity detection off" in breach
    assert "full duplex: turn_detection=server_vad" in breach


@pytest.mark.parametrize(
    "session",
    [
        None,
        {},
        {"audio": {"input": {"turn_detection": None}}, "turn_detection": None},
        {"audio": {"input": {"format": {"type": "audio/pcm"}}}},
        {"turn_detection": {"type": "none"}},
        {"turn_detection": {}},
    ],
)
def test_a_session_without_a_detection(session: Any) -> None:
    """Null, absent and ``none`` all mean that turns are ours, and so does a greeting that lists defaults."""
    assert _breaches([_event("session.updated", session=session)]) == []
    assert _breaches([_event("session.created", session={"turn_detection": _VAD})]) == []


@pytest.mark.parametrize(
    "events",
    [
        [_event("input_audio_buffer.speech_started", item_id="i1")],
        ["commit", "ask", _event("input_audio_buffer.speech_stopped", item_id="i1")],
        [_event("input_audio_buffer.timeout_triggered")],
        [_event("input_audio_buffer.committed", item_id="i1")],
        [_event("input_audio_buffer.committed")],
        ["commit", *(_event("input_audio_buffer.committed", item_id=item) for item in ("i1", "i2"))],
        [_response("response.created", "r1")],
        [_event("response.created", response={})],
        ["ask", _response("response.created", "r1"), _response("response.created", "r2")],
        ["ask", _response("response.done", "r1"), _response("response.created", "r2")],
        ["ask", _response("response.created", "r1"), _response("response.done", "r2")],
        ["ask", _event("error", error={"code": "conversation_already_has_active_response", "message": "busy"})],
    ],
)
def test_what_only_a_detection_does(events: Sequence[Any]) -> None:
    """Speech found, an utterance ended or a response begun without us: one of them is enough."""
    assert len(_breaches(events)) == 1


def test_a_call_of_several_turns_and_all_its_noise() -> None:
    """What answers us is never a breach: repeated events, late ones, responses without ids, other errors."""
    turn_1 = [
        "commit", _event("input_audio_buffer.committed", item_id="i1"),
        _event("input_audio_buffer.committed", item_id="i1"),
        "ask", _response("response.created", "r1"), _response("response.created", "r1"),
        _response("response.done", "r1"), _response("response.done", "r1"),
    ]  # fmt: skip
    turn_2 = [
        "commit", "ask", _response("response.done", "r1"), _event("input_audio_buffer.committed", item_id="i2"),
        _response("response.created", "r2"), _event("error", error={"code": "bad", "message": "no"}),
        _event("response.output_audio.delta", response_id="stray", delta=""), _response("response.done", "r2"),
        "ask", _event("response.done", response={"status": "completed"}),
    ]  # fmt: skip
    assert _breaches([*turn_1, *turn_2]) == []
