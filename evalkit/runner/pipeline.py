"""From case-trials to graded records on disk, for any kind of case: nothing here knows what a case is made of."""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from hashlib import sha256

from evalkit.clock import Clock
from evalkit.engine.quota import Quota
from evalkit.engine.retry import RetryPolicy
from evalkit.engine.scheduler import Engine, EngineLimits, Finish, Outcome, Prior, Work
from evalkit.engine.throttle import Throttle
from evalkit.graders.apply import grade_record
from evalkit.graders.context import GraderServices
from evalkit.heap import frozen_heap
from evalkit.metrics.cost import grade_costs_usd
from evalkit.records.case import Case, CaseTrial
from evalkit.records.grade import Grade, GraderSpec
from evalkit.records.passing import passed
from evalkit.records.record import CaseRecord
from evalkit.store.run_directory import RunDirectory, StoredRecord, now_utc


@dataclass(frozen=True)
class Workload:
    """The work of a run: the function that attempts a case, each case's graders, and the services they use."""

    work: Work
    graders: Callable[[Case], Sequence[GraderSpec]]
    services: GraderServices


@dataclass(frozen=True)
class Remaining:
    """What is left to do of a run.

    Attributes:
        trials: To be run, in order.
        priors: Earlier attempts at them, by key.
        kept: Records that stay; those that lack a grade get it.

    """

    trials: Sequence[CaseTrial]
    priors: Mapping[str, Prior] = field(default_factory=dict)
    kept: Sequence[StoredRecord] = ()


@dataclass(frozen=True)
class Controls:
    """The limits and helpers that control a run.

    Attributes:
        limits: Bounds in number, time and money.
        retry: What is tried again.
        clock: Of the run.
        throttle: How many attempts at once, as far as the peer keeps up.
        quota: The money and requests that it shares with other jobs.
        watch: Holds whatever may stop the engine while it runs, for example the signals of a terminal.

    """

    limits: EngineLimits
    retry: RetryPolicy
    clock: Clock
    throttle: Throttle
    quota: Quota
    watch: Callable[[Engine], AbstractContextManager[None]] = lambda _: nullcontext()


Advance = Callable[[CaseRecord, Sequence[Grade]], None]
"""Called with each case-trial that is done."""


def expand_trials(cases: Sequence[Case], trials: int, seed: int) -> list[CaseTrial]:
    """Return every trial of every case, in case order, each with a seed that depends on nothing but its identity."""
    return [
        CaseTrial(case, trial, _derive_seed(seed, case.case_id, trial))
        for case in cases
        for trial in range(1, trials + 1)
    ]


async def run_workload(
    workload: Workload, left: Remaining, run: RunDirectory, controls: Controls, advance: Advance
) -> Outcome:
    """Run and grade what is `left` into `run`; each record is on disk before any grader sees it."""
    engine = Engine(
        work=workload.work,
        finish=_grade_into(run, workload, advance),
        sink=run,
        retry=controls.retry,
        limits=controls.limits,
        clock=controls.clock,
        throttle=controls.throttle,
        quota=controls.quota,
    )
    with frozen_heap(), controls.watch(engine):
        await _grade_kept(run, workload, left.kept, advance)
        return await engine.run(left.trials, left.priors)


def _grade_into(run: RunDirectory, workload: Workload, advance: Advance) -> Finish:
    async def finish(record: CaseRecord, record_sha256: str) -> float:
        grades = await grade_record(record, record_sha256, workload.graders(record.case), workload.services, now_utc)
        # It waits for the disk, which must not delay the conversations that go on.
        await asyncio.to_thread(run.append_grades, grades, {record.key: passed(record, grades)})
        advance(record, grades)
        return judging_cost_usd(grades)

    return finish


async def _grade_kept(run: RunDirectory, workload: Workload, kept: Sequence[StoredRecord], advance: Advance) -> None:
    """Give every kept record the grades that it lacks: the run may have ended earlier, or a judge gave no answer."""
    given: dict[str, list[Grade]] = defaultdict(list)
    for grade in run.read_grades():
        given[grade.record_sha256].append(grade)

    async def complete(stored: StoredRecord) -> None:
        record, known = stored.record, given[stored.sha256]
        done = {(grade.grader_id, grade.turn_index) for grade in known if not grade.unanswered}
        specs = workload.graders(record.case)
        grades = await grade_record(record, stored.sha256, specs, workload.services, now_utc, done=done)
        run.append_grades(grades, {record.key: passed(record, [*known, *grades])})
        advance(record, [*known, *grades])

    await asyncio.gather(*(complete(stored) for stored in kept))


def judging_cost_usd(grades: Sequence[Grade]) -> float:
    """Return what asking for `grades` cost in dollars, as far as prices are known."""
    costs = (cost for grade in grades for cost in grade_costs_usd(grade).values())
    return math.fsum(cost for cost in costs if cost is not None)


def _derive_seed(seed: int, case_id: str, trial: int) -> int:
    return int.from_bytes(sha256(f"{seed}:{case_id}:{trial}".encode()).digest()[:4], "big") >> 1
