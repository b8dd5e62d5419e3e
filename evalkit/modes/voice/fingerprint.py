"""The settings that decide a record, as the record stores them: by content, so no path, no port and no key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from typing import Any

from evalkit.modes.voice.call_settings import settings_of, written_settings_of
from evalkit.modes.voice.settings import (
    RealtimeSettings,
    SimulationSettings,
    SpeechSettings,
    VoiceSettings,
    WrittenCrawlSettings,
    WrittenSimulationSettings,
)  # fmt: skip
from evalkit.peers.replayed import recorded_identity
from evalkit.records.case import Case
from evalkit.records.json import Json, JsonObject, content_sha256
from evalkit.settings.types import ProviderSettings, ServiceSettings

Datasets = Sequence[Mapping[str, Any]]


def settings_of_turn(
    settings: VoiceSettings, system_prompt: str, tools: Sequence[JsonObject], datasets: Datasets
) -> JsonObject:
    """Return the settings that decide the record of a case of one turn."""
    speech: SpeechSettings | None = getattr(settings, "speech", None)
    own = {"speech": _speaker(speech, speech.voice)} if speech else {}
    return {
        "mode": settings.mode.name,
        "answer_tools": settings.mode.answer_tools,
        "tool_mocks": _mocks(settings, datasets) if settings.mode.answer_tools or settings.tool_host.enabled else None,
        "assistant": {
            **_place(settings.assistant.provider),
            "model": settings.assistant.model,
            "voice": settings.assistant.voice,
            **_recogniser(settings),
            "system_prompt_sha256": sha256(system_prompt.encode()).hexdigest(),
            "tools_sha256": content_sha256(tools),
        },
        **own,
        "service": _engines(settings),
        "channel": settings.channel,
        "audio": asdict(settings.audio),
        "chunk_ms": settings.chunk_ms,
        "real_time": settings.real_time,
        **_detection(settings),
    }


def settings_of_call(settings: SimulationSettings, case: Case, datasets: Datasets) -> JsonObject:
    """Return the settings that decide the record of a simulated call."""
    chosen = settings_of(settings, case)
    prompt = settings.simulator.prompt
    inputs: Any = case.inputs
    return {
        "mode": settings.mode.name,
        "tool_mocks": _mocks(settings, datasets),
        "assistant": {
            **_place(settings.assistant.provider),
            "model": chosen.assistant_model,
            "voice": chosen.assistant_voice,
            **_recogniser(settings),
            "system_prompt_sha256": sha256(inputs["system_prompt"].encode()).hexdigest(),
            "tools_sha256": content_sha256(inputs["tools"]),
        },
        "simulator": {
            **_place(settings.simulator.provider),
            "kind": settings.simulator.kind,
            "model": chosen.simulator_model,
            "voice": chosen.caller_voice,
            "prompt_sha256": sha256(prompt.encode()).hexdigest() if prompt else None,
            "style": settings.simulator.style,
            "max_regenerations": settings.simulator.max_regenerations,
            "turn_judge": _turn_judge(settings),
            **({"behaviour": list(chosen.behaviour)} if chosen.behaviour else {}),
        },
        "speech": _speaker(settings.speech, chosen.caller_voice or settings.speech.voice),
        "service": _engines(settings),
        "channel": settings.channel,
        "audio": {"input_format": chosen.input_format, "output_format": chosen.output_format},
        "chunk_ms": chosen.chunk_ms,
        "real_time": chosen.real_time,
        "max_turns": chosen.max_turns,
        "max_tool_rounds": settings.limits.max_tool_rounds,
        **_detection(settings),
    }


def _recogniser(settings: VoiceSettings) -> JsonObject:
    """Return who is asked what was heard; nothing where that is left to the provider, as it was before."""
    asked = settings.assistant.transcription_model
    return {} if asked is None else {"transcription_model": asked}


def _detection(settings: VoiceSettings) -> JsonObject:
    """Return how the other side takes the turns; nothing where the client does, as it was before there was a choice.

    Of an application behind a telephone line, and of a server of Gemini Live, it is also said where that is.
    """
    target = settings.target
    turns = {"turn_detection": asdict(settings.turn_detection)} if settings.turn_detection.is_duplex else {}
    if settings.calls_gemini:
        return {"target": {"kind": target.kind, "url": target.url}, **turns}
    if settings.calls_application:
        served = {"tool_host": True} if settings.tool_host.enabled else {}
        called = {key: value for key, value in asdict(target).items() if key != "api_key_env"}
        return {"target": {**called, "parameters": dict(target.parameters)}, **served}
    return turns


def settings_of_written_turn(
    settings: WrittenCrawlSettings, system_prompt: str, tools: Sequence[JsonObject], datasets: Datasets
) -> JsonObject:
    """Return the settings that decide the record of a case of one turn in writing."""
    return {
        "mode": settings.mode.name,
        "input": settings.input,
        "answer_tools": settings.mode.answer_tools,
        "tool_mocks": _mocks(settings, datasets) if settings.mode.answer_tools else None,
        "assistant": {
            **_place(settings.assistant.provider),
            "model": settings.assistant.model,
            "system_prompt_sha256": sha256(system_prompt.encode()).hexdigest(),
            "tools_sha256": content_sha256(tools),
        },
        "service": _brain(settings),
    }


def settings_of_written_call(settings: WrittenSimulationSettings, case: Case, datasets: Datasets) -> JsonObject:
    """Return the settings that decide the record of a simulated conversation in writing."""
    chosen = written_settings_of(settings, case)
    prompt = settings.simulator.prompt
    inputs: Any = case.inputs
    return {
        "mode": settings.mode.name,
        "input": settings.input,
        "tool_mocks": _mocks(settings, datasets),
        "assistant": {
            **_place(settings.assistant.provider),
            "model": chosen.assistant_model,
            "system_prompt_sha256": sha256(inputs["system_prompt"].encode()).hexdigest(),
            "tools_sha256": content_sha256(inputs["tools"]),
        },
        "simulator": {
            **_place(settings.simulator.provider),
            "kind": settings.simulator.kind,
            "model": chosen.simulator_model,
            "prompt_sha256": sha256(prompt.encode()).hexdigest() if prompt else None,
            "style": settings.simulator.style,
            "max_regenerations": settings.simulator.max_regenerations,
            "turn_judge": _turn_judge(settings),
        },
        "service": _brain(settings),
        "max_turns": chosen.max_turns,
        "max_tool_rounds": settings.limits.max_tool_rounds,
    }


def _brain(settings: RealtimeSettings) -> JsonObject | None:
    """Return what makes the embedded provider's answers, and its faults; None where no role is embedded."""
    service = settings.service
    if not settings.uses_embedded_provider:
        return None
    return {"brain": service.brain, "faults": service.faults, **_chat_endpoint(service)}


