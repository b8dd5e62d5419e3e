"""One run or a sweep: what the line says is planned, prepared, served, launched, and judged by what the jobs left."""

from __future__ import annotations

from collections.abc import Sequence

from evalkit.compose.launching import launch
from evalkit.compose.line import parse_line
from evalkit.compose.planning import plan
from evalkit.compose.questions import answer
from evalkit.runner.execution import execute
from evalkit.runner.jobs import packaged_source
from evalkit.runner.run_ending import ExitCode


def main(args: Sequence[str]) -> int:
    """Run what `args` compose and return the exit code. Raises UserError before anything is started or written."""
    line = parse_line(args)
    source = packaged_source(line.config_dirs)
    if line.questions:
        answer(line, source)
        return ExitCode.OK
    return execute(plan(line.overrides, source, multirun=line.multirun), launch)
