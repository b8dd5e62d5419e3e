"""What is said to Gemini Live, message by message."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from evalkit.audio.formats import AudioFormat
from evalkit.realtime.events import ClientEvents, DetectionSpec, SessionSpec
from evalkit.realtime.gemini_live.requests import GeminiRequests

EVENTS = ClientEvents()
SPEC = SessionSpec("help", input_format=AudioFormat.PCM16_16KHZ, model="models/some")
VAD = DetectionSpec("server_vad", prefix_padding_ms=20, silence_duration_ms=400)


def _set_up(detection: DetectionSpec | None = None) -> GeminiRequests:
    requests = GeminiRequests()
    spec = SessionSpec("help", model="models/some", turn_detection=detection)
    (message,) = requests.of(EVENTS.session_update(spec))
    wanted = {"disabled": True} if detection is None else {"prefixPaddingMs": 20, "silenceDurationMs": 400}
    assert message["setup"]["realtimeInputConfig"] == {"automaticActivityDetection": wanted}
    assert message["setup"]["model"] == "models/some"
    assert "tools" not in message["setup"]
    assert message["setup"]["generationConfig"] == {"responseModalities": ["AUDIO"]}
    return requests


def test_an_utterance_begins_once_and_ends_where_it_is_to_be_answered() -> None:
    """The commit says nothing; asking does."""
    requests = _set_up()
    assert requests.before_sound() == [{"realtimeInput": {"activityStart": {}}}]
    assert requests.before_sound() == []
    assert requests.of(EVENTS.commit_audio()) == []
    assert requests.of(EVENTS.create_response()) == [{"realtimeInput": {"activityEnd": {}}}]
    assert requests.before_sound() == [{"realtimeInput": {"activityStart": {}}}]


def test_where_the_server_takes_the_turns_nothing_is_said_of_them() -> None:
    """Sound goes out, and nothing else."""
    requests = _set_up(VAD)
    assert requests.before_sound() == []
    sound = {"mimeType": "audio/pcm;rate=16000", "data": "AQA="}
    assert requests.sound(b"\x01\x00") == {"realtimeInput": {"audio": sound}}
    assert requests.of(EVENTS.truncate_item("i", 0, 100)) == []
    assert requests.of(EVENTS.cancel_response()) == []


def test_whoever_is_to_speak_first_is_told_by_an_empty_turn() -> None:
    """Nothing was said, and an answer is wanted."""
    assert _set_up(VAD).of(EVENTS.create_response()) == [{"clientContent": {"turnComplete": True}}]


@given(st.lists(st.sampled_from("abcd"), max_size=4, unique=True), st.sets(st.sampled_from("abcd")))
def test_answers_are_sent_together_but_for_those_that_nobody_wants(asked: list[str], cancelled: set[str]) -> None:
    """In their order, under the names of the tools; what had been answered cannot be taken back."""
    requests = _set_up(VAD)
    for call_id in asked:
        requests.note_call(call_id, f"tool_{call_id}")
        requests.of(EVENTS.function_call_output(call_id, {"of": call_id}))
    assert set(requests.cancel(sorted(cancelled))) == cancelled
    wanted = [call_id for call_id in asked if call_id not in cancelled]
    messages = requests.of(EVENTS.create_response()) if asked else []
    sent = [each for message in messages for each in message["toolResponse"]["functionResponses"]]
    assert sent == [
        {"id": each, "name": f"tool_{each}", "response": {"output": {"of": each}}} for each in wanted
    ]  # fmt: skip
    assert requests.withheld == [call_id for call_id in asked if call_id in cancelled]
    assert requests.cancel(wanted) == []
