"""From audio to text, and the transcription events on the way."""

from __future__ import annotations


def test_recognition_starts_at_commit(new_bench):
    """Recognition begins as soon as audio is committed, before anybody asks for a response."""
    bench = new_bench(holds_work=True)
    bench.configure(audio={"input": {"turn_detection": None}})
    bench.say()
    assert [type(work).__name__ for work in bench.work] == ["Recognise"]


def test_transcription_events(bench):
    """Where transcription was asked for, deltas and a completed event with usage follow the commit."""
    bench.words = "one two three four five"
    bench.configure(audio={"input": {"transcription": {"model": "whisper-1"}}})
    events = bench.say()
    prefix = "conversation.item.input_audio_transcription."
    assert "".join(event["delta"] for event in events.of(prefix + "delta")) == bench.words
    completed = events.only(prefix + "completed")
    assert completed["transcript"] == bench.words
    assert completed["usage"] == {"type": "duration", "seconds": 0.3}
    item = bench.send("conversation.item.retrieve", item_id=completed["item_id"]).only("conversation.item.retrieved")
    assert item["item"]["content"][0]["transcript"] == bench.words


def test_transcription_may_land_late(new_bench):
    """A response is opened at once and waits for the recogniser; the transcript lands in between."""
    bench = new_bench(holds_work=True)
    bench.configure(audio={"input": {"turn_detection": None, "transcription": {"model": "gpt-4o-transcribe"}}})
    bench.say()
    assert bench.send("response.create").types == ["response.created", "rate_limits.updated"]
    assert len(bench.work) == 1
    events = bench.do(bench.work.pop())
    assert events.types[-1] == "conversation.item.input_audio_transcription.completed"
    assert events[-1]["usage"]["type"] == "tokens"
    assert type(bench.work[0]).__name__ == "Think"
