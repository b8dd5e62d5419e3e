"""The run config as frozen dataclasses, for everything below the command line.

:class:`RunSettings` is what every mode has; a mode has a type of its own that adds its nodes. ``from_config`` takes a
validated, resolved document (see :mod:`evalkit.settings.resolution`). The fields are those of ``schemas/``, which say
what each means; a test holds the two equal. A field with a default may be missing: not every mode has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, Protocol, Self, TypeVar, get_args, get_type_hints

from evalkit.settings.roles import ROLES

T = TypeVar("T")
LLM_PROVIDERS = ("local_coder", "local_llm")
"""The providers that serve a language model on this machine; they differ in the model of each role."""


@dataclass(frozen=True)
class ModelSettings:
    """Default model of each role; None also where the mode has no such role."""

    assistant: str | None = None
    coder: str | None = None
    simulator: str | None = None
    simulator_text: str | None = None
    judge: str | None = None
    speech: str | None = None
    transcription: str | None = None


@dataclass(frozen=True)
class ProviderSettings:
    """An endpoint and its default models."""

    name: str
    base_url: str | None
    api_key_env: str | None
    api_version: str | None
    run: Path | None
    models: ModelSettings
    text_api: str = "responses"


class RoleSettings(Protocol):
    """A node of the config that names a model and its provider."""

    @property
    def provider(self) -> ProviderSettings:
        """The endpoint of the model."""
        ...

    @property
    def model(self) -> str | None:
        """The model's name."""
        ...


@dataclass(frozen=True)
class ModeSettings:
    """The mode, and the graders of all cases. Where its cases are, each kind of mode says with a key of its own."""

    name: str
    graders: tuple[str, ...]

    @property
    def data_path(self) -> Path:
        """The file or folder of the cases."""
        raise NotImplementedError(f"the settings of mode={self.name} do not say where its cases are")


@dataclass(frozen=True)
class CsvModeSettings(ModeSettings):
    """A mode whose cases are the rows of a CSV."""

    data_csv: Path

    @property
    def data_path(self) -> Path:
        """The CSV."""
        return self.data_csv


@dataclass(frozen=True)
class JudgeSettings:
    """The model behind LLM judges."""

    provider: ProviderSettings
    model: str | None
    votes: int
    calibration_file: Path


@dataclass(frozen=True)
class LimitSettings:
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
class GateSettings:
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
class ReportSettings:
    """What is written beside the tables. `audio`: how a page contains recordings, where there are any."""

    plots: bool
    html: bool
    audio: str = "none"


@dataclass(frozen=True)
class ServiceSettings:
    """The embedded provider: what makes its answers, the faults it shows on purpose, and its engines for sound."""

    brain: str
    faults: str | None
    keep_alive_s: float
    speech: str | None = None
    transcription: str | None = None
    base_url: str | None = None
    api_key_env: str | None = None
    speech_model: str | None = None
    transcription_model: str | None = None
    tasks_dir: str | None = None
    brain_url: str | None = None
    brain_api_key_env: str | None = None
    brain_options: Mapping[str, Any] | None = None
    brain_tools: str = "native"


@dataclass(frozen=True)
class ToolHostSettings:
    """Where mocked tools are served to an agent that reaches them by itself. `port` None: a free one.

    `enabled` says whether a run serves them to the application that it calls.
    """

    enabled: bool
    port: int | None
    bind: str
    public_url: str | None


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """The part of a validated, resolved run config that every mode has. `config` is the whole document.

    `output_dir` is a folder, or an address on object storage (``s3://bucket/folder``).
    """

    config: Mapping[str, Any]
    mode: ModeSettings
    provider: ProviderSettings
    judge: JudgeSettings
    limits: LimitSettings
    gate: GateSettings
    report: ReportSettings
    service: ServiceSettings
    trials: int
    seed: int
    concurrency: int
    max_examples: int | None
    run_name: str | None
    output_dir: str

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Return `config` as settings. It must have been validated and resolved before."""
        return _build(cls, {**config, "config": config})

    @property
    def roles(self) -> dict[str, RoleSettings]:
        """The roles that this mode has, by name."""
        found = {name: getattr(self, name, None) for name in ROLES}
        return {name: role for name, role in found.items() if role is not None}

    @property
    def roles_not_called(self) -> frozenset[str]:
        """The roles whose provider is not asked, since something else is under test in their place; by default none."""
        return frozenset()

    @property
    def uses_embedded_provider(self) -> bool:
        """Whether any role is served by the embedded provider, which then has to be started."""
        called = (role for name, role in self.roles.items() if name not in self.roles_not_called)
        return any(role.provider.name == "local" for role in called)


@dataclass(frozen=True)
class TextAssistantSettings:
    """The text model under test, its system prompt, and how it is to answer; None: not sent."""

    provider: ProviderSettings
    model: str | None
    system_prompt_file: Path | None
    temperature: float | None = None
    max_output_tokens: int | None = None
    reasoning_effort: str | None = None


@dataclass(frozen=True, kw_only=True)
class TextRunSettings(RunSettings):
    """The settings of a mode that asks a text model (``conf/family/text.yaml``), wherever its cases are."""

    assistant: TextAssistantSettings


@dataclass(frozen=True, kw_only=True)
class TextSettings(TextRunSettings):
    """The settings of a mode that asks a text model about the rows of a CSV."""

    mode: CsvModeSettings


_hints_of = cache(get_type_hints)  # which takes longer than all else about settings


def _build(cls: type[T], values: Mapping[str, Any]) -> T:
    hints = _hints_of(cls)  # type: ignore[arg-type]  # a class can be hashed, whatever its instances can
    given = {
        field.name: _convert(hints[field.name], values[field.name])
        for field in fields(cls)  # type: ignore[arg-type]
        if field.name in values or field.default is MISSING
    }
    return cls(**given)


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
