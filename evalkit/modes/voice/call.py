"""Run: a simulated call of several turns, from a case to its record, with the sound of each turn and of the whole call.

A record of this mode has a turn for each exchange, and in its `notes`:

================ ==========================================================================================
``timeline``     ``paced``, or ``constructed`` where conversation.wav is laid end to end
``turn_taking``  in full duplex: who was heard when, and what the server's turn detection reported
``ended_by``     ``caller`` (END_CALL), ``max_turns`` or ``failure``
``simulator``    every attempt at a turn of the caller, and how many were made again
``tool_answers`` what answered each tool call, with the verdict on its arguments; unmatched calls among them
================ ==========================================================================================
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from evalkit.clock import Clock
from evalkit.modes.attempt import Evidence, make_attempt
from evalkit.modes.voice.call_files import CallFiles
from evalkit.modes.voice.dialogue import CallEvidence, CallPlan, EndedBy
from evalkit.modes.voice.duplex_call import find_call_spans, wait_for_sound_ms
from evalkit.modes.voice.duplex_dialogue import DuplexDialogue
from evalkit.modes.voice.heard_turns import standing_answer
from evalkit.modes.voice.manual_dialogue import ManualDialogue
from evalkit.modes.voice.turn_evidence import DuplexEvidence, TurnEvidence
from evalkit.modes.voice.turn_measures import lateness, voice_to_voice
from evalkit.modes.voice.turn_taking import CallSpans, measure_turn
from evalkit.realtime.introduction import Introduction
from evalkit.realtime.timeline import Timeline
from evalkit.realtime.trace import Trace
from evalkit.records.case import Case, CaseTrial
from evalkit.records.json import Json
from evalkit.records.record import CaseRecord, Turn, Usage
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
        call.failure = evidence.failure
        if call.failure is not None:
            call.ended_by = EndedBy.FAILURE
        files.write(call, plan.session.input_format, plan.session.output_format, paced=plan.real_time)
        answered = [turn.result.served_model for turn in call.turns if turn.result.served_model]
        spans = None
        if call.duplex is not None:
            spans = find_call_spans(call.duplex, call.turns, plan.session.input_format)
        evidence.turns += [_make_turn(files, plan, turn, _measure(plan, call, spans, turn)) for turn in call.turns]
        evidence.cost_usd = {**call.cost_usd, **_assistant_cost(setup, plan, call)}
        evidence.served_model = answered[-1] if answered else call.served_model
        evidence.artifacts = files.of_call()
        evidence.notes = _make_notes(plan, call, spans)

    limit_s = setup.limits.case_timeout_s
    return await make_attempt(trial, plan.fingerprint, hold, conclude, clock=setup.clock, timeout_s=limit_s)


async def _converse(
    setup: CallSetup, trial: CaseTrial, attempt: int, evidence: CallEvidence, plan: CallPlan, first: CallerTurn
) -> None:
    files = CallFiles(setup.run, trial.key)
    async with open_event_log(setup.run.events_path(trial.key)) as log:
        make_dialogue = ManualDialogue if plan.session.turn_detection is None else DuplexDialogue
        dialogue = make_dialogue(
            plan,
            Introduction(trial.key, attempt, trial.seed),
            setup.limits,
            trace=Trace(log.write, elide_audio=setup.elide_audio),
            timeline=Timeline.begin(setup.clock),
            evidence=evidence,
            name_wav=lambda index, side: setup.run.relative(files.wav(index, side)),
        )
        await dialogue.hold(first)


def _assistant_cost(setup: CallSetup, plan: CallPlan, call: CallEvidence) -> dict[str, float | None]:
    """Return what the assistant's responses cost together; nothing where it made none."""
    spent = [setup.price(turn.result.usage, plan.assistant_model) for turn in call.turns if turn.result.responses]
    known = [cost for cost in spent if cost is not None]
    return {"assistant": math.fsum(known) if len(known) == len(spent) else None} if spent else {}


@dataclass(frozen=True)
class _TurnNumbers:
    """What depends on who takes the turns, by the names that a record has."""

    latencies: Mapping[str, float]
    measures: Mapping[str, float]


def _measure(plan: CallPlan, call: CallEvidence, spans: CallSpans | None, turn: TurnEvidence) -> _TurnNumbers:
    if call.duplex is None or spans is None:
        waited = voice_to_voice(turn.clean_wire, plan.session.input_format, turn.pacing, turn.result)
        return _TurnNumbers({**turn.result.latencies, **waited}, {})
    waited_ms = wait_for_sound_ms(call.duplex, spans, turn.index)
    waited = {} if waited_ms is None else {"latency_voice_to_voice_ms": waited_ms}
    return _TurnNumbers({**standing_answer(turn.result).latencies, **waited}, measure_turn(spans, turn.index))


def _make_turn(files: CallFiles, plan: CallPlan, turn: TurnEvidence, own: _TurnNumbers) -> Turn:
    session, result = plan.session, turn.result
    return Turn(
        turn_index=turn.index,
        user_text=turn.user_text,
        steps=turn.steps,
        latencies=own.latencies,
        measures={
            "input_audio_ms": session.input_format.duration_ms(len(turn.wire)),
            "output_audio_ms": session.output_format.duration_ms(len(result.audio)),
            **lateness(turn.pacing),
            **turn.channel_measures,
            **own.measures,
        },
        artifacts=files.of_turn(turn.index),
        usage=result.usage,
        status=result.status,
    )


def _make_notes(plan: CallPlan, evidence: CallEvidence, spans: CallSpans | None) -> dict[str, Json]:
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
        **({"turn_taking": {**spans.to_json(), **_reports(evidence.duplex)}} if evidence.duplex and spans else {}),
    }


def _reports(left: DuplexEvidence) -> dict[str, Json]:
    """Return what the server's turn detection reported, and what became of the sound that was received."""
    session = left.session
    return {
        "server": {
            "speech_started_s": [round(each.at_ms / 1000, 4) for each in session.speech.started],
            "speech_stopped_s": [round(each.at_ms / 1000, 4) for each in session.speech.stopped],
            "idle_timeouts": session.speech.timeouts,
            "refused_truncations": session.refused_truncations,
        },
        "playout": {
            "underruns": session.playout.underruns,
            "dropped_ms": round(session.playout.dropped_samples / session.playout.audio_format.sample_rate_hz * 1000),
        },
    }
