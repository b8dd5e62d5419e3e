"""What the API says of a run stands in the index, and again where clients of an older dashboard look for it."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest
from labs import make_lab
from stored_runs import write_crawl

from evalkit.lab.api.answers import RunFields, TrialFields, run_fields, summary_fields, trial_fields
from evalkit.lab.index.rows import RunQuery, RunRow, TrialEnding, TrialRow


@pytest.fixture
def row(tmp_path: Path) -> tuple[RunRow, list[TrialRow]]:
    """A run of three case-trials: one passed, one failed, one lost."""
    write_crawl(tmp_path / "outputs" / "run", "model-a")
    lab = make_lab(tmp_path)
    run = lab.index.list_runs(RunQuery()).rows[0]
    return run, list(lab.index.list_trials(run.id).rows)


def test_nothing_that_the_index_knows_is_kept_back(row: tuple[RunRow, list[TrialRow]]) -> None:
    """A field that is added to the index is noticed here."""
    assert {field.name for field in fields(RunRow)} <= RunFields.__annotations__.keys()
    assert {field.name for field in fields(TrialRow)} == TrialFields.__annotations__.keys()
    assert trial_fields(row[1][0])["ending"] == "passed"


def test_an_older_client_finds_a_run_where_it_looks(row: tuple[RunRow, list[TrialRow]]) -> None:
    """The id that it is told leads to the run."""
    answered = run_fields(row[0])
    assert answered["run_id"] == answered["id"] == row[0].id
    assert answered["timestamp_utc"] == "2026-01-02T10:00:00.000+00:00"
    assert answered["model_id"] == "model-a"
    assert answered["accuracy"] == 0.5
    assert answered["total_cost_usd"] == row[0].cost_usd
    assert answered["total_duration_seconds"] == 60.0


def test_an_older_client_finds_the_attempts(row: tuple[RunRow, list[TrialRow]]) -> None:
    """Under the words that it has for how they ended; what was lost is nobody's failure."""
    summary = summary_fields(*row)
    assert [attempt["status"] for attempt in summary["attempts"]] == ["passed", "failed", "api_error"]
    assert summary["tasks"] == ["order-1", "order-2", "order-lost"]
    first, lost = summary["attempts"][0], summary["attempts"][2]
    assert (first["task_id"], first["model"], first["sample_index"]) == ("order-1", "model-a", 0)
    assert (first["duration_seconds"], first["error"]) == (2.0, None)
    assert lost["error"] == "nobody listens at 127.0.0.1:9"
    undecided = summary_fields(row[0], [replace(row[1][0], ending=TrialEnding.UNGRADED)])
    assert undecided["attempts"][0]["status"] == "error"


@pytest.mark.parametrize(
    ("started", "ended"),
    [("", ""), ("2026-01-02T10:00:00+00:00", ""), ("x", "y"), ("2026-01-02T10:00:00", "2026-01-02T10:00:00+00:00")],
)
def test_what_has_not_ended_took_no_time_yet(row: tuple[RunRow, list[TrialRow]], started: str, ended: str) -> None:
    """Null, not nothing."""
    assert run_fields(replace(row[0], started_at=started, ended_at=ended))["total_duration_seconds"] is None
