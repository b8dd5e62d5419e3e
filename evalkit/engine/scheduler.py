"""Runs case-trials concurrently: starts, retries, journals, stops. Knows no kind of case.

The engine receives two callables: `work` makes one attempt at a case-trial and returns its record, `finish` takes a
stored record and its hash further (grading, progress) and says what that cost. A failing case never stops the others;
an exception that `work` lets through is a defect of ours, becomes an ``internal`` failure in the record, and the run
goes on. A disk that takes nothing more stops the run: what was stored by then is whole.

An attempt is under way only while it holds a place of the :class:`~evalkit.engine.throttle.Throttle` and a slot of the
:class:`~evalkit.engine.quota.Quota`; a case that waits for its next attempt holds neither.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import random
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol, TypeVar

from evalkit.clock import Clock
from evalkit.engine.quota import Quota, holding
from evalkit.engine.retry import RetryPolicy
from evalkit.engine.throttle import Throttle
from evalkit.records.case import CaseTrial
from evalkit.records.faults import POLICIES, Failure, Fault, Stage, decide_fault
from evalkit.records.record import Attempt, CaseRecord

T = TypeVar("T")
Costs = Mapping[str, float | None]
"""Role -> dollars; None where a price is unknown."""

_STORAGE_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EFBIG})
_log = logging.getLogger(__name__)


class Sink(Protocol):
    """Where starts, failed attempts and records go, on disk when the call returns. Raises OSError."""

    def journal_start(self, key: str, attempt: int) -> None:
        """Note that an attempt begins."""
        ...

    def journal_attempt(self, key: str, attempt: Attempt, cost_usd: Costs, wait_s: float) -> None:
        """Note that an attempt failed and another one follows in `wait_s` seconds."""
        ...

    def set_aside(self, key: str, attempt: int) -> Mapping[str, str]:
        """Rename what `attempt` (0: one that counts no more) left, for the next; return name -> where it lies now."""
        ...

    def store_record(self, record: CaseRecord) -> str:
        """Store a record, journal it, and return the hash of its bytes."""
        ...


Work = Callable[[CaseTrial, int], Awaitable[CaseRecord]]
Finish = Callable[[CaseRecord, str], Awaitable[float]]
"""Takes a stored record and its hash further; returns what that cost in dollars, as far as prices are known."""


class Stop(StrEnum):
    """Why no further cases were started before all were done."""

    BUDGET = "budget"
    RUN_TIMEOUT = "run_timeout"
    INTERRUPTED = "interrupted"
    STORAGE = "storage"


@dataclass(frozen=True)
class EngineLimits:
    """Bounds the engine itself keeps. Dollars and seconds; None: unbounded."""

    concurrency: int
    max_cost_usd: float | None = None
    run_timeout_s: float | None = None


@dataclass(frozen=True)
class Prior:
    """What was tried at a case-trial before this run of the engine, and what it cost.

    Attributes:
        attempts: All tries, oldest first.
        cost_usd: What they cost.
        was_recorded: The last of them is that of a stored record, whose files still have their plain names.

    """

    attempts: tuple[Attempt, ...] = ()
    cost_usd: Costs = field(default_factory=dict)
    was_recorded: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of a run: how many case-trials finished, and why it stopped early if it did, in words for storage."""

    finished: int
    stopped_by: Stop | None
    trouble: str = ""


class _StorageFailed(Exception):
    """The disk took nothing more."""


