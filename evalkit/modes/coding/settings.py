"""The settings of mode=coding: which tasks, how the model is asked, and in what its programs run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from evalkit.modes.coding.task import EditFormat
from evalkit.settings.types import ModeSettings, TextRunSettings


@dataclass(frozen=True)
class CodingModeSettings(ModeSettings):
    """``schemas/coding_mode.schema.json`` says what each means."""

    tasks_dir: Path
    tasks: tuple[str, ...]
    edit_format: str
    include_tests: bool
    lenient: bool
    repair_rounds: int
    dry_run: bool
    responses: Path | None
    sandbox: str

    @property
    def data_path(self) -> Path:
        """The folder of the tasks."""
        return self.tasks_dir

    @property
    def asked_format(self) -> EditFormat:
        """How the model is to write its change down."""
        return EditFormat(self.edit_format)


@dataclass(frozen=True, kw_only=True)
class CodingSettings(TextRunSettings):
    """What a run of coding tasks has."""

    mode: CodingModeSettings
