"""What changed in turn-taking from one run to another, call by call: a part of ``evalkit compare``.

A call's value is the mean over its events, and calls are paired as all case-trials are. Rates of which more, or less,
is better, with ten events or more in both runs, get a verdict; their p-values are a family of their own, adjusted by
Holm's method. What is measured in seconds is shown and decides nothing, as latencies do not; nor do the definitions of
others, which look at the same events once more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from evalkit.metrics.paired import Pair, PairedDifference, compare_pairs, holm
from evalkit.metrics.turn_taking.by_others import measure_by_others
from evalkit.metrics.turn_taking.measurement import MeasuredIn, Measurement
from evalkit.metrics.turn_taking.panel import measure_calls
from evalkit.metrics.turn_taking.timeline import CallTimeline

NOT_JUDGED = "not judged"

_MORE_IS_BETTER = {
    "response_rate", "yield_rate", "backchannel_selectivity", "vocal_tic_selectivity", "side_speech_selectivity",
    "resume_rate",
}  # fmt: skip
_BY_LATENCY = {"eva_turn_taking", "eva_pass_rate"}
_LESS_IS_BETTER = {"agent_interruption_rate", "pause_takeover_rate"}


@dataclass(frozen=True)
class TurnTakingChange:
    """One metric in the calls that have a value of it in both runs.

    Attributes:
        metric: Its name.
        measured_in: What its values are.
        difference: What changed, and how surely, over calls.
        p_adjusted: The p-value that decides; not adjusted where it decides nothing.
        shown: The value in both runs: the mean over calls, or a count where a rate has fewer than ten events.
        events: How many events those calls have, in both runs.
        has_rates: Whether these are enough for a rate in both.
        verdict: As of any other metric, or `NOT_JUDGED`.

    """

    metric: str
    measured_in: MeasuredIn
    difference: PairedDifference
    p_adjusted: float
    shown: tuple[str, str]
    events: tuple[int, int]
    has_rates: bool
    verdict: str = NOT_JUDGED

    @property
    def less_is_better(self) -> bool:
        """Whether a higher value is a loss."""
        return self.metric in _LESS_IS_BETTER

    @property
    def depends_on_latency(self) -> bool:
        """Whether it says as much of how fast the assistant is as of what it does."""
        return self.measured_in is MeasuredIn.SECONDS or self.metric in _BY_LATENCY

    @property
    def can_be_judged(self) -> bool:
        """Whether it is known which way is better, and there are events enough for rates."""
        return self.has_rates and (self.metric in _MORE_IS_BETTER or self.less_is_better)


def compare_turn_taking(
    before: Mapping[str, CallTimeline], after: Mapping[str, CallTimeline], seed: int, confidence: float
) -> tuple[TurnTakingChange, ...]:
    """Return what changed in every metric that some call has in both runs, without verdicts.

    Args:
        before: Case-trial -> its call in the first run.
        after: The same in the second; those in one run only take no part.
        seed: Of what is drawn for intervals and p-values.
        confidence: Of the intervals.

    """
    keys = [key for key in before if key in after]
    panels = [[_measure(calls[key]) for key in keys] for calls in (before, after)]
    found = [
        change
        for first, second in zip(*(list(zip(*panel, strict=True)) for panel in panels), strict=True)
        if (change := _compare(first, second, [before[key].case_id for key in keys], seed, confidence))
    ]
    adjusted = holm({change.metric: change.p_adjusted for change in found if change.can_be_judged})
    return tuple(replace(change, p_adjusted=adjusted.get(change.metric, change.p_adjusted)) for change in found)


def _measure(call: CallTimeline) -> tuple[Measurement, ...]:
    by_others = measure_by_others([call])
    return (*measure_calls([call]), *(one for found in by_others.values() for one in found.values()))


def _compare(
    before: Sequence[Measurement], after: Sequence[Measurement], cases: Sequence[str], seed: int, confidence: float
) -> TurnTakingChange | None:
    """Return what changed in one metric, measured in each call of both runs."""
    both = [
        (Pair(case, first.value, second.value), first, second)
        for case, first, second in zip(cases, before, after, strict=True)
        if first.value is not None and second.value is not None
    ]
    if not both:
        return None
    difference = compare_pairs([pair for pair, _, _ in both], seed, confidence)
    sides = [_pool([first for _, first, _ in both]), _pool([second for _, _, second in both])]
    shown = [
        f"{mean:.3f}" if side.is_rate_worth_showing else side.shown
        for side, mean in zip(sides, (difference.mean_before, difference.mean_after), strict=True)
    ]
    return TurnTakingChange(
        metric=sides[0].name,
        measured_in=sides[0].measured_in,
        difference=difference,
        p_adjusted=difference.p_value,
        shown=(shown[0], shown[1]),
        events=(sides[0].events, sides[1].events),
        has_rates=all(side.is_rate_worth_showing for side in sides),
    )


def _pool(calls: Sequence[Measurement]) -> Measurement:
    """Return the events of several calls as one measurement."""
    return replace(calls[0], contributions=tuple(one for call in calls for one in call.contributions))
