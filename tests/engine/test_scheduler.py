"""The engine: concurrent, ordered starts, retries kept, defects contained, stops obeyed; for any kind of case."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from fake_clock import FakeClock

from evalkit.engine.quota import OwnQuota, holding
from evalkit.engine.retry import RetryPolicy
from evalkit.engine.scheduler import Engine, EngineLimits, Outcome, Prior, Stop
from evalkit.engine.throttle import Throttle
from evalkit.records.case import Case, CaseTrial
from evalkit.records.faults import Failure, Fault, Stage, decide_fault
from evalkit.records.record import Attempt, CaseRecord


class MemorySink:
    """Keeps what the engine stores."""

    def __init__(self) -> None:
        self.started: list[tuple[str, int]] = []
        self.failed: list[tuple[str, int]] = []
        self.waits_s: list[float] = []
        self.records: list[CaseRecord] = []
        self.aside: list[tuple[str, int]] = []
        self.room = 1_000

    def journal_start(self, key: str, attempt: int) -> None:
        self.started.append((key, attempt))

    def journal_attempt(self, key: str, attempt: Attempt, cost_usd: Mapping[str, float | None], wait_s: float) -> None:
        self.failed.append((key, attempt.number))
        self.waits_s.append(wait_s)

    def set_aside(self, key: str, attempt: int) -> dict[str, str]:
        self.aside.append((key, attempt))
        return {"event_log_path": f"{key}.attempt{attempt}"}

    def store_record(self, record: CaseRecord) -> str:
        if len(self.records) >= self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.records.append(record)
        return f"sha-{record.key}"


def _trials(count: int) -> list[CaseTrial]:
    return [CaseTrial(Case(f"c{number}", "text", {}), 1, number) for number in range(count)]


def _record(trial: CaseTrial, failure: Failure | None = None, cost_usd: float | None = 0.0) -> CaseRecord:
    return CaseRecord(
        case=trial.case, trial=trial.trial, seed=trial.seed, reuse_key="", settings={}, turns=(), failure=failure,
        attempts=(), cost_usd={"assistant": cost_usd}, served_model="", started_at="", duration_ms=0,
        fault=decide_fault(failure) if failure else None,
    )  # fmt: skip


def _engine(work: Callable, sink: MemorySink, *, attempts: int = 1, clock: FakeClock | None = None, **limits) -> Engine:
    clock = clock or FakeClock()
    bounds = EngineLimits(**{"concurrency": 2, **limits})

    async def finish(record: CaseRecord, record_sha256: str) -> float:
        assert record_sha256 == f"sha-{record.key}"
        return 0.0

    return Engine(
        work=work, finish=finish, sink=sink, retry=RetryPolicy(attempts), limits=bounds, clock=clock,
        throttle=Throttle(bounds.concurrency, clock), quota=OwnQuota(),
    )  # fmt: skip


async def _run(work: Callable, trials: list[CaseTrial], sink: MemorySink, **options) -> Outcome:
    return await _engine(work, sink, **options).run(trials)


async def test_every_trial_is_journaled_stored_and_finished_once() -> None:
    """Nothing is lost and nothing is done twice."""

    async def work(trial: CaseTrial, attempt: int) -> CaseRecord:
        await asyncio.sleep(0)
        return _record(trial)

    sink = MemorySink()
    outcome = await _run(work, _trials(7), sink)
    assert outcome == Outcome(7, None)
    assert sorted(sink.started) == [(f"c{n}", 1) for n in range(7)]
    assert sorted(record.key for record in sink.records) == [f"c{n}" for n in range(7)]


async def test_at_most_concurrency_cases_are_in_flight() -> None:
    """The bound holds, and it is used."""
    in_flight = peak = 0

    async def work(trial: CaseTrial, attempt: int) -> CaseRecord:
        nonlocal in_flight, peak
        in_flight += 1
        peak = max(peak, in_flight)
        await asyncio.sleep(0)
        in_flight -= 1
        return _record(trial)

    await _run(work, _trials(12), MemorySink(), concurrency=3)
    assert peak == 3


async def test_a_passing_failure_is_retried_and_every_attempt_kept() -> None:
    """The record holds the attempts and what all of them cost."""

    async def work(trial: CaseTrial, attempt: int) -> CaseRecord:
        failure = Failure(Stage.CONNECT, "connection_refused", "no") if attempt < 3 else None
        return _record(trial, failure, cost_usd=0.5)

    sink = MemorySink()
    await _run(work, _trials(1), sink, attempts=5)
    (record,) = sink.records
    assert [attempt.failure is None for attempt in record.attempts] == [False, False, True]
    assert record.fault is None
    assert record.cost_usd == {"assistant": 1.5}
    assert [attempt for _, attempt in sink.started] == [1, 2, 3]
    assert sink.aside == [("c0", 0), ("c0", 1), ("c0", 2)]
    assert sink.waits_s == sorted(sink.waits_s)
    assert sink.waits_s[0] > 0
    logs = [attempt.artifacts.get("event_log_path") for attempt in record.attempts]
    assert logs == ["c0.attempt1", "c0.attempt2", None]


async def test_an_unknown_price_stays_unknown() -> None:
    """Adding to unknown is unknown, never a smaller number."""

    async def work(trial: CaseTrial, attempt: int) -> CaseRecord:
        failure = Failure(Stage.CONNECT, "connection_refused", "no") if attempt == 1 else None
        return _record(trial, failure, cost_usd=None if attempt == 1 else 0.5)

    sink = MemorySink()
    await _run(work, _trials(1), sink, attempts=2)
    assert sink.records[0].cost_usd == {"assistant": None}


async def test_a_defect_in_one_case_leaves_the_others_alone() -> None:
    """An exception becomes an internal failure in the record, and the run goes on."""

    async def work(trial: CaseTrial, attempt: int) -> CaseRecord:
        if trial.key == "c1":
            raise RuntimeError("boom")
        return _record(trial)

    sink = MemorySink()
    outcome = await _run(work, _trials(4), sink)
    failed = {record.key: record for record in sink.records if record.failure}
    assert outcome.finished == 4
    assert list(failed) == ["c1"]
    assert failed["c1"].failure == Failure(Stage.INTERNAL, "RuntimeError", "boom")
    assert failed["c1"].fault is Fault.INFRASTRUCTURE


async def test_a_spent_budget_stops_new_starts_and_keeps_what_was_paid() -> None:
    """Nothing starts after the cap, everything before it is stored."""

    async def work(trial: CaseTrial, attempt: int) -> CaseRecord:
        return _record(trial, cost_usd=1.0)

    sink = MemorySink()
    outcome = await _run(work, _trials(10), sink, concurrency=1, max_cost_usd=2.5)
    assert outcome == Outcome(3, Stop.BUDGET)
    assert [record.key for record in sink.records] == ["c0", "c1", "c2"]


async def test_a_run_out_of_time_stops_new_starts() -> None:
    """The run timeout counts from the engine's start, on its clock."""
    clock = FakeClock()

    async def work(trial: CaseTrial, attempt: int) -> CaseRecord:
        clock.now_s += 10
        return _record(trial)

    engine = _engine(work, MemorySink(), clock=clock, concurrency=1, run_timeout_s=15)
    assert await engine.run(_trials(5)) == Outcome(2, Stop.RUN_TIMEOUT)


