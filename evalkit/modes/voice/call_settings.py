"""The settings of one simulated call: the run config's, and where that is null the simulation file's.

A value in the run config holds for every call, so that a sweep always takes effect; :attr:`CallSettings.overruled`
lists the file's values that were not used. Some values of a file are never used: a model's name where the embedded
provider serves the role (it knows only its own), a realtime model's name where the caller is a text model, and model
and voice of the assistant where something else than a model at a provider is called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalkit.modes.voice.settings import SimulationSettings, WrittenSimulationSettings
from evalkit.records.case import Case
from evalkit.records.json import Json
from evalkit.simulator.behaviour import needs_duplex

# What a simulation file may set: its name there -> its key in the run config.
_FILE_KEYS = {
    "assistant.model": "assistant.model",
    "assistant.voice": "assistant.voice",
    "simulator.model": "simulator.model",
    "simulator.voice": "simulator.voice",
    "simulator.behaviour": "simulator.behaviour",
    "audio.input_format": "audio.input_format",
    "audio.output_format": "audio.output_format",
    "audio.chunk_ms": "chunk_ms",
    "audio.real_time": "real_time",
}
_WRITTEN_FILE_KEYS = {key: _FILE_KEYS[key] for key in ("assistant.model", "simulator.model")}


@dataclass(frozen=True)
class CallSettings:
    """The settings that one call uses.

    Attributes:
        caller_voice: The caller's voice; None only where the caller is a realtime model of another provider than
            the speech role, and no voice was named: it then speaks with its provider's default.
        max_turns: By run config, index and file, in that order.
        behaviour: What the caller does beside his turns, as a document, without what needs full duplex where there is
            none.
        overruled: The file's values that were not used, each as ``key=value (in effect: value)``.

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
    behaviour: Sequence[Mapping[str, Any]] = ()
    overruled: tuple[str, ...] = ()


@dataclass(frozen=True)
class WrittenCallSettings:
    """The settings that one conversation in writing uses; see :class:`CallSettings`."""

    assistant_model: str
    simulator_model: str
    max_turns: int
    overruled: tuple[str, ...] = ()


def find_open_keys(config: Mapping[str, Any]) -> frozenset[str]:
    """Return the keys of a composed (not yet resolved) `config` that are null: a file's values are used for them."""
    return frozenset(key for key in _FILE_KEYS.values() if _lookup(config, key) is None)


def settings_of(settings: SimulationSettings, case: Case) -> CallSettings:
    """Return the settings of one case's call; `case` may come from a stored record."""
    inputs: Any = case.inputs
    used, overruled = _used_values(settings, case, _FILE_KEYS)
    same_provider = settings.simulator.provider == settings.speech.provider
    is_duplex = settings.turn_detection.is_duplex
    speaks_itself = settings.simulator.kind == "realtime" and not same_provider
    return CallSettings(
        assistant_model=str(used["assistant.model"]),
        assistant_voice=None if settings.calls_application else used["assistant.voice"],
        simulator_model=str(used["simulator.model"]),
        caller_voice=used["simulator.voice"] or (None if speaks_itself else settings.speech.voice),
        input_format=used["audio.input_format"],
        output_format=used["audio.output_format"],
        chunk_ms=used["chunk_ms"],
        real_time=used["real_time"] or is_duplex,
        max_turns=settings.max_turns or inputs["max_turns"],
        behaviour=tuple(rule for rule in used["simulator.behaviour"] or () if is_duplex or not needs_duplex(rule)),
        overruled=overruled,
    )


def _brief(value: Json) -> Json:
    """Return a value as a message shows it: of a list, what its items do."""
    return [item["act"] for item in value] if isinstance(value, list | tuple) else value


def written_settings_of(settings: WrittenSimulationSettings, case: Case) -> WrittenCallSettings:
    """Return the settings of one case's conversation in writing; `case` may come from a stored record."""
    used, overruled = _used_values(settings, case, _WRITTEN_FILE_KEYS)
    inputs: Any = case.inputs
    return WrittenCallSettings(
        assistant_model=str(used["assistant.model"]),
        simulator_model=str(used["simulator.model"]),
        max_turns=settings.max_turns or inputs["max_turns"],
        overruled=overruled,
    )


def _used_values(
    settings: SimulationSettings | WrittenSimulationSettings, case: Case, keys: Mapping[str, str]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the value in effect of each of `keys` (name in a file -> key of the config), and what was overruled."""
    inputs: Any = case.inputs
    open_to_file = settings.open_keys - _never_used(settings)
    file_values = {
        key: value for name, key in keys.items() if (value := _lookup(inputs["own_settings"], name)) is not None
    }
    used: dict[str, Any] = {key: _configured(settings, key) for key in keys.values()}
    used |= {key: value for key, value in file_values.items() if key in open_to_file}
    overruled = (
        f"{key}={_brief(value)} (in effect: {_brief(used[key])})"
        for key, value in file_values.items()
        if used[key] != value
    )
    return used, tuple(overruled)


def _never_used(settings: SimulationSettings | WrittenSimulationSettings) -> frozenset[str]:
    closed = set()
    calls_another = isinstance(settings, SimulationSettings) and not settings.calls_provider
    if calls_another or settings.assistant.provider.name == "local":
        closed.add("assistant.model")
    if calls_another:
        closed.add("assistant.voice")
    if settings.simulator.provider.name == "local" or settings.simulator.kind == "text":
        closed.add("simulator.model")
    return frozenset(closed)


def _configured(settings: SimulationSettings | WrittenSimulationSettings, key: str) -> Any:
    value: Any = settings
    for part in key.split("."):
        value = getattr(value, part)
    return value


def _lookup(node: Any, key: str) -> Json:
    for part in key.split("."):
        node = node.get(part) if isinstance(node, Mapping) else None
    found: Json = node
    return found
