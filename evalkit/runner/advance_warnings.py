"""What somebody would want to know before a run is paid for: gates that cannot be reached, money, a launcher unused.

Nothing here stops a run: each is one line, said by ``evalkit check`` and again when the run starts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evalkit.metrics.forecast import ZERO, Forecast, add_up
from evalkit.peers.fault_plans import find_unknown_cases
from evalkit.records.passing import required_graders
from evalkit.runner.jobs import BASIC_LAUNCHER, Plan
from evalkit.runner.prepare import Prepared
from evalkit.settings.types import RunSettings

_PRICES = "give one in limits.prices_file, for every kind of token that is billed"


def warn_in_advance(planned: Plan, prepared: Sequence[Prepared], forecasts: Sequence[Forecast]) -> list[str]:
    """Return a line for everything about the jobs of `planned` that is allowed and hardly meant."""
    gates = [warning for job, forecast in zip(prepared, forecasts, strict=True) for warning in _of_gates(job, forecast)]
    found = [
        *_of_launcher(planned),
        *_of_fault_plans(prepared),
        *_of_cost(add_up(forecasts), [job.settings for job in prepared]),
        *dict.fromkeys(gates),
    ]
    return [f"warning: {warning}" for warning in found]


def _of_launcher(planned: Plan) -> Iterator[str]:
    if not planned.multirun and planned.launcher != BASIC_LAUNCHER:
        yield f"hydra/launcher={planned.launcher} has no effect on a single run; for a sweep put -m first"


def _of_fault_plans(prepared: Sequence[Prepared]) -> Iterator[str]:
    """Yield a line for every case that a fault plan is to hit and that no job with that plan runs."""
    for plan in dict.fromkeys(job.settings.service.faults for job in prepared if job.settings.service.faults):
        keys = dict.fromkeys(key for job in prepared if job.settings.service.faults == plan for key in job.keys)
        yield from find_unknown_cases(plan, list(keys))


def _of_cost(forecast: Forecast, settings: Sequence[RunSettings]) -> Iterator[str]:
    """Yield what the forecast has against ``limits.max_cost_usd``, which jobs of a sweep share."""
    limits = [job.limits.max_cost_usd for job in settings if job.limits.max_cost_usd is not None]
    if not limits:
        return
    limit, cost = min(limits), forecast.known_usd
    if cost.low > limit:
        yield f"this costs more than limits.max_cost_usd={limit:g} allows, and will stop before it is done"
    elif forecast.unknown:
        unknown = ", ".join(forecast.unknown)
        yield f"limits.max_cost_usd={limit:g} cannot be kept: no full price is known for {unknown}; {_PRICES}"
    elif cost.high > limit:
        yield f"limits.max_cost_usd={limit:g} may be spent before all is done"


def _of_gates(prepared: Prepared, forecast: Forecast) -> Iterator[str]:
    """Yield a line for every gate that will be missed whatever the run finds, since what it is about is not measured.

    A latency that is measured and should not be compared is told too.
    """
    gate, mode = prepared.settings.gate, prepared.mode
    if gate.min_grade is not None and not any(_can_pass(prepared)):
        required = sorted({grader for case in prepared.cases for grader in required_graders(case)})
        yield (
            f"gate.min_grade={gate.min_grade:g} will be missed: nothing decides whether a case passes; "
            f"add to mode.graders what the cases require ({', '.join(required) or 'nothing, so far'})"
        )
    if gate.max_cost_usd is not None and forecast.unknown and forecast.input_tokens != ZERO:
        unknown = ", ".join(forecast.unknown)
        yield f"gate.max_cost_usd={gate.max_cost_usd:g} will be missed: no full price is known for {unknown}; {_PRICES}"
    if gate.max_latency_ms is None:
        return
    from evalkit.reports.summary import why_settings_are_not_comparable  # `check` needs it for such a gate alone

    absent = mode.unmeasured_latencies(prepared.settings, prepared.data)
    if gate.latency_column in absent:
        others = ", ".join(column for column in mode.layout.latency_columns if column not in absent)
        yield (
            f"gate.max_latency_ms={gate.max_latency_ms:g} will be missed: {gate.latency_column} "
            f"{absent[gate.latency_column]}; gate.latency_column may be {others}"
        )
    elif reason := why_settings_are_not_comparable(prepared.config):
        yield f"gate.max_latency_ms={gate.max_latency_ms:g} is about latencies that are not comparable: {reason}"


def _can_pass(prepared: Prepared) -> Iterator[bool]:
    for case in prepared.cases:
        used = {spec.grader_id for spec in prepared.graders(case)}
        yield not used.isdisjoint(required_graders(case))
