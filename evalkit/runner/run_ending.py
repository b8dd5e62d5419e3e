"""How a run or a sweep ended: its status and its exit code, decided from records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from evalkit.engine.scheduler import Stop
from evalkit.records.faults import Fault, Stage
from evalkit.records.record import CaseRecord
from evalkit.store.run_directory import RunStatus


class ExitCode(IntEnum):
    """Exit codes of the commands; the README has the table."""

    OK = 0
    GATE = 1
    USER = 2
    INFRASTRUCTURE = 3
    BUDGET = 4
    DEFECT = 70
    INTERRUPTED = 130


# Of several jobs the first of these that occurred is the sweep's.
_WORST_FIRST = (
    ExitCode.INTERRUPTED,
    ExitCode.DEFECT,
    ExitCode.USER,
    ExitCode.INFRASTRUCTURE,
    ExitCode.BUDGET,
    ExitCode.GATE,
    ExitCode.OK,
)


@dataclass(frozen=True)
class RunEnding:
    """The status and exit code of a run, and the reason why it did not end well (empty: it did)."""

    status: RunStatus
    exit_code: ExitCode
    reason: str = ""

    @property
    def is_resumable(self) -> bool:
        """Whether there is something left that ``evalkit resume`` would do."""
        return self.exit_code in (ExitCode.INTERRUPTED, ExitCode.INFRASTRUCTURE, ExitCode.BUDGET)


def decide_ending(
    records: Sequence[CaseRecord],
    *,
    planned: int,
    stopped_by: Stop | None,
    max_infrastructure_share: float,
    missed_gates: Sequence[str],
) -> RunEnding:
    """Return how a run ended, of `planned` case-trials that left `records`; the most serious reason counts."""
    defects = [record.key for record in records if record.failure and record.failure.stage == Stage.INTERNAL]
    lost = [record for record in records if record.fault is Fault.INFRASTRUCTURE]
    left = planned - len(records)
    if stopped_by in (Stop.INTERRUPTED, Stop.RUN_TIMEOUT):
        why = "interrupted" if stopped_by is Stop.INTERRUPTED else "limits.run_timeout_s passed"
        return RunEnding(RunStatus.INTERRUPTED, ExitCode.INTERRUPTED, f"{why}, {left} of {planned} not finished")
    if defects:
        return RunEnding(RunStatus.FAILED, ExitCode.DEFECT, f"a defect of evalkit in {_some(defects)}; see evalkit.log")
    if lost and len(lost) / planned > max_infrastructure_share:
        reason = (
            f"{len(lost)} of {planned} lost to infrastructure ({_some([record.key for record in lost])}), "
            f"the first by {_cause(lost[0])}; limits.max_infrastructure_share allows {max_infrastructure_share:.0%}"
        )
        return RunEnding(RunStatus.FAILED, ExitCode.INFRASTRUCTURE, reason)
    if stopped_by is Stop.BUDGET:
        return RunEnding(RunStatus.BUDGET_REACHED, ExitCode.BUDGET, f"limits.max_cost_usd is spent, {left} not started")
    if missed_gates:
        return RunEnding(RunStatus.GATE_FAILED, ExitCode.GATE, "; ".join(missed_gates))
    return RunEnding(RunStatus.COMPLETED, ExitCode.OK)


def worst(codes: Iterable[int]) -> ExitCode:
    """Return the most serious of several jobs' exit codes."""
    seen = set(codes)
    return next((code for code in _WORST_FIRST if code in seen), ExitCode.OK)


def _cause(record: CaseRecord) -> str:
    failure = record.failure
    return f"{failure.error_type} at {failure.stage}: {failure.message}" if failure else "an unknown cause"


def _some(keys: Sequence[str]) -> str:
    return ", ".join(keys[:3]) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")