async def test_judges_count_against_the_budget() -> None:
    """What grading cost is spent money too."""
    clock = FakeClock()

    async def work(trial: CaseTrial, attempt: int) -> CaseRecord:
        return _record(trial, cost_usd=0.0)

    async def finish(record: CaseRecord, record_sha256: str) -> float:
        return 1.0

    engine = Engine(
        work=work, finish=finish, sink=MemorySink(), retry=RetryPolicy(1), clock=clock, throttle=Throttle(1, clock),
        limits=EngineLimits(1, max_cost_usd=3.0), quota=OwnQuota(),
    )  # fmt: skip
    assert await engine.run(_trials(9)) == Outcome(3, Stop.BUDGET)


async def test_a_spent_budget_allows_no_second_try() -> None:
    """A retry is paid for as well; the case stays unfinished, its failed try is journaled."""

    async def work(trial: CaseTrial, attempt: int) -> CaseRecord:
        return _record(trial, Failure(Stage.CONNECT, "connection_refused", "no"), cost_usd=2.0)

    sink = MemorySink()
    outcome = await _run(work, _trials(3), sink, attempts=3, concurrency=1, max_cost_usd=2.0)
    assert outcome == Outcome(0, Stop.BUDGET)
    assert (sink.records, sink.failed) == ([], [("c0", 1)])


async def test_what_was_tried_before_stays_in_the_record() -> None:
    """A resumed case keeps its earlier attempts and their cost, and has all its tries again."""
    lost = Failure(Stage.CONNECT, "connection_refused", "no")

    async def work(trial: CaseTrial, attempt: int) -> CaseRecord:
        return _record(trial, lost if attempt < 4 else None, cost_usd=0.5)

    sink = MemorySink()
    prior = Prior((Attempt(1, 5.0, lost), Attempt(2, 5.0, lost)), {"assistant": 0.25, "speech": None})
    await _engine(work, sink, attempts=2).run(_trials(1), {"c0": prior})
    assert [attempt.number for attempt in sink.records[0].attempts] == [1, 2, 3, 4]
    assert sink.records[0].cost_usd == {"assistant": 1.25, "speech": None}
    assert sink.records[0].fault is None
    assert sink.aside == [("c0", 0), ("c0", 3)]


