"""One attempt at a case-trial: runs what the mode does, and makes the record, whatever goes wrong on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from evalkit.clock import Clock
from evalkit.errors import CaseFailure
from evalkit.records.case import CaseTrial
from evalkit.records.faults import Failure, Fault, Stage, decide_fault
from evalkit.records.json import Json, JsonObject
from evalkit.records.record import CaseRecord, Turn
from evalkit.records.reuse import reuse_key
from evalkit.store.run_directory import now_utc
from evalkit.store.writer import in_writer

_NO_STAGES: Mapping[str, Fault] = MappingProxyType({})


@dataclass
class Evidence:
    """The data of an attempt, collected while it lasts; all of it goes into the record. See :class:`CaseRecord`."""

    turns: list[Turn] = field(default_factory=list)
    cost_usd: dict[str, float | None] = field(default_factory=dict)
    served_model: str = ""
    artifacts: dict[str, str] = field(default_factory=dict)
    measures: dict[str, float] = field(default_factory=dict)
    notes: dict[str, Json] = field(default_factory=dict)
    failure: Failure | None = None


def add_costs(total: dict[str, float | None], costs: Mapping[str, float | None]) -> None:
    """Add what something cost, by role, to `total`; unknown stays unknown."""
    for role, cost in costs.items():
        before = total.get(role, 0.0)
        total[role] = None if cost is None or before is None else before + cost


async def make_attempt(
    trial: CaseTrial,
    fingerprint: JsonObject,
    do: Callable[[Evidence], Awaitable[None]],
    conclude: Callable[[Evidence], None] = lambda _: None,
    *,
    clock: Clock,
    timeout_s: float,
    stages: Mapping[str, Fault] = _NO_STAGES,
) -> CaseRecord:
    """Run `do`, which fills the evidence of one attempt, and return its record. A failure of the case is not raised.

    Args:
        trial: What is attempted.
        fingerprint: The settings that decide the record (``Mode.fingerprint``).
        do: Raises CaseFailure where it cannot go on; it may put a failure that leaves something to grade into the
            evidence.
        conclude: Called in the writer's thread when the attempt has ended, however it did: writes files, and adds to
            the evidence.
        clock: Of the run.
        timeout_s: ``limits.case_timeout_s``.
        stages: The mode's own stages, and whose fault a failure at them is.

    """
    started_at, began, evidence = now_utc(), clock.now(), Evidence()
    try:
        async with asyncio.timeout(timeout_s):
            await do(evidence)
    except CaseFailure as error:
        evidence.failure = Failure.of(error)
    except TimeoutError:
        limit = f"not done within limits.case_timeout_s ({timeout_s:g} s)"
        evidence.failure = Failure(Stage.CASE_TIMEOUT, "timeout", limit)
    await in_writer(conclude, evidence)
    failure = evidence.failure
    return CaseRecord(
        case=trial.case,
        trial=trial.trial,
        seed=trial.seed,
        reuse_key=reuse_key(trial, fingerprint),
        settings=fingerprint,
        turns=tuple(evidence.turns),
        failure=failure,
        attempts=(),
        cost_usd=evidence.cost_usd,
        served_model=evidence.served_model,
        started_at=started_at,
        duration_ms=(clock.now() - began) * 1000,
        artifacts=evidence.artifacts,
        measures=evidence.measures,
        fault=decide_fault(failure, stages) if failure else None,
        notes=evidence.notes,
    )
