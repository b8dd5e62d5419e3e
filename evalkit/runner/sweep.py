"""The files at a sweep's root (plan, index, table), and the sweep's exit code.

Before the first job starts, :func:`begin_sweep` writes two files, so that a sweep that dies anywhere can be finished:

``plan.json``
    ==================== =======================================================================================
    ``format``           1; a reader refuses any other number
    ``evalkit_version``  what planned it
    ``sweep_id``         32 hexadecimal digits, its own; whoever started it may have chosen them (``EVALKIT_RUN_ID``)
    ``working_dir``      the folder that relative paths count from
    ``source``           ``config_dir``, ``config_name``, ``search_dirs``: where configs were composed from. A primary
                         config that did not ship (``evalkit rerun -m``) is kept in ``source/`` beside the plan
    ``overrides``        the whole line, Hydra's own overrides (``hydra/launcher=…``) included
    ``launcher``         the name of the launcher that the line has chosen
    ``jobs``             a list, by number: ``job`` (its number), ``overrides`` (its own, Hydra's not among them),
                         ``directory`` (its folder's name in the root), ``config_sha256`` (as in ``provenance.json``),
                         ``config`` (as composed: relative paths are still relative, nulls not yet filled)
    ==================== =======================================================================================

``index.jsonl``
    A line per job: ``job``, ``overrides``, ``config_sha256``, ``directory`` (absolute; null when it was never made),
    ``status`` and ``exit_code``. Status is ``planned`` and the code null until :func:`finish_sweep` writes the
    file again with how each job ended.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import evalkit
from evalkit.errors import ConfigError
from evalkit.modes.registry import layout_of
from evalkit.reports.realism_table import realism_tables
from evalkit.reports.sweep import sweep_table
from evalkit.reports.sweep_write import write_sweep
from evalkit.runner.jobs import Job, Plan, Source
from evalkit.runner.reporting import read_sweep_jobs
from evalkit.runner.run_ending import ExitCode, worst
from evalkit.runner.terminal import say, stderr_console
from evalkit.runs.realism import read_realism
from evalkit.settings.resources import resource_dir
from evalkit.store.files import write_atomically
from evalkit.store.provenance import take_run_id
from evalkit.store.run_directory import RunDirectory
from evalkit.store.running_jobs import RunningJobs

PLANNED = "planned"
_FORMAT = 1


@dataclass(frozen=True)
class StoredPlan:
    """The content of ``plan.json``: the plan, the folder its relative paths count from, and each job's config hash."""

    plan: Plan
    working_dir: Path
    config_sha256: tuple[str, ...]


