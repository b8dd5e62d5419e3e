"""The settings of mode=terminal: which agent, over which transport, which cases, and the bounds of a session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from evalkit.settings.types import CsvModeSettings, ProviderSettings, RunSettings


@dataclass(frozen=True)
class TerminalModeSettings(CsvModeSettings):
    """``schemas/terminal_mode.schema.json`` says what each means."""

    cases: tuple[str, ...]
    sandbox: str
    allow_unattended: bool
    columns: int
    rows: int
    start_timeout_s: float
    silent_timeout_s: float
    output_limit_mb: float
    memory_mb: int
    max_turns: int | None
    max_approvals: int
    max_model_calls: int | None
    replay: Path | None


@dataclass(frozen=True)
class AgentSettings:
    """The agent under test; ``schemas/agent.schema.json`` says what each means."""

    name: str
    transport: str
    argv: tuple[str, ...]
    version_args: tuple[str, ...]
    headless_args: tuple[str, ...]
    headless_resume_args: tuple[str, ...]
    headless_output: str
    headless_reply: str
    pty_args: tuple[str, ...]
    pty_resume_args: tuple[str, ...]
    acp_args: tuple[str, ...]
    acp_argv: tuple[str, ...]
    session_id: str
    unattended: tuple[str, ...]
    environment: Mapping[str, str]
    files: Mapping[str, str]
    read_only: tuple[str, ...]
    protocol: str
    ready: str
    hook_file: str
    busy: tuple[str, ...]
    busy_title: tuple[str, ...]
    idle_title: tuple[str, ...]
    uses_progress: bool
    approval: tuple[str, ...]
    approval_title: tuple[str, ...]
    approve_keys: tuple[str, ...]
    deny_keys: tuple[str, ...]
    submit_key: str
    clear_keys: tuple[str, ...]
    interrupt_key: str
    blocked_read: bool
    quiet_s: float
    litter: tuple[str, ...]
    install: str
    license: str
    tested_version: str


@dataclass(frozen=True)
class AgentModelSettings:
    """The model that the agent works with."""

    provider: ProviderSettings
    model: str | None


@dataclass(frozen=True)
class TextSimulatorSettings:
    """The model that plays the user where no reactor matches."""

    provider: ProviderSettings
    kind: str
    model: str | None
    style: str | None
    max_regenerations: int


@dataclass(frozen=True, kw_only=True)
class TerminalSettings(RunSettings):
    """What a run of terminal sessions has."""

    mode: TerminalModeSettings
    agent: AgentSettings
    assistant: AgentModelSettings
    simulator: TextSimulatorSettings
