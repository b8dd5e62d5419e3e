"""What a line will run and take, said before it starts: jobs, cases, minutes of sound, tokens, and cost as a range."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from evalkit.compose import Job
from evalkit.graders.registry import GRADER_TYPES
from evalkit.metrics.forecast import ZERO, CaseWork, Forecast, Models, PriceList, Range, Rates, add_up, forecast_run
from evalkit.modes.voice.simulations import call_settings, grader_specs
from evalkit.peers.pricing import price_table
from evalkit.records.case import Case
from evalkit.records.grade import GradeLevel
from evalkit.runner.prepare import Prepared
from evalkit.settings.resources import resource_dir
from evalkit.settings.types import RunSettings

# With tools that answer, a turn has on average no more than one round of calls.
_WITH_TOOL_ROUND = Range(1.0, 2.0)
_CHARACTERS_PER_WORD = 6
_MOST_JOBS_NAMED = 12


def forecast_job(prepared: Prepared) -> Forecast:
    """Return what a prepared run will take, before it starts. Calls nobody."""
    settings = prepared.settings
    rates, prices = _load_rates(), price_table(settings)
    list_prices = PriceList(prices.cost_usd, prices.speech_cost_usd, prices.audio_cost_usd)
    works = _call_works(prepared, rates) if settings.mode.name == "run" else _turn_works(prepared, rates)
    return add_up([forecast_run([work], settings.trials, models, rates, list_prices) for work, models in works])


def describe_sweep(jobs: Sequence[Job], prepared: Sequence[Prepared]) -> list[str]:
    """Return the lines that say what a sweep will run, before it does: its jobs, and what they take together."""
    named = [f"job {job.number}: {' '.join(job.overrides) or '(as it is)'}" for job in jobs[:_MOST_JOBS_NAMED]]
    more = [f"and {len(jobs) - _MOST_JOBS_NAMED} jobs more"] if len(jobs) > _MOST_JOBS_NAMED else []
    forecast = add_up([forecast_job(job) for job in prepared])
    return [
        *named,
        *more,
        f"{len(jobs)} jobs, {describe_forecast(forecast, price_dates(prepared))}",
        *warn_of_cost(forecast, [job.settings for job in prepared]),
    ]


def price_dates(prepared: Sequence[Prepared]) -> str:
    """Return the days on which the prices of a forecast were true."""
    return "; ".join(dict.fromkeys(price_table(job.settings).as_of for job in prepared))


def describe_forecast(forecast: Forecast, prices_of: str) -> str:
    """Return what a forecast says, on one line; `prices_of`: the day of the prices."""
    return (
        f"{forecast.cases} cases, {forecast.case_trials} case-trials; "
        f"callers speak {_shown(forecast.caller_minutes, '.1f')} min, "
        f"answers {_shown(forecast.answer_minutes, '.1f')} min; "
        f"assistant tokens in {_shown(forecast.input_tokens, ',.0f')}, out {_shown(forecast.output_tokens, ',.0f')}; "
        f"forecast cost {_describe_cost(forecast, prices_of)}"
    )


def warn_of_cost(forecast: Forecast, settings: Sequence[RunSettings]) -> list[str]:
    """Return a warning when the forecast passes ``limits.max_cost_usd``, which jobs of a sweep share."""
    limits = [job.limits.max_cost_usd for job in settings if job.limits.max_cost_usd is not None]
    if not limits:
        return []
    limit, cost = min(limits), forecast.known_usd
    if cost.low > limit:
        return [f"warning: this costs more than limits.max_cost_usd={limit:g} allows, and will stop before it is done"]
    if forecast.unknown:
        unknown = ", ".join(forecast.unknown)
        kept = f"warning: limits.max_cost_usd={limit:g} cannot be kept: no full price is known for {unknown}"
        return [f"{kept}; give one in limits.prices_file, for every kind of token that is billed"]
    if cost.high > limit:
        return [f"warning: limits.max_cost_usd={limit:g} may be spent before all is done"]
    return []


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


def _turn_works(prepared: Prepared, rates: Rates) -> Iterator[tuple[CaseWork, Models]]:
    settings = prepared.settings
    models = Models(
        assistant=str(settings.assistant.model),
        speech=settings.speech.model,
        transcription=settings.provider.models.transcription,
    )
    shown = _bytes_shown(prepared.system_prompt, prepared.tools)
    hears = any("transcribe" in GRADER_TYPES[name].needs for name in settings.mode.graders)
    durations = {recording.path: recording.levels for recording in prepared.recordings}
    levels = list(durations.values())
    for place, case in enumerate(prepared.cases):
        words = len(str(case.inputs["user_text"]).split())
        spoken = rates.spoken_ms(words, settings.speech.speed)
        played = levels[place] if place < len(levels) else None
        yield (
            CaseWork(
                shown_bytes=shown,
                caller_ms=spoken if played is None else Range.exactly(played.duration_ms),
                responses_per_turn=_WITH_TOOL_ROUND if settings.mode.answer_tools else Range.exactly(1.0),
                calls_tools=bool(prepared.tools),
                spoken_characters=ZERO if levels else Range.exactly(float(len(str(case.inputs["user_text"])))),
                spoken_ms=ZERO if levels else spoken,
                hears_answers=hears,
            ),
            models,
        )


def _call_works(prepared: Prepared, rates: Rates) -> Iterator[tuple[CaseWork, Models]]:
    settings = prepared.settings
    for case in prepared.cases:
        chosen = call_settings(settings, prepared.open_keys, case)
        inputs: Any = case.inputs
        speaks = settings.simulator.kind == "realtime"
        turns = Range(float(min(2, chosen.max_turns)), float(chosen.max_turns))
        made_up = Range(turns.low - 1, turns.high - 1)
        first = str(inputs["first_user_turn"])
        spoken_ms = rates.spoken_ms(len(first.split()), settings.speech.speed)
        characters = Range.exactly(float(len(first)))
        if not speaks:
            words = rates.caller_turn_s.times(rates.words_per_minute).times(Range.exactly(_CHARACTERS_PER_WORD / 60))
            characters = characters.plus(made_up.times(words))
            spoken_ms = spoken_ms.plus(made_up.times(rates.caller_turn_s).times(Range.exactly(1000.0)))
        work = CaseWork(
            shown_bytes=_bytes_shown(inputs["system_prompt"], inputs["tools"]),
            caller_ms=rates.caller_turn_s.times(Range.exactly(1000.0)),
            turns=turns,
            responses_per_turn=_WITH_TOOL_ROUND,
            calls_tools=bool(inputs["tools"]),
            spoken_characters=characters,
            spoken_ms=spoken_ms,
            simulated_turns=made_up,
            persona_bytes=len(str(inputs["persona"]).encode()),
            judgements=_judgements(settings, case, turns),
            hears_answers=any(
                "transcribe" in GRADER_TYPES[spec.grader_type].needs for spec in grader_specs(settings, case)
            ),
        )
        models = Models(
            assistant=chosen.assistant_model,
            speech=settings.speech.model,
            simulator=chosen.simulator_model,
            simulator_speaks=speaks,
            judge=settings.judge.model,
            transcription=settings.provider.models.transcription,
        )
        yield work, models


def _judgements(settings: RunSettings, case: Case, turns: Range) -> Range:
    """Return how often a judge is asked about one call; a grader may find nothing to ask about in a turn."""
    votes = Range.exactly(float(settings.judge.votes))
    total = turns if settings.simulator.judge_turns else ZERO
    for spec in grader_specs(settings, case):
        if "judge" in GRADER_TYPES[spec.grader_type].needs:
            total = total.plus((turns if spec.level is GradeLevel.TURN else Range.exactly(1.0)).times(votes))
    return total


def _bytes_shown(prompt: str, tools: Sequence[Any]) -> int:
    return len(prompt.encode()) + sum(len(json.dumps(tool).encode()) for tool in tools)


def _shown(values: Range, form: str) -> str:
    low, high = format(values.low, form), format(values.high, form)
    return low if low == high else f"{low} to {high}"


def _usd(cost: Range) -> str:
    low, high = (f"${value:.2f}" if value >= 1 or value == 0 else f"${value:.4f}" for value in cost)
    return low if low == high else f"{low} to {high}"


@cache
def _load_rates() -> Rates:
    return Rates.from_document(json.loads((resource_dir("data") / "rates.json").read_text(encoding="utf-8")))