def begin_sweep(planned: Plan, root: Path, *, working_dir: Path, config_sha256: Sequence[str]) -> None:
    """Write ``plan.json`` and an index of jobs that are all still planned. `config_sha256` has one for each job."""
    hashes = dict(zip((job.number for job in planned.jobs), config_sha256, strict=True))
    jobs = [
        {
            "job": job.number,
            "overrides": list(job.overrides),
            "directory": job.directory_name,
            "config_sha256": hashes[job.number],
            "config": job.config,
        }
        for job in planned.jobs
    ]
    source = _kept_source(planned.source, root)
    document = {
        "format": _FORMAT,
        "evalkit_version": evalkit.__version__,
        "sweep_id": take_run_id(os.environ),
        "working_dir": str(working_dir),
        "source": {
            "config_dir": str(source.config_dir),
            "config_name": source.config_name,
            "search_dirs": [str(folder) for folder in source.search_dirs],
        },
        "overrides": list(planned.overrides),
        "launcher": planned.launcher,
        "jobs": jobs,
    }
    write_atomically(root / "plan.json", json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    _write_index(
        root,
        [
            {
                "job": job.number,
                "overrides": list(job.overrides),
                "config_sha256": hashes[job.number],
                "directory": str(root / job.directory_name),
                "status": PLANNED,
                "exit_code": None,
            }
            for job in planned.jobs
        ],
    )


def read_plan(root: Path) -> StoredPlan:
    """Return the plan of the sweep in `root`. Raises ConfigError when there is none that this version can read."""
    path = root / "plan.json"
    if not path.is_file():
        raise ConfigError(f"{root}: holds no plan.json; expected the root of a sweep (outputs/sweeps/…)")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["format"] != _FORMAT:
            raise ConfigError(f"{path}: format {document['format']!r} is not known; this version reads {_FORMAT}")
        return _plan_from(document)
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: is not the plan of a sweep ({type(error).__name__}: {error})") from error


def finish_sweep(planned: Plan, root: Path, *, interrupted: bool = False) -> ExitCode:
    """Write index and table from the jobs' files, show them, name jobs that failed; return the worst exit code.

    A job without a directory or a final status vanished; it counts as a defect, never as done. A job that never began
    does so too, unless the sweep was `interrupted`.
    """
    entries = [_describe(job, root, interrupted=interrupted) for job in planned.jobs]
    _write_index(root, entries)
    shown = planned.jobs[0].config.get("report", {})
    jobs = read_sweep_jobs(entries)
    folders = [Path(entry["directory"]) for entry in entries if entry["directory"]]
    realism = read_realism(folders, layout_of)
    stderr_console().print(sweep_table(jobs), *(realism_tables(realism) if realism else ()), sep="\n")
    write_sweep(root, jobs, realism=realism, plots=shown.get("plots", True), html=shown.get("html", True))
    bad = [entry for entry in entries if entry["exit_code"] != ExitCode.OK]
    say(f"{len(entries) - len(bad)} of {len(entries)} jobs completed")
    for entry in bad:
        where = entry["directory"] or "no directory"
        say(f"job {entry['job']} {entry['status']} ({' '.join(entry['overrides'])}): {where}")
    codes = [entry["exit_code"] for entry in entries]
    if any(code not in (ExitCode.OK, ExitCode.GATE, ExitCode.USER) for code in codes):
        more = " limits.max_cost_usd=MORE" if ExitCode.BUDGET in codes else ""
        say(f"finish it with: evalkit resume {root}{more}")
    return worst([*codes, ExitCode.INTERRUPTED] if interrupted else codes)


def _kept_source(source: Source, root: Path) -> Source:
    """Return `source`, its primary config copied into `root` when it is not the shipped one, which stays."""
    if source.config_dir == resource_dir("conf"):
        return source
    kept = root / "source"
    kept.mkdir()
    shutil.copy(source.config_dir / f"{source.config_name}.yaml", kept)
    return Source(kept, source.config_name, source.search_dirs)


def _plan_from(document: Mapping[str, Any]) -> StoredPlan:
    source = document["source"]
    jobs = document["jobs"]
    planned = Plan(
        source=Source(
            Path(source["config_dir"]), source["config_name"], tuple(Path(folder) for folder in source["search_dirs"])
        ),
        overrides=tuple(document["overrides"]),
        multirun=True,
        jobs=tuple(Job(int(job["job"]), tuple(job["overrides"]), job["config"], job["directory"]) for job in jobs),
        launcher=document["launcher"],
    )
    return StoredPlan(planned, Path(document["working_dir"]), tuple(job["config_sha256"] for job in jobs))


def _write_index(root: Path, entries: Sequence[Mapping[str, Any]]) -> None:
    lines = [json.dumps(entry, ensure_ascii=False) for entry in entries]
    write_atomically(root / "index.jsonl", "\n".join(lines) + "\n")


def _describe(job: Job, root: Path, *, interrupted: bool) -> dict[str, Any]:
    directory = root / job.directory_name
    run = RunDirectory(directory) if directory.is_dir() else None
    provenance = json.loads(run.provenance_path.read_text()) if run and run.provenance_path.exists() else {}
    has_begun = RunningJobs(root).has_begun(job.number)
    gone = {"status": "vanished" if has_begun else "not_started", "exit_code": None}
    status = (run.read_status() if run else None) or gone
    unfinished = ExitCode.INTERRUPTED if interrupted and not has_begun else ExitCode.DEFECT
    return {
        "job": job.number,
        "overrides": list(job.overrides),
        "config_sha256": provenance.get("config_sha256"),
        "directory": str(directory) if run else None,
        "status": status["status"],
        "exit_code": unfinished if status["exit_code"] is None else status["exit_code"],
    }
