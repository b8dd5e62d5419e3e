"""The run config as frozen dataclasses: what every room below the command line works with.

`RunSettings.from_config` takes a validated, resolved document (see :mod:`evalkit.settings.resolution`). The fields are
those of ``schemas/``, which say what each means; a test holds the two equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_type_hints

T = TypeVar("T")


@dataclass(frozen=True)
class Models:
    """Default model of each role."""

    assistant: str | None
    simulator: str | None
    simulator_text: str | None
    judge: str | None
    speech: str | None
    transcription: str | None


@dataclass(frozen=True)
class Provider:
    """An endpoint and its default models."""

    name: str
    base_url: str | None
    api_key_env: str | None
    api_version: str | None
    run: Path | None
    models: Models


@dataclass(frozen=True)
class Mode:
    """Which harness, on which cases, graded how."""

    name: str
    data_csv: Path
    answer_tools: bool
    graders: tuple[str, ...]


@dataclass(frozen=True)
class Assistant:
    """The assistant under test. Prompt and tools are None where each simulation brings its own."""

    provider: Provider
    model: str | None
    voice: str | None
    system_prompt_file: Path | None
    tools_file: Path | None


@dataclass(frozen=True)
class Simulator:
    """The simulated caller."""

    provider: Provider
    kind: str
    model: str | None
    voice: str | None
    prompt: str | None
    style: str | None
    max_regenerations: int
    judge_turns: bool


@dataclass(frozen=True)
class Judge:
    """The model behind LLM judges."""

    provider: Provider
    model: str | None
    votes: int
    calibration_file: Path


@dataclass(frozen=True)
class Speech:
    """The voice that speaks the cases."""

    provider: Provider
    model: str | None
    voice: str
    speed: float


@dataclass(frozen=True)
class ToolMocks:
    """What tools answer."""

    mocks_file: Path | None
    fail_first_calls: int
    error_message: str
    delay_ms: float


@dataclass(frozen=True)
class Audio:
    """Formats on the wire; rates are resolved."""

    input_format: str
    output_format: str
    sample_rate_hz: int
    output_sample_rate_hz: int


@dataclass(frozen=True)
class Conformance:
    """What a recording must be."""

    min_duration_ms: float
    max_duration_ms: float
    min_speech_dbfs: float
    max_clipped_share: float
    max_leading_silence_ms: float
    max_trailing_silence_ms: float


@dataclass(frozen=True)
class Voice:
    """What ``evalkit voice`` makes."""

    output_csv: Path
    codec: str
    voices: tuple[str, ...]
    speeds: tuple[float, ...]
    overwrite: bool


@dataclass(frozen=True)
class Limits:
    """Bounds in time, rounds and money."""

    response_timeout_s: float
    turn_timeout_s: float | None
    case_timeout_s: float
    run_timeout_s: float | None
    grace_s: float
    max_attempts: int
    requests_in_flight: int | None
    max_tool_rounds: int
    max_cost_usd: float | None
    prices_file: Path | None
    max_infrastructure_share: float


@dataclass(frozen=True)
class Gate:
    """Thresholds for exit code 1."""

    min_grade: float | None
    bound: str
    max_latency_ms: float | None
    latency_column: str
    latency_percentile: int
    max_cost_usd: float | None
    max_excluded_share: float | None
    never_fail: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """What is written beside the tables."""

    plots: bool
    html: bool
    audio: str


@dataclass(frozen=True)
class Trace:
    """How the event trace keeps audio."""

    audio: str


@dataclass(frozen=True)
class Service:
    """Engines of the embedded provider, and what it does wrong on purpose."""

    speech: str
    transcription: str
    brain: str
    base_url: str | None
    api_key_env: str | None
    speech_model: str | None
    transcription_model: str | None
    faults: str | None
    keep_alive_s: float


@dataclass(frozen=True)
class RunSettings:
    """One validated, resolved run config. `channel` stays a document: the audio room has its types."""

    mode: Mode
    provider: Provider
    assistant: Assistant
    simulator: Simulator
    judge: Judge
    speech: Speech
    tool_mocks: ToolMocks
    channel: Mapping[str, Any]
    audio: Audio
    conformance: Conformance
    voice: Voice
    limits: Limits
    gate: Gate
    report: Report
    trace: Trace
    service: Service
    chunk_ms: int
    real_time: bool
    trials: int
    seed: int
    concurrency: int
    max_examples: int | None
    max_turns: int | None
    run_name: str | None
    output_dir: Path

    @staticmethod
    def from_config(config: Mapping[str, Any]) -> RunSettings:
        """Return `config` as settings. It must have been validated and resolved; anything else is a defect."""
        return _build(RunSettings, config)

    @property
    def uses_embedded_provider(self) -> bool:
        """Whether any role is served by the embedded provider, which then has to be started."""
        roles = (self.assistant, self.simulator, self.judge, self.speech)
        return any(role.provider.name == "local" for role in roles)


def _build(cls: type[T], values: Mapping[str, Any]) -> T:
    hints = get_type_hints(cls)
    return cls(**{field.name: _convert(hints[field.name], values[field.name]) for field in fields(cls)})  # type: ignore[arg-type]


def _convert(hint: Any, value: Any) -> Any:
    if isinstance(hint, UnionType):
        return None if value is None else _convert(get_args(hint)[0], value)
    if isinstance(value, Mapping):
        return _build(hint, value) if isinstance(hint, type) else value
    if hint is Path:
        return Path(value)
    if hint is float:
        return float(value)
    return tuple(value) if isinstance(value, list) else value
