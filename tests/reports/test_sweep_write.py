"""What a sweep's root gets from the jobs that are there."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from stored_run import SAMPLE, StoredRun

from evalkit.reports.sweep import SweepJob, differing_overrides
from evalkit.reports.sweep_write import describe_differences, write_sweep
from evalkit.runner.reporting import report_run
from evalkit.runner.sweep_reading import read_sweep_jobs


def entry(number: int, directory: Path | None, *overrides: str) -> dict[str, Any]:
    return {
        "job": number, "overrides": list(overrides), "config_sha256": "c", "exit_code": 0,
        "status": "completed" if directory else "vanished", "directory": str(directory) if directory else None,
    }  # fmt: skip


def a_job(root: Path, name: str, *, graded: bool = True) -> Path:
    run = StoredRun(root / name, SAMPLE[:2] if graded else SAMPLE[2:3]).write()
    report_run(run)
    return run.root


def test_table_page_and_picture_of_whatever_the_jobs_left(tmp_path: Path) -> None:
    """A job without a directory and one that lost everything have rows; links are relative and lead somewhere."""
    root = tmp_path / "a sweep"
    entries = [
        entry(0, a_job(root, "0_x=1"), "x=1", "y=0"),
        entry(1, a_job(root, "1_x=2", graded=False), "x=2", "y=0"),
        entry(2, None, "x=3", "y=0"),
    ]
    jobs = read_sweep_jobs(entries)
    write_sweep(root, jobs)
    assert differing_overrides(jobs) == [["x=1"], ["x=2"], ["x=3"]]
    with (root / "sweep.csv").open(encoding="utf-8", newline="") as file:
        assert [row["job"] for row in csv.DictReader(file)] == ["0", "1", "2"]
    page = (root / "sweep.html").read_text(encoding="utf-8")
    assert 'href="0_x%3D1/report.html"' in page
    assert page.count("/report.html") == 2
    assert (root / "plots" / "sweep.png").read_bytes().startswith(b"\x89PNG")


def test_only_what_is_wanted(tmp_path: Path) -> None:
    """`report.plots` and `report.html` hold for a sweep too; no job at all is no error."""
    write_sweep(tmp_path, [SweepJob(entry(0, None, "x=1"))], plots=False, html=False)
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.csv"]
    write_sweep(tmp_path, [])
    assert "No job has a case" in (tmp_path / "sweep.html").read_text(encoding="utf-8")


def test_runs_are_told_apart_by_what_their_configs_differ_in() -> None:
    """Names, places and how a run is shown do not count."""
    base = {"assistant": {"model": "a", "voice": "v"}, "run_name": "one", "report": {"plots": True}}
    other = {"assistant": {"model": "b", "voice": "v"}, "run_name": "two", "report": {"plots": False}}
    assert describe_differences([base, other]) == [["assistant.model=a"], ["assistant.model=b"]]
    assert describe_differences([base, base]) == [[], []]
