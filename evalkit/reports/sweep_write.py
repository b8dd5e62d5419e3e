"""Writes what is derived from the jobs of a sweep, or of a set of runs: sweep.csv, sweep.html and plots/*.png.

Where jobs hold the same cases at rising realism, what each step costs is in realism.json, on the page and in a picture.

Everything here can be made again at any time from the index and what the jobs left, also while jobs are still going.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from evalkit.reports.page.overview import flatten
from evalkit.reports.page.sweep_page import SweepJobRow, sweep_page
from evalkit.reports.plots.breakdown import jobs_breakdown_png
from evalkit.reports.plots.realism import realism_png
from evalkit.reports.plots.sweep import SweepPoint, sweep_png
from evalkit.reports.realism import RealismReport
from evalkit.reports.sweep import SweepJob, differing_overrides, sweep_columns, sweep_csv
from evalkit.reports.sweep_differences import JobDifference, best_jobs, compare_jobs, find_compared
from evalkit.store.files import stream_atomically, write_atomically

# What says where a run lies, how it is shown and when it gives up changes no result.
_IDLE = ("output_dir", "run_name", "report", "gate", "limits", "trace", "voice", "conformance", "concurrency")


def write_sweep(
    root: Path,
    jobs: Sequence[SweepJob],
    *,
    realism: RealismReport | None = None,
    plots: bool = True,
    html: bool = True,
) -> None:
    """Write the reports of `jobs` into `root`; `realism` is what they say of steps of realism, where they have any."""
    write_atomically(root / "sweep.csv", sweep_csv(jobs))
    if realism is not None:
        document = json.dumps(realism.to_json(), indent=2, ensure_ascii=False)
        write_atomically(root / "realism.json", f"{document}\n")
    differing = differing_overrides(jobs)
    pictures = _draw(root.name, jobs, differing, realism) if plots and jobs else {}
    for name, picture in pictures.items():
        write_atomically(root / "plots" / name, picture)
    if html:
        rankings = {_number(job): job.ranking for job in jobs}
        best = [number for ranking in dict.fromkeys(rankings.values()) for number in _best_of(jobs, ranking)]
        is_best = frozenset(best)
        rows = [
            _row(job, differs, root, best=_number(job) in is_best) for job, differs in zip(jobs, differing, strict=True)
        ]
        differences = _compare(jobs, best, rankings)
        pieces = sweep_page(root.name, sweep_columns(jobs), rows, differences, pictures, realism)
        stream_atomically(root / "sweep.html", (piece.encode("utf-8", "replace") for piece in pieces))


def describe_differences(configs: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Return for each config the keys in which it differs from another one, as overrides; idle keys do not count."""
    leaves = [{key: value for key, value in flatten(config) if not _is_idle(key)} for config in configs]
    keys = list(dict.fromkeys(key for one in leaves for key in one))
    differing = [key for key in keys if len({one.get(key) for one in leaves}) > 1]
    return [[f"{key}={one[key]}" for key in differing if key in one] for one in leaves]


def _draw(
    name: str, jobs: Sequence[SweepJob], differing: Sequence[Sequence[str]], realism: RealismReport | None
) -> dict[str, bytes]:
    """Return file name -> PNG; `differing` has for each job its overrides that not all have."""
    of_jobs = list(zip(jobs, differing, strict=True))
    shares = [(_name(job, differs), job.summary.get("passed_by", {})) for job, differs in of_jobs]
    drawn = {
        "sweep.png": sweep_png(name, [_point(job, differs) for job, differs in of_jobs]),
        "breakdown.png": jobs_breakdown_png(name, shares),
        "realism.png": realism_png(name, realism.ladders) if realism else None,
    }
    return {file: picture for file, picture in drawn.items() if picture is not None}


def _compare(jobs: Sequence[SweepJob], best: Sequence[int], rankings: Mapping[int, str]) -> list[JobDifference]:
    compared = frozenset(find_compared([(_number(job), job.cells["passed_ci95_low"]) for job in jobs], best))
    passes = {_number(job): job.read_passes() for job in jobs if _number(job) in compared}
    return compare_jobs(passes, best[0] if best else None, rankings)


def _best_of(jobs: Sequence[SweepJob], ranking: str) -> list[int]:
    return best_jobs([(_number(job), job.cells["passed_ci95_low"]) for job in jobs if job.ranking == ranking])


def _number(job: SweepJob) -> int:
    return int(job.entry["job"])


def _name(job: SweepJob, differs: Sequence[str]) -> str:
    return f"{_number(job)}: {' '.join(differs) or 'as it is'}"


def _is_idle(key: str) -> bool:
    return any(key == node or key.startswith(f"{node}.") for node in _IDLE) or ".models." in key


def _row(job: SweepJob, differs: Sequence[str], root: Path, *, best: bool) -> SweepJobRow:
    directory = Path(job.entry["directory"]) if job.entry["directory"] else None
    link = ""
    if directory is not None and (directory / "report.html").is_file():
        link = quote(Path(os.path.relpath(directory / "report.html", root)).as_posix())
    return SweepJobRow(
        cells=job.cells,
        differs=differs,
        latency_reason=job.why_latencies_are_left_out,
        link=link,
        ranking=job.ranking,
        best=best,
    )


def _point(job: SweepJob, differs: Sequence[str]) -> SweepPoint:
    cells = job.cells
    settings = dict(override.split("=", 1) for override in differs if "=" in override)
    return SweepPoint(
        _name(job, differs),
        settings,
        cells.get("passed_mean"),
        cells["passed_ci95_low"],
        cells["passed_ci95_high"],
        cells.get("passed_n") or 0,
        job.ranking,
    )
