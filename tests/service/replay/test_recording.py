"""Traces become steps: what the client said, and what the server said after each."""

from __future__ import annotations

import base64
from hashlib import sha256

import pytest

from evalkit.service.replay.unusable import UnusableRun


def test_a_conversation_in_steps(store, said: bytes, answer: bytes) -> None:
    """Audio is one step by its bytes, what mocks noted is none, and elided sound is back in its events."""
    recording = store().conversation("c1", "assistant")
    assert [event["type"] for event in recording.greeting] == ["session.created"]
    assert [step.event["type"] for step in recording.steps] == [
        "session.update",
        "input_audio_buffer.commit",
        "response.create",
    ]
    assert recording.steps[1].audio_sha256 == sha256(said).hexdigest()
    answers = [[event["type"] for event in step.answers] for step in recording.steps]
    assert answers[0] == ["session.updated"]
    assert answers[1] == ["input_audio_buffer.committed"]
    assert answers[2][0], answers[2][-1] == ("response.created", "response.done")
    deltas = [event["delta"] for event in recording.steps[2].answers if "delta" in event]
    assert b"".join(map(base64.b64decode, deltas)) == answer


@pytest.mark.parametrize(
    ("key", "source", "words"),
    [
        ("c2", "assistant", "has no case 'c2'"),
        ("c1", "simulator", "no simulator session for case 'c1': it ended with rate_limited"),
        ("../c1", "assistant", "has no case"),
    ],
)
def test_what_was_not_recorded_is_named(store, key: str, source: str, words: str) -> None:
    """Case, source, and why there is nothing where that is known; a name is never a path."""
    run = store(failure={"error_type": "rate_limited"})
    with pytest.raises(UnusableRun, match=words):
        run.conversation(key, source)


def test_a_broken_trace_is_named(store) -> None:
    """A torn line is no conversation."""
    run = store()
    (run.root / "events" / "c1.jsonl").write_bytes(b'{"type": ')
    with pytest.raises(UnusableRun, match="events of case 'c1' cannot be read"):
        run.conversation("c1", "assistant")
