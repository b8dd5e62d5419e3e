"""Reads what the jobs of a sweep have left: for its table, its page, and for what need not be made again."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import evalkit
from evalkit.errors import ConfigError
from evalkit.modes.registry import layout_of
from evalkit.records.passing import passed_by_key
from evalkit.reports.realism import RealismReport
from evalkit.reports.sweep import Passes, SweepJob, shown_in_sweeps
from evalkit.reports.sweep_differences import CasePass
from evalkit.reports.write import TABLES, derive
from evalkit.runner.reporting import content_of
from evalkit.runner.terminal import say
from evalkit.runs.realism import read_realism
from evalkit.runs.stored_run import StoredRun, open_run
from evalkit.store.run_directory import RunDirectory, RunStatus

_MOST_ON_LADDERS = 500
# What a run's step of realism follows from.
_DECIDE_STEPS = ("mode", "input", "channel", "turn_detection", "target")
Configs = Mapping[int, Mapping[str, Any]]
"""Number of a job -> its config as its sweep planned it."""
_NOT_KNOWN: Configs = MappingProxyType({})
_log = logging.getLogger(__name__)


def is_reported(run: RunDirectory, planned: Mapping[str, Any] | None) -> bool:
    """Tell whether a job of a sweep has come to its end and has all its reports, younger than what they are made of.

    `planned`: its config as its sweep planned it, which says what reports it has; None: that is not known.
    """
    status = run.read_status()
    if planned is None or status is None or status["status"] == RunStatus.RUNNING:
        return False
    if run.read_provenance().get("evalkit_version") != evalkit.__version__:
        return False
    shown = planned.get("report", {})
    names = [*TABLES, *(["report.html"] if shown.get("html", True) else []), *(["plots"] if shown.get("plots") else [])]
    made = [_changed_at(run.root / name) for name in names]
    of = (run.config_path, run.provenance_path, run.grades_path, run.root / "records")
    return None not in made and min(filter(None, made)) >= max(_changed_at(path) or 0 for path in of)


def _changed_at(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return None


def read_sweep_jobs(entries: Sequence[Mapping[str, Any]], configs: Configs = _NOT_KNOWN) -> list[SweepJob]:
    """Return the jobs that `entries` (lines of ``index.jsonl``) name, with what each has left.

    Of a job whose planned config is known nothing is opened but its summary, as long as there is one that says who
    passed.
    """
    return [_read_sweep_job(entry, configs.get(entry["job"])) for entry in entries]


def read_sweep_realism(entries: Sequence[Mapping[str, Any]], configs: Configs = _NOT_KNOWN) -> RealismReport | None:
    """Return what rising realism costs in the jobs that `entries` name; None where they were all held in one way.

    No run is opened where the planned configs say so, and of very many runs none is: that is said.
    """
    steps = {repr([config.get(node) for node in _DECIDE_STEPS]) for config in configs.values()}
    folders = [Path(entry["directory"]) for entry in entries if entry["directory"]]
    if len(steps) == 1 and all(entry["job"] in configs for entry in entries):
        return None
    if len(folders) > _MOST_ON_LADDERS:
        say(
            f"what rising realism costs is left out: {len(folders)} runs are more than {_MOST_ON_LADDERS}; name the "
            "runs of one ladder: evalkit report RUN_DIR RUN_DIR …"
        )
        return None
    return read_realism(folders, layout_of)


def _read_sweep_job(entry: Mapping[str, Any], planned: Mapping[str, Any] | None) -> SweepJob:
    folder = Path(entry["directory"]) if entry["directory"] else None
    if folder is None or not (folder / "provenance.json").is_file():
        return SweepJob(entry)
    try:
        summary: Mapping[str, Any] = _stored_summary(folder) if planned else {}
        if planned and summary:
            layout = layout_of(planned)
        else:
            stored = open_run(folder, "a sweep")
            layout, summary = layout_of(stored.config), _read_summary(stored)
    except ConfigError as error:
        _log.warning("job %s is left out: %s", entry["job"], error)
        return SweepJob(entry)
    return SweepJob(entry, shown_in_sweeps(summary, layout), layout, partial(_read_passes, entry["job"], folder))


def _read_passes(number: int, folder: Path) -> Passes:
    try:
        stored = open_run(folder, "a sweep")
    except ConfigError as error:
        _log.warning("job %s is not compared with others: %s", number, error)
        return {}
    passed = passed_by_key(stored.records, stored.grades)
    return {
        (record.case.sha256, record.trial): CasePass(record.case.case_id, passes)
        for record in stored.records
        if (passes := passed[record.key]) is not None
    }


def _read_summary(stored: StoredRun) -> Mapping[str, Any]:
    """Return a run's summary: as it was written, unless that was never done, or before it said who passed."""
    return _stored_summary(stored.root) or derive(content_of(stored)).summary


def _stored_summary(folder: Path) -> dict[str, Any]:
    """Return the summary in a run's folder; empty where there is none, or one of before it said who passed."""
    path = folder / "summary.json"
    summary: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return summary if "passed_mean" in summary else {}
