"""Run: a simulated call of several turns, from a case to its record, with the sound of each turn and of the whole call.

A record of this mode has a turn for each exchange, and in its `notes`:

================ ==========================================================================================
``timeline``     ``paced``, or ``constructed`` where conversation.wav is laid end to end
``ended_by``     ``caller`` (END_CALL), ``max_turns`` or ``failure``
``simulator``    every attempt at a turn of the caller, and how many were made again
``tool_answers`` what answered each tool call, with the verdict on its arguments; unmatched calls among them
================ ==========================================================================================
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from evalkit.clock import Clock
from evalkit.errors import CaseFailure
from evalkit.modes.voice.call_files import CallFiles
from evalkit.modes.voice.dialogue import CallEvidence, CallPlan, Dialogue, EndedBy, TurnEvidence
from evalkit.modes.voice.transcript import order_steps
from evalkit.modes.voice.turn_measures import lateness, voice_to_voice
from evalkit.realtime.introduction import Introduction
from evalkit.realtime.timeline import Timeline
from evalkit.realtime.trace import Trace
from evalkit.records.case import Case, CaseTrial
from evalkit.records.faults import Failure, Stage, decide_fault
from evalkit.records.json import JsonObject
from evalkit.records.record import CaseRecord, Turn, Usage
from evalkit.records.reuse import reuse_key
from evalkit.settings.types import Limits
from evalkit.simulator.caller import CallerTurn
from evalkit.store.event_log import open_event_log
from evalkit.store.run_directory import RunDirectory, now_utc


@dataclass(frozen=True)
class CallSetup:
    """What all calls of a run share.

    Attributes:
        plan_of: What a case's call is held with.
        price: Tokens and model -> dollars, or None when the price is unknown.
        elide_audio: Whether audio in the trace is replaced by where it stands.

    """

    run: RunDirectory
    clock: Clock
    limits: Limits
    plan_of: Callable[[Case], CallPlan]
    price: Callable[[Usage, str], float | None]
    elide_audio: bool = True


async def hold_call(setup: CallSetup, trial: CaseTrial, attempt: int) -> CaseRecord:
    """Make one attempt at `trial` and return its record. Never raises for it."""
    started_at, began = now_utc(), setup.clock.now()
    plan, evidence = setup.plan_of(trial.case), CallEvidence()
    try:
        async with asyncio.timeout(setup.limits.case_timeout_s):
            first = await plan.speak(plan.first_user_turn)
            evidence.add_cost(first.cost_usd)
            await _converse(setup, trial, attempt, evidence, plan, first)
    except CaseFailure as failure:
        evidence.failure = Failure.of(failure)
    except TimeoutError:
        limit = f"not done within limits.case_timeout_s ({setup.limits.case_timeout_s:g} s)"
        evidence.failure = Failure(Stage.CASE_TIMEOUT, "timeout", limit)
    if evidence.failure is not None:
        evidence.ended_by = EndedBy.FAILURE
    record = await asyncio.to_thread(_make_record, setup, trial, plan, evidence)
    return replace(record, started_at=started_at, duration_ms=(setup.clock.now() - began) * 1000)


async def _converse(
    setup: CallSetup, trial: CaseTrial, attempt: int, evidence: CallEvidence, plan: CallPlan, first: CallerTurn
) -> None:
    files = CallFiles(setup.run, trial.key)
    async with open_event_log(setup.run.events_path(trial.key)) as log:
        dialogue = Dialogue(
            plan,
            Introduction(trial.key, attempt, trial.seed),
            setup.limits,
            trace=Trace(log.write, elide_audio=setup.elide_audio),
            timeline=Timeline.begin(setup.clock),
            evidence=evidence,
            name_wav=lambda index, side: setup.run.relative(files.wav(index, side)),
        )
        await dialogue.hold(first)


def _make_record(setup: CallSetup, trial: CaseTrial, plan: CallPlan, evidence: CallEvidence) -> CaseRecord:
    """Write the call's sound and transcript and return its record. Blocking: runs in a thread."""
    files = CallFiles(setup.run, trial.key)
    files.write(evidence, plan.session.input_format, plan.session.output_format, paced=plan.real_time)
    costs = dict(evidence.cost_usd)
    spent = [setup.price(turn.result.usage, plan.assistant_model) for turn in evidence.turns if turn.result.responses]
    if spent:
        known = [cost for cost in spent if cost is not None]
        costs["assistant"] = math.fsum(known) if len(known) == len(spent) else None
    failure = evidence.failure
    answered = [turn.result.served_model for turn in evidence.turns if turn.result.served_model]
    return CaseRecord(
        case=trial.case,
        trial=trial.trial,
        seed=trial.seed,
        reuse_key=reuse_key(trial, plan.effective),
        settings=plan.effective,
        turns=tuple(_make_turn(files, plan, turn) for turn in evidence.turns),
        failure=failure,
        attempts=(),
        cost_usd=costs,
        served_model=answered[-1] if answered else evidence.served_model,
        started_at="",
        duration_ms=0.0,
        artifacts=files.of_call(),
        fault=decide_fault(failure) if failure else None,
        notes=_make_notes(plan, evidence),
    )


def _make_turn(files: CallFiles, plan: CallPlan, turn: TurnEvidence) -> Turn:
    session, result = plan.session, turn.result
    return Turn(
        turn_index=turn.index,
        user_text=turn.user_text,
        steps=order_steps(result, turn.outputs),
        latencies={
            **result.latencies,
            **voice_to_voice(turn.clean_wire, session.input_format, turn.pacing, result),
        },
        measures={
            "input_audio_ms": session.input_format.duration_ms(len(turn.wire)),
            "output_audio_ms": session.output_format.duration_ms(len(result.audio)),
            **lateness(turn.pacing),
            **turn.channel_measures,
        },
        artifacts=files.of_turn(turn.index),
        usage=result.usage,
        status=result.status,
    )


def _make_notes(plan: CallPlan, evidence: CallEvidence) -> JsonObject:
    bad = [attempt for attempt in evidence.attempts if attempt.finding is not None]
    asked = {attempt.turn_index for attempt in evidence.attempts}
    return {
        "timeline": "paced" if plan.real_time else "constructed",
        "ended_by": str(evidence.ended_by),
        "simulator": {
            "turns": len(asked),
            "regenerations": len(evidence.attempts) - len(asked),
            "problems": dict(Counter(str(attempt.finding.problem) for attempt in bad if attempt.finding)),
            "attempts": [attempt.to_json() for attempt in evidence.attempts],
        },
        "tool_answers": [answer.event for answer in evidence.answers],
    }
