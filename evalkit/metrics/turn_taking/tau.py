"""The eight metrics of tau-voice, computed as its version 1.0 publishes them, their traps included.

Source: sierra-research/tau2-bench, `src/tau2/metrics/voice_interaction_metrics.py` and `docs/interaction-metrics.md`
(arXiv 2603.13686). A call is a row of ticks of 200 ms; a side speaks in a tick where any of its audio falls into it,
and a segment is a run of such ticks. Kept as published, because numbers are compared with published ones:

- An agent whose sentence simply ends within 2.0 s of an interruption has yielded. One that never yields gets a yield
  rate of about a third that way.
- The yield latency is a mean over yields alone, in steps of 0.2 s.
- A window of 2.0 s has ten ticks, the one in which the caller begins included: silence first in the eleventh is no
  yield.
- A tic or side remark outside a turn while the agent speaks counts only where the agent stopped: there is no correct
  outcome. It lasts one tick, however long it sounds.
- A caller's turn in which a tic sounds anywhere is scored as a tic, and to answer it is an error.
- Where both begin in one tick, each has interrupted the other.
- The agent's interruptions are counted per turn that could be answered, so that the rate can exceed 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from evalkit.metrics.turn_taking.measurement import Contribution, MeasuredIn, Measurement
from evalkit.metrics.turn_taking.timeline import CallerAct, CallTimeline, Segment

TICK_S = 0.2
YIELD_TICKS = 10
DISTRACTION_TICKS = 5
RESPONSE_TICKS = 10

_SLACK = 1e-6  # of a tick: a sound that ends where a tick begins does not fall into it


@dataclass(frozen=True)
class TauTicks:
    """A call in ticks.

    Attributes:
        case_id: The case that the call belongs to.
        caller: Whether the caller speaks, for each tick. Tics and side remarks outside turns are no speech.
        agent: Whether the agent speaks, for each tick; as many.
        backchannels: Ticks in which a backchannel begins.
        vocal_tics: Ticks in which a vocal tic begins.
        side_speech: Ticks in which speech to somebody else begins.

    """

    case_id: str
    caller: tuple[bool, ...]
    agent: tuple[bool, ...]
    backchannels: frozenset[int] = frozenset()
    vocal_tics: frozenset[int] = frozenset()
    side_speech: frozenset[int] = frozenset()


@dataclass(frozen=True)
class _Run:
    """A run of ticks in which one side speaks, its end exclusive, and whether the other speaks at both."""

    start: int
    end: int
    other_at_start: bool
    other_at_end: bool


@dataclass(frozen=True)
class _TauEvent:
    """An event of one metric: what it is, in which tick it is, whether it went well, and how long that took."""

    kind: str
    tick: int
    went_well: bool
    latency_ticks: int = 0


def to_ticks(call: CallTimeline) -> TauTicks:
    """Return a call in ticks; every tick into which speech falls, pauses inside it included, is one of speech."""
    count = math.ceil(call.duration_s / TICK_S - _SLACK)
    spoken = [one for one in call.caller if one.act.wants_answer or one.act is CallerAct.BACKCHANNEL]
    tics = [one.extent for one in call.caller if one.act is CallerAct.VOCAL_TIC]
    tics += [tic for one in call.caller for tic in one.vocal_tics]
    return TauTicks(
        call.case_id,
        _mark((one.extent for one in spoken), count),
        _mark((one.extent for one in call.agent), count),
        _first_ticks(one.extent for one in spoken if one.act is CallerAct.BACKCHANNEL),
        _first_ticks(tics),
        _first_ticks(one.extent for one in call.caller if one.act is CallerAct.SIDE_SPEECH),
    )


def measure_tau(calls: Sequence[TauTicks]) -> Mapping[str, Measurement]:
    """Return L_R, L_Y, R_R, R_Y, I_A, S_BC, S_VT and S_ND, by these names."""
    events = [(call.case_id, event) for call in calls for event in _find_events(call)]

    def measure(name: str, measured_in: MeasuredIn, window: str, kind: str) -> Measurement:
        found = [(case_id, event) for case_id, event in events if event.kind == kind]
        if measured_in is MeasuredIn.SECONDS:
            values = [(case, one, one.latency_ticks * TICK_S) for case, one in found if one.went_well]
        else:
            values = [(case, one, float(one.went_well)) for case, one in found]
        return Measurement(
            name,
            measured_in,
            window,
            tuple(Contribution(case_id, event.tick * TICK_S, value) for case_id, event, value in values),
        )

    turns = [Contribution(case, one.tick * TICK_S, 0.0) for case, one in events if one.kind == "response"]
    cut_ins = [Contribution(case, one.tick * TICK_S, 1.0, 0.0) for case, one in events if one.kind == "interruption"]
    panel = (
        measure("L_R", MeasuredIn.SECONDS, "caller's end to the agent's next start, over answered turns", "response"),
        measure("L_Y", MeasuredIn.SECONDS, "caller's start to the agent's first silent tick, over yields", "yield"),
        measure("R_R", MeasuredIn.SHARE, "answered before the next turn that could be answered", "response"),
        measure("R_Y", MeasuredIn.SHARE, "a silent tick of the agent within 2.0 s of the caller's start", "yield"),
        Measurement(
            "I_A",
            MeasuredIn.PER_TURN,
            "agent's segments that begin while the caller speaks, per turn that could be answered",
            (*turns, *cut_ins),
        ),
        measure("S_BC", MeasuredIn.SHARE, "no silent tick within 1.0 s of a backchannel's start", "backchannel"),
        measure("S_VT", MeasuredIn.SHARE, "no stop within 1.0 s; in silence no start until 2.0 s after", "vocal_tic"),
        measure("S_ND", MeasuredIn.SHARE, "no stop within 1.0 s; in silence no start until 2.0 s after", "side_speech"),
    )
    return {one.name: one for one in panel}


def tau_selectivity(panel: Mapping[str, Measurement]) -> float | None:
    """Return the mean of S_BC, S_VT and S_ND; None where one of them has fewer than ten events."""
    parts = [panel[name] for name in ("S_BC", "S_VT", "S_ND")]
    values = [part.value for part in parts if part.value is not None and part.is_rate_worth_showing]
    return fmean(values) if len(values) == len(parts) else None


def _mark(extents: Iterator[Segment], count: int) -> tuple[bool, ...]:
    marked = [False] * count
    for extent in extents:
        for tick in range(_tick_of(extent.start_s), min(count, math.ceil(extent.end_s / TICK_S - _SLACK))):
            marked[tick] = True
    return tuple(marked)


def _first_ticks(extents: Iterator[Segment] | Sequence[Segment]) -> frozenset[int]:
    return frozenset(_tick_of(extent.start_s) for extent in extents)


def _tick_of(time_s: float) -> int:
    return math.floor(time_s / TICK_S + _SLACK)


def _find_events(call: TauTicks) -> Iterator[_TauEvent]:
    call = _without_last_word(call)
    callers, agents = _find_runs(call.caller, call.agent), _find_runs(call.agent, call.caller)
    yield from _responses(call, callers, agents)
    for run in callers:
        if run.other_at_start:
            yield _overlap(call, run)
        elif kind := _distraction_in(call, run):
            yield _TauEvent(kind, run.start, not _starts_within(agents, run.start, run.end + RESPONSE_TICKS))
    for run in agents:
        if run.other_at_start:
            yield _TauEvent("interruption", run.start, went_well=False)
    for kind, ticks in (("vocal_tic", call.vocal_tics), ("side_speech", call.side_speech)):
        for tick in sorted(ticks):
            if tick < len(call.caller) and not call.caller[tick]:
                yield from _outside_a_turn(kind, tick, agents)


def _without_last_word(call: TauTicks) -> TauTicks:
    """Return a call without its last tick where the caller speaks in that one only: the sign of the call's end."""
    if len(call.caller) < 2 or not call.caller[-1] or call.caller[-2]:
        return call
    return TauTicks(
        call.case_id, call.caller[:-1], call.agent[:-1], call.backchannels, call.vocal_tics, call.side_speech
    )


