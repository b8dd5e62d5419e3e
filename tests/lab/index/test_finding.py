"""Runs and sweeps are found wherever they lie in the served folders."""

from __future__ import annotations

import json
import os
from pathlib import Path

import stored_runs

from evalkit.lab.index.finding import RunFinder


def test_finds_runs_and_sweeps_at_any_place(tmp_path: Path) -> None:
    """By date, in a sweep, copied to the top; not what lies inside a run, nor in hidden folders."""
    out = tmp_path / "out"
    by_date = stored_runs.write_crawl(out / "2026-01-02" / "10_crawl").root
    at_top = stored_runs.write_crawl(out / "copied").root
    job = stored_runs.write_crawl(out / "sweeps" / "s1" / "1_x").root
    stored_runs.write_crawl(out / ".hidden" / "x")
    stored_runs.write_crawl(at_top / "files" / "inner")
    (out / "sweeps" / "s1" / "plan.json").write_text(json.dumps({"jobs": [{}, {}, {}]}), encoding="utf-8")
    found = RunFinder((out,)).find()
    assert set(found.runs) == {by_date, at_top, job}
    assert found.sweeps == {out / "sweeps" / "s1": 3}
    assert found.runs[job].sweep == out / "sweeps" / "s1"
    assert found.runs[by_date].sweep is None
    assert found.runs[job].relative == "sweeps/s1/1_x"


def test_finds_what_comes_and_misses_what_goes(tmp_path: Path) -> None:
    """Also in folders that were listed before."""
    finder = RunFinder((tmp_path, tmp_path / "absent"))
    assert finder.find().runs == {}
    run = stored_runs.write_crawl(tmp_path / "day" / "run").root
    assert set(finder.find().runs) == {run}
    other = stored_runs.write_crawl(tmp_path / "day" / "other").root
    assert set(finder.find().runs) == {run, other}
    other.rename(tmp_path / "gone")
    assert set(finder.find().runs) == {run, tmp_path / "gone"}


def test_a_folder_that_becomes_a_run_is_found_then(tmp_path: Path) -> None:
    """As the job of a sweep does: its folder is made before its files are, and nothing else changes by then."""
    job = tmp_path / "s" / "1_x"
    job.mkdir(parents=True)
    (tmp_path / "s" / "plan.json").write_text('{"jobs": [{}]}', encoding="utf-8")
    for folder in (tmp_path, tmp_path / "s"):
        os.utime(folder, (1e9, 1e9))
    finder = RunFinder((tmp_path,))
    assert finder.find().runs == {}
    (job / "journal.jsonl").touch()
    assert finder.find().runs[job].sweep == tmp_path / "s"
    assert RunFinder((job,)).find().runs[job].relative == "."


def test_links_are_not_followed(tmp_path: Path) -> None:
    """A link to a run, or in a circle, is nothing."""
    run = stored_runs.write_crawl(tmp_path / "served" / "run").root
    (tmp_path / "served" / "link").symlink_to(run)
    (tmp_path / "served" / "circle").symlink_to(tmp_path)
    assert set(RunFinder((tmp_path / "served",)).find().runs) == {run}


def test_a_plan_that_cannot_be_read_is_a_sweep_all_the_same(tmp_path: Path) -> None:
    """Of as many jobs as have folders."""
    stored_runs.write_crawl(tmp_path / "s" / "1_x")
    (tmp_path / "s" / "plan.json").write_text("[", encoding="utf-8")
    assert RunFinder((tmp_path,)).find().sweeps == {tmp_path / "s": 1}
