"""Grades one stored record with a list of graders. Never raises: what could not be graded is a grade of None.

Free graders run first, then all that ask a judge or a recogniser, at once. A record that was lost (infrastructure,
simulator, judge, mock, data) is not graded at all; a system that said nothing and called nothing, by its own fault,
gets 0 from every grader that applies to its case.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence, Set

from evalkit.graders.context import GraderContext, GraderServices, GraderType
from evalkit.graders.registry import GRADER_TYPES
from evalkit.records.faults import Fault
from evalkit.records.grade import Grade, GradeLevel, GraderSpec, Verdict
from evalkit.records.not_shown import why_not_shown
from evalkit.records.record import CaseRecord, Turn


async def grade_record(
    record: CaseRecord,
    record_sha256: str,
    specs: Sequence[GraderSpec],
    services: GraderServices,
    now: Callable[[], str],
    *,
    done: Set[tuple[str, int | None]] = frozenset(),
) -> list[Grade]:
    """Return the grades of `record`, one for each spec and turn (or trace) it is about.

    Args:
        record: As stored.
        record_sha256: Hash of the stored bytes; goes into every grade.
        specs: Checked by :func:`evalkit.graders.registry.find_grader_problems`.
        services: Judge and transcription for graders that need them.
        now: The time of a grade: UTC, ISO 8601.
        done: Grader ids and turns (None: the trace) that have their grade already and are left out.

    """

    async def grade(spec: GraderSpec, turn: Turn | None) -> Grade:
        grader = GRADER_TYPES.get(spec.grader_type)
        context = GraderContext(record, turn, spec, services)
        verdict = await _decide(grader, context)
        return Grade(
            key=record.key,
            turn_index=turn.turn_index if turn else None,
            grader_id=spec.grader_id,
            grader_type=spec.grader_type,
            grader_version=grader.version if grader else "",
            grade=verdict.grade,
            rationale=verdict.rationale,
            record_sha256=record_sha256,
            graded_at=now(),
            evidence=verdict.evidence,
            judge=verdict.judge,
            cost_usd=context.costs_usd,
            unanswered=verdict.unanswered,
            details=verdict.details,
        )

    questions = [
        (spec, turn)
        for spec in sorted(specs, key=_asks_a_service)
        for turn in _subjects(record, spec)
        if (spec.grader_id, turn.turn_index if turn else None) not in done
    ]
    return await asyncio.gather(*(grade(spec, turn) for spec, turn in questions))


def _asks_a_service(spec: GraderSpec) -> bool:
    grader = GRADER_TYPES.get(spec.grader_type)
    return bool(grader and grader.needs)


def _subjects(record: CaseRecord, spec: GraderSpec) -> Sequence[Turn | None]:
    """Return the turns to grade one by one; None stands for the whole trace, or for a record without any turn."""
    if spec.level is GradeLevel.TRACE or not record.turns:
        return [None]
    if not record.scored or _is_silent(record):
        return record.turns[-1:]
    return record.turns


def _is_silent(record: CaseRecord) -> bool:
    said = any(turn.assistant_text.strip() or turn.tool_calls for turn in record.turns)
    return record.fault is Fault.ASSISTANT and not said


async def _decide(grader: GraderType | None, context: GraderContext) -> Verdict:
    if grader is None:
        return Verdict(None, f"not graded: there is no grader type {context.spec.grader_type!r}", unanswered=True)
    try:
        return _settled(grader, context) or await grader.grade(context)
    except Exception as error:  # noqa: BLE001 - a grader's or a service's trouble must not end the run
        return Verdict(None, f"not graded: {type(error).__name__}: {error}", unanswered=True)


def _settled(grader: GraderType, context: GraderContext) -> Verdict | None:
    """Return the verdict where it does not depend on the answer's content, else None."""
    record = context.record
    evidence = (
        f"{record.failure.stage}: {record.failure.error_type}: {record.failure.message}" if record.failure else ""
    )
    if not record.scored:
        return Verdict(None, f"not graded: the case was lost ({record.fault}; {evidence})")
    if reason := grader.inapplicable(context):
        return Verdict(None, reason)
    hidden = next((reason for what in sorted(grader.reads) if (reason := why_not_shown(record, what))), None)
    if hidden:
        return Verdict(None, f"not graded: {hidden}", unanswered=True)
    if grader.fails_on_silence and _is_silent(record):
        return Verdict(0, f"the assistant said nothing and called nothing ({evidence})")
    missing = [need for need in grader.needs if getattr(context.services, need) is None]
    if not missing:
        return None
    return Verdict(None, f"not graded: {', '.join(missing)} is not available in this run", unanswered=True)
