"""What shows that a server took an utterance, and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from evalkit.realtime.events import ServerEvent
from evalkit.realtime.input_receipts import InputReceipts
from evalkit.records.record import Usage

_SPOKEN = {"type": "message", "role": "user", "content": [{"type": "input_audio", "transcript": None}]}


def _after(event_type: str, **fields: Any) -> InputReceipts:
    receipts = InputReceipts()
    receipts.note_commit()
    receipts.feed(ServerEvent(event_type, {"type": event_type, **fields}))
    return receipts


@pytest.mark.parametrize(
    ("event_type", "fields"),
    [
        ("input_audio_buffer.committed", {"item_id": "item_1"}),
        ("conversation.item.added", {"item": _SPOKEN}),
        ("conversation.item.created", {"item": _SPOKEN}),
        ("conversation.item.done", {"item": _SPOKEN}),
        ("conversation.item.input_audio_transcription.delta", {"delta": "Hel"}),
        ("conversation.item.input_audio_transcription.completed", {"transcript": "Hello."}),
        ("conversation.item.input_audio_transcription.failed", {}),
    ],
)
def test_a_sign_of_what_was_said(event_type: str, fields: dict[str, Any]) -> None:
    """Each is enough by itself."""
    assert not _after(event_type, **fields).is_missing(Usage())


@pytest.mark.parametrize(
    ("event_type", "fields"),
    [
        ("response.created", {"response": {"id": "resp_1"}}),
        ("input_audio_buffer.cleared", {}),
        ("conversation.item.added", {"item": {**_SPOKEN, "role": "assistant"}}),
        ("conversation.item.added", {"item": {"role": "user", "content": [{"type": "input_text", "text": "Hello"}]}}),
        ("conversation.item.added", {"item": {"role": "user", "content": None}}),
        ("conversation.item.added", {"item": "item_1"}),
        ("conversation.item.added", {}),
    ],
)
def test_no_sign_of_what_was_said(event_type: str, fields: dict[str, Any]) -> None:
    """Other things happen whether the server has heard or not."""
    assert _after(event_type, **fields).is_missing(Usage())


def test_what_was_counted_is_a_sign() -> None:
    """Audio among the input's tokens was taken; none, or an unknown number, says nothing."""
    receipts = InputReceipts()
    receipts.note_commit()
    assert not receipts.is_missing(Usage(input_audio_tokens=20))
    assert receipts.is_missing(Usage(input_tokens=300, input_audio_tokens=0))


def test_each_utterance_needs_its_own() -> None:
    """Before anything was said nothing is missing; the sign of one utterance is none of the next."""
    receipts = InputReceipts()
    assert not receipts.is_missing(Usage())
    receipts.note_commit()
    receipts.feed(ServerEvent("input_audio_buffer.committed", {}))
    assert not receipts.is_missing(Usage())
    receipts.note_commit()
    assert receipts.is_missing(Usage())
