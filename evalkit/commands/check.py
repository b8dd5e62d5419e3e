"""``evalkit check``: compose and validate config and every data file of every job, call nobody, list all errors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from evalkit import compose
from evalkit.commands.run import prepare_all, require_embedded_models
from evalkit.compose.line import parse_line
from evalkit.errors import DataError
from evalkit.metrics.forecast import add_up
from evalkit.modes.voice.recordings import conformance_table, find_recording_problems
from evalkit.runner.forecast import describe_forecast, forecast_job, price_dates, warn_of_cost
from evalkit.runner.prepare import Prepared, read_run
from evalkit.service.offered import offered_models


def main(args: Sequence[str]) -> int:
    """Print what would run, a line per job. Raises UserError with everything that is wrong."""
    line = parse_line(args)
    planned = compose.plan(line.overrides, compose.packaged_source(line.config_dirs), multirun=line.multirun)
    jobs = prepare_all(planned, Path.cwd(), read_run)
    for job, prepared in zip(planned.jobs, jobs, strict=True):
        print(_describe(job, prepared))
        if prepared.recordings:
            print(conformance_table(prepared.recordings))
        problems = find_recording_problems(prepared.recordings)
        if problems:
            raise DataError(problems)
    with suppress(ImportError):  # without the local extra, a run says itself what it lacks
        require_embedded_models([prepared.settings for prepared in jobs], offered_models())
    for warning in dict.fromkeys(warning for prepared in jobs for warning in _find_oddities(prepared)):
        print(f"warning: {warning}")
    forecast = add_up([forecast_job(prepared) for prepared in jobs])
    print(f"forecast: {describe_forecast(forecast, price_dates(jobs))}")
    for warning in warn_of_cost(forecast, [prepared.settings for prepared in jobs]):
        print(warning)
    return 0


def _find_oddities(prepared: Prepared) -> Iterator[str]:
    """Yield what is allowed and is hardly meant."""
    settings = prepared.settings
    if settings.mode.name == "run":
        return
    if settings.mode.answer_tools and not prepared.mocks:
        yield (
            "mode.answer_tools=true without mocks: every tool call is answered with 'Unsupported tool'; "
            "name some with tool_mocks.mocks_file=FILE"
        )
    if not prepared.system_prompt.strip():
        yield f"assistant.system_prompt_file: {settings.assistant.system_prompt_file} is empty"


def _describe(job: compose.Job, prepared: Prepared) -> str:
    settings = prepared.settings
    expected = Counter(call.name for case in prepared.cases for call in case.expected_calls)
    calls = ", ".join(f"{name} {count}" for name, count in sorted(expected.items()))
    silent = sum(case.expects_no_call for case in prepared.cases)
    where = settings.assistant.provider.base_url or "embedded"
    return (
        f"job {job.number}: {settings.mode.name}, {len(prepared.cases)} cases x {settings.trials} trials, "
        f"assistant {settings.assistant.model} at {settings.assistant.provider.name} ({where}), "
        f"chunk {settings.chunk_ms} ms, {'real time' if settings.real_time else 'as fast as possible'}; "
        f"expected calls: {calls or 'none'}; no call: {silent}"
    )