async def test_the_files_of_a_lost_record_make_way_for_the_next_attempt() -> None:
    """What a stored record's last attempt left is named in that attempt, before another one writes."""
    lost = Failure(Stage.CONNECT, "connection_refused", "no")
    sink = MemorySink()

    async def work(trial: CaseTrial, attempt: int) -> CaseRecord:
        assert sink.aside == [("c0", 2)]
        return _record(trial)

    prior = Prior((Attempt(1, 5.0, lost, {"event_log_path": "old"}), Attempt(2, 5.0, lost)), was_recorded=True)
    await _engine(work, sink).run(_trials(1), {"c0": prior})
    logs = [attempt.artifacts.get("event_log_path") for attempt in sink.records[0].attempts]
    assert logs == ["old", "c0.attempt2", None]


async def test_a_stop_lets_cases_under_way_finish_and_begins_none() -> None:
    """Whoever waits for a place or for another try ends at once; whoever works goes on."""
    gate, begun = asyncio.Event(), asyncio.Semaphore(0)

    async def work(trial: CaseTrial, attempt: int) -> CaseRecord:
        begun.release()
        await gate.wait()
        return _record(trial)

    sink = MemorySink()
    engine = _engine(work, sink)
    running = asyncio.create_task(engine.run(_trials(9)))
    for _ in range(2):
        await begun.acquire()
    engine.stop(Stop.INTERRUPTED)
    gate.set()
    assert await running == Outcome(2, Stop.INTERRUPTED)
    assert [key for key, _ in sink.started] == ["c0", "c1"]


async def test_a_cancel_ends_cases_under_way() -> None:
    """The second Ctrl-C waits for nothing, and nothing half-done is stored."""
    begun = asyncio.Semaphore(0)

    async def work(trial: CaseTrial, attempt: int) -> CaseRecord:
        begun.release()
        await asyncio.Event().wait()
        raise AssertionError

    sink = MemorySink()
    engine = _engine(work, sink)
    running = asyncio.create_task(engine.run(_trials(9)))
    for _ in range(2):
        await begun.acquire()
    engine.stop(Stop.INTERRUPTED)
    engine.cancel()
    assert await running == Outcome(0, Stop.INTERRUPTED)
    assert sink.records == []


async def test_a_full_disk_stops_the_run_and_keeps_what_it_took() -> None:
    """It is no defect of a case: the others are not begun, and the reason is told."""

    async def work(trial: CaseTrial, attempt: int) -> CaseRecord:
        return _record(trial)

    sink = MemorySink()
    sink.room = 3
    outcome = await _run(work, _trials(9), sink, concurrency=1)
    assert (outcome.finished, outcome.stopped_by) == (3, Stop.STORAGE)
    assert "No space left" in outcome.trouble


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
async def test_a_full_disk_under_a_case_is_no_defect_of_it(number: int) -> None:
    """A trace that cannot be written is the disk's trouble, not the case's."""

    async def work(trial: CaseTrial, attempt: int) -> CaseRecord:
        raise OSError(number, "full")

    sink = MemorySink()
    outcome = await _run(work, _trials(4), sink)
    assert outcome.stopped_by is Stop.STORAGE
    assert sink.records == []


async def test_a_peer_that_asks_to_slow_down_is_asked_less_at_once() -> None:
    """Half as many at once after a 429, and every case still ends well."""
    in_flight = 0
    seen: list[int] = []

    async def work(trial: CaseTrial, attempt: int) -> CaseRecord:
        nonlocal in_flight
        in_flight += 1
        seen.append(in_flight)
        await asyncio.sleep(0)
        crowded = in_flight > 4
        in_flight -= 1
        return _record(trial, Failure(Stage.CONNECT, "rate_limited", "slow down", 0.0) if crowded else None)

    sink = MemorySink()
    outcome = await _run(work, _trials(40), sink, attempts=3, concurrency=8)
    assert outcome == Outcome(40, None)
    assert all(record.failure is None for record in sink.records)
    assert max(seen[:8]) == 8
    assert sum(seen[-8:]) / 8 < 6


async def test_trials_have_their_own_keys() -> None:
    """A repeated case never overwrites its first trial."""
    trial = _trials(1)[0]
    assert replace(trial, trial=2).key == "c0.t2"


async def test_attempts_and_what_grades_them_share_the_slots() -> None:
    """One slot for an attempt with all it asks for, one for each request of a grader; never more than there are."""
    quota, clock = OwnQuota(slots=2), FakeClock()
    inside = most = 0

    async def request() -> None:
        nonlocal inside, most
        async with holding(quota.slot()):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    async def work(trial: CaseTrial, attempt: int) -> CaseRecord:
        await asyncio.gather(request(), request())
        return _record(trial)

    async def finish(record: CaseRecord, record_sha256: str) -> float:
        await asyncio.gather(*(request() for _ in range(3)))
        return 0.0

    engine = Engine(
        work=work, finish=finish, sink=MemorySink(), retry=RetryPolicy(1), limits=EngineLimits(4), clock=clock,
        throttle=Throttle(4, clock), quota=quota,
    )  # fmt: skip
    async with asyncio.timeout(5):
        assert await engine.run(_trials(8)) == Outcome(8, None)
    assert most == 2
