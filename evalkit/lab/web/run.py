"""The page of one run: how it stands, what it found and why, its case-trials, what differs from its parent, its files.

The frame and the table come from the index and are there at once; what has to be read from the run's own files
follows as a part of its own. Parts are asked for again while the run goes on.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

from evalkit.errors import ConfigError, DataError
from evalkit.lab.index.rows import RunRow, TrialEnding
from evalkit.lab.lab import Lab
from evalkit.lab.live.journal_lines import find_place
from evalkit.lab.web.charts import latency_shares
from evalkit.lab.web.mode_sections import section_assets
from evalkit.lab.web.rendering import is_partial, query_string, read_page, render
from evalkit.lab.web.stored_findings import FindingsShelf
from evalkit.lab.web.wording import between
from evalkit.reports.config_changes import ConfigChange, find_config_changes
from evalkit.runs.stored_run import StoredRun, open_run
from evalkit.store.run_directory import RunDirectory

_PAGE_SIZE = 100
_MOST_FILES = 200
_LEAST_FOR_PICTURE = 5
_PAST_BYTES = 32 * 1024
_ENDINGS = frozenset(TrialEnding)


@dataclass(frozen=True)
class RunFile:
    """A file of a run: its path in the run's directory, and its size in bytes."""

    path: str
    size: int


@dataclass(frozen=True)
class RunFolder:
    """What lies in a folder of a run, and below it: its name (empty: the run's own), files, how many are not listed."""

    name: str
    files: Sequence[RunFile]
    more: int


def routes(lab: Lab) -> APIRouter:
    """Return the routes of the page and of its parts."""
    router = APIRouter(prefix="/ui", include_in_schema=False)
    shelf = FindingsShelf()

    @router.get("/runs/{run_id}")
    def show_run(request: Request, run_id: str) -> HTMLResponse:
        run = _find(lab, run_id)
        asked = _read_trial_query(request.query_params)
        content: dict[str, Any] = {
            "run": run,
            "asked": asked,
            "found": lab.index.list_trials(run.id, size=_PAGE_SIZE, **asked),
            "link": partial(query_string, request),
            "changed": lab.index.version(),
        }
        if is_partial(request):
            return render(request, "run_cases.html.j2", **content)
        return render(
            request,
            "run.html.j2",
            **content,
            **_describe_head(lab, run),
            sweep=lab.index.get_sweep(run.sweep_id) if run.sweep_id else None,
            place=find_place(RunDirectory(run.root).journal_path, _PAST_BYTES) if run.is_live else None,
        )

    @router.get("/runs/{run_id}/head")
    def show_head(request: Request, run_id: str) -> HTMLResponse:
        run = _find(lab, run_id)
        return render(request, "run_head.html.j2", run=run, **_describe_head(lab, run))

    @router.get("/runs/{run_id}/findings")
    def show_findings(request: Request, run_id: str) -> HTMLResponse:
        run = _find(lab, run_id)
        try:
            found = shelf.read(run.root)
        except (ConfigError, DataError) as error:
            return render(request, "run_findings.html.j2", run=run, found=None, trouble=str(error))
        has_many = any(len(values) >= _LEAST_FOR_PICTURE for values in found.latencies.values())
        picture = latency_shares(found.latencies) if has_many else None
        return render(request, "run_findings.html.j2", run=run, found=found, picture=picture, **found.findings)

    @router.get("/runs/{run_id}/details")
    def show_details(request: Request, run_id: str) -> HTMLResponse:
        run = _find(lab, run_id)
        try:
            found = shelf.read(run.root)
            assets = {kind: section_assets(found.mode, kind, of_run=True) for kind in ("css", "js")}
            return render(request, "run_details.html.j2", run=run, found=found, assets=assets)
        except (ConfigError, DataError):  # the findings say so
            return render(request, "run_details.html.j2", run=run, found=None)

    @router.get("/runs/{run_id}/changes")
    def show_changes(request: Request, run_id: str) -> HTMLResponse:
        run = _find(lab, run_id)
        parent = lab.index.get_run(run.parent_id) if run.parent_id else None
        changes = _find_changes(parent, run) if parent else None
        return render(request, "run_changes.html.j2", run=run, parent=parent, changes=changes)

    @router.get("/runs/{run_id}/files")
    def show_files(request: Request, run_id: str) -> HTMLResponse:
        run = _find(lab, run_id)
        return render(request, "run_files.html.j2", run=run, folders=list_files(run.root))

    return router


def list_files(root: Path) -> list[RunFolder]:
    """Return what lies in a run's directory, its own files first; links are left out, and so is what is hidden."""
    files: dict[str, list[RunFile]] = {}
    for folder, inner, names in os.walk(root):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        for name in sorted(names):
            path = Path(folder, name)
            if not name.startswith(".") and not path.is_symlink():
                relative = path.relative_to(root)
                first = relative.parts[0] if len(relative.parts) > 1 else ""
                files.setdefault(first, []).append(RunFile(relative.as_posix(), path.lstat().st_size))
    return [
        RunFolder(name, listed[:_MOST_FILES], max(len(listed) - _MOST_FILES, 0))
        for name, listed in sorted(files.items())
    ]


def _find(lab: Lab, run_id: str) -> RunRow:
    run = lab.index.get_run(run_id)
    if run is None:
        raise HTTPException(404, f"There is no run {run_id[:64]} in the folders that this lab serves.")
    return run


def _read_trial_query(given: Mapping[str, str]) -> dict[str, Any]:
    ending = given.get("ending", "")
    return {
        "page": read_page(given),
        "ending": ending if ending in _ENDINGS else "",
        "text": given.get("text", "").strip(),
    }


def _describe_head(lab: Lab, run: RunRow) -> dict[str, Any]:
    """Return what the head of the page needs beside the run's row."""
    elapsed_ms = between(run.started_at, run.ended_at or (datetime.now(UTC) if run.is_live else None))
    waits = run.is_live and run.finished and elapsed_ms is not None
    return {
        "counts": lab.index.count_endings(run.id),
        "elapsed_ms": elapsed_ms,
        "left_ms": (elapsed_ms or 0) / run.finished * (run.planned - run.finished) if waits else None,
        "budget_usd": _read_budget(run.root),
        "can_stop": run.is_live and _was_launched(lab, run),
        "can_resume": not run.is_live and bool(run.run_id) and (run.finished < run.planned or run.excluded > 0),
    }


def _was_launched(lab: Lab, run: RunRow) -> bool:
    """Tell whether this lab has a process of its own that writes `run`; others are stopped where they were started."""
    entry = lab.launches.find_by_root(run.root)
    return entry is not None and entry.is_open


def _read_budget(root: Path) -> float | None:
    """Return what the run may cost in dollars; None where no limit is set, or that cannot be read."""
    try:
        found = open_run(root, "the lab").stored_config.get("limits", {}).get("max_cost_usd")
    except (ConfigError, AttributeError):
        return None
    return float(found) if isinstance(found, int | float) and found > 0 else None


def _find_changes(parent: RunRow, run: RunRow) -> Sequence[ConfigChange] | None:
    """Return where the config of `run` differs from its parent's; None where one of them cannot be read."""
    try:
        runs: list[StoredRun] = [open_run(each.root, "the lab") for each in (parent, run)]
    except ConfigError:
        return None
    before, after = runs
    return find_config_changes(before.config, after.config, hashes=(before.datasets, after.datasets))