def _chat_endpoint(service: ServiceSettings) -> JsonObject:
    """Return where a chat brain is, and its options; nothing where none is asked. Which model stands with the role."""
    if service.brain == "rules":
        return {}
    options = {name: value for name, value in (service.brain_options or {}).items() if value is not None}
    in_words = {} if service.brain_tools == "native" else {"brain_tools": service.brain_tools}
    return {"brain_url": service.brain_url, **({"brain_options": options} if options else {}), **in_words}


def _speaker(speech: SpeechSettings, voice: str) -> JsonObject:
    return {**_place(speech.provider), "model": speech.model, "voice": voice, "speed": speech.speed}


def _engines(settings: VoiceSettings) -> JsonObject | None:
    """Return the embedded provider's engines and faults, None where no role is embedded.

    The names are those of the first records, so that what was run before a key was renamed keeps its key.
    """
    service = settings.service
    if not settings.uses_embedded_provider:
        return None
    return {
        "voice": service.speech,
        "ears": service.transcription,
        "base_url": service.base_url,
        "api_key_env": service.api_key_env,
        "voice_model": service.speech_model,
        "ears_model": service.transcription_model,
        "faults": service.faults,
        **({} if service.brain == "rules" else {"brain": service.brain}),
        **_chat_endpoint(service),
    }


def _turn_judge(settings: SimulationSettings | WrittenSimulationSettings) -> Json:
    """Return the provider and model that judge the caller's turns; None where turns are not judged."""
    judge = settings.judge
    return {**_place(judge.provider), "model": judge.model} if settings.simulator.judge_turns else None


def _place(provider: ProviderSettings) -> dict[str, Json]:
    if provider.run is not None:
        return {"provider": provider.name, "base_url": None, "run": recorded_identity(provider.run)}
    return {"provider": provider.name, "base_url": provider.base_url}


def _mocks(settings: RealtimeSettings, datasets: Datasets) -> JsonObject:
    """Return the mocks and overlay of the config, by content: they change or replace a case's own mocks."""
    chosen = settings.tool_mocks
    contents = {entry["path"]: entry["sha256"] for entry in datasets}
    return {
        "mocks_sha256": contents.get(str(chosen.mocks_file)),
        "fail_first_calls": chosen.fail_first_calls,
        "error_message": chosen.error_message,
        "delay_ms": chosen.delay_ms,
    }
