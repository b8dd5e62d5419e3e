"""What calls in full duplex say of the agent's turn-taking: the summary's ``turn_taking``.

===================== ==================================================================================================
key                   meaning
===================== ==================================================================================================
``calls``             case-trials that count and have a timeline of who was heard when
``unread``            case-trial -> why its timeline could not be read; they are in no value
``detected``          ``turns``: in how many turns the caller said one thing, and the server told what it made of it;
                      ``cut``: how many of these it took for several
``metrics``           evalkit's own metrics, by name: a node each
``tau_voice``         those of tau-voice as it publishes them, by the names that it has for them: a node each
``eva``               those of EVA, by name: a node each
``full_duplex_bench`` those of Full-Duplex-Bench that a timeline allows, by name: a node each
``not_measured``      ``full_duplex_bench`` -> part of it -> why it has no value
===================== ==================================================================================================

=============== ===================================================================================================
in a node       meaning
=============== ===================================================================================================
``value``       the value; null without events, and for a rate of fewer than ten
``shown``       the value as it is shown to people: a rate of fewer than ten events as a count, `3 of 7`
``ci95``        two numbers, over cases; missing where there is no value, one case would have to tell the spread, or
                nothing but a lower bound is known
``events``      how many events it rests on
``unit``        ``seconds``, ``share``, ``per turn`` or ``score``
``censored``    events that count with less than their true value: an agent that had not yielded by then; where all
                do, the value is a lower bound
``set_aside``   reason -> how many events were met and not counted
``window``      which events count, and what is looked at
=============== ===================================================================================================
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

from evalkit.records.json import Json
from evalkit.records.record import CaseRecord

if TYPE_CHECKING:
    from evalkit.metrics.turn_taking.measurement import Measurement
    from evalkit.metrics.turn_taking.timeline import CallTimeline

READ_TOGETHER = ("yield_rate", "backchannel_selectivity")
"""Who stops for every sound yields always, who stops for none is never distracted: one of the two says nothing."""


@dataclass(frozen=True)
class HeardCalls:
    """The calls in full duplex of a run, those of case-trials that count.

    Attributes:
        timelines: Case-trial -> who was heard when.
        unread: Case-trial -> why that cannot be read.

    """

    timelines: Mapping[str, CallTimeline]
    unread: Mapping[str, str]


def read_calls(records: Iterable[CaseRecord]) -> HeardCalls:
    """Return the calls whose records have a timeline."""
    timelines: dict[str, CallTimeline] = {}
    unread: dict[str, str] = {}
    for record in records:
        stored = record.notes.get("turn_taking")
        if stored is None or not record.scored:
            continue
        try:
            from evalkit.metrics.turn_taking.timeline import CallTimeline

            if not isinstance(stored, Mapping):
                raise TypeError(f"notes.turn_taking is {type(stored).__name__}, expected keys and values")
            timelines[record.key] = CallTimeline.from_json(record.case.case_id, stored)
        except (KeyError, TypeError, ValueError) as error:
            unread[record.key] = f"{type(error).__name__}: {error}"
    return HeardCalls(timelines, unread)


def summarize_turn_taking(records: Sequence[CaseRecord], seed: int) -> dict[str, Json]:
    """Return the summary's ``turn_taking`` node; nothing for a run without a call in full duplex."""
    heard = read_calls(records)
    if not heard.timelines and not heard.unread:
        return {}
    # Most runs have no such call, and end sooner without four definitions of what its turns are worth.
    from evalkit.metrics.turn_taking.by_others import measure_by_others
    from evalkit.metrics.turn_taking.full_duplex_bench import NOT_MEASURED
    from evalkit.metrics.turn_taking.panel import measure_calls

    calls = list(heard.timelines.values())
    others = measure_by_others(calls)
    return {
        "turn_taking": {
            "calls": len(calls),
            "unread": dict(heard.unread),
            "detected": _count_cuts(record for record in records if record.key in heard.timelines),
            "metrics": {one.name: _describe(one, seed) for one in measure_calls(calls)},
            **{key: {name: _describe(one, seed) for name, one in found.items()} for key, found in others.items()},
            "not_measured": {"full_duplex_bench": dict(NOT_MEASURED)},
        }
    }


def _count_cuts(records: Iterable[CaseRecord]) -> dict[str, Json]:
    """Return how many turns the server could cut, and how many it did: those in which the caller said one thing."""
    detected: list[float] = []
    for record in records:
        stored: Any = record.notes["turn_taking"]
        said = Counter(one.get("turn_index") for one in stored["caller"])
        measured = [turn for turn in record.turns if said[turn.turn_index] == 1]
        detected += [turn.measures["detected_turns"] for turn in measured if "detected_turns" in turn.measures]
    return {"turns": len(detected), "cut": sum(turns > 1 for turns in detected)}


def list_metrics(found: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """Return metric -> its node of a summary's ``turn_taking``: evalkit's own, and those that others define."""
    from evalkit.metrics.turn_taking.by_others import tau_metric

    tau = {tau_metric(name): node for name, node in found.get("tau_voice", {}).items()}
    return {**found["metrics"], **tau, **found.get("eva", {}), **found.get("full_duplex_bench", {})}


def _describe(one: Measurement, seed: int) -> dict[str, Json]:
    is_known = one.is_rate_worth_showing
    interval = one.estimate(seed).interval if is_known else None
    return {
        "value": one.value if is_known else None,
        "shown": one.shown,
        **({"ci95": list(astuple(interval))} if interval else {}),
        "events": one.events,
        "unit": str(one.measured_in),
        "censored": one.censored,
        "set_aside": dict(sorted(one.reasons.items())),
        "window": one.window,
    }
