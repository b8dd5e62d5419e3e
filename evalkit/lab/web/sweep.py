"""The page of a sweep: its jobs side by side, the best by lower bound, and which differ by more than chance.

Jobs are ranked and compared within one set of cases; those that ask others, or decide otherwise what passes, stand in
a list of their own.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

from evalkit.lab.index.rows import RunRow, SweepRow
from evalkit.lab.lab import Lab
from evalkit.lab.web.charts import ChartPoint, Picture, score_by_cost, score_by_latency, score_by_place, score_by_value
from evalkit.lab.web.rendering import render
from evalkit.modes.registry import layout_of
from evalkit.reports.page.cases import find_artifact
from evalkit.reports.page.realism import describe_realism
from evalkit.reports.sweep import SweepJob, differing_overrides
from evalkit.reports.sweep_differences import CasePass, JobDifference, best_jobs, compare_jobs
from evalkit.runs.realism import read_realism
from evalkit.store.journal import read_lines

_INDEX = "index.jsonl"
_SUMMARY = "summary.json"
_SUMMARY_BYTES = 16_000_000
_TRIALS = 1_000
_MOST_SWEEPS = 100


@dataclass(frozen=True)
class JobLine:
    """A job on the page.

    Attributes:
        number: As the sweep counts its jobs.
        differs: The overrides that not all jobs have.
        status: How it stands.
        run: Its run; None: it has not begun, or left nothing.
        is_best: Whether no job that asks the same cases has a higher lower bound.
        latency_reason: Why its latency may not be compared with another's; empty where it may, or is not known yet.

    """

    number: int
    differs: tuple[str, ...]
    status: str
    run: RunRow | None
    is_best: bool = False
    latency_reason: str = ""

    @property
    def latency_ms(self) -> float | None:
        """Its median latency; None where there is none that may be compared."""
        return self.run.latency_ms if self.run and not self.latency_reason else None

    @property
    def name(self) -> str:
        """What tells it from the others."""
        return f"{self.number}: {' '.join(self.differs) or 'as it is'}"

    @property
    def cost_per_passed(self) -> float | None:
        """Dollars for each case-trial that passed; None where a price is unknown or nothing passed."""
        run = self.run
        return run.cost_usd / run.passed if run and run.cost_usd is not None and run.passed else None


def read_jobs(sweep: SweepRow, runs: Sequence[RunRow]) -> list[JobLine]:
    """Return the jobs of a sweep, by number, each with its one of `runs`. What its files do not tell is left out."""
    by_folder = {run.root.name: run for run in runs}
    entries = [entry for line in read_lines(sweep.root / _INDEX) if (entry := _entry(line)) is not None]
    jobs = [SweepJob(entry) for entry in entries]
    lines = []
    for job, differs in zip(jobs, differing_overrides(jobs), strict=True):
        run = by_folder.pop(Path(job.entry["directory"] or "").name, None)
        status = run.status if run else str(job.entry["status"])
        lines.append(JobLine(job.entry["job"], tuple(differs), status, run))
    number = max((line.number for line in lines), default=-1) + 1
    lines += [JobLine(number + place, (), run.status, run) for place, run in enumerate(by_folder.values())]
    best = _best_of_each_set(lines)
    return [
        replace(line, is_best=line.number in best, latency_reason=_latency_reason(line.run))
        for line in sorted(lines, key=lambda line: line.number)
    ]


def _latency_reason(run: RunRow | None) -> str:
    """Return what the run's own summary says against comparing its latencies; nothing where it has none."""
    path = find_artifact(run.root, _SUMMARY) if run else None
    if path is None or path.stat().st_size > _SUMMARY_BYTES:
        return ""
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return ""
    return str(summary.get("publishable_latencies_reason") or "") if isinstance(summary, dict) else ""


def list_best(jobs: Sequence[JobLine]) -> list[list[JobLine]]:
    """Return for each set of cases that has a score the jobs with the highest lower bound; several where they tie."""
    found: dict[str, list[JobLine]] = defaultdict(list)
    for job in jobs:
        if job.is_best and job.run:
            found[job.run.case_set].append(job)
    return list(found.values())


