"""The turn-taking metrics of evalkit, over the calls of a run.

Each is a :class:`evalkit.metrics.turn_taking.measurement.Measurement`: it says which events it counts and which it met
and set aside. What yields to interruptions must be read beside what ignores backchannels: an agent that stops for every
sound yields always, one that stops for none is never distracted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from evalkit.metrics.turn_taking import exchanges as ex
from evalkit.metrics.turn_taking.measurement import Contribution, MeasuredIn, Measurement, SetAside
from evalkit.metrics.turn_taking.timeline import CallerAct, CallTimeline

_Event = Contribution | SetAside
_Read = Callable[[CallTimeline], Iterable[_Event]]


def measure_calls(calls: Sequence[CallTimeline]) -> tuple[Measurement, ...]:
    """Return every metric over some calls, in the order in which they are shown."""
    return tuple(
        _measure(calls, name, measured_in, window, read) for name, (measured_in, window, read) in _DEFINITIONS.items()
    )


def _measure(
    calls: Sequence[CallTimeline], name: str, measured_in: MeasuredIn, window: str, read: _Read
) -> Measurement:
    events = [event for call in calls for event in read(call)]
    return Measurement(
        name,
        measured_in,
        window,
        tuple(event for event in events if isinstance(event, Contribution)),
        tuple(event for event in events if isinstance(event, SetAside)),
    )


def _response_latencies(call: CallTimeline) -> Iterator[_Event]:
    for exchange in ex.follow_exchanges(call):
        time_s = exchange.said.extent.end_s
        if exchange.latency_s is None:
            yield SetAside(call.case_id, time_s, exchange.answer)
        else:
            yield Contribution(call.case_id, time_s, exchange.latency_s)


def _response_rates(call: CallTimeline) -> Iterator[_Event]:
    for exchange in ex.follow_exchanges(call):
        time_s = exchange.said.extent.end_s
        if exchange.answer in (ex.AnswerOutcome.ANSWERED, ex.AnswerOutcome.UNANSWERED):
            yield Contribution(call.case_id, time_s, float(exchange.answer is ex.AnswerOutcome.ANSWERED))
        else:
            yield SetAside(call.case_id, time_s, exchange.answer)


def _yield_latencies(call: CallTimeline) -> Iterator[_Event]:
    for barge_in in ex.find_barge_ins(call):
        time_s = barge_in.said.extent.start_s
        if barge_in.outcome is ex.YieldOutcome.YIELDED:
            yield Contribution(call.case_id, time_s, barge_in.spoke_on_s)
        elif barge_in.outcome is ex.YieldOutcome.NOT_YIELDED:
            yield Contribution(call.case_id, time_s, ex.YIELD_WINDOW_S, is_censored=True)
        else:
            yield SetAside(call.case_id, time_s, barge_in.outcome)


def _yield_rates(call: CallTimeline) -> Iterator[_Event]:
    for barge_in in ex.find_barge_ins(call):
        time_s = barge_in.said.extent.start_s
        if barge_in.outcome in (ex.YieldOutcome.YIELDED, ex.YieldOutcome.NOT_YIELDED):
            yield Contribution(call.case_id, time_s, float(barge_in.outcome is ex.YieldOutcome.YIELDED))
        else:
            yield SetAside(call.case_id, time_s, barge_in.outcome)


def _selectivities(act: CallerAct) -> _Read:
    def read(call: CallTimeline) -> Iterator[_Event]:
        for distraction in ex.find_distractions(call):
            time_s = distraction.heard.extent.start_s
            if distraction.heard.act is not act:
                continue
            if distraction.reaction.counts:
                yield Contribution(call.case_id, time_s, float(distraction.reaction is ex.DistractionOutcome.IGNORED))
            else:
                yield SetAside(call.case_id, time_s, distraction.reaction)

    return read


def _resumptions(call: CallTimeline) -> Iterator[_Event]:
    for stop in ex.find_false_stops(call):
        if stop.resumption in (ex.ResumeOutcome.RESUMED, ex.ResumeOutcome.SILENT):
            yield Contribution(call.case_id, stop.stopped_s, float(stop.resumption is ex.ResumeOutcome.RESUMED))
        else:
            yield SetAside(call.case_id, stop.stopped_s, stop.resumption)


def _agent_interruptions(call: CallTimeline) -> Iterator[_Event]:
    for exchange in ex.follow_exchanges(call):
        yield Contribution(call.case_id, exchange.said.extent.start_s, float(bool(exchange.cut_ins_s)))


def _pause_takeovers(call: CallTimeline) -> Iterator[_Event]:
    for pause in ex.find_pauses(call):
        if pause.was_speaking:
            yield SetAside(call.case_id, pause.extent.start_s, "agent_speaking")
        else:
            yield Contribution(call.case_id, pause.extent.start_s, float(pause.taken_s is not None))


def _talk_overs(call: CallTimeline) -> Iterator[_Event]:
    for exchange in ex.follow_exchanges(call):
        yield Contribution(call.case_id, exchange.said.extent.start_s, exchange.talked_over_s)


def _pre_tool_speech(call: CallTimeline) -> Iterator[_Event]:
    for use in ex.find_tool_announcements(call):
        yield Contribution(call.case_id, use.calls.called_s, float(use.spoke_first))


_ON_TIME = f"stopped within {ex.YIELD_WINDOW_S:g} s of the first sound of an interruption"
_UNDISTURBED = (
    f"had not stopped {ex.STOP_WINDOW_S:g} s after it or, where the agent was silent, not spoken up"
    f" {ex.ANSWER_WINDOW_S:g} s after it"
)
_LATENCY = "from the last sound of what was said to the agent to the first of its answer, where it answered"
_ANSWERED = f"answered before the caller spoke again; {ex.PATIENCE_S:g} s without an answer count as none"
_GIVING_WAY = (
    f"from the first sound of an interruption to the agent's last, at most {ex.YIELD_WINDOW_S:g} s: who does not yield"
    " counts with that"
)
_RESUMED = (
    f"of the stops for a backchannel, a tic or side speech: spoke again within {ex.RESUME_WINDOW_S:g} s, before the"
    " caller spoke to it"
)
_CUT_IN = f"began to speak {ex.REACTION_S:g} s or more after the caller's first sound and before the last, in no pause"
_TAKEN = f"began to speak in a pause of {ex.MIN_PAUSE_S:g} s or longer inside what the caller said"
_BOTH = "both were heard while the caller spoke to the agent, for each time it did"
_TOLD = "began to speak after the caller's last words and before the tools' answer, for each group of calls"

_DEFINITIONS: dict[str, tuple[MeasuredIn, str, _Read]] = {
    "response_latency": (MeasuredIn.SECONDS, _LATENCY, _response_latencies),
    "response_rate": (MeasuredIn.SHARE, _ANSWERED, _response_rates),
    "yield_latency": (MeasuredIn.SECONDS, _GIVING_WAY, _yield_latencies),
    "yield_rate": (MeasuredIn.SHARE, _ON_TIME, _yield_rates),
    "backchannel_selectivity": (MeasuredIn.SHARE, _UNDISTURBED, _selectivities(CallerAct.BACKCHANNEL)),
    "vocal_tic_selectivity": (MeasuredIn.SHARE, _UNDISTURBED, _selectivities(CallerAct.VOCAL_TIC)),
    "side_speech_selectivity": (MeasuredIn.SHARE, _UNDISTURBED, _selectivities(CallerAct.SIDE_SPEECH)),
    "resume_rate": (MeasuredIn.SHARE, _RESUMED, _resumptions),
    "agent_interruption_rate": (MeasuredIn.SHARE, _CUT_IN, _agent_interruptions),
    "pause_takeover_rate": (MeasuredIn.SHARE, _TAKEN, _pause_takeovers),
    "talk_over": (MeasuredIn.SECONDS, _BOTH, _talk_overs),
    "pre_tool_speech_rate": (MeasuredIn.SHARE, _TOLD, _pre_tool_speech),
}
