"""A response as a stream of events."""

from __future__ import annotations

import base64

import pytest

from evalkit.service.brain.conversation import Call, Reply, UserTurn

TOOL = {"type": "function", "name": "find", "description": "Finds.", "parameters": {"type": "object"}}


def test_spoken_turn(bench):
    """A response to audio is a message whose audio and transcript come in pieces and end in response.done."""
    bench.say()
    events = bench.send("response.create")
    kinds = events.types
    assert kinds[:2] == ["response.created", "rate_limits.updated"]
    assert kinds[2:5] == ["response.output_item.added", "conversation.item.added", "response.content_part.added"]
    assert kinds[-6:] == [
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]
    audio = b"".join(base64.b64decode(event["delta"]) for event in events.of("response.output_audio.delta"))
    assert len(audio) == 350 * 48
    words = "".join(event["delta"] for event in events.of("response.output_audio_transcript.delta"))
    assert words == "Good day to you." == events.only("response.output_audio_transcript.done")["transcript"]
    response = events[-1]["response"]
    assert response["status"] == "completed"
    assert response["output"][0]["content"] == [{"type": "output_audio", "transcript": "Good day to you."}]
    assert bench.seen[0].items == (UserTurn("hello there"),)


def test_words_are_interleaved_with_audio(bench):
    """Transcript deltas come between audio deltas, not all before or after."""
    bench.say()
    kinds = [kind for kind in bench.send("response.create").types if kind.endswith(".delta")]
    assert kinds[0].endswith("transcript.delta")
    assert kinds.index("response.output_audio.delta") < len(kinds) - 1 - kinds[::-1].index(kinds[0])


def test_several_calls_after_a_preamble(new_bench):
    """One response may speak and then call several tools, each with its own item and call id."""
    calls = (Call("find", {"order": "007"}), Call("tell", {"who": "Zoë", "when": ["now", 3]}))
    bench = new_bench(reply=lambda _: Reply("One moment.", calls))
    bench.configure(tools=[TOOL, {**TOOL, "name": "tell"}])
    bench.say()
    events = bench.send("response.create")
    output = events[-1]["response"]["output"]
    assert [item["type"] for item in output] == ["message", "function_call", "function_call"]
    assert [item["arguments"] for item in output[1:]] == ['{"order":"007"}', '{"who":"Zoë","when":["now",3]}']
    assert len({item["call_id"] for item in output[1:]}) == 2
    for item in output[1:]:
        pieces = [
            event["delta"]
            for event in events.of("response.function_call_arguments.delta")
            if event["call_id"] == item["call_id"]
        ]
        assert len(pieces) > 1
        assert "".join(pieces) == item["arguments"]


def test_calls_alone(new_bench):
    """A reply without words is calls only: no empty message before them."""
    bench = new_bench(reply=lambda _: Reply("", (Call("find", {}),)))
    events = bench.send("response.create")
    assert [item["type"] for item in events[-1]["response"]["output"]] == ["function_call"]


def test_silent_model(new_bench):
    """A silent model gives a completed response with no audio and an empty transcript."""
    bench = new_bench(reply=lambda _: Reply("", spoken=""))
    events = bench.send("response.create")
    assert not events.of("response.output_audio.delta")
    assert events.only("response.output_audio_transcript.done")["transcript"] == ""
    assert events[-1]["response"]["status"] == "completed"
    assert events[-1]["response"]["usage"]["output_tokens"] == 0


def test_text_only(bench):
    """A text response has text parts and asks for no synthesis."""
    bench.configure(output_modalities=["text"])
    events = bench.send("response.create")
    assert "".join(event["delta"] for event in events.of("response.output_text.delta")) == "Good day to you."
    assert not [kind for kind in events.types if "audio" in kind]
    assert events[-1]["response"]["output"][0]["content"] == [{"type": "output_text", "text": "Good day to you."}]


@pytest.mark.parametrize(("wire_type", "bytes_per_ms"), [("audio/pcm", 48), ("audio/pcmu", 8), ("audio/pcma", 8)])
def test_formats(bench, wire_type, bytes_per_ms):
    """Input and output may be PCM16 or G.711, and the byte counts are those of the format."""
    audio = {"input": {"format": {"type": wire_type}}, "output": {"format": {"type": wire_type}}}
    updated = bench.configure(audio=audio)[0]["session"]
    assert updated["audio"]["output"]["format"]["type"] == wire_type
    assert bench.say(100, bytes_per_ms).types[0] == "input_audio_buffer.committed"
    events = bench.send("response.create")
    sound = b"".join(base64.b64decode(event["delta"]) for event in events.of("response.output_audio.delta"))
    assert len(sound) == 350 * bytes_per_ms


def test_max_output_tokens(bench):
    """A response stops within its token limit and is incomplete."""
    bench.speech_ms = 2000
    events = bench.send("response.create", response={"max_output_tokens": 12})
    response = events[-1]["response"]
    assert response["status"] == "incomplete"
    assert response["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
    assert 0 < response["usage"]["output_tokens"] <= 12
    assert events.only("response.output_item.done")["item"]["status"] == "incomplete"


def test_usage_grows_with_the_conversation(bench):
    """Input tokens count everything shown; 300 ms of a user's audio are 3 tokens, 350 ms of speech are 7."""
    bench.say()
    first = bench.send("response.create")[-1]["response"]["usage"]
    assert first["input_token_details"]["audio_tokens"] == 3
    assert first["output_token_details"] == {"text_tokens": 4, "audio_tokens": 7}
    assert first["total_tokens"] == first["input_tokens"] + first["output_tokens"]
    second = bench.send("response.create")[-1]["response"]["usage"]
    assert second["input_tokens"] == first["input_tokens"] + first["output_tokens"]
