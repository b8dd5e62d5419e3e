"""What a line will run and take, said before it starts: jobs, cases, minutes of sound, tokens, and cost as a range."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from evalkit.metrics.forecast import ZERO, CaseWork, Forecast, PriceList, Range, Rates, add_up, forecast_run
from evalkit.peers.pricing import price_table
from evalkit.records.case import Case
from evalkit.records.grade import GradeLevel
from evalkit.runner.jobs import Job
from evalkit.runner.prepare import Prepared, needs_of
from evalkit.settings.resources import resource_dir

_MOST_JOBS_NAMED = 12


def forecast_job(prepared: Prepared) -> Forecast:
    """Return what a prepared run will take, before it starts. Calls nobody."""
    if "forecast" not in prepared.known:
        prepared.known["forecast"] = _forecast_job(prepared)
    forecast: Forecast = prepared.known["forecast"]
    return forecast


def _forecast_job(prepared: Prepared) -> Forecast:
    settings = prepared.settings
    rates, prices = _load_rates(), price_table(settings)
    list_prices = PriceList(prices.cost_usd, prices.speech_cost_usd, prices.audio_cost_usd)
    works = list(prepared.mode.forecast(settings, prepared.data, rates))
    if not works and prepared.cases:
        return _forecast_of_unknown_work(prepared)
    return add_up(
        [
            forecast_run([_with_grading(prepared, case, work)], settings.trials, models, rates, list_prices)
            for case, (work, models) in zip(prepared.cases, works, strict=True)
        ]
    )


def _forecast_of_unknown_work(prepared: Prepared) -> Forecast:
    """Return the forecast of a mode that does not say what its cases take: counts, and a cost that is unknown."""
    cases, trials = len(prepared.cases), prepared.settings.trials
    role = f"assistant {prepared.mode.subject(prepared.settings)}"
    return Forecast(cases, cases * trials, ZERO, ZERO, ZERO, ZERO, {"assistant": None}, (role,))


def _with_grading(prepared: Prepared, case: Case, work: CaseWork) -> CaseWork:
    """Return `work` with what grading adds: questions to a judge (some turns may give none), and listening."""
    votes = Range.exactly(float(prepared.settings.judge.votes))
    specs = prepared.graders(case)
    judgements = work.judgements
    for spec in specs:
        if "judge" in needs_of([spec]):
            asked = work.turns if spec.level is GradeLevel.TURN else Range.exactly(1.0)
            judgements = judgements.plus(asked.times(votes))
    return replace(work, judgements=judgements, hears_answers="transcribe" in prepared.grader_needs & needs_of(specs))


def describe_sweep(jobs: Sequence[Job], forecast: Forecast, prices_of: str) -> list[str]:
    """Return the lines that say what a sweep will run, before it does: its jobs, and what they take together."""
    named = [f"job {job.number}: {' '.join(job.overrides) or '(as it is)'}" for job in jobs[:_MOST_JOBS_NAMED]]
    more = [f"and {len(jobs) - _MOST_JOBS_NAMED} jobs more"] if len(jobs) > _MOST_JOBS_NAMED else []
    return [*named, *more, f"{len(jobs)} jobs, {describe_forecast(forecast, prices_of)}"]


def price_dates(prepared: Sequence[Prepared]) -> str:
    """Return the days on which the prices of a forecast were true."""
    return "; ".join(dict.fromkeys(price_table(job.settings).as_of for job in prepared))


def describe_forecast(forecast: Forecast, prices_of: str) -> str:
    """Return what a forecast says, on one line; `prices_of`: the day of the prices."""
    counts = f"{forecast.cases} cases, {forecast.case_trials} case-trials"
    if forecast.case_trials and forecast.input_tokens == ZERO:
        return f"{counts}; what they take is not known, since their mode does not say"
    spoken = f"callers speak {_shown(forecast.caller_minutes, '.1f')} min, "
    spoken += f"answers {_shown(forecast.answer_minutes, '.1f')} min; "
    is_written = forecast.caller_minutes == forecast.answer_minutes == ZERO
    return (
        f"{counts}; {'' if is_written else spoken}"
        f"assistant tokens in {_shown(forecast.input_tokens, ',.0f')}, out {_shown(forecast.output_tokens, ',.0f')}; "
        f"forecast cost {_describe_cost(forecast, prices_of)}"
    )


def forecast_to_json(forecast: Forecast) -> dict[str, Any]:
    """Return a forecast in plain types: a range is ``[low, high]``, what is not known is null."""
    costs = {role: None if cost is None else list(cost) for role, cost in sorted(forecast.cost_usd.items())}
    total = forecast.total_usd
    return {
        "cases": forecast.cases,
        "case_trials": forecast.case_trials,
        "caller_minutes": list(forecast.caller_minutes),
        "answer_minutes": list(forecast.answer_minutes),
        "input_tokens": list(forecast.input_tokens),
        "output_tokens": list(forecast.output_tokens),
        "cost_usd": None if total is None else list(total),
        "known_usd": list(forecast.known_usd),
        "cost_usd_by_role": costs,
        "unknown": list(forecast.unknown),
    }


def _describe_cost(forecast: Forecast, prices_of: str) -> str:
    roles = ", ".join(
        f"{role} {'unknown' if cost is None else _usd(cost)}" for role, cost in sorted(forecast.cost_usd.items())
    )
    total = forecast.total_usd
    if total is not None:
        return f"{_usd(total)} ({roles}; prices of {prices_of})"
    least = _usd(Range.exactly(forecast.known_usd.low))
    missing = f"no full price is known for {', '.join(forecast.unknown)}"
    return f"unknown, at least {least} ({roles}; {missing}; prices of {prices_of})"


def _shown(values: Range, form: str) -> str:
    low, high = format(values.low, form), format(values.high, form)
    return low if low == high else f"{low} to {high}"


def _usd(cost: Range) -> str:
    low, high = (f"${value:.2f}" if value >= 1 or value == 0 else f"${value:.4f}" for value in cost)
    return low if low == high else f"{low} to {high}"


@cache
def _load_rates() -> Rates:
    return Rates.from_document(json.loads((resource_dir("data") / "rates.json").read_text(encoding="utf-8")))
