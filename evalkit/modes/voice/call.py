"""Run: a simulated call of several turns, from a case to its record, with the sound of each turn and of the whole call.

A record of this mode has a turn for each exchange, and in its `notes`:

================ ==========================================================================================
``timeline``     ``paced``, or ``constructed`` where conversation.wav is laid end to end; none in writing
``turn_taking``  in full duplex: who was heard when, and what the server's turn detection reported
``ended_by``     ``caller`` (END_CALL), ``assistant`` (it hung up), ``max_turns`` or ``failure``
``simulator``    every attempt at a turn of the caller, and how many were made again
``tool_answers`` what answered each tool call, with the verdict on its arguments; unmatched calls among them
``not_shown``    over a telephone line: what that does not show, each with the reason
``words``        over a telephone line: who heard the assistant's words
================ ==========================================================================================
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from evalkit.clock import Clock
from evalkit.modes.attempt import Evidence, make_attempt
from evalkit.modes.voice.call_files import CallFiles
from evalkit.modes.voice.dialogue import CallEvidence, CallPlan, Dialogue, EndedBy
from evalkit.modes.voice.duplex_account import DuplexAccount
from evalkit.modes.voice.duplex_dialogue import DuplexDialogue
from evalkit.modes.voice.manual_dialogue import ManualDialogue
from evalkit.modes.voice.target import blame_unknown_calls, note_line
from evalkit.modes.voice.turn_record import make_turn
from evalkit.modes.voice.written_dialogue import WrittenDialogue
from evalkit.realtime.introduction import Introduction
from evalkit.realtime.timeline import Timeline
from evalkit.realtime.trace import Trace
from evalkit.records.case import Case, CaseTrial
from evalkit.records.json import Json
from evalkit.records.record import CaseRecord, Usage
from evalkit.settings.types import LimitSettings
from evalkit.simulator.caller import CallerTurn
from evalkit.store.event_log import open_event_log
from evalkit.store.run_directory import RunDirectory


@dataclass(frozen=True)
class CallSetup:
    """What all calls of a run share.

    Attributes:
        plan_of: Makes the plan of a case's call.
        price: Tokens and model -> dollars, or None when the price is unknown.
        elide_audio: Whether audio in the trace is replaced by its position in the sound file.

    """

    run: RunDirectory
    clock: Clock
    limits: LimitSettings
    plan_of: Callable[[Case], CallPlan]
    price: Callable[[Usage, str], float | None]
    elide_audio: bool = True


async def hold_call(setup: CallSetup, trial: CaseTrial, attempt: int) -> CaseRecord:
    """Make one attempt at `trial` and return its record. A failure of the case is not raised."""
    plan, call, files = setup.plan_of(trial.case), CallEvidence(), CallFiles(setup.run, trial.key)

    async def hold(evidence: Evidence) -> None:
        first = await plan.speak(plan.first_user_turn)
        call.add_cost(first.cost_usd)
        await _converse(setup, trial, attempt, call, plan, first)
        evidence.failure = call.failure

    def conclude(evidence: Evidence) -> None:
        call.failure = evidence.failure = blame_unknown_calls(call.unknown_tool_calls, evidence.failure)
        if call.failure is not None:
            call.ended_by = EndedBy.FAILURE
        files.write(call, plan.session.input_format, plan.session.output_format, paced=plan.real_time)
        answered = [turn.result.served_model for turn in call.turns if turn.result.served_model]
        account = DuplexAccount.of(call.duplex, call.turns, plan.session.input_format) if call.duplex else None
        evidence.turns += [make_turn(plan.session, turn, files.of_turn(turn.index), account) for turn in call.turns]
        evidence.cost_usd = {**call.cost_usd, **_assistant_cost(setup, plan, call)}
        evidence.served_model = answered[-1] if answered else call.served_model
        evidence.artifacts = files.of_call()
        evidence.notes = _make_notes(plan, call, account)

    limit_s = setup.limits.case_timeout_s
    return await make_attempt(trial, plan.fingerprint, hold, conclude, clock=setup.clock, timeout_s=limit_s)


async def _converse(
    setup: CallSetup, trial: CaseTrial, attempt: int, evidence: CallEvidence, plan: CallPlan, first: CallerTurn
) -> None:
    files = CallFiles(setup.run, trial.key)
    async with open_event_log(setup.run.events_path(trial.key)) as log:
        dialogue = _kind_of_dialogue(plan)(
            plan,
            Introduction(trial.key, attempt, trial.seed),
            setup.limits,
            trace=Trace(log.write, elide_audio=setup.elide_audio),
            timeline=Timeline.begin(setup.clock),
            evidence=evidence,
            name_wav=lambda index, side: setup.run.relative(files.wav(index, side)),
        )
        await dialogue.hold(first)


def _kind_of_dialogue(plan: CallPlan) -> type[Dialogue]:
    if plan.session.in_writing:
        return WrittenDialogue
    return ManualDialogue if plan.session.turn_detection is None else DuplexDialogue


def _assistant_cost(setup: CallSetup, plan: CallPlan, call: CallEvidence) -> dict[str, float | None]:
    """Return what the assistant's responses cost together; nothing where it made none, None where that is not shown."""
    if plan.media_stream is not None:
        return {"assistant": None} if call.turns else {}
    spent = [setup.price(turn.result.usage, plan.assistant_model) for turn in call.turns if turn.result.responses]
    known = [cost for cost in spent if cost is not None]
    return {"assistant": math.fsum(known) if len(known) == len(spent) else None} if spent else {}


def _make_notes(plan: CallPlan, evidence: CallEvidence, account: DuplexAccount | None) -> dict[str, Json]:
    bad = [attempt for attempt in evidence.attempts if attempt.finding is not None]
    asked = {attempt.turn_index for attempt in evidence.attempts}
    return {
        **({} if plan.session.in_writing else {"timeline": "paced" if plan.real_time else "constructed"}),
        "ended_by": str(evidence.ended_by),
        "simulator": {
            "turns": len(asked),
            "regenerations": len(evidence.attempts) - len(asked),
            "problems": dict(Counter(str(attempt.finding.problem) for attempt in bad if attempt.finding)),
            "attempts": [attempt.to_json() for attempt in evidence.attempts],
            **_tell_pauses(plan, evidence),
        },
        "tool_answers": [answer.event for answer in evidence.answers],
        **({"turn_taking": account.note()} if account else {}),
        **note_line(plan.media_stream, serves_tools=plan.tool_host is not None),
    }


def _tell_pauses(plan: CallPlan, evidence: CallEvidence) -> dict[str, Json]:
    """Return the pauses that the caller made on purpose, in samples of each turn's sound; in full duplex nothing.

    There they stand among what the caller did (``turn_taking``).
    """
    rate_hz = plan.session.input_format.sample_rate_hz
    pauses: list[Json] = [
        {"turn_index": turn.index, **pause} for turn in evidence.turns for pause in turn.pauses_at(0, rate_hz)
    ]
    return {} if evidence.duplex is not None or not pauses else {"pauses": pauses}
