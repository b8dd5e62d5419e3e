"""Records small enough to read in a test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import pytest

from evalkit.records.case import Case, ExpectedCall
from evalkit.records.faults import Failure, Fault
from evalkit.records.record import CaseRecord, ToolCall, Turn, Words

MakeRecord: TypeAlias = Callable[..., CaseRecord]


@pytest.fixture
def make_record() -> MakeRecord:
    """Build a record from expected calls and, per turn, the calls made: ``("name", {arguments})``."""

    def make(
        expected: Sequence[ExpectedCall] = (),
        *turns: Sequence[tuple[str, Any]],
        text: str = "Sure.",
        none: bool = False,
        failure: Failure | None = None,
        fault: Fault | None = None,
        artifacts: dict[str, str] | None = None,
        latencies: dict[str, float] | None = None,
        user_text: str = "hello",
    ) -> CaseRecord:
        made = tuple(
            Turn(
                turn_index=index,
                user_text=user_text,
                steps=(
                    *(
                        ToolCall(
                            name, arguments if isinstance(arguments, dict) else None, str(arguments), f"call_{number}"
                        )
                        for number, (name, arguments) in enumerate(calls)
                    ),
                    Words(text),
                ),
                artifacts=artifacts or {},
                latencies=latencies or {},
            )
            for index, calls in enumerate(turns, start=1)
        )
        return CaseRecord(
            case=Case("case-1", "text", {}, tuple(expected), none),
            trial=1,
            seed=0,
            reuse_key="key",
            settings={},
            turns=made,
            failure=failure,
            attempts=(),
            cost_usd={},
            served_model="model",
            started_at="2026-01-01T00:00:00Z",
            duration_ms=1.0,
            fault=fault,
        )

    return make