class Engine:
    """One run of many case-trials. `run` may be called once; `stop` and `cancel` may be called while it goes on."""

    def __init__(
        self,
        *,
        work: Work,
        finish: Finish,
        sink: Sink,
        retry: RetryPolicy,
        limits: EngineLimits,
        clock: Clock,
        throttle: Throttle,
        quota: Quota,
    ):
        self._work = work
        self._finish = finish
        self._sink = sink
        self._retry = retry
        self._limits = limits
        self._clock = clock
        self._throttle = throttle
        self._quota = quota
        self._finished = 0
        self._stopped_by: Stop | None = None
        self._trouble = ""
        self._lanes: set[asyncio.Task[object]] = set()
        self._idle: set[asyncio.Task[object]] = set()

    async def run(self, trials: Sequence[CaseTrial], priors: Mapping[str, Prior] | None = None) -> Outcome:
        """Run `trials`, `concurrency` at a time, in their order; return when the last one that was started is done.

        `priors`: by key, for case-trials that were tried before.
        """
        waiting = iter(trials)
        started = self._clock.now()
        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._limits.concurrency, len(trials))):
                self._lanes.add(group.create_task(self._run_lane(waiting, started, priors or {})))
        return Outcome(self._finished, self._stopped_by, self._trouble)

    def stop(self, reason: Stop) -> None:
        """Begin no further attempt; those under way go on."""
        self._stopped_by = self._stopped_by or reason
        for lane in self._idle:
            lane.cancel()

    def cancel(self) -> None:
        """Give up what is under way; nothing of it is stored."""
        for lane in self._lanes:
            lane.cancel()

    async def _run_lane(self, waiting: Iterable[CaseTrial], started: float, priors: Mapping[str, Prior]) -> None:
        try:
            for trial in waiting:
                if self._must_stop(started):
                    return
                record = await self._attempt_until_done(trial, started, priors.get(trial.key, Prior()))
                if record is None:
                    return
                await self._keep(record)
        except _StorageFailed as failed:
            self._trouble = self._trouble or str(failed)
            self.stop(Stop.STORAGE)
            for lane in self._lanes - {asyncio.current_task()}:
                lane.cancel()

    async def _keep(self, record: CaseRecord) -> None:
        record_sha256 = await asyncio.to_thread(_storing, self._sink.store_record, record)
        self._finished += 1
        try:
            self._spend(await self._finish(record, record_sha256))
        except OSError as error:
            raise _StorageFailed(str(error)) from error

    def _must_stop(self, started: float) -> bool:
        limits = self._limits
        if limits.max_cost_usd is not None and self._quota.spent_usd() >= limits.max_cost_usd:
            self.stop(Stop.BUDGET)
        elif limits.run_timeout_s is not None and self._clock.now() - started >= limits.run_timeout_s:
            self.stop(Stop.RUN_TIMEOUT)
        return self._stopped_by is not None

    async def _attempt_until_done(self, trial: CaseTrial, started: float, prior: Prior) -> CaseRecord | None:
        """Return the record of the last attempt that is worth making; None when the run stops before it."""
        rng = random.Random(f"{trial.key}:{trial.seed}")
        attempts, spent = self._set_prior_aside(trial, prior), dict(prior.cost_usd)
        while True:
            made = await self._make_attempt(trial, len(attempts) + 1)
            if made is None:
                return None
            record, attempt = made
            attempts.append(attempt)
            spent = _add_costs(spent, record.cost_usd)
            tries = len(attempts) - len(prior.attempts)
            failure = record.failure
            wait_s = self._retry.wait_before_next(failure, tries, rng) if failure else None
            if failure is None or wait_s is None:
                return replace(record, attempts=tuple(attempts), cost_usd=spent)
            why = f"{failure.error_type} at {failure.stage}: {failure.message}"
            _log.info("%s: attempt %d failed (%s); again in %.1f s", trial.key, attempt.number, why, wait_s)
            attempts[-1] = replace(attempt, artifacts=_storing(self._sink.set_aside, trial.key, attempt.number))
            _storing(self._sink.journal_attempt, trial.key, attempts[-1], record.cost_usd, wait_s)
            if self._must_stop(started):
                return None
            with self._as_idle():
                await self._clock.sleep_until(self._clock.now() + wait_s)

    def _set_prior_aside(self, trial: CaseTrial, prior: Prior) -> list[Attempt]:
        """Return the attempts made before; what the last one left has another name now."""
        attempts = list(prior.attempts)
        if attempts and prior.was_recorded:
            last = attempts[-1]
            attempts[-1] = replace(last, artifacts=_storing(self._sink.set_aside, trial.key, last.number))
        else:
            _storing(self._sink.set_aside, trial.key, 0)
        return attempts

    async def _make_attempt(self, trial: CaseTrial, number: int) -> tuple[CaseRecord, Attempt] | None:
        """Return what one attempt left behind; None when the run stopped while it waited for its place."""
        async with AsyncExitStack() as places:
            with self._as_idle():
                await places.enter_async_context(self._throttle.slot())
                await places.enter_async_context(holding(self._quota.slot()))
            if self._stopped_by is not None:
                return None
            _storing(self._sink.journal_start, trial.key, number)
            began = self._clock.now()
            record = await self._attempt(trial, number)
            self._tell_throttle(record, began)
            self._spend(sum(cost or 0.0 for cost in record.cost_usd.values()))
        return record, Attempt(number, (self._clock.now() - began) * 1000, record.failure)

    async def _attempt(self, trial: CaseTrial, number: int) -> CaseRecord:
        try:
            return await self._work(trial, number)
        except Exception as error:
            if isinstance(error, OSError) and error.errno in _STORAGE_ERRORS:
                raise _StorageFailed(str(error)) from error
            _log.exception("%s: a defect in evalkit", trial.key)
            return _defect_record(trial, error)

    def _spend(self, usd: float) -> None:
        if usd > 0:  # a quota may have to put it on disk
            _storing(self._quota.add_spent_usd, usd)

    def _tell_throttle(self, record: CaseRecord, began: float) -> None:
        failure = record.failure
        policy = POLICIES.get(failure.error_type) if failure else None
        if failure and policy and policy.is_pressure:
            self._throttle.note_pressure(f"{failure.error_type} at {failure.stage}", began, failure.retry_after_s)
        elif record.fault is not Fault.INFRASTRUCTURE:
            self._throttle.note_success()

    @contextmanager
    def _as_idle(self) -> Iterator[None]:
        """Mark the lane as one that :meth:`stop` may end: nothing is under way in it."""
        lane = asyncio.current_task()
        if lane is not None:
            self._idle.add(lane)
        try:
            yield
        finally:
            if lane is not None:
                self._idle.discard(lane)


def _storing(store: Callable[..., T], *what: object) -> T:
    try:
        return store(*what)
    except OSError as error:
        raise _StorageFailed(str(error)) from error


def _add_costs(spent: Costs, costs: Costs) -> dict[str, float | None]:
    """Sum costs by role over attempts: an attempt that failed was paid for all the same. Unknown stays unknown."""
    total = dict(spent)
    for role, cost in costs.items():
        before = total.get(role, 0.0)
        total[role] = None if cost is None or before is None else before + cost
    return total


def _defect_record(trial: CaseTrial, error: Exception) -> CaseRecord:
    failure = Failure(Stage.INTERNAL, type(error).__name__, str(error) or type(error).__name__)
    return CaseRecord(
        case=trial.case, trial=trial.trial, seed=trial.seed, reuse_key="", settings={}, turns=(), failure=failure,
        attempts=(), cost_usd={}, served_model="", started_at="", duration_ms=0.0, fault=decide_fault(failure),
    )  # fmt: skip
