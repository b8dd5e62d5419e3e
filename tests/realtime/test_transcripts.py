"""Transcripts of what we said find their utterance, early or late."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from evalkit.realtime.events import ServerEvent
from evalkit.realtime.transcripts import InputTranscripts

_COMPLETED = "conversation.item.input_audio_transcription.completed"
_FAILED = "conversation.item.input_audio_transcription.failed"


def _event(event_type: str, **fields: Any) -> ServerEvent:
    return ServerEvent(event_type, {"type": event_type, **fields})


@given(st.permutations(["t1", "t2", "t3", "c"]))
def test_transcripts_are_matched_by_item(order: list[str]) -> None:
    """In whatever order transcripts and commits arrive, each utterance gets its own."""
    transcripts = InputTranscripts()
    for step in order:
        if step == "c":
            for n in (1, 2, 3):
                transcripts.feed(_event("input_audio_buffer.committed", item_id=f"i{n}"))
        else:
            transcripts.feed(_event(_COMPLETED, item_id=f"i{step[1]}", transcript=f"said {step[1]}"))
    assert [transcripts.of(n) for n in (1, 2, 3, 4)] == ["said 1", "said 2", "said 3", None]
    assert [transcripts.is_settled(n) for n in (1, 2, 3, 4)] == [True, True, True, False]


def test_a_failed_transcription_settles_as_none() -> None:
    """A transcript that will never come is not waited for; a repeated commit is one utterance."""
    transcripts = InputTranscripts()
    for _ in range(2):
        assert not transcripts.feed(_event("input_audio_buffer.committed", item_id="i1"))
    assert not transcripts.is_settled(1)
    assert transcripts.feed(_event(_FAILED, item_id="i1", error={"code": "x"}))
    assert (transcripts.is_settled(1), transcripts.of(1), transcripts.is_settled(2)) == (True, None, False)


def test_everything_else_is_none_of_its_business() -> None:
    """Events without an item id, or of another kind, settle nothing."""
    transcripts = InputTranscripts()
    for event in (_event("input_audio_buffer.committed"), _event("response.done"), _event("x", item_id="i1")):
        assert not transcripts.feed(event)
    assert transcripts.of(1) is None


def test_a_server_that_takes_the_turns_is_known_by_when_it_told_of_an_utterance() -> None:
    """It cuts as it thinks fit; what was told of in a time belongs together, however late its words come."""
    transcripts = InputTranscripts()
    transcripts.feed(_event("input_audio_buffer.committed", item_id="i1"), 100)
    transcripts.feed(_event("input_audio_buffer.committed", item_id="i2"), 200)
    transcripts.feed(_event(_COMPLETED, item_id="i2", transcript="Maria"), 250)
    assert not transcripts.are_settled
    transcripts.feed(_event(_COMPLETED, item_id="i1", transcript="This is"), 900)
    transcripts.feed(_event(_COMPLETED, item_id="i3", transcript=""), 500)
    assert transcripts.are_settled
    assert transcripts.between(100, 300) == "This is Maria"
    assert transcripts.between(0, 100) is None
    assert transcripts.between(300, 1000) == ""
    transcripts.feed(_event(_FAILED, item_id="i4"), 2000)
    assert transcripts.between(1500, 3000) is None
