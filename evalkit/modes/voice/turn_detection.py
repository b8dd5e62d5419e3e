"""Who takes the turns: what a config may say of it together with the rest, and how a session is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from evalkit.modes.voice.gemini_target import is_gemini
from evalkit.modes.voice.target import is_telephone

if TYPE_CHECKING:
    from evalkit.modes.voice.settings import TurnDetectionSettings
    from evalkit.realtime.events import DetectionSpec

# Key of `turn_detection` -> the type that has it.
_DETECTION_KEYS = {
    "threshold": "server_vad",
    "prefix_padding_ms": "server_vad",
    "silence_duration_ms": "server_vad",
    "idle_timeout_ms": "server_vad",
    "eagerness": "semantic_vad",
}


def find_detection_problems(config: Mapping[str, Any]) -> list[str]:
    """Return what contradicts the way in which turns are taken."""
    detection = config["turn_detection"]
    kind = detection["type"]
    problems = [
        f"turn_detection.{key}: {detection[key]!r}, which turn_detection.type={kind} does not have; expected null, "
        f"or turn_detection={owner}"
        for key, owner in _DETECTION_KEYS.items()
        if detection[key] is not None and owner != kind
    ]
    if is_telephone(config):
        return problems
    if kind == "none":
        return [*problems, *_find_idle_gates(config["gate"]["turn_taking"])]
    if config["real_time"] is False:
        problems.append(
            f"real_time: false, but with turn_detection={kind} a call is held at the speed of speech; "
            "leave real_time null, or take turn_detection=none"
        )
    provider = config["assistant"]["provider"] or config["provider"]
    if provider["name"] == "replay" and not is_gemini(config):
        problems.append(
            f"turn_detection.type: {kind}, but provider=replay answers only when it is asked to; "
            "take turn_detection=none, or another provider for the assistant"
        )
    return problems


def _find_idle_gates(gates: Mapping[str, float | None]) -> list[str]:
    """Return a message for each gate on what is measured in full duplex only."""
    return [
        f"gate.turn_taking.{key}: {allowed:g}, but with turn_detection=none nobody can interrupt anybody, and "
        "turn-taking is not measured; take turn_detection=server_vad, or leave the gate null"
        for key, allowed in gates.items()
        if allowed is not None
    ]


def detection_spec(chosen: TurnDetectionSettings) -> DetectionSpec | None:
    """Return the turn detection that a session asks its server for; None: the client takes the turns."""
    if not chosen.is_duplex:
        return None
    from evalkit.realtime.events import DetectionSpec

    return DetectionSpec(
        chosen.type,
        chosen.threshold,
        chosen.prefix_padding_ms,
        chosen.silence_duration_ms,
        chosen.idle_timeout_ms,
        chosen.eagerness,
    )
