"""``evalkit check``: compose and validate config and every data file of every job, call nobody, list all errors.

It takes what a run takes, ``-m`` too, and prints what that would be, what it will take and cost, and warnings: what is
allowed and hardly meant, such as a gate on a number that this run will not have.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from evalkit.compose.line import LineParser, command_line
from evalkit.compose.planning import plan
from evalkit.errors import DataError
from evalkit.metrics.forecast import add_up
from evalkit.runner.advance_warnings import warn_in_advance
from evalkit.runner.forecast import describe_forecast, forecast_job, price_dates
from evalkit.runner.jobs import packaged_source
from evalkit.runner.prepare import Prepared, prepare_all, read_run, require_embedded_models
from evalkit.service.offered import offered_models


def main(args: Sequence[str]) -> int:
    """Print what would run, a line per job. Raises UserError with everything that is wrong."""
    parser = LineParser("evalkit check", "evalkit check [-m] [key=value …]")
    parser.take_overrides(sweep=True, limits="check validates, and evalkit itself answers Hydra's flags")
    line = command_line(*parser.parse_words(args))
    planned = plan(line.overrides, packaged_source(line.config_dirs), multirun=line.multirun)
    jobs = prepare_all(planned, Path.cwd(), read_run)
    for job, prepared in zip(planned.jobs, jobs, strict=True):
        print(f"job {job.number}: {prepared.mode.describe(prepared.settings, prepared.data)}")
        if prepared.data.table:
            print(prepared.data.table)
        if prepared.data.problems:
            raise DataError(prepared.data.problems)
    require_embedded_models(jobs, offered_models())
    _prove(jobs)
    for warning in dict.fromkeys(warning for prepared in jobs for warning in prepared.data.oddities):
        print(f"warning: {warning}")
    forecasts = [forecast_job(prepared) for prepared in jobs]
    print(f"forecast: {describe_forecast(add_up(forecasts), price_dates(jobs))}")
    for warning in warn_in_advance(planned, jobs, forecasts):
        print(warning)
    return 0


def _prove(jobs: Sequence[Prepared]) -> None:
    """Let every mode try the cases that it can try without a model. Raises DataError with all that do not hold."""
    problems = [
        problem
        for prepared in jobs
        for problem in prepared.mode.prove(prepared.settings, prepared.data, lambda line: print(line, file=sys.stderr))
    ]
    if problems:
        raise DataError(list(dict.fromkeys(problems)))
