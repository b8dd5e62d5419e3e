"""What a Realtime session, and one response of it, are configured to do.

:class:`SessionConfig` is the wire object of ``session.created`` and ``session.updated`` with typed views on it; an
update makes a new one. A new session detects turns (``server_vad``), as the protocol has it. With ``turn_detection:
null`` audio appended is kept, and nothing happens until the client commits it and asks for a response.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from evalkit.audio.formats import AudioFormat
from evalkit.service.bad_request import BadRequest, invalid_value
from evalkit.service.client_events import Wire, read_item, read_response, read_session
from evalkit.service.turns.detection import SERVER_VAD, TurnDetection, completed

DEFAULT_VOICE = "marin"
MIN_SPEED, MAX_SPEED = 0.25, 1.5
# The formats of the protocol: it has PCM16 at 24 kHz only.
_BY_WIRE_TYPE = {each.wire_type: each for each in (AudioFormat.PCM16, AudioFormat.G711_ULAW, AudioFormat.G711_ALAW)}


@dataclass(frozen=True)
class VoiceLimits:
    """What the engine behind a session can speak with."""

    names: tuple[str, ...]
    min_speed: float
    max_speed: float


@dataclass(frozen=True)
class ResponseConfig:
    """What one response is made with: the session's values, with those of ``response.create`` laid over them.

    Attributes:
        items: The wire items to answer instead of the conversation, or None for the conversation.
        tool_choice: ``auto``, ``none``, ``required`` or a tool's name.
        max_output_tokens: None for no limit.

    """

    instructions: str
    tools: tuple[Mapping[str, Any], ...]
    tool_choice: str
    with_audio: bool
    output_format: AudioFormat
    voice: str
    speed: float
    max_output_tokens: int | None
    metadata: Mapping[str, str] | None
    in_conversation: bool
    items: tuple[Wire, ...] | None


@dataclass(frozen=True)
class SessionConfig:
    """A session's configuration in its wire form."""

    wire: Wire
    limits: VoiceLimits

    @cached_property
    def input_format(self) -> AudioFormat:
        """The format of appended audio."""
        return _BY_WIRE_TYPE[self.wire["audio"]["input"]["format"]["type"]]

    @property
    def voice(self) -> str:
        """The voice of responses."""
        return str(self.wire["audio"]["output"]["voice"])

    @property
    def transcription_model(self) -> str | None:
        """The model that input transcription was asked of; None when it is off."""
        transcription = self.wire["audio"]["input"]["transcription"]
        return None if transcription is None else str(transcription.get("model", "whisper-1"))

    @property
    def turn_detection(self) -> TurnDetection | None:
        """How turns are detected; None when they are the client's."""
        wire = self.wire["audio"]["input"]["turn_detection"]
        return None if wire is None else TurnDetection.from_wire(wire)

    def updated(self, patch: Wire, *, has_spoken: bool) -> SessionConfig:
        """Return the session after ``session.update``; raises :class:`BadRequest` and changes nothing.

        Args:
            patch: The event's `session`.
            has_spoken: The assistant has produced audio, so its voice is settled.

        """
        patch = read_session(patch)
        if patch.get("model", self.wire["model"]) != self.wire["model"]:
            message = f"The model of a session cannot be changed; it is '{self.wire['model']}'."
            raise BadRequest(message, code="cannot_update_model", param="session.model")
        audio = patch.get("audio", {})
        output = audio.get("output", {})
        self._check_output(output, "session.audio.output")
        if has_spoken and output.get("voice", self.voice) != self.voice:
            message = "Cannot update a conversation's voice if assistant audio is present."
            raise BadRequest(message, code="cannot_update_voice", param="session.audio.output.voice")
        wire = {**self.wire, **{key: value for key, value in patch.items() if key != "audio"}}
        wire["tools"] = [complete_tool(tool) for tool in wire["tools"]]
        wire["audio"] = {side: {**self.wire["audio"][side], **audio.get(side, {})} for side in ("input", "output")}
        for side in wire["audio"].values():
            side["format"] = format_wire(_BY_WIRE_TYPE[side["format"]["type"]])
        if (detection := wire["audio"]["input"]["turn_detection"]) is not None:
            wire["audio"]["input"]["turn_detection"] = completed(detection)
        return SessionConfig(wire, self.limits)

    def for_response(self, params: Wire) -> ResponseConfig:
        """Return what a response asked for with `params` is made with; raises :class:`BadRequest`."""
        params = read_response(params)
        given = [
            read_item(item, f"response.input[{index}]", references=True)
            for index, item in enumerate(params.get("input", ()))
        ]
        output = params.get("audio", {}).get("output", {})
        self._check_output(output, "response.audio.output")
        merged = {**self.wire, **params}
        session_output = self.wire["audio"]["output"]
        choice = merged["tool_choice"]
        limit = merged["max_output_tokens"]
        return ResponseConfig(
            instructions=merged["instructions"],
            tools=tuple(complete_tool(tool) for tool in merged["tools"]),
            tool_choice=choice if isinstance(choice, str) else choice["name"],
            with_audio=merged["output_modalities"] == ["audio"],
            output_format=_BY_WIRE_TYPE[{**session_output, **output}["format"]["type"]],
            voice=output.get("voice", self.voice),
            speed=float(session_output["speed"]),
            max_output_tokens=None if limit == "inf" else int(limit),
            metadata=params.get("metadata"),
            in_conversation=params.get("conversation", "auto") == "auto",
            items=None if "input" not in params else tuple(given),
        )

    def _check_output(self, output: Wire, path: str) -> None:
        voice = output.get("voice")
        if voice is not None and voice not in self.limits.names:
            raise invalid_value(f"{path}.voice", voice, self.limits.names)
        low, high = max(MIN_SPEED, self.limits.min_speed), min(MAX_SPEED, self.limits.max_speed)
        if "speed" in output and not low <= output["speed"] <= high:
            message = f"Invalid '{path}.speed': {output['speed']} is not between {low:g} and {high:g}."
            raise BadRequest(message, code="invalid_value", param=f"{path}.speed")


def default_session(*, session_id: str, model: str, expires_at_s: int, limits: VoiceLimits) -> SessionConfig:
    """Return a session as it is before any update."""
    pcm = format_wire(AudioFormat.PCM16)
    voice = DEFAULT_VOICE if DEFAULT_VOICE in limits.names else limits.names[0]
    wire = {
        "type": "realtime",
        "object": "realtime.session",
        "id": session_id,
        "model": model,
        "expires_at": expires_at_s,
        "output_modalities": ["audio"],
        "instructions": "",
        "tools": [],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "max_output_tokens": "inf",
        "prompt": None,
        "tracing": None,
        "truncation": "auto",
        "include": None,
        "audio": {
            "input": {
                "format": pcm,
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": completed({"type": SERVER_VAD}),
            },
            "output": {"format": pcm, "voice": voice, "speed": 1.0},
        },
    }
    return SessionConfig(wire, limits)


def format_wire(audio_format: AudioFormat) -> Wire:
    """Return the wire object of an audio format."""
    rate = {"rate": audio_format.sample_rate_hz} if audio_format is AudioFormat.PCM16 else {}
    return {"type": audio_format.wire_type, **rate}


def complete_tool(tool: Mapping[str, Any]) -> Wire:
    """Return a tool with the fields that may be left out, as models expect it."""
    return {"description": "", "parameters": {"type": "object", "properties": {}}, **tool}