def _entry(line: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a line of the sweep's index in which everything is what it should be; None: it is not."""
    job, overrides, directory = line.get("job"), line.get("overrides"), line.get("directory")
    if not isinstance(job, int) or not isinstance(overrides, list):
        return None
    return {
        "job": job,
        "overrides": [str(override) for override in overrides],
        "directory": directory if isinstance(directory, str) else None,
        "status": str(line.get("status", "")),
    }


def _best_of_each_set(jobs: Sequence[JobLine]) -> set[int]:
    bounds: dict[str, list[tuple[int, float | None]]] = defaultdict(list)
    for job in jobs:
        if job.run:
            bounds[job.run.case_set].append((job.number, job.run.score_low))
    return {number for found in bounds.values() for number in best_jobs(found)}


def picture_jobs(jobs: Sequence[JobLine]) -> list[tuple[str, Picture]]:
    """Return the pictures that a sweep can have, each with what it shows, in words."""
    shown: list[tuple[str, Picture]] = []
    for key, values in _numbers_by_key(jobs).items():
        points = [_point(job, value) for job, value in values]
        if len({point.x for point in points}) > 1:
            shown.append((f"Share that passed, with its 95 % interval, over {key}.", score_by_value(key, points)))
    scored = [job for job in jobs if job.run and job.run.score is not None]
    if len(scored) > 1 and not shown:
        points = [_point(job, job.number) for job in scored]
        shown.append(("Share that passed, with its 95 % interval, of every job.", score_by_place("job", points)))
    costs = [_point(job, cost) for job in scored if (cost := job.cost_per_passed) is not None]
    if len({point.x for point in costs}) > 1:
        shown.append(("Cost of a passed case-trial against the share that passed.", score_by_cost(costs)))
    latencies = [_point(job, latency) for job in scored if (latency := job.latency_ms) is not None]
    if len({point.x for point in latencies}) > 1:
        shown.append(("Median latency against the share that passed.", score_by_latency(latencies)))
    return shown


def _numbers_by_key(jobs: Sequence[JobLine]) -> dict[str, list[tuple[JobLine, float]]]:
    """Return swept key -> the jobs with a score and their values, of keys whose values are all numbers."""
    values: dict[str, list[tuple[JobLine, float | None]]] = defaultdict(list)
    for job in jobs:
        for key, _, text in (override.partition("=") for override in job.differs):
            if job.run and job.run.score is not None:
                values[key].append((job, _number(text)))
    return {
        key: [(job, value) for job, value in found if value is not None]
        for key, found in values.items()
        if all(value is not None for _, value in found)
    }


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _point(job: JobLine, x: float) -> ChartPoint:
    run = job.run
    if run is None or run.score is None:
        raise ValueError(f"job {job.number} has no score")
    return ChartPoint(job.name, x, run.score, run.score_low, run.score_high, f"/ui/runs/{run.id}")


def compare_all(lab: Lab, jobs: Sequence[JobLine]) -> list[JobDifference]:
    """Return which jobs differ by more than chance: within a set of cases, every pair, or the best beside each."""
    begun = {job.number: job.run for job in jobs if job.run}
    passes = {number: _passes(lab, run) for number, run in begun.items()}
    best = next((job.number for job in jobs if job.is_best), None)
    return compare_jobs(passes, best, {number: run.case_set for number, run in begun.items()})


def _passes(lab: Lab, run: RunRow) -> dict[tuple[str, int], CasePass]:
    """Return (case, trial) -> whether it passed. Within a set of cases, cases of one name are the same."""
    found: dict[tuple[str, int], CasePass] = {}
    page = 1
    while True:
        trials = lab.index.list_trials(run.id, page=page, size=_TRIALS)
        found |= {
            (trial.case_id, trial.trial): CasePass(trial.case_id, trial.passed)
            for trial in trials.rows
            if trial.passed is not None
        }
        if page * trials.size >= trials.total:
            return found
        page += 1


def routes(lab: Lab) -> APIRouter:
    """Return the routes of the page and of its parts."""
    router = APIRouter(prefix="/ui/sweeps", include_in_schema=False)

    @router.get("")
    def list_sweeps(request: Request) -> HTMLResponse:
        found = [_find(lab, sweep.id) for sweep in lab.index.list_sweeps()[:_MOST_SWEEPS]]
        shown = [(sweep, _swept_keys(jobs), list_best(jobs)) for sweep, jobs in found]
        return render(request, "sweeps.html.j2", sweeps=shown)

    @router.get("/{sweep_id}")
    def show_sweep(request: Request, sweep_id: str) -> HTMLResponse:
        sweep, jobs = _find(lab, sweep_id)
        return render(request, "sweep.html.j2", **_content(sweep, jobs), pictures=picture_jobs(jobs))

    @router.get("/{sweep_id}/jobs")
    def show_jobs(request: Request, sweep_id: str) -> HTMLResponse:
        sweep, jobs = _find(lab, sweep_id)
        return render(request, "sweep_jobs.html.j2", **_content(sweep, jobs))

    @router.get("/{sweep_id}/differences")
    def show_differences(request: Request, sweep_id: str) -> HTMLResponse:
        _, jobs = _find(lab, sweep_id)
        differences = compare_all(lab, jobs)
        runs = {job.number: job.run for job in jobs}
        return render(request, "sweep_differences.html.j2", differences=differences, runs=runs)

    @router.get("/{sweep_id}/realism")
    def show_realism(request: Request, sweep_id: str) -> HTMLResponse:
        _, jobs = _find(lab, sweep_id)
        links = {str(job.run.root): f"/ui/runs/{job.run.id}" for job in jobs if job.run}
        found = read_realism([Path(root) for root in links], layout_of)
        if found is None:
            return HTMLResponse("")
        return render(request, "report/realism.html.j2", realism=describe_realism(found), links=links)

    return router


def _swept_keys(jobs: Sequence[JobLine]) -> list[str]:
    """Return the keys in which jobs differ, in order."""
    return list(dict.fromkeys(override.partition("=")[0] for job in jobs for override in job.differs))


def _find(lab: Lab, sweep_id: str) -> tuple[SweepRow, list[JobLine]]:
    sweep = lab.index.get_sweep(sweep_id)
    if sweep is None:
        raise HTTPException(404, f"There is no sweep {sweep_id} here. It may have been moved or deleted.")
    runs = [run for run_id in sweep.run_ids if (run := lab.index.get_run(run_id)) is not None]
    return sweep, read_jobs(sweep, runs)


def _content(sweep: SweepRow, jobs: Sequence[JobLine]) -> dict[str, Any]:
    sets = {job.run.case_set for job in jobs if job.run and job.run.score is not None}
    return {
        "sweep": sweep,
        "jobs": jobs,
        "best": list_best(jobs),
        "standing_out": _standing_out(jobs),
        "sets": len(sets),
        "latency_reasons": _jobs_by_reason(jobs),
        "is_going": any(job.run is not None and job.run.is_live for job in jobs),
    }


def _jobs_by_reason(jobs: Sequence[JobLine]) -> dict[str, list[int]]:
    """Return why latencies are left out -> the jobs of which they are."""
    found: dict[str, list[int]] = defaultdict(list)
    for job in jobs:
        if job.latency_reason:
            found[job.latency_reason].append(job.number)
    return dict(found)


def _standing_out(jobs: Sequence[JobLine]) -> set[int]:
    """Return the best jobs, unless all that ask the same cases are."""
    scored: dict[str, list[JobLine]] = defaultdict(list)
    for job in jobs:
        if job.run and job.run.score_low is not None:
            scored[job.run.case_set].append(job)
    return {
        job.number
        for found in scored.values()
        if len(found) == 1 or not all(job.is_best for job in found)
        for job in found
        if job.is_best
    }
