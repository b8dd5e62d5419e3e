"""A sweep's page says which job is best and whether that is more than chance, also while jobs are going."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import stored_runs
from labs import make_lab
from starlette.testclient import TestClient

from evalkit.lab.lab import Lab
from evalkit.lab.web.sweep import JobLine, compare_all, list_best, picture_jobs, read_jobs

GOOD, BAD = (True,) * 8, (False,) * 8


def _write_sweep(root: Path, jobs: Sequence[tuple[str, Sequence[bool] | None]], **facts: Any) -> Path:
    """Write a sweep whose jobs have an override and verdicts each; None: the job has not begun."""
    lines = []
    for number, (override, passing) in enumerate(jobs):
        directory = root / f"{number}_job"
        if passing is not None:
            stored_runs.write_crawl(directory, f"model-{number}", passing=passing, **facts)
        lines.append(
            {
                "job": number,
                "overrides": ["mode=crawl", override],
                "config_sha256": "sha",
                "directory": f"/elsewhere/{directory.name}" if passing is not None else None,
                "status": "completed" if passing is not None else "planned",
                "exit_code": None,
            }
        )
    root.mkdir(parents=True, exist_ok=True)
    (root / "plan.json").write_text(json.dumps({"jobs": [{}] * len(jobs)}), encoding="utf-8")
    (root / "index.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return root


def _jobs(lab: Lab) -> list[JobLine]:
    (sweep,) = lab.index.list_sweeps()
    return read_jobs(sweep, [run for run_id in sweep.run_ids if (run := lab.index.get_run(run_id))])


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A sweep of two jobs of which the first is far better, and a third that has not begun."""
    _write_sweep(tmp_path / "outputs/sweeps/s", [("chunk_ms=20", GOOD), ("chunk_ms=40", BAD), ("chunk_ms=80", None)])
    return make_lab(tmp_path)


def test_jobs_stand_side_by_side(lab: Lab) -> None:
    """Also where the sweep was copied from another folder; what all have in common is not told again."""
    jobs = _jobs(lab)
    assert [(job.number, job.differs, job.status) for job in jobs] == [
        (0, ("chunk_ms=20",), "completed"),
        (1, ("chunk_ms=40",), "completed"),
        (2, ("chunk_ms=80",), "planned"),
    ]
    assert [job.run is not None for job in jobs] == [True, True, False]
    assert [[job.number for job in first] for first in list_best(jobs)] == [[0]]


def test_what_differs_by_more_than_chance_is_said(lab: Lab) -> None:
    """Case-trials are paired; what was lost takes no part."""
    (line,) = compare_all(lab, _jobs(lab))
    assert line.found is not None
    assert (line.first, line.second, line.found.n, line.first_only, line.second_only) == (0, 1, 8, 8, 0)
    assert line.verdict == "job 0 is better"


def test_jobs_that_ask_other_cases_are_not_compared(tmp_path: Path) -> None:
    """Each list has its own best."""
    _write_sweep(tmp_path / "outputs/s", [("max_examples=8", GOOD), ("max_examples=2", (True, False))])
    lab = make_lab(tmp_path)
    jobs = _jobs(lab)
    assert compare_all(lab, jobs) == []
    assert len(list_best(jobs)) == 2


def test_a_swept_number_has_a_picture(lab: Lab) -> None:
    """Points are its jobs, and open them; so has what a passed case costs."""
    (label, picture), *others = picture_jobs(_jobs(lab))
    assert "over chunk_ms" in label
    assert [point[:2] for point in picture["groups"][0]["points"]] == [[20.0, 1.0], [40.0, 0.0]]
    assert all(point[5].startswith("/ui/runs/") for point in picture["groups"][0]["points"])
    assert not any("over" in told for told, _ in others)


def test_what_is_no_number_is_drawn_by_job(tmp_path: Path) -> None:
    """A picture there is all the same."""
    _write_sweep(tmp_path / "outputs/s", [("assistant.model=a", GOOD), ("assistant.model=b", BAD)])
    ((label, picture), *_) = picture_jobs(_jobs(make_lab(tmp_path)))
    assert "of every job" in label
    assert [point[0] for point in picture["groups"][0]["points"]] == [0, 1]


