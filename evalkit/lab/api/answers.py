"""What the API answers, field by field: rows of the index as plain values, and what the OpenAPI document says of them.

Some fields say again, under the names that clients of an older dashboard know, what another says.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, cast

from pydantic import Field
from typing_extensions import TypedDict

from evalkit.lab.index.rows import HistoryRow, RunRow, TrialRow
from evalkit.records.grade import Grade


class RunFields(TypedDict):
    """A run."""

    id: Annotated[str, Field(description="Its name in addresses")]
    run_id: Annotated[str, Field(description="The same")]
    stored_run_id: Annotated[str, Field(description="The id that its files have; a copy of it has the same")]
    root: Annotated[str, Field(description="Its directory, on the lab's machine")]
    name: str
    mode: str
    model: Annotated[str, Field(description="What is under test")]
    model_id: Annotated[str, Field(description="The same")]
    provider: str
    status: Annotated[str, Field(description="running, cut_off, completed, gate_failed, failed, interrupted, …")]
    is_live: Annotated[bool, Field(description="Whether a process is writing it")]
    started_at: Annotated[str, Field(description="UTC, ISO 8601; empty: unknown")]
    timestamp_utc: Annotated[str | None, Field(description="The same")]
    ended_at: Annotated[str, Field(description="UTC, ISO 8601; empty while it has not ended")]
    total_duration_seconds: float | None
    planned: Annotated[int, Field(description="Case-trials that it is to have")]
    finished: Annotated[int, Field(description="Case-trials that have a record")]
    passed: int
    failed: int
    excluded: Annotated[int, Field(description="Lost by somebody else's fault; they do not count")]
    score: Annotated[float | None, Field(description="The share that passed of those where it is decided")]
    score_low: Annotated[float | None, Field(description="The lower end of its 95 % interval")]
    score_high: Annotated[float | None, Field(description="The upper end of its 95 % interval")]
    accuracy: Annotated[float | None, Field(description="The score")]
    cost_usd: Annotated[float | None, Field(description="null: a price is unknown")]
    total_cost_usd: Annotated[float | None, Field(description="The same")]
    latency_ms: Annotated[float | None, Field(description="The median of the mode's answer latency")]
    case_set: Annotated[str, Field(description="The id of its set of cases")]
    trials: Annotated[int, Field(description="How often each case is tried")]
    sweep_id: str
    parent_id: Annotated[str, Field(description="The run that it was started from again")]
    tags: list[str]
    notes: int
    reviews: int
    trouble: Annotated[str, Field(description="What is wrong with its files; empty: nothing")]
    config_sha256: str
    evalkit_version: str


class RunsAnswer(TypedDict):
    """A page of runs."""

    runs: list[RunFields]
    total: int
    page: int
    size: int


class AttemptFields(TypedDict):
    """A case-trial, as clients of an older dashboard know it."""

    task_id: str
    model: str
    provider: str
    sample_index: int
    status: Annotated[str, Field(description="passed, failed, error (nobody's verdict) or api_error (lost)")]
    duration_seconds: float | None
    cost_usd: float | None
    error: str | None


class RunSummaryFields(TypedDict):
    """A run with all its case-trials, as clients of an older dashboard know it."""

    run_id: str
    timestamp_utc: str | None
    models: list[str]
    tasks: list[str]
    samples: int
    accuracy: float | None
    total_cost_usd: float | None
    total_duration_seconds: float | None
    attempts: list[AttemptFields]


class RunAnswer(TypedDict):
    """A run, and how its case-trials stand."""

    run: RunFields
    endings: Annotated[dict[str, int], Field(description="passed, failed, lost, ungraded, running -> how many")]
    summary: RunSummaryFields


class TrialFields(TypedDict):
    """A case-trial of a run."""

    key: Annotated[str, Field(description="Its name in the run")]
    case_id: str
    trial: Annotated[int, Field(description="Which try at the case it is, from 1")]
    ending: Annotated[str, Field(description="passed, failed, lost, ungraded or running")]
    passed: bool | None
    fault: Annotated[str, Field(description="Whose fault it is that it broke off; empty: it did not")]
    failure_stage: str
    error_type: str
    error_message: str
    grades: Annotated[dict[str, float | None], Field(description="Grader -> the lowest of its grades that count")]
    cost_usd: float | None
    latency_ms: float | None
    duration_ms: float | None
    started_at: str
    ended_at: str
    attempts: int
    said: Annotated[str, Field(description="The first words of the system under test")]


class TrialsAnswer(TypedDict):
    """A page of a run's case-trials, in the run's order."""

    cases: list[TrialFields]
    total: int
    page: int
    size: int


class GradeFields(TypedDict):
    """A grade that counts."""

    key: str
    turn_index: Annotated[int | None, Field(description="The turn that it is about; null: the whole")]
    grader_id: str
    grader_type: str
    grader_version: str
    grade: Annotated[float | None, Field(description="0 to 1; null: could not be applied, and rationale says why")]
    rationale: str
    evidence: list[str]
    unanswered: bool
    judge_model: Annotated[str, Field(description="Empty for rules")]
    graded_at: str


class TrialAnswer(TypedDict):
    """A case-trial, with its grades and all that was stored of it."""

    run_id: str
    case: TrialFields
    grades: list[GradeFields]
    record: Annotated[dict[str, Any] | None, Field(description="Its record as stored; null: there is none, or broken")]
    trouble: Annotated[str, Field(description="What is wrong with its files; empty: nothing")]


class GradesAnswer(TypedDict):
    """A page of a run's grades that count, oldest first."""

    grades: list[GradeFields]
    total: int
    page: int
    size: int


