"""One attempt leaves one record, whatever goes wrong in it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from evalkit.clock import MonotonicClock
from evalkit.errors import CaseFailure
from evalkit.modes.attempt import Evidence, make_attempt
from evalkit.records.case import Case, CaseTrial
from evalkit.records.faults import Failure, Fault, Stage
from evalkit.records.record import CaseRecord, Turn

TRIAL = CaseTrial(Case("one", "riddle", {"question": "?"}), 2, 7)
EFFECTIVE = {"model": "m"}


async def _attempt(do: Any, timeout_s: float = 10, **options: Any) -> CaseRecord:
    return await make_attempt(TRIAL, EFFECTIVE, do, clock=MonotonicClock(), timeout_s=timeout_s, **options)


async def test_what_was_found_is_in_the_record() -> None:
    """Turns, costs, files, measures and notes; and what decided it."""

    async def do(evidence: Evidence) -> None:
        evidence.turns.append(Turn(1, "?"))
        evidence.cost_usd["assistant"] = 0.5
        evidence.served_model = "m-1"
        evidence.artifacts["answer_path"] = "answers/one.txt"
        evidence.measures["words"] = 3.0
        evidence.notes["tone"] = "calm"

    record = await _attempt(do)
    assert (record.case, record.trial, record.seed, record.settings) == (TRIAL.case, 2, 7, EFFECTIVE)
    assert (len(record.turns), record.cost_usd, record.served_model) == (1, {"assistant": 0.5}, "m-1")
    assert (record.artifacts, record.measures) == ({"answer_path": "answers/one.txt"}, {"words": 3.0})
    assert (record.notes, record.failure, record.fault) == ({"tone": "calm"}, None, None)
    assert record.reuse_key
    assert record.started_at
    assert record.duration_ms >= 0


async def test_a_failure_is_in_the_record_beside_what_was_found_before_it() -> None:
    """What was paid for until then is not lost, and whose fault it was is decided."""

    async def do(evidence: Evidence) -> None:
        evidence.cost_usd["speech"] = 0.25
        raise CaseFailure(Stage.CONNECT, "connection_refused", "nobody listens")

    record = await _attempt(do)
    assert record.failure is not None
    assert (record.failure.stage, record.failure.error_type) == ("connect", "connection_refused")
    assert (record.fault, record.cost_usd) == (Fault.INFRASTRUCTURE, {"speech": 0.25})


async def test_an_attempt_that_takes_too_long_is_cut_off_and_says_so() -> None:
    """The limit is named as the config has it."""

    async def do(_: Evidence) -> None:
        await asyncio.Event().wait()

    record = await _attempt(do, timeout_s=0.01)
    assert record.failure is not None
    assert (record.failure.stage, record.failure.error_type) == ("case_timeout", "timeout")
    assert "limits.case_timeout_s (0.01 s)" in record.failure.message


async def test_what_concludes_an_attempt_is_called_however_it_ended() -> None:
    """It writes files outside the loop, and what it adds is in the record."""
    seen: list[bool] = []

    def conclude(evidence: Evidence) -> None:
        seen.append(evidence.failure is not None)
        evidence.artifacts["log_path"] = "log.txt"

    async def well(_: Evidence) -> None:
        return

    async def badly(_: Evidence) -> None:
        raise CaseFailure(Stage.CONNECT, "connection_refused", "no")

    records = [await _attempt(do, conclude=conclude) for do in (well, badly)]
    assert seen == [False, True]
    assert [record.artifacts for record in records] == [{"log_path": "log.txt"}] * 2


async def test_a_stage_of_the_modes_own_has_the_fault_that_the_mode_says() -> None:
    """A failure that leaves something to grade is put into the evidence, not raised."""
    stages: Mapping[str, Fault] = {"compile": Fault.ASSISTANT}

    async def do(evidence: Evidence) -> None:
        evidence.failure = Failure("compile", "syntax_error", "line 3")

    record = await _attempt(do, stages=stages)
    assert record.failure is not None
    assert (record.failure.stage, record.fault) == ("compile", Fault.ASSISTANT)