def test_latencies_that_bear_no_comparison_are_left_out(tmp_path: Path) -> None:
    """As in the sweep's report, with the reason."""
    root = _write_sweep(tmp_path / "outputs/s", [("chunk_ms=20", GOOD), ("chunk_ms=40", GOOD)])
    summary = {"publishable_latencies_reason": "real_time is false"}
    (root / "0_job" / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    (root / "1_job" / "summary.json").write_text("[", encoding="utf-8")
    first, second = _jobs(make_lab(tmp_path))
    assert (first.latency_ms, first.latency_reason) == (None, "real_time is false")
    assert second.latency_ms is not None


def test_the_page_and_its_parts(lab: Lab, open_client: Callable[[Lab], TestClient]) -> None:
    """Jobs, the best, and the differences, which come afterwards."""
    client = open_client(lab)
    (sweep,) = lab.index.list_sweeps()
    page = client.get(f"/ui/sweeps/{sweep.id}").text
    for shown in ("Best by lower bound", "Job 0", "chunk_ms=80", "planned", "data-chart"):
        assert shown in page, shown
    assert "every 2s" not in page
    assert client.get(f"/ui/sweeps/{sweep.id}/jobs").text.startswith('<div id="sweep-jobs">')
    assert "<strong>job 0 is better</strong>" in client.get(f"/ui/sweeps/{sweep.id}/differences").text
    assert client.get("/ui/sweeps/nothing").status_code == 404


def test_what_each_step_of_realism_costs(tmp_path: Path, open_client: Callable[[Lab], TestClient]) -> None:
    """A sweep over steps has a ladder whose steps lead to their runs; another sweep has nothing there."""
    root = tmp_path / "outputs/sweeps/s"
    for number, (channel, passing) in enumerate((("clean", GOOD), ("telephone", BAD))):
        changes = {"input": "voice", "channel": {"name": channel}, "turn_detection": {"type": "none"}}
        stored_runs.write_crawl(root / f"{number}_job", passing=passing, changes=changes)
    stepped = make_lab(_write_sweep(root, []).parents[2])
    client = open_client(stepped)
    (sweep,) = stepped.index.list_sweeps()
    shown = client.get(f"/ui/sweeps/{sweep.id}/realism").text
    assert "the line (telephone): costs 1.00 over 8 pairs" in shown
    links = re.findall(r'<th scope="row">([^<]*)</th><td><a href="(/ui/runs/[^"]*)"', shown)
    assert [step for step, _ in links] == ["clean voice", "voice over telephone"]
    assert all(client.get(link).status_code == 200 for _, link in links)


def test_a_sweep_without_steps_of_realism(lab: Lab, open_client: Callable[[Lab], TestClient]) -> None:
    """Nothing is shown of them."""
    (sweep,) = lab.index.list_sweeps()
    assert open_client(lab).get(f"/ui/sweeps/{sweep.id}/realism").text == ""


def test_all_sweeps_are_listed(lab: Lab, tmp_path: Path, open_client: Callable[[Lab], TestClient]) -> None:
    """With what they differ in and who is best; a lab without any says how to make one."""
    page = open_client(lab).get("/ui/sweeps").text
    for shown in (
        f'href="/ui/sweeps/{lab.index.list_sweeps()[0].id}"',
        "chunk_ms</span>",
        "job 0, 68\N{NO-BREAK SPACE}%",
    ):
        assert shown in page, shown
    assert "No sweep yet" in open_client(make_lab(tmp_path / "another")).get("/ui/sweeps").text


def test_who_ties_with_all_does_not_stand_out(tmp_path: Path, open_client: Callable[[Lab], TestClient]) -> None:
    """A star on every job says nothing."""
    _write_sweep(tmp_path / "outputs/s", [("chunk_ms=20", GOOD), ("chunk_ms=40", GOOD)])
    lab = make_lab(tmp_path)
    page = open_client(lab).get(f"/ui/sweeps/{lab.index.list_sweeps()[0].id}").text
    assert "★" not in page
    assert "</strong>: the lower bound of each is" in page


def test_a_damaged_index_breaks_nothing(tmp_path: Path, open_client: Callable[[Lab], TestClient]) -> None:
    """Jobs that it does not tell of are known by their runs."""
    root = _write_sweep(tmp_path / "outputs/s", [("<img src=x>", GOOD), ("b=2", BAD)])
    lines = (root / "index.jsonl").read_text(encoding="utf-8").splitlines()
    broken = [lines[0], '{"job": "one"}', "[]", "{", '{"job": 7, "overrides": [1], "directory": 3}']
    (root / "index.jsonl").write_text("\n".join(broken) + "\n", encoding="utf-8")
    lab = make_lab(tmp_path)
    jobs = _jobs(lab)
    assert [(job.number, job.run is not None) for job in jobs] == [(0, True), (7, False), (8, True)]
    (sweep,) = lab.index.list_sweeps()
    assert "<img" not in open_client(lab).get(f"/ui/sweeps/{sweep.id}").text
