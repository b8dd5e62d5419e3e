"""What a session can be configured to do, and what is refused."""

from __future__ import annotations

import pytest

from evalkit.audio.formats import AudioFormat
from evalkit.service.bad_request import BadRequest
from evalkit.service.session_config import SessionConfig, VoiceLimits, default_session
from evalkit.service.turns.detection import DEFAULTS, TurnDetection


@pytest.fixture
def config() -> SessionConfig:
    limits = VoiceLimits(("marin", "cedar"), 0.6, 1.6)
    return default_session(session_id="s", model="m", expires_at_s=1, limits=limits)


def updated(config: SessionConfig, **session) -> SessionConfig:
    return config.updated({"type": "realtime", **session}, has_spoken=False)


def test_the_protocols_default_is_reported(config):
    """A new session detects turns by the silence after them, and announces with which values."""
    assert config.wire["audio"]["input"]["turn_detection"] == {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 500,
        "idle_timeout_ms": None,
        "create_response": True,
        "interrupt_response": True,
    }


def test_manual_turns(config):
    """With turn_detection null turns are the client's."""
    new = updated(config, audio={"input": {"turn_detection": None}})
    assert new.wire["audio"]["input"]["turn_detection"] is None
    assert new.turn_detection is None


@pytest.mark.parametrize("kind", ["server_vad", "semantic_vad"])
def test_what_a_client_leaves_out_is_announced(config, kind):
    """A turn detection is announced with all its values, those that were left out or null too."""
    asked = {"type": kind, "create_response": False, "interrupt_response": None}
    new = updated(config, audio={"input": {"turn_detection": asked}})
    announced = new.wire["audio"]["input"]["turn_detection"]
    assert announced == {**DEFAULTS[kind], "create_response": False}
    assert new.turn_detection == TurnDetection.from_wire(announced)


@pytest.mark.parametrize(
    ("detection", "code", "field"),
    [
        ({"type": "clairvoyance"}, "invalid_value", "type"),
        ({}, "missing_required_parameter", "type"),
        ({"type": "server_vad", "threshold": 1.1}, "invalid_value", "threshold"),
        ({"type": "server_vad", "threshold": "high"}, "invalid_type", "threshold"),
        ({"type": "server_vad", "silence_duration_ms": -1}, "invalid_value", "silence_duration_ms"),
        ({"type": "server_vad", "prefix_padding_ms": 0.5}, "invalid_type", "prefix_padding_ms"),
        ({"type": "server_vad", "idle_timeout_ms": 10}, "invalid_value", "idle_timeout_ms"),
        ({"type": "server_vad", "eagerness": "low"}, "unknown_parameter", "eagerness"),
        ({"type": "server_vad", "create_response": 1}, "invalid_type", "create_response"),
        ({"type": "semantic_vad", "eagerness": "greedy"}, "invalid_value", "eagerness"),
        ({"type": "semantic_vad", "threshold": 0.5}, "unknown_parameter", "threshold"),
        ({"type": "semantic_vad", "idle_timeout_ms": 6000}, "unknown_parameter", "idle_timeout_ms"),
    ],
)
def test_a_wrong_turn_detection(config, detection, code, field):
    """What a kind of turn detection does not have, or cannot be, is refused with its path."""
    with pytest.raises(BadRequest) as refusal:
        updated(config, audio={"input": {"turn_detection": detection}})
    assert (refusal.value.code, refusal.value.param) == (code, f"session.audio.input.turn_detection.{field}")


def test_a_turn_detection_that_is_no_object(config):
    """A kind of turn detection is not given by its name alone."""
    with pytest.raises(BadRequest, match="expected an object or null") as refusal:
        updated(config, audio={"input": {"turn_detection": "server_vad"}})
    assert refusal.value.param == "session.audio.input.turn_detection"


