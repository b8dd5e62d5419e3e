"""What crawl, walk and run share as modes: formats and rates, pacing, mocks, and what a forecast calculates with."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from evalkit.audio.formats import AudioFormat
from evalkit.datasets.files import clip, read_json
from evalkit.metrics.forecast import Range
from evalkit.mocks.definitions import Mock, parse_mocks
from evalkit.mocks.overlay import OverlaySpec
from evalkit.modes.mode import COMMON_IDLE_KEYS, Mode, ModeData, NamedVoice
from evalkit.modes.voice.gemini_target import is_gemini, settle_gemini
from evalkit.modes.voice.realtime_roles import find_realtime_problems
from evalkit.modes.voice.settings import SpeechSettings, ToolMockSettings, VoiceSettings
from evalkit.modes.voice.target import (
    find_target_problems,
    find_token_problems,
    find_tool_host_problems,
    is_telephone,
    settle_target,
    unmeasured_over_a_line,
)
from evalkit.modes.voice.turn_detection import find_detection_problems
from evalkit.records.json import JsonObject
from evalkit.service.offered import can_speak

if TYPE_CHECKING:
    from evalkit.clock import Clock
    from evalkit.tool_host.host import ToolHost

DEFAULT_CHUNK_MS = 20
# The embedded model for load tests: it answers with a tone, whatever it is told.
_HEARS_NOTHING = "local-echo"
# With tools that answer, a turn has on average no more than one round of calls.
WITH_TOOL_ROUND = Range(1.0, 2.0)

Settings = TypeVar("Settings", bound=VoiceSettings)
Data = TypeVar("Data", bound=ModeData)


class VoiceMode(Mode[Settings, Data]):
    """A mode whose assistant is a realtime model that hears and speaks.

    `paced_by_default` says whether sound is sent at the speed of speech where the config does not say and the
    assistant is not on this machine.
    """

    paced_by_default: ClassVar[bool] = False
    idle_keys: ClassVar[tuple[str, ...]] = (*COMMON_IDLE_KEYS, "chunk_ms", "real_time", "channel", "trace")

    def find_contradictions(self, config: Mapping[str, Any]) -> list[str]:
        """Return a message for every sample rate that its format does not have, what contradicts turns, and roles."""
        audio, problems = config["audio"], []
        for rate_key, format_key in (("sample_rate_hz", "input_format"), ("output_sample_rate_hz", "output_format")):
            native = _native_rate_hz(audio[format_key])
            if audio[rate_key] not in (None, native):
                problems.append(
                    f"audio.{rate_key}: {audio[rate_key]} does not fit audio.{format_key}="
                    f"{audio[format_key] or 'pcm16'}, which the protocol carries at {native} Hz only; "
                    f"leave the rate null"
                )
        return [
            *problems,
            *find_target_problems(config),
            *find_tool_host_problems(config),
            *find_detection_problems(config),
            *find_realtime_problems(config),
        ]

    def settle(self, resolved: dict[str, Any]) -> None:
        """Fill in formats, rates, chunk size and pacing; in full duplex sound goes at the speed of speech."""
        audio = resolved["audio"]
        audio["input_format"] = audio["input_format"] or "pcm16"
        audio["output_format"] = audio["output_format"] or "pcm16"
        audio["sample_rate_hz"] = _native_rate_hz(audio["input_format"])
        audio["output_sample_rate_hz"] = _native_rate_hz(audio["output_format"])
        resolved["chunk_ms"] = resolved["chunk_ms"] or DEFAULT_CHUNK_MS
        if is_telephone(resolved):
            settle_target(resolved)
        if is_gemini(resolved):
            settle_gemini(resolved)
        if resolved["turn_detection"]["type"] != "none":
            resolved["real_time"] = True
        if resolved["real_time"] is None:
            is_remote = is_gemini(resolved) or resolved["assistant"]["provider"]["name"] not in ("local", "replay")
            resolved["real_time"] = self.paced_by_default and is_remote

    def find_key_problems(self, settings: Settings, environ: Mapping[str, str]) -> list[str]:
        """Return a message where what an application's requests are signed with is missing, or Gemini's key."""
        return find_token_problems(settings, environ)

    def needs(self, settings: Settings) -> frozenset[str]:
        """Return all roles that the mode has, without the judge, and without those that are not called."""
        return super().needs(settings) - settings.roles_not_called

    def engines(self, settings: Settings) -> frozenset[str]:
        """Return both engines where the assistant is embedded and talks, else speech where that role is.

        What an application says over a telephone line is heard by the transcription.
        """
        role = settings.roles.get("speech")
        speaks = frozenset({"speech"}) if role and role.provider.name == "local" else frozenset()
        if settings.calls_application:
            return speaks | ({"transcription"} if settings.provider.name == "local" else frozenset())
        if settings.calls_gemini:
            return speaks
        if settings.assistant.provider.name == "local" and settings.assistant.model != _HEARS_NOTHING:
            return frozenset({"speech", "transcription"})
        return speaks

    def voices(self, settings: Settings, data: Data) -> Iterator[NamedVoice]:  # noqa: ARG002
        """Yield the assistant's, where one is named, and the speech role's, where the mode has that."""
        if settings.assistant.voice is not None and settings.calls_provider:
            yield NamedVoice("assistant.voice", settings.assistant.provider, settings.assistant.voice)
        speech: SpeechSettings | None = getattr(settings, "speech", None)
        if speech is not None:
            yield NamedVoice("speech.voice", speech.provider, speech.voice)

    def unmeasured_latencies(self, settings: Settings, data: Data) -> Mapping[str, str]:
        """Return the wait from voice to voice where nothing is sent in real time, and what a telephone line lacks."""
        if settings.calls_application:
            return unmeasured_over_a_line()
        if self.is_paced(settings, data):
            return {}
        return {"latency_voice_to_voice_ms": "is measured only where sound is sent in real time (real_time=true)"}

    def is_paced(self, settings: Settings, data: Data) -> bool:  # noqa: ARG002
        """Return whether sound is sent at the speed of speech in any case."""
        return settings.real_time

    def describe(self, settings: Settings, data: Data) -> str:
        """Return the line of a job: cases, model under test and provider, how sound is sent, who takes the turns."""
        provider, detection, target = settings.assistant.provider, settings.turn_detection, settings.target
        if settings.calls_application:
            return (
                f"{self.name}, {len(data.cases)} cases x {settings.trials} trials, {settings.assistant.model} at "
                f"{target.url} ({target.dialect}, {target.speaks_first} speaks first), telephone line in real time"
            )
        place = f"{provider.name} ({provider.base_url or 'embedded'})"
        line = (
            f"{self.name}, {len(data.cases)} cases x {settings.trials} trials, assistant {settings.assistant.model} "
            f"at {f'Gemini Live ({target.url})' if settings.calls_gemini else place}, chunk {settings.chunk_ms} ms, "
            f"{'real time' if settings.real_time else 'as fast as possible'}"
        )
        return f"{line}, full duplex ({detection.type})" if detection.is_duplex else line


def find_unspeakable(speech: SpeechSettings, texts: Iterable[tuple[str, str]]) -> list[str]:
    """Return a message for each of `texts`, given with where it stands, that the embedded voice has no sound for."""
    if speech.provider.name != "local":
        return []
    return [
        f"{where}: {clip(text)} cannot be spoken by the embedded provider, whose voice is English; expected at least "
        "one letter of the Latin alphabet or a digit, or another provider of speech: provider@speech.provider=NAME"
        for where, text in texts
        if not can_speak(text)
    ]


def load_mocks(path: Path | None) -> tuple[Mock, ...]:
    """Return the mocks in a file; none without one. Raises DataError."""
    return () if path is None else parse_mocks(read_json(path), str(path))


def overlay_spec(chosen: ToolMockSettings) -> OverlaySpec:
    """Return what the config lays over every mock."""
    return OverlaySpec(chosen.fail_first_calls, chosen.error_message, chosen.delay_ms)


def bytes_shown(prompt: str, tools: Sequence[JsonObject]) -> int:
    """Return how much text an assistant is shown before the first turn, in bytes of UTF-8."""
    return len(prompt.encode()) + sum(len(json.dumps(tool).encode()) for tool in tools)


def serving_tools(settings: VoiceSettings, clock: Clock) -> AbstractAsyncContextManager[ToolHost | None]:
    """Return what serves an application its tools; nothing where it is served none."""
    if not settings.tool_host.enabled:
        return nullcontext()
    from evalkit.tool_host.host import ToolHost

    return ToolHost(settings.tool_host, clock=clock)


def _native_rate_hz(audio_format: str | None) -> int:
    return AudioFormat(audio_format or AudioFormat.PCM16).sample_rate_hz
