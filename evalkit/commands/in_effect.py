"""The settings in effect as a record stores them: what decides a result beside the case, by content."""

from __future__ import annotations

from dataclasses import asdict
from hashlib import sha256
from typing import Any

from evalkit.commands.prepare import Prepared
from evalkit.commands.replayed import recorded_identity
from evalkit.commands.simulations import call_settings
from evalkit.records.case import Case
from evalkit.records.json import Json, JsonObject, content_sha256
from evalkit.settings.types import Provider, RunSettings


def settings_in_effect(prepared: Prepared) -> JsonObject:
    """Return what decides a case's result beside the case itself, by content: no path, no port, no key."""
    settings = prepared.settings
    assistant, speech = settings.assistant, settings.speech
    return {
        "mode": settings.mode.name,
        "answer_tools": settings.mode.answer_tools,
        "tool_mocks": _mocks(prepared) if settings.mode.answer_tools else None,
        "assistant": {
            **_place(assistant.provider),
            "model": assistant.model,
            "voice": assistant.voice,
            "system_prompt_sha256": sha256(prepared.system_prompt.encode()).hexdigest(),
            "tools_sha256": content_sha256(prepared.tools),
        },
        "speech": {
            **_place(speech.provider),
            "model": speech.model,
            "voice": speech.voice,
            "speed": speech.speed,
        },
        "service": _service(settings),
        "channel": settings.channel,
        "audio": asdict(settings.audio),
        "chunk_ms": settings.chunk_ms,
        "real_time": settings.real_time,
    }


def settings_of_call(prepared: Prepared, case: Case) -> JsonObject:
    """Return what decides a call's result beside the case itself, by content: no path, no port, no key."""
    settings = prepared.settings
    chosen = call_settings(settings, prepared.open_keys, case)
    prompt = settings.simulator.prompt
    inputs: Any = case.inputs
    return {
        "mode": settings.mode.name,
        "tool_mocks": _mocks(prepared),
        "assistant": {
            **_place(settings.assistant.provider),
            "model": chosen.assistant_model,
            "voice": chosen.assistant_voice,
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
        },
        "speech": {
            **_place(settings.speech.provider),
            "model": settings.speech.model,
            "voice": chosen.caller_voice or settings.speech.voice,
            "speed": settings.speech.speed,
        },
        "service": _service(settings),
        "channel": settings.channel,
        "audio": {"input_format": chosen.input_format, "output_format": chosen.output_format},
        "chunk_ms": chosen.chunk_ms,
        "real_time": chosen.real_time,
        "max_turns": chosen.max_turns,
        "max_tool_rounds": settings.limits.max_tool_rounds,
    }


def _turn_judge(settings: RunSettings) -> Json:
    """Return who judges the caller's turns, None: nobody does."""
    judge = settings.judge
    return {**_place(judge.provider), "model": judge.model} if settings.simulator.judge_turns else None


def _place(provider: Provider) -> dict[str, Json]:
    if provider.run is not None:
        return {"provider": provider.name, "base_url": None, "run": recorded_identity(provider.run)}
    return {"provider": provider.name, "base_url": provider.base_url}


def _service(settings: RunSettings) -> JsonObject | None:
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
    }


def _mocks(prepared: Prepared) -> JsonObject:
    """Return what lies over or in place of a case's own mocks, by content."""
    chosen = prepared.settings.tool_mocks
    contents = {entry["path"]: entry["sha256"] for entry in prepared.datasets}
    return {
        "mocks_sha256": contents.get(str(chosen.mocks_file)),
        "fail_first_calls": chosen.fail_first_calls,
        "error_message": chosen.error_message,
        "delay_ms": chosen.delay_ms,
    }
