"""What the index answers: plain rows, one kind for each kind of question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

CUT_OFF = "cut_off"
"""The status of a run that says it is running although no process is writing it."""
DAMAGED = "damaged"
"""The status of a directory whose files tell too little to say more."""


class TrialEnding(StrEnum):
    """How a case-trial stands. `LOST`: it broke off by somebody else's fault than the assistant's and does not count.

    `UNGRADED`: it ended well, and whether it passed is not decided, or not yet.
    """

    PASSED = "passed"
    FAILED = "failed"
    LOST = "lost"
    UNGRADED = "ungraded"
    RUNNING = "running"


@dataclass(frozen=True)
class RunQuery:
    """Which runs, in which order; an empty field asks nothing.

    Attributes:
        text: Words that all have to be in its name, model, mode, id, tags or notes, as parts of words, in any case.
        mode: The mode's name.
        model: What is under test, as :attr:`RunRow.model` has it.
        tag: A tag that it has.
        status: Its status.
        case_set: The set of cases that it asks.
        sweep: The id of the sweep that it is a job of.
        sort: A column of :class:`RunRow`; unknown ones mean `started_at`.
        descending: Largest first; what has no value comes last either way.
        page: Counts from 1.
        size: Rows on a page.

    """

    text: str = ""
    mode: str = ""
    model: str = ""
    tag: str = ""
    status: str = ""
    case_set: str = ""
    sweep: str = ""
    sort: str = "started_at"
    descending: bool = True
    page: int = 1
    size: int = 50


@dataclass(frozen=True)
class RunRow:
    """A run.

    Attributes:
        id: Its name in addresses, 16 characters; a copy of a run has another than the run.
        run_id: The id that its files have; empty where they have none.
        root: Its directory.
        name: Its run name, else that of its directory.
        mode: The mode's name.
        model: What is under test: a model, or an agent with its model.
        provider: Who serves it.
        status: As ``status.json`` has it, or `cut_off`, or `damaged`.
        is_live: Whether a process is writing it.
        started_at: UTC, ISO 8601; empty where that is not known.
        ended_at: The same; empty while it has not ended.
        planned: Case-trials that it is to have.
        finished: Case-trials that have a record.
        passed: Those that passed.
        failed: Those that did not.
        excluded: Those that were lost and do not count.
        score: The share that passed of those where it is decided; None where there is none.
        score_low: The lower end of its 95 % interval.
        score_high: The upper end.
        cost_usd: Dollars; None where a price is unknown.
        latency_ms: The median of the mode's answer latency.
        case_set: The id of its set of cases.
        trials: How often each case is tried.
        sweep_id: The sweep that it is a job of; empty: none.
        parent_id: The run that it was started from again, by the id that this index has; empty: none.
        tags: In order.
        notes: How many there are.
        reviews: How many there are.
        trouble: What is wrong with its files, one finding a line; empty: nothing.
        config_sha256: The hash of what it does.
        evalkit_version: What wrote it.

    """

    id: str
    run_id: str
    root: Path
    name: str
    mode: str
    model: str
    provider: str
    status: str
    is_live: bool
    started_at: str
    ended_at: str
    planned: int
    finished: int
    passed: int
    failed: int
    excluded: int
    score: float | None
    score_low: float | None
    score_high: float | None
    cost_usd: float | None
    latency_ms: float | None
    case_set: str
    trials: int
    sweep_id: str
    parent_id: str
    tags: tuple[str, ...]
    notes: int
    reviews: int
    trouble: str
    config_sha256: str
    evalkit_version: str


@dataclass(frozen=True)
class RunPage:
    """A page of runs; `total` counts those of all pages."""

    rows: tuple[RunRow, ...]
    total: int
    page: int
    size: int


@dataclass(frozen=True)
class TrialRow:
    """A case-trial of a run.

    Attributes:
        key: Its name in the run.
        case_id: Its case.
        trial: Which try at the case it is; counts from 1.
        ending: How it stands.
        passed: None where that is not decided.
        fault: Whose fault it is that it broke off; empty: it did not.
        failure_stage: Where it broke off.
        error_type: In what way.
        error_message: In words.
        grades: Grader -> the lowest of its grades that count; None where it could not be applied.
        cost_usd: Dollars, grading included; None where a price is unknown.
        latency_ms: The mode's answer latency; of several turns, their median.
        duration_ms: How long it took.
        started_at: UTC, ISO 8601.
        ended_at: When its record was stored.
        attempts: How many there were; of one that is running, which one it is.
        said: The first words of the system under test.

    """

    key: str
    case_id: str
    trial: int
    ending: TrialEnding
    passed: bool | None
    fault: str
    failure_stage: str
    error_type: str
    error_message: str
    grades: Mapping[str, float | None]
    cost_usd: float | None
    latency_ms: float | None
    duration_ms: float | None
    started_at: str
    ended_at: str
    attempts: int
    said: str


@dataclass(frozen=True)
class TrialPage:
    """A page of a run's case-trials, in the run's order; `total` counts those of all pages."""

    rows: tuple[TrialRow, ...]
    total: int
    page: int
    size: int


class CaseTry(NamedTuple):
    """A case-trial as the course of its case needs it; a case has hundreds of them.

    Attributes:
        run_id: The run, by its id in this index.
        run_name: What the run is called.
        mode: The mode's name.
        model: What was under test.
        config_sha256: The run's config.
        key: The case-trial's name in the run.
        trial: Which try at the case it is; counts from 1.
        ending: How it stands.
        passed: None where that is not decided.
        latency_ms: The mode's answer latency; None where nothing was measured.
        started_at: When it began, UTC, ISO 8601; when its run did, where it has no time of its own.

    """

    run_id: str
    run_name: str
    mode: str
    model: str
    config_sha256: str
    key: str
    trial: int
    ending: TrialEnding
    passed: bool | None
    latency_ms: float | None
    started_at: str


@dataclass(frozen=True)
class HistoryRow:
    """A case-trial with the run that it belongs to."""

    run: RunRow
    trial: TrialRow


@dataclass(frozen=True)
class HistoryPage:
    """A page of what became of a case over all runs, newest first; `total` counts those of all pages."""

    rows: tuple[HistoryRow, ...]
    total: int
    page: int
    size: int


@dataclass(frozen=True)
class SweepRow:
    """A sweep.

    Attributes:
        id: Its name in addresses.
        root: Its directory.
        name: The directory's name.
        started_at: When its first job began; empty: none has.
        jobs_total: How many jobs it has.
        jobs_finished: How many of them have ended.
        run_ids: Its runs, by their ids in this index, in the jobs' order.

    """

    id: str
    root: Path
    name: str
    started_at: str
    jobs_total: int
    jobs_finished: int
    run_ids: tuple[str, ...]


@dataclass(frozen=True)
class CaseSetRow:
    """Cases that several runs ask, whatever the file is called that they came from.

    Attributes:
        case_set: The set's id.
        mode: The mode's name.
        cases: How many there are.
        name: What most of the runs call the data.
        ranking: What decides here what "passed" means (``lenient: true``); empty: nothing but the cases.
        runs: How many runs ask them.
        models: What is under test in those, in order.

    """

    case_set: str
    mode: str
    cases: int
    name: str
    ranking: str
    runs: int
    models: tuple[str, ...]


@dataclass(frozen=True)
class ModelCaseRow:
    """One model's tries at one case of a set, over all runs; copies of runs do not count again.

    Attributes:
        model: What is under test.
        case_id: The case.
        tries: Case-trials that have a record.
        decided: Those of which it is decided whether they passed.
        passed: Those that did.
        excluded: Those that were lost and do not count.
        cost_usd: Dollars for all tries; None where a price is unknown.
        latency_ms_median: The median of the tries' latencies; None where there is none.
        run_ids: The runs, by their ids in this index.

    """

    model: str
    case_id: str
    tries: int
    decided: int
    passed: int
    excluded: int
    cost_usd: float | None
    latency_ms_median: float | None
    run_ids: tuple[str, ...]


@dataclass(frozen=True)
class TagCount:
    """A tag, and how many runs have it."""

    tag: str
    runs: int


@dataclass(frozen=True)
class Facets:
    """What the runs can be filtered by, each in order."""

    modes: tuple[str, ...]
    models: tuple[str, ...]
    statuses: tuple[str, ...]
    tags: tuple[str, ...]
