"""What the pages ask: filters, order, pages, history, sweeps, sets of cases, and each model's tries."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import stored_runs
from labs import make_lab

from evalkit.lab.index.queries import rebuild
from evalkit.lab.index.rows import RunQuery, TrialEnding
from evalkit.lab.lab import Lab


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A lab over a run of each kind and two of a crawl."""
    stored_runs.write_samples(tmp_path / "outputs")
    return make_lab(tmp_path)


def _found(lab: Lab, **ask: object) -> list[str]:
    return [row.model for row in lab.index.list_runs(RunQuery(**ask)).rows]  # type: ignore[arg-type]


def test_newest_first_in_pages(lab: Lab) -> None:
    """By default; the total is that of all pages."""
    assert _found(lab) == ["demo", "coder-a", "model-b", "model-a"]
    page = lab.index.list_runs(RunQuery(page=2, size=3))
    assert ([row.model for row in page.rows], page.total, page.page, page.size) == (["model-a"], 4, 2, 3)
    assert lab.index.list_runs(RunQuery(page=0, size=0)).size == 1


@pytest.mark.parametrize(
    ("ask", "found"),
    [
        ({"mode": "crawl"}, ["model-b", "model-a"]),
        ({"model": "model-a"}, ["model-a"]),
        ({"status": "completed", "text": "CODER"}, ["coder-a"]),
        ({"text": "model crawl"}, ["model-b", "model-a"]),
        ({"text": "model-b swim"}, []),
        ({"text": "100%"}, []),
        ({"text": "'; DROP TABLE run; --"}, []),
        ({"status": "running"}, []),
        ({"sort": "score", "descending": False, "mode": "crawl"}, ["model-a", "model-b"]),
        ({"sort": "cost_usd"}, ["demo", "model-b", "model-a", "coder-a"]),
        ({"sort": "stamps"}, ["demo", "coder-a", "model-b", "model-a"]),
    ],
)
def test_filters_and_order(lab: Lab, ask: dict[str, object], found: list[str]) -> None:
    """Each alone and together; what is no column sorts by time."""
    assert _found(lab, **ask) == found


def test_a_run_is_known_by_both_ids(lab: Lab) -> None:
    """Its own here, and the one in its files."""
    row = lab.index.list_runs(RunQuery(model="model-a")).rows[0]
    assert len(row.id) == 16
    assert lab.index.get_run(row.id) == lab.index.get_run(row.run_id) == row
    assert lab.index.find_root(row.id) == row.root
    assert lab.index.get_run("") is None
    assert lab.index.find_root("0" * 16) is None
    assert lab.index.get_run("\0") is None


def test_case_trials_in_order_with_what_they_say(lab: Lab) -> None:
    """All, by ending, by text, and one by its key."""
    run_id = lab.index.list_runs(RunQuery(model="model-a")).rows[0].id
    page = lab.index.list_trials(run_id)
    assert [(row.key, row.ending) for row in page.rows] == [
        ("order-1", TrialEnding.PASSED), ("order-2", TrialEnding.FAILED), ("order-lost", TrialEnding.LOST),
    ]  # fmt: skip
    assert page.rows[1].grades == {"tool_call": 1.0, "tool_call_args": 0.0}
    assert page.rows[0].said == "One moment, let me look that up. It has been shipped."
    assert page.rows[0].latency_ms == 400.0
    assert (page.rows[2].fault, page.rows[2].error_type) == ("infrastructure", "connection_refused")
    assert [row.key for row in lab.index.list_trials(run_id, ending="lost").rows] == ["order-lost"]
    assert [row.key for row in lab.index.list_trials(run_id, text="nobody LISTENS").rows] == ["order-lost"]
    assert [row.key for row in lab.index.list_trials(run_id, page=2, size=2).rows] == ["order-lost"]
    assert lab.index.get_trial(run_id, "order-1") == page.rows[0]
    assert lab.index.get_trial(run_id, "nothing") is None
    assert lab.index.list_trials("unknown").total == 0
    assert lab.index.count_endings(run_id) == {TrialEnding.PASSED: 1, TrialEnding.FAILED: 1, TrialEnding.LOST: 1}


def test_history_of_a_case_over_runs(lab: Lab) -> None:
    """With the run that each try belongs to."""
    page = lab.index.case_history("order-2", "crawl")
    assert [(row.run.model, row.trial.passed) for row in page.rows] == [("model-b", True), ("model-a", False)] or [
        (row.run.model, row.trial.passed) for row in page.rows
    ] == [("model-a", False), ("model-b", True)]
    assert page.total == 2
    assert lab.index.case_history("order-2", "coding").total == 0


def test_sets_of_cases_and_what_each_model_did(lab: Lab) -> None:
    """The two crawls ask the same."""
    first = lab.index.list_case_sets()[0]
    assert (first.mode, first.cases, first.runs, first.models) == ("crawl", 3, 2, ("model-a", "model-b"))
    assert first.name == "data/cases.csv"
    rows = {(row.model, row.case_id): row for row in lab.index.list_model_cases(first.case_set)}
    assert (rows["model-a", "order-2"].decided, rows["model-a", "order-2"].passed) == (1, 0)
    lost = rows["model-b", "order-lost"]
    assert (lost.tries, lost.decided, lost.excluded, lost.latency_ms_median) == (1, 0, 1, None)
    assert lost.cost_usd == pytest.approx(0.011)
    assert lab.index.list_case_sets()[1].ranking in ("", "lenient: true")
    assert {found.ranking for found in lab.index.list_case_sets()} == {"", "lenient: true"}


def test_facets_and_tags(lab: Lab) -> None:
    """What a filter can offer."""
    facets = lab.index.facets()
    assert facets.modes == ("coding", "crawl", "terminal")
    assert facets.models == ("coder-a", "demo", "model-a", "model-b")
    assert facets.statuses == ("completed",)
    assert facets.tags == ()


def test_a_sweep_knows_its_jobs(tmp_path: Path) -> None:
    """In order of their numbers, with how many have ended."""
    root = tmp_path / "outputs" / "sweeps" / "2026-01-02_10-00-00-000000"
    ids = [f"{number:032x}" for number in range(16**31, 16**31 + 3)]
    for number in (10, 2, 1):
        stored_runs.write_crawl(root / f"{number}_x", run_id=f"{number:x}" * 32 if number < 10 else ids[0])
    (root / "plan.json").write_text(json.dumps({"jobs": [{}] * 4}), encoding="utf-8")
    lab = make_lab(tmp_path)
    (sweep,) = lab.index.list_sweeps()
    assert (sweep.name, sweep.jobs_total, sweep.jobs_finished) == ("2026-01-02_10-00-00-000000", 4, 3)
    assert [run_id[0] for run_id in sweep.run_ids] == ["1", "2", ids[0][0]]
    assert lab.index.get_sweep(sweep.id) == sweep
    assert lab.index.list_runs(RunQuery(sweep=sweep.id)).total == 3
    assert lab.index.get_run(sweep.run_ids[0]).sweep_id == sweep.id  # type: ignore[union-attr]
    assert lab.index.get_sweep("nothing") is None


def test_made_again_it_is_the_same(lab: Lab) -> None:
    """All that the index holds comes from the runs' files."""
    before = lab.index.list_runs(RunQuery()).rows
    version = lab.index.version()
    lab.index.close()
    assert rebuild(lab.settings) == 4
    assert lab.index.list_runs(RunQuery()).rows == before
    assert lab.index.version() > version
