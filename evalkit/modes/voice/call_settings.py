"""The settings of one simulated call: the run config's, and where that says null the simulation file's.

The run config is the only source of truth: what it names holds for every call, so that a sweep always takes effect, and
:attr:`CallSettings.overruled` tells what a file had wished for instead. Two wishes are never granted: a model's name
where the embedded provider serves the role (it knows only its own), and a realtime model's name where the caller is a
text model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evalkit.modes.voice.settings import SimulationSettings
from evalkit.records.case import Case
from evalkit.records.json import Json

# What a simulation file may wish for, as it names it and as the run config does.
_WISHES = {
    "assistant.model": "assistant.model",
    "assistant.voice": "assistant.voice",
    "simulator.model": "simulator.model",
    "simulator.voice": "simulator.voice",
    "audio.input_format": "audio.input_format",
    "audio.output_format": "audio.output_format",
    "audio.chunk_ms": "chunk_ms",
    "audio.real_time": "real_time",
}


@dataclass(frozen=True)
class CallSettings:
    """What holds in one call.

    Attributes:
        caller_voice: Of all the caller says; None only where the caller is a realtime model of another provider than
            the speech role, and nobody named a voice: it then speaks with its provider's default.
        max_turns: By run config, index and file, in that order.
        overruled: What the file wished for in vain, ``key=value (in effect: value)`` each.

    """

    assistant_model: str
    assistant_voice: str | None
    simulator_model: str
    caller_voice: str | None
    input_format: str
    output_format: str
    chunk_ms: int
    real_time: bool
    max_turns: int
    overruled: tuple[str, ...] = ()


def find_open_keys(config: Mapping[str, Any]) -> frozenset[str]:
    """Return the keys of a composed (not yet resolved) `config` that are null, so that a file's wish counts."""
    return frozenset(key for key in _WISHES.values() if _lookup(config, key) is None)


def settings_of(settings: SimulationSettings, case: Case) -> CallSettings:
    """Return the settings of one case's call; `case` may come from a stored record."""
    inputs: Any = case.inputs
    granted = settings.open_keys - _never_granted(settings)
    wishes = {
        key: value for name, key in _WISHES.items() if (value := _lookup(inputs["own_settings"], name)) is not None
    }
    in_effect: dict[str, Any] = {key: _configured(settings, key) for key in _WISHES.values()}
    in_effect |= {key: value for key, value in wishes.items() if key in granted}
    same_provider = settings.simulator.provider == settings.speech.provider
    speaks_itself = settings.simulator.kind == "realtime" and not same_provider
    return CallSettings(
        assistant_model=str(in_effect["assistant.model"]),
        assistant_voice=in_effect["assistant.voice"],
        simulator_model=str(in_effect["simulator.model"]),
        caller_voice=in_effect["simulator.voice"] or (None if speaks_itself else settings.speech.voice),
        input_format=in_effect["audio.input_format"],
        output_format=in_effect["audio.output_format"],
        chunk_ms=in_effect["chunk_ms"],
        real_time=in_effect["real_time"],
        max_turns=settings.max_turns or inputs["max_turns"],
        overruled=tuple(
            f"{key}={value} (in effect: {in_effect[key]})" for key, value in wishes.items() if in_effect[key] != value
        ),
    )


def _never_granted(settings: SimulationSettings) -> frozenset[str]:
    closed = set()
    if settings.assistant.provider.name == "local":
        closed.add("assistant.model")
    if settings.simulator.provider.name == "local" or settings.simulator.kind == "text":
        closed.add("simulator.model")
    return frozenset(closed)


def _configured(settings: SimulationSettings, key: str) -> Any:
    value: Any = settings
    for part in key.split("."):
        value = getattr(value, part)
    return value


def _lookup(node: Any, key: str) -> Json:
    for part in key.split("."):
        node = node.get(part) if isinstance(node, Mapping) else None
    found: Json = node
    return found
