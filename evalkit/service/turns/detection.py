"""How a session detects turns: the protocol's ``session.audio.input.turn_detection`` as a typed value.

`server_vad` ends a turn after `silence_duration_ms` without a voice. `semantic_vad` asks, after 200 ms, whether what
was said is a whole utterance; if not, it waits for more, for as long as its eagerness allows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SERVER_VAD, SEMANTIC_VAD = "server_vad", "semantic_vad"
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    SERVER_VAD: {
        "type": SERVER_VAD,
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 500,
        "idle_timeout_ms": None,
        "create_response": True,
        "interrupt_response": True,
    },
    SEMANTIC_VAD: {
        "type": SEMANTIC_VAD,
        "eagerness": "auto",
        "create_response": True,
        "interrupt_response": True,
    },
}
MAX_WAIT_MS: Mapping[str, int] = {"low": 8000, "medium": 4000, "auto": 4000, "high": 2000}
_SEMANTIC_PAUSE_MS = 200


@dataclass(frozen=True)
class TurnDetection:
    """How turns are detected.

    Attributes:
        threshold: The probability (0 to 1) from which on a frame counts as speech.
        prefix_padding_ms: How much audio before its detected start belongs to an utterance.
        pause_ms: The silence after which an utterance may be over.
        max_wait_ms: The silence after which it is over whatever was said; None: it is over after `pause_ms`.
        create_response: Answer when a turn ends.
        interrupt_response: Cancel the answer under way when a turn begins.
        idle_timeout_ms: The silence after an answer upon which the model speaks again; None: for ever.

    """

    threshold: float
    prefix_padding_ms: int
    pause_ms: int
    max_wait_ms: int | None
    create_response: bool
    interrupt_response: bool
    idle_timeout_ms: int | None

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> TurnDetection:
        """Return what the wire object `wire`, checked and complete, stands for."""
        is_semantic = wire["type"] == SEMANTIC_VAD
        server = DEFAULTS[SERVER_VAD] if is_semantic else wire
        return cls(
            threshold=float(server["threshold"]),
            prefix_padding_ms=server["prefix_padding_ms"],
            pause_ms=_SEMANTIC_PAUSE_MS if is_semantic else server["silence_duration_ms"],
            max_wait_ms=MAX_WAIT_MS[wire["eagerness"]] if is_semantic else None,
            create_response=wire["create_response"],
            interrupt_response=wire["interrupt_response"],
            idle_timeout_ms=server["idle_timeout_ms"],
        )


def completed(wire: Mapping[str, Any]) -> dict[str, Any]:
    """Return the wire object `wire` (checked) with everything that may be left out."""
    return {**DEFAULTS[wire["type"]], **wire}
