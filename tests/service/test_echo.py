"""The model for load tests."""

from __future__ import annotations

import base64

from evalkit.audio.formats import AudioFormat
from evalkit.service import echo


def test_echo_answers_with_a_tone(new_bench):
    """local-echo asks for no work at all, and a transcription of what it does not hear fails visibly."""
    bench = new_bench(is_echo=True, holds_work=True)
    bench.configure(audio={"input": {"turn_detection": None, "transcription": {"model": "whisper-1"}}})
    assert bench.say().types[-1] == "conversation.item.input_audio_transcription.failed"
    bench.send("response.create")
    assert bench.work == []
    bench.holds_work = False
    events = bench.settle(bench.session.receive(b"\0"))
    sound = b"".join(base64.b64decode(event["delta"]) for event in events.of("response.output_audio.delta"))
    assert len(sound) == 2000 * 48
    assert len(set(sound)) > 100


def _append(bench, ms):
    return bench.send("input_audio_buffer.append", audio=base64.b64encode(bytes(ms * 48)).decode())


def _deltas(events):
    return [base64.b64decode(event["delta"]) for event in events.of("response.output_audio.delta")]


def test_an_echo_that_follows_answers_every_append(new_bench):
    """Asked to follow the appends, each one is answered by as much tone, and the commit ends the response."""
    bench = new_bench(is_echo=True, holds_work=True)
    bench.send("response.create", response={"metadata": {"echo": "appends"}})
    assert _deltas(bench.draw(5)) == []
    pieces = []
    for _ in range(120):
        _append(bench, 20)
        pieces += _deltas(bench.draw(2))
    assert [len(piece) for piece in pieces] == [960] * 120
    assert b"".join(pieces[:100]) == echo.tone(AudioFormat.PCM16)
    assert pieces[100:] == pieces[:20]
    assert "response.done" not in bench.draw(3).types
    bench.send("input_audio_buffer.commit")
    ended = bench.draw(4)
    assert ended.types[-1] == "response.done"
    assert ended[-1]["response"]["status"] == "completed"
    assert ended[-1]["response"]["usage"]["output_token_details"]["audio_tokens"] == 48
    assert not bench.session.streaming


def test_an_echo_that_follows_has_the_formats_of_the_session(new_bench):
    """The tone is as long as what was appended, whatever the two formats, and a long append loses nothing of it."""
    bench = new_bench(is_echo=True, holds_work=True)
    bench.configure(audio={"output": {"format": {"type": "audio/pcmu"}}})
    bench.send("response.create", response={"metadata": {"echo": "appends"}})
    _append(bench, 5000)
    assert sum(map(len, _deltas(bench.draw(6)))) == 5000 * 8
    bench.send("input_audio_buffer.clear")
    assert bench.draw(4).types[-1] == "response.done"
