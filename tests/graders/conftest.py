"""Records as graders see them: what was expected, and what was called in each turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import factories
import pytest

from evalkit.records.case import ExpectedCall
from evalkit.records.faults import Failure, Fault
from evalkit.records.record import CaseRecord

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
        **turn_fields: Any,
    ) -> CaseRecord:
        made = tuple(
            factories.make_turn(index, calls=calls, assistant_text=text, **turn_fields)
            for index, calls in enumerate(turns, start=1)
        )
        case = factories.make_case(expected_calls=tuple(expected), expects_no_call=none)
        return factories.make_record(case, turns=made, failure=failure, fault=fault)

    return make
