"""Status and exit code follow from the records."""

from __future__ import annotations

import pytest

from evalkit.engine.scheduler import Stop
from evalkit.records.case import Case
from evalkit.records.faults import Failure, Stage, decide_fault
from evalkit.records.record import CaseRecord
from evalkit.runner.run_ending import ExitCode, decide_ending, worst
from evalkit.store.run_directory import RunStatus


def _record(stage: Stage | None = None, error_type: str = "x") -> CaseRecord:
    failure = Failure(stage, error_type, "") if stage else None
    return CaseRecord(
        case=Case("a", "text", {}), trial=1, seed=0, reuse_key="", settings={}, turns=(), failure=failure, attempts=(),
        cost_usd={}, served_model="", started_at="", duration_ms=0, fault=decide_fault(failure) if failure else None,
    )  # fmt: skip


def _verdict(*records: CaseRecord, planned: int = 0, stop: Stop | None = None, share: float = 0, gates: tuple = ()):
    return decide_ending(
        records,
        planned=planned or len(records),
        stopped_by=stop,
        max_infrastructure_share=share,
        missed_gates=gates,
    )


def test_a_poor_assistant_is_a_result_and_not_an_error() -> None:
    """Exit 0."""
    verdict = _verdict(_record(), _record(Stage.RESPONSE_EMPTY))
    assert (verdict.status, verdict.exit_code) == (RunStatus.COMPLETED, ExitCode.OK)


def test_any_case_lost_to_the_line_is_exit_3_unless_a_share_is_allowed() -> None:
    """limits.max_infrastructure_share: 0 means none may be lost."""
    records = [_record(Stage.CONNECT, "connection_refused"), _record(), _record(), _record()]
    assert _verdict(*records).exit_code == ExitCode.INFRASTRUCTURE
    assert _verdict(*records, share=0.25).exit_code == ExitCode.OK


def test_a_defect_outweighs_a_lost_case() -> None:
    """70 tells us, 3 would blame the line."""
    verdict = _verdict(_record(Stage.INTERNAL), _record(Stage.CONNECT, "connection_refused"))
    assert verdict.exit_code == ExitCode.DEFECT


def test_a_spent_budget_is_exit_4_and_says_what_is_left() -> None:
    """The rest is for resume."""
    verdict = _verdict(_record(), planned=5, stop=Stop.BUDGET)
    assert (verdict.status, verdict.exit_code) == (RunStatus.BUDGET_REACHED, ExitCode.BUDGET)
    assert "4 not started" in verdict.reason


def test_a_run_out_of_time_is_interrupted() -> None:
    """130, resumable."""
    assert _verdict(_record(), planned=2, stop=Stop.RUN_TIMEOUT).exit_code == ExitCode.INTERRUPTED


def test_a_missed_gate_is_exit_1() -> None:
    """And the reason names it."""
    verdict = _verdict(_record(), gates=("gate.min_grade: …",))
    assert (verdict.status, verdict.exit_code) == (RunStatus.GATE_FAILED, ExitCode.GATE)


@pytest.mark.parametrize(
    ("codes", "expected"),
    [([0, 0], 0), ([0, 1], 1), ([1, 4, 3], 3), ([3, 2], 2), ([2, 70], 70), ([70, 130, 0], 130), ([], 0)],
)
def test_a_sweep_returns_the_gravest_code(codes: list[int], expected: int) -> None:
    """In the documented order: 130, 70, 2, 3, 4, 1."""
    assert worst(codes) == expected
