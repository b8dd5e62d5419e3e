"""A stored run, read in the same way by all commands.

Reports, comparisons, scoring, resuming and lists of runs see the same config, records and grades: those in force. A
case that a resumed run dropped is not among them, and neither is a grade of a record that was replaced.

A run that is still going can be followed: its journal only grows, by whole lines, and says when a case-trial starts,
ends and gets its grades.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from evalkit.errors import ConfigError
from evalkit.records.grade import Grade
from evalkit.records.json import content_sha256
from evalkit.records.record import CaseRecord
from evalkit.reports.history import RunHistory
from evalkit.runs.scorings import Scoring, config_in_force, price_dates, read_scorings, record_in_force
from evalkit.settings.renamed import with_new_names
from evalkit.store.journal import read_lines, read_lines_from
from evalkit.store.run_directory import RunDirectory, RunStatus, StoredRecord

_DEEPEST = 50
_MOST_ALIASES = 30


@dataclass(frozen=True)
class StoredRun:
    """A run that has begun; make it with :func:`open_run`.

    Attributes:
        directory: Its directory.
        stored_config: The resolved config that it was begun or resumed with; keys that were renamed since have their
            new names.
        provenance: What produced it.
        scorings: Its gradings by ``evalkit score``, oldest first.

    """

    directory: RunDirectory
    stored_config: Mapping[str, Any]
    provenance: Mapping[str, Any]
    scorings: tuple[Scoring, ...]

    @property
    def root(self) -> Path:
        """Its folder."""
        return self.directory.root

    @property
    def run_id(self) -> str:
        """An id that stays the same when the run is moved; a copy has the same.

        Made once when the run begins; for a run that is older than that, from when it began and what it did.
        """
        stored = self.provenance.get("run_id")
        begun = [
            self.provenance.get("started_at"),
            self.provenance["config_sha256"],
            self.stored_config.get("run_name"),
        ]
        return str(stored) if stored else content_sha256(begun)[:32]

    @property
    def mode(self) -> str:
        """The name of its mode."""
        return str(self.stored_config["mode"]["name"])

    @cached_property
    def config(self) -> dict[str, Any]:
        """Its config as it is in force: judge, gates, reports and graders are those of the newest scoring."""
        return config_in_force(self.stored_config, self.scorings)

    @property
    def name(self) -> str:
        """Its run name, else that of its folder."""
        return str(self.stored_config.get("run_name") or self.root.name)

    @property
    def planned(self) -> tuple[str, ...]:
        """The keys of all its planned case-trials, in order."""
        return tuple(self.provenance["case_trials"])

    @property
    def datasets(self) -> dict[str, str]:
        """The files that it read: path -> hash."""
        return {entry["path"]: entry["sha256"] for entry in self.provenance.get("datasets", ())}

    # --- how it stands ---

    def read_status(self) -> RunStatus | None:
        """Return its status as stored now; None where none was written."""
        status = self.directory.read_status()
        return RunStatus(status["status"]) if status else None

    @property
    def is_live(self) -> bool:
        """Whether a process is writing it now; one that says ``running`` and is not live was cut off."""
        return self.directory.is_held()

    def follow(self, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
        """Return what happened since `offset`, oldest first, and the offset to go on from; 0 is the beginning.

        The journal's lines are listed in :mod:`evalkit.store.journal`. A line that is still being written is left for
        the next time.
        """
        return read_lines_from(self.directory.journal_path, offset)

    # --- what it found ---

    @cached_property
    def finished(self) -> dict[str, StoredRecord]:
        """Case-trial -> record as stored, of those that are planned and finished, in order."""
        finished = self.directory.read_finished()
        return {key: finished[key] for key in self.planned if key in finished}

    @cached_property
    def records(self) -> tuple[CaseRecord, ...]:
        """The records of `finished`, with the expectations that are in force."""
        return tuple(record_in_force(stored.record, self.scorings) for stored in self.finished.values())

    @property
    def grades(self) -> tuple[Grade, ...]:
        """The grades that count, oldest first."""
        return self._split_grades[0]

    @property
    def history(self) -> RunHistory:
        """What the reports say of its past: prices by date, replaced grades, and concurrency over time."""
        return RunHistory(price_dates(self.provenance), self._split_grades[1], self.directory.read_concurrency())

    def require_grades(self) -> None:
        """Raise ConfigError where the file of grades is missing: without it everything would look ungraded."""
        scored = sum(record.scored for record in self.records)
        if self.directory.grades_path.exists() or not scored or not self._was_graded():
            return
        raise ConfigError(
            f"{self.directory.grades_path}: is missing, though {scored} case-trials were graded; nothing was written; "
            f"put it back, or grade the stored records again: evalkit score {self.root}"
        )

    def _was_graded(self) -> bool:
        journal = read_lines(self.directory.journal_path)
        if any(line["event"] == "graded" for line in journal):
            return True
        # A run that is older than that line. One that was cut off may have had no time to grade anything.
        asked = self.config["mode"].get("graders") or any(record.case.extra.get("graders") for record in self.records)
        return bool(asked) and self.read_status() not in (None, RunStatus.RUNNING, RunStatus.INTERRUPTED)

    @cached_property
    def _split_grades(self) -> tuple[tuple[Grade, ...], tuple[Grade, ...]]:
        """The grades that count, and those that do not and may have been paid for.

        A case-trial that was run again has grades of a record that no longer stands for it; what was not answered when
        it was asked again is out of force.
        """
        sha256_of = {key: stored.sha256 for key, stored in self.finished.items()}
        grades: Sequence[Grade] = self.directory.read_grades()
        counts = [grade.in_force and grade.record_sha256 == sha256_of.get(grade.key, "") for grade in grades]
        return (
            tuple(grade for grade, counted in zip(grades, counts, strict=True) if counted),
            tuple(grade for grade, counted in zip(grades, counts, strict=True) if not counted),
        )


def open_run(folder: Path, reader: str) -> StoredRun:
    """Return the run in `folder`. Raises ConfigError where no run that began lies there, or its files are broken.

    Args:
        folder: A run's directory.
        reader: The command that asks, for the message.

    """
    run = RunDirectory(folder)
    if not run.config_path.is_file() or not run.provenance_path.is_file():
        missing = run.config_path if not run.config_path.is_file() else run.provenance_path
        raise ConfigError(f"{folder}: holds no {missing.name}; {reader} needs a directory that a run wrote")
    config = with_new_names(_read(run.config_path, _load_yaml))
    if not isinstance(config.get("mode"), dict) or not isinstance(config["mode"].get("name"), str):
        raise ConfigError(f"{run.config_path}: has no mode.name; expected the config that the run wrote")
    provenance = _read(run.provenance_path, json.loads)
    absent = [key for key in ("case_trials", "config_sha256") if key not in provenance]
    if absent:
        raise ConfigError(f"{run.provenance_path}: has no {' and no '.join(absent)}; expected what the run wrote")
    return StoredRun(run, config, provenance, tuple(read_scorings(provenance)))


def _load_yaml(text: str) -> Any:
    """Return what ``yaml.safe_load`` does, by the library in C where there is one: five times as fast.

    Raises ValueError for what no run writes and would bring the process down: that library has no end of depth, and
    what is named over and over again has no end of size.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    depth = aliases = 0
    for event in yaml.parse(text, Loader=loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        aliases += isinstance(event, yaml.AliasEvent)
        if depth > _DEEPEST or aliases > _MOST_ALIASES:
            raise ValueError("it is nested more deeply, or repeats itself more often, than anything that a run writes")
    return yaml.load(text, Loader=loader)  # noqa: S506 - either of the two is a safe loader


def _read(path: Path, parse: Any) -> dict[str, Any]:
    """Return the mapping in a file of the run. Raises ConfigError where there is none."""
    try:
        found = parse(path.read_text(encoding="utf-8"))
    except (ValueError, yaml.YAMLError) as error:
        where = " ".join(str(error).split())
        raise ConfigError(f"{path}: cannot be read: {where}; restore the file that the run wrote") from error
    if not isinstance(found, dict):
        raise ConfigError(f"{path}: holds {type(found).__name__}, expected keys and values, as the run wrote them")
    return found
