"""The settings of crawl, walk and run: what every mode has, and the nodes that a phone call needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalkit.settings.types import CsvModeSettings, GateSettings, ProviderSettings, RunSettings, ToolHostSettings


@dataclass(frozen=True)
class VoiceModeSettings(CsvModeSettings):
    """Which voice mode, on which cases, and whether tool calls are answered."""

    answer_tools: bool


@dataclass(frozen=True)
class AssistantSettings:
    """The assistant under test. Prompt and tools are None where each simulation brings its own."""

    provider: ProviderSettings
    model: str | None
    system_prompt_file: Path | None
    tools_file: Path | None
    voice: str | None = None
    transcription_model: str | None = None


@dataclass(frozen=True)
class SimulatorSettings:
    """The simulated caller. `behaviour` stays a document: the simulator has its types; None: a simulation's own."""

    provider: ProviderSettings
    kind: str
    model: str | None
    prompt: str | None
    style: str | None
    max_regenerations: int
    judge_turns: bool
    voice: str | None = None
    behaviour: tuple[Mapping[str, Any], ...] | None = None


@dataclass(frozen=True)
class SpeechSettings:
    """The voice that speaks the cases."""

    provider: ProviderSettings
    model: str | None
    voice: str
    speed: float


@dataclass(frozen=True)
class ToolMockSettings:
    """What tools answer."""

    mocks_file: Path | None
    fail_first_calls: int
    error_message: str
    delay_ms: float


@dataclass(frozen=True)
class AudioSettings:
    """Formats on the wire; rates are resolved."""

    input_format: str
    output_format: str
    sample_rate_hz: int
    output_sample_rate_hz: int


@dataclass(frozen=True)
class TurnDetectionSettings:
    """Who takes the turns; None: as the server does by default."""

    type: str
    threshold: float | None
    prefix_padding_ms: int | None
    silence_duration_ms: int | None
    idle_timeout_ms: int | None
    eagerness: str | None

    @property
    def is_duplex(self) -> bool:
        """Whether the server takes them."""
        return self.type != "none"


@dataclass(frozen=True)
class TargetSettings:
    """What is called. `url` is for a server of Gemini Live, as `api_key_env` is, and for an application.

    All else but `kind` is for an application behind a telephone line.
    """

    kind: str
    url: str | None
    dialect: str | None
    speaks_first: str | None
    parameters: Mapping[str, str]
    auth_token_env: str | None
    api_key_env: str | None = None


_REALTIME = TargetSettings("realtime", None, None, None, {}, None)


@dataclass(frozen=True)
class ConformanceSettings:
    """The bounds of a recording that can be used."""

    min_duration_ms: float
    max_duration_ms: float
    min_speech_dbfs: float
    max_clipped_share: float
    max_leading_silence_ms: float
    max_trailing_silence_ms: float


@dataclass(frozen=True)
class VoiceFileSettings:
    """What ``evalkit voice`` makes."""

    output_csv: Path
    codec: str
    voices: tuple[str, ...]
    speeds: tuple[float, ...]
    overwrite: bool


@dataclass(frozen=True)
class TraceSettings:
    """How the event trace keeps audio."""

    audio: str


@dataclass(frozen=True)
class TurnTakingGateSettings:
    """Thresholds for the turn-taking of calls in full duplex; None: no gate."""

    max_response_latency_s: float | None
    min_response_rate: float | None
    max_yield_latency_s: float | None
    min_yield_rate: float | None
    min_backchannel_selectivity: float | None
    min_vocal_tic_selectivity: float | None
    min_side_speech_selectivity: float | None
    min_resume_rate: float | None
    max_agent_interruption_rate: float | None
    max_pause_takeover_rate: float | None
    max_talk_over_s: float | None
    min_pre_tool_speech_rate: float | None
    max_pre_tool_speech_rate: float | None
    max_tau_l_r_s: float | None
    min_tau_r_r: float | None
    max_tau_l_y_s: float | None
    min_tau_r_y: float | None
    max_tau_i_a: float | None
    min_tau_s_bc: float | None
    min_tau_s_vt: float | None
    min_tau_s_nd: float | None
    min_eva_turn_taking: float | None
    min_eva_pass_rate: float | None
    min_eva_pretoolspeech_rate: float | None
    max_eva_pretoolspeech_rate: float | None
    max_fdb_stop_latency_s: float | None
    max_fdb_response_latency_s: float | None


@dataclass(frozen=True, kw_only=True)
class DuplexGateSettings(GateSettings):
    """Thresholds for exit code 1 where calls may be held in full duplex."""

    turn_taking: TurnTakingGateSettings


@dataclass(frozen=True, kw_only=True)
class RealtimeSettings(RunSettings):
    """What all modes have whose assistant is a realtime model, whether it hears or reads."""

    mode: VoiceModeSettings
    assistant: AssistantSettings
    tool_mocks: ToolMockSettings


@dataclass(frozen=True, kw_only=True)
class VoiceSettings(RealtimeSettings):
    """What all of them have in which it hears. `channel` stays a document: the audio room has its types.

    `target` is a realtime model where nothing is said of it, as in runs that were stored before there was a choice.
    """

    channel: Mapping[str, Any]
    turn_detection: TurnDetectionSettings
    audio: AudioSettings
    trace: TraceSettings
    gate: DuplexGateSettings
    chunk_ms: int
    real_time: bool
    tool_host: ToolHostSettings
    target: TargetSettings = _REALTIME

    @property
    def calls_application(self) -> bool:
        """Whether an application behind a telephone line is called."""
        return self.target.kind == "media_stream"

    @property
    def calls_gemini(self) -> bool:
        """Whether a server of Gemini Live is called."""
        return self.target.kind == "gemini_live"

    @property
    def calls_provider(self) -> bool:
        """Whether a realtime model at a provider is called."""
        return not (self.calls_application or self.calls_gemini)

    @property
    def roles_not_called(self) -> frozenset[str]:
        """The assistant's, where something else is called in its place."""
        return frozenset() if self.calls_provider else frozenset({"assistant"})


@dataclass(frozen=True, kw_only=True)
class CrawlSettings(VoiceSettings):
    """Texts that are spoken; `voice` is what ``evalkit voice`` makes of them."""

    input: str
    speech: SpeechSettings
    voice: VoiceFileSettings


@dataclass(frozen=True, kw_only=True)
class WrittenCrawlSettings(RealtimeSettings):
    """Texts that are written."""

    input: str


@dataclass(frozen=True, kw_only=True)
class WalkSettings(VoiceSettings):
    """Recordings, and what they must be."""

    conformance: ConformanceSettings


@dataclass(frozen=True, kw_only=True)
class SimulationSettings(VoiceSettings):
    """Simulated calls.

    `open_keys` are the keys that were null before the config was resolved: a simulation file may settle them.
    """

    input: str
    simulator: SimulatorSettings
    speech: SpeechSettings
    max_turns: int | None
    open_keys: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class WrittenSimulationSettings(RealtimeSettings):
    """Simulated conversations in writing; `open_keys` as in those that are spoken."""

    input: str
    simulator: SimulatorSettings
    max_turns: int | None
    open_keys: frozenset[str] = frozenset()