def test_update_keeps_what_it_does_not_name(config):
    """An update changes what it names, at every level, and the old session stays as it was."""
    first = updated(config, instructions="a", audio={"input": {"format": {"type": "audio/pcmu"}}})
    second = updated(first, audio={"input": {"transcription": {"model": "whisper-1"}}, "output": {"speed": 1.5}})
    assert second.wire["instructions"] == "a"
    assert second.input_format is AudioFormat.G711_ULAW
    assert second.transcription_model == "whisper-1"
    assert first.transcription_model is None
    assert config.input_format is AudioFormat.PCM16


def test_the_rate_of_pcm_is_reported(config):
    """PCM without a rate is 24 kHz."""
    new = updated(config, audio={"output": {"format": {"type": "audio/pcm"}}})
    assert new.wire["audio"]["output"]["format"] == {"type": "audio/pcm", "rate": 24000}


@pytest.mark.parametrize(
    ("session", "code", "param"),
    [
        ({"type": "transcription"}, "invalid_value", "session.type"),
        ({"model": "other"}, "cannot_update_model", "session.model"),
        ({"temperature": 0.8}, "unknown_parameter", "session.temperature"),
        ({"instructions": 1}, "invalid_type", "session.instructions"),
        ({"output_modalities": ["text", "audio"]}, "invalid_value", "session.output_modalities"),
        ({"max_output_tokens": 0}, "invalid_value", "session.max_output_tokens"),
        ({"max_output_tokens": "many"}, "invalid_value", "session.max_output_tokens"),
        ({"tools": [{"type": "mcp"}]}, "invalid_value", "session.tools[0].type"),
        ({"tools": [{"type": "function"}]}, "missing_required_parameter", "session.tools[0].name"),
        ({"tool_choice": "sometimes"}, "invalid_value", "session.tool_choice"),
        ({"prompt": {"id": "x"}}, "invalid_type", "session.prompt"),
        ({"audio": {"input": {"format": {"type": "mp3"}}}}, "invalid_value", "session.audio.input.format.type"),
        (
            {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 8000}}}},
            "invalid_value",
            "session.audio.input.format.rate",
        ),
        (
            {"audio": {"input": {"format": {"type": "audio/pcmu", "rate": 24000}}}},
            "unknown_parameter",
            "session.audio.input.format.rate",
        ),
        ({"audio": {"output": {"voice": "bob"}}}, "invalid_value", "session.audio.output.voice"),
        ({"audio": {"output": {"speed": 0.5}}}, "invalid_value", "session.audio.output.speed"),
        ({"audio": {"output": {"speed": 1.55}}}, "invalid_value", "session.audio.output.speed"),
    ],
)
def test_refusals(config, session, code, param):
    """A wrong field is refused with its code and its path."""
    with pytest.raises(BadRequest) as refusal:
        updated(config, **session)
    assert (refusal.value.code, refusal.value.param) == (code, param)


def test_type_is_required(config):
    """A session update must say what kind of session it means."""
    with pytest.raises(BadRequest) as refusal:
        config.updated({}, has_spoken=False)
    assert refusal.value.param == "session.type"


def test_an_unknown_voice_names_the_known(config):
    """The refusal of a voice lists the voices there are."""
    with pytest.raises(BadRequest, match="'marin', 'cedar'"):
        updated(config, audio={"output": {"voice": "bob"}})


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"conversation": "mine"}, "response.conversation"),
        ({"input": [1]}, "response.input[0]"),
        ({"input": [{"type": "message", "role": "bot"}]}, "response.input[0].role"),
        (
            {"input": [{"type": "message", "role": "user", "content": [{"type": "input_image"}]}]},
            "response.input[0].content[0].type",
        ),
        ({"metadata": {"a": 1}}, "response.metadata.a"),
        ({"audio": {"output": {"voice": "bob"}}}, "response.audio.output.voice"),
    ],
)
def test_response_refusals(config, params, param):
    """Wrong parameters of a response are refused with their path."""
    with pytest.raises(BadRequest) as refusal:
        config.for_response(params)
    assert refusal.value.param == param
