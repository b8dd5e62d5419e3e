"""Did the program answer rightly? Compares what a record observed with what its case expects, outside every box."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evalkit.graders.context import GraderContext, GraderType
from evalkit.records.code_answers import CodeStatus, judge_answers
from evalkit.records.grade import Verdict
from evalkit.records.json import JsonObject

_STRICT: JsonObject = {
    "type": "boolean",
    "description": "whether a patch that could only be applied with leniency counts as no patch (default: false)",
}
_NOTHING: JsonObject = {"status": CodeStatus.NO_PATCH, "reason": "the model gave no answer"}
_SHOWN = 10


async def grade_tests(context: GraderContext) -> Verdict:
    """The patched program answered every hidden call as its case expects; `outcome` says how it ended.

    1: it did. 0: it did not, or there was no program to ask. None: the record has no observation and nobody answered
    for it (a dry run).
    """
    observed, expected = _observed(context), _expected(context)
    if observed is None and context.record.failure is None:
        return Verdict(None, "nothing was run")
    strict = context.option("strict", default=False)
    found = judge_answers(observed or _NOTHING, expected, strict=strict)
    said = f"{found.status}: {found.right} of {found.calls} calls"
    return Verdict(
        1 if found.status is CodeStatus.PASS else 0,
        f"{said}; {found.first_difference}" if found.first_difference else said,
        tuple(f"{call_id}: {difference}" for call_id, difference in list(found.differences.items())[:_SHOWN]),
        details={} if strict else {"outcome": found.status, "calls_passed": found.right, "calls": found.calls},
    )


def _observed(context: GraderContext) -> JsonObject | None:
    observed: Any = context.record.notes.get("observed")
    return observed if isinstance(observed, Mapping) else None


def _expected(context: GraderContext) -> dict[str, JsonObject]:
    expected: Any = context.record.case.extra.get("expected_answers") or {}
    return dict(expected)


def _not_coding(context: GraderContext) -> str | None:
    if "expected_answers" in context.record.case.extra:
        return None
    return "not applicable: the case is no coding task"


GRADERS = (
    GraderType("tests", "1", grade_tests, {"strict": _STRICT}, fails_on_silence=False, inapplicable=_not_coding),
)