def _find_runs(speaks: Sequence[bool], other: Sequence[bool]) -> tuple[_Run, ...]:
    runs, start = [], None
    for tick, now in enumerate((*speaks, False)):
        if now and start is None:
            start = tick
        elif not now and start is not None:
            runs.append(_Run(start, tick, other[start], tick < len(other) and other[tick]))
            start = None
    return tuple(runs)


def _responses(call: TauTicks, callers: Sequence[_Run], agents: Sequence[_Run]) -> Iterator[_TauEvent]:
    answerable = [run for run in callers if run.start not in call.backchannels and not run.other_at_end]
    for place, run in enumerate(answerable):
        answered = next((agent.start for agent in agents if agent.start >= run.end), None)
        spoke_again = answerable[place + 1].start if place + 1 < len(answerable) else None
        if answered is not None and (spoke_again is None or answered <= spoke_again):
            yield _TauEvent("response", run.end, went_well=True, latency_ticks=answered - run.end)
        elif spoke_again is not None:
            yield _TauEvent("response", run.end, went_well=False)


def _distraction_in(call: TauTicks, run: _Run) -> str | None:
    """Return what a caller's segment is scored as because it sounds anywhere in it."""
    ticks = range(run.start, run.end)
    if not call.vocal_tics.isdisjoint(ticks):
        return "vocal_tic"
    return None if call.side_speech.isdisjoint(ticks) else "side_speech"


def _overlap(call: TauTicks, run: _Run) -> _TauEvent:
    """Return what a segment is that begins while the agent speaks."""
    kind = "backchannel" if run.start in call.backchannels else _distraction_in(call, run)
    window = DISTRACTION_TICKS if kind else YIELD_TICKS
    looked_at = range(run.start, min(run.start + window, len(call.agent)))
    stopped = next((tick for tick in looked_at if not call.agent[tick]), None)
    if kind:
        return _TauEvent(kind, run.start, stopped is None)
    return _TauEvent("yield", run.start, stopped is not None, 0 if stopped is None else stopped - run.start)


def _outside_a_turn(kind: str, tick: int, agents: Sequence[_Run]) -> Iterator[_TauEvent]:
    speaking = next((run for run in agents if run.start <= tick < run.end), None)
    if speaking is None:
        yield _TauEvent(kind, tick, not _starts_within(agents, tick, tick + 1 + RESPONSE_TICKS))
    elif speaking.end - tick <= DISTRACTION_TICKS:
        yield _TauEvent(kind, tick, went_well=False)


def _starts_within(agents: Sequence[_Run], since: int, until: int) -> bool:
    """Whether the agent begins to speak between two ticks, both included."""
    return any(since <= run.start <= until for run in agents)