class HistoryFields(TypedDict):
    """What became of a case in one run."""

    run: RunFields
    case: TrialFields


class HistoryAnswer(TypedDict):
    """A page of what became of a case over all runs, newest first."""

    history: list[HistoryFields]
    total: int
    page: int
    size: int


def run_fields(run: RunRow) -> RunFields:
    """Return what the API says of a run."""
    return RunFields(
        id=run.id,
        run_id=run.id,
        stored_run_id=run.run_id,
        root=str(run.root),
        name=run.name,
        mode=run.mode,
        model=run.model,
        model_id=run.model,
        provider=run.provider,
        status=run.status,
        is_live=run.is_live,
        started_at=run.started_at,
        timestamp_utc=run.started_at or None,
        ended_at=run.ended_at,
        total_duration_seconds=_seconds_between(run.started_at, run.ended_at),
        planned=run.planned,
        finished=run.finished,
        passed=run.passed,
        failed=run.failed,
        excluded=run.excluded,
        score=run.score,
        score_low=run.score_low,
        score_high=run.score_high,
        accuracy=run.score,
        cost_usd=run.cost_usd,
        total_cost_usd=run.cost_usd,
        latency_ms=run.latency_ms,
        case_set=run.case_set,
        trials=run.trials,
        sweep_id=run.sweep_id,
        parent_id=run.parent_id,
        tags=list(run.tags),
        notes=run.notes,
        reviews=run.reviews,
        trouble=run.trouble,
        config_sha256=run.config_sha256,
        evalkit_version=run.evalkit_version,
    )


def trial_fields(trial: TrialRow) -> TrialFields:
    """Return what the API says of a case-trial."""
    stands = {name: getattr(trial, name) for name in TrialFields.__annotations__}
    return cast(TrialFields, {**stands, "ending": str(trial.ending), "grades": dict(trial.grades)})


def grade_fields(grade: Grade) -> GradeFields:
    """Return what the API says of a grade."""
    return GradeFields(
        key=grade.key,
        turn_index=grade.turn_index,
        grader_id=grade.grader_id,
        grader_type=grade.grader_type,
        grader_version=grade.grader_version,
        grade=grade.grade,
        rationale=grade.rationale,
        evidence=list(grade.evidence),
        unanswered=grade.unanswered,
        judge_model=str(grade.judge.get("model", "")),
        graded_at=grade.graded_at,
    )


def history_fields(row: HistoryRow) -> HistoryFields:
    """Return what the API says of a case in one run."""
    return HistoryFields(run=run_fields(row.run), case=trial_fields(row.trial))


def summary_fields(run: RunRow, trials: list[TrialRow]) -> RunSummaryFields:
    """Return a run with its case-trials as clients of an older dashboard know it."""
    fields = run_fields(run)
    return RunSummaryFields(
        run_id=run.id,
        timestamp_utc=fields["timestamp_utc"],
        models=[run.model],
        tasks=list(dict.fromkeys(trial.case_id for trial in trials)),
        samples=run.trials,
        accuracy=run.score,
        total_cost_usd=run.cost_usd,
        total_duration_seconds=fields["total_duration_seconds"],
        attempts=[_attempt_fields(run, trial) for trial in trials],
    )


_OLDER_STATUS: Mapping[str, str] = {"lost": "api_error", "ungraded": "error"}


def _attempt_fields(run: RunRow, trial: TrialRow) -> AttemptFields:
    return AttemptFields(
        task_id=trial.case_id,
        model=run.model,
        provider=run.provider,
        sample_index=trial.trial - 1,
        status=_OLDER_STATUS.get(trial.ending, str(trial.ending)),
        duration_seconds=None if trial.duration_ms is None else trial.duration_ms / 1000,
        cost_usd=trial.cost_usd,
        error=trial.error_message or None,
    )


def _seconds_between(started_at: str, ended_at: str) -> float | None:
    try:
        return (datetime.fromisoformat(ended_at) - datetime.fromisoformat(started_at)).total_seconds()
    except (ValueError, TypeError):
        return None
