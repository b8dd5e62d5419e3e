"""``evalkit check``: compose and validate config and every data file of every job, call nobody, list all errors.

It takes what a run takes, ``-m`` too, and prints what that would be, what it will take and cost, and warnings: what is
allowed and hardly meant, such as a gate on a number that this run will not have.

=============== =====================================================================================================
flag            what it does
=============== =====================================================================================================
--json          prints one JSON document in place of lines: jobs with their configs, problems with their keys, warnings,
                and the forecast in numbers; the exit code is the same
--unproved      leaves out what a mode can try without a model, which may take minutes
--rerun RUN_DIR checks what ``evalkit rerun RUN_DIR …`` would run
=============== =====================================================================================================
"""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from evalkit.compose.line import CommandLine, LineParser, command_line, folder_at
from evalkit.compose.planning import plan
from evalkit.compose.stored import stored_source
from evalkit.errors import ConfigError, DataError, collecting
from evalkit.metrics.forecast import Forecast, add_up
from evalkit.object_storage.addresses import is_address
from evalkit.object_storage.objects import find_output_problem
from evalkit.runner.advance_warnings import warn_in_advance
from evalkit.runner.forecast import describe_forecast, forecast_job, forecast_to_json, price_dates
from evalkit.runner.jobs import Job, Plan, Source, packaged_source
from evalkit.runner.prepare import Prepared, prepare_all, read_run, require_embedded_models
from evalkit.service.offered import offered_models
from evalkit.settings.schemas import path_keys
from evalkit.settings.validation import named_key

_WARNING = "warning: "


def main(args: Sequence[str]) -> int:
    """Print what would run, a line per job. Raises UserError with everything that is wrong."""
    parser = LineParser("evalkit check", "evalkit check [-m] [--json] [--unproved] [--rerun RUN_DIR] [key=value …]")
    parser.take_overrides(sweep=True, limits="check validates, and evalkit itself answers Hydra's flags")
    parser.add_argument("--json", action="store_true", dest="as_json")
    parser.add_argument("--unproved", action="store_true")
    parser.add_argument("--rerun", type=folder_at)
    flags, words = parser.parse_words(args)
    line = command_line(flags, words)
    if flags.as_json:
        document = _describe(line, flags)
        print(json.dumps(document, ensure_ascii=False, allow_nan=False))
        return 2 if document["problems"] else 0
    with _source(line, flags) as source:
        planned = plan(line.overrides, source, multirun=line.multirun)
    jobs = prepare_all(planned, Path.cwd(), read_run)
    for job, prepared in zip(planned.jobs, jobs, strict=True):
        print(f"job {job.number}: {prepared.mode.describe(prepared.settings, prepared.data)}")
        if prepared.data.table:
            print(prepared.data.table)
        if prepared.data.problems:
            raise DataError(prepared.data.problems)
    require_embedded_models(jobs, offered_models())
    if problem := find_output_problem(jobs[0].settings.output_dir):
        raise ConfigError(problem)
    if not flags.unproved:
        _prove(jobs)
    for warning in dict.fromkeys([*_storage_warnings(jobs), *(oddity for job in jobs for oddity in job.data.oddities)]):
        print(f"{_WARNING}{warning}")
    forecasts = [forecast_job(prepared) for prepared in jobs]
    print(f"forecast: {describe_forecast(add_up(forecasts), price_dates(jobs))}")
    for warning in warn_in_advance(planned, jobs, forecasts):
        print(warning)
    return 0


@contextmanager
def _source(line: CommandLine, flags: Namespace) -> Iterator[Source]:
    if flags.rerun is None:
        yield packaged_source(line.config_dirs)
    else:
        with stored_source(flags.rerun, line) as source:
            yield source


def _storage_warnings(jobs: Sequence[Prepared]) -> list[str]:
    output_dir = jobs[0].settings.output_dir
    return [f"output_dir: {output_dir} was not asked: check calls nobody, a run does first"] * is_address(output_dir)


def _prove(jobs: Sequence[Prepared]) -> None:
    """Let every mode try the cases that it can try without a model. Raises DataError with all that do not hold."""
    problems = [
        problem
        for prepared in jobs
        for problem in prepared.mode.prove(prepared.settings, prepared.data, lambda line: print(line, file=sys.stderr))
    ]
    if problems:
        raise DataError(list(dict.fromkeys(problems)))


# --- as one document ---


def _describe(line: CommandLine, flags: Namespace) -> dict[str, Any]:
    """Return all that is known of a line: what stands in the way of it stands among its problems."""
    document: dict[str, Any] = {
        "overrides": list(line.overrides),
        "multirun": line.multirun,
        "jobs": [],
        "problems": [],
        "warnings": [],
        "forecast": None,
    }

    def attempt(do: Callable[[], Any], job: Job | None = None) -> Any:
        problems: list[str] = []
        result = collecting(problems, do)
        document["problems"] += [_problem(message, job) for message in problems]
        return result

    def compose() -> Plan:
        with _source(line, flags) as source:
            return plan(line.overrides, source, multirun=line.multirun)

    planned = attempt(compose)
    if planned is None:
        return document
    document["multirun"] = planned.multirun
    jobs = [attempt(partial(read_run, job.config, Path.cwd(), os.environ), job) for job in planned.jobs]
    document["jobs"] = [_describe_job(job, prepared) for job, prepared in zip(planned.jobs, jobs, strict=True)]
    for job, prepared in zip(planned.jobs, jobs, strict=True):
        document["problems"] += [_problem(text, job) for text in (prepared.data.problems if prepared else ())]
    if document["problems"]:
        return document
    attempt(partial(require_embedded_models, jobs, offered_models()))
    if problem := find_output_problem(jobs[0].settings.output_dir):
        document["problems"].append(_problem(problem, None))
    if not flags.unproved:
        attempt(partial(_prove, jobs))
    forecasts = [forecast_job(prepared) for prepared in jobs]
    warned = [
        *_storage_warnings(jobs),
        *(warning for job in jobs for warning in job.data.oddities),
        *warn_in_advance(planned, jobs, forecasts),
    ]
    document["warnings"] = list(dict.fromkeys(warning.removeprefix(_WARNING) for warning in warned))
    document["forecast"] = _describe_forecast(add_up(forecasts), price_dates(jobs))
    return document


def _describe_job(job: Job, prepared: Prepared | None) -> dict[str, Any]:
    return {
        "job": job.number,
        "overrides": list(job.overrides),
        "config": job.config,
        "resolved": prepared.config if prepared else None,
        "says": prepared.mode.describe(prepared.settings, prepared.data) if prepared else None,
        "table": prepared.data.table if prepared else "",
    }


def _describe_forecast(forecast: Forecast, prices_of: str) -> dict[str, Any]:
    return {
        **forecast_to_json(forecast),
        "prices_of": prices_of,
        "says": describe_forecast(forecast, prices_of),
    }


def _problem(message: str, job: Job | None) -> dict[str, Any]:
    return {
        "key": named_key(message) or (_key_of_file(message, job.config) if job else None),
        "message": message,
        "job": job.number if job else None,
    }


def _key_of_file(message: str, config: Mapping[str, Any]) -> str | None:
    """Return the key whose file a message begins with."""
    for key in path_keys(str(config["mode"]["name"])):
        value: Any = config
        for part in key.path.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if value and message.startswith((str(value), str(Path.cwd() / value))):
            return key.path
    return None
