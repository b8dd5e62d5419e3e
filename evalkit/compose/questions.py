"""Questions about a line that Hydra answers: its config, its defaults, completion for a shell. Nothing runs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from evalkit.compose.hydra_calls import call_hydra
from evalkit.compose.line import CommandLine
from evalkit.compose.overrides import find_override_problems
from evalkit.errors import ConfigError
from evalkit.runner.jobs import Destination, Job, Source


def answer(line: CommandLine, source: Source) -> None:
    """Let Hydra print what `line` asks for. Raises ConfigError for overrides that are wrong."""
    problems = find_override_problems(line.overrides, source, multirun=line.multirun)
    if problems:
        raise ConfigError(problems)
    call_hydra([*_resolved(line.questions), *line.overrides], source, _run_nothing)


def _run_nothing(_job: Job, _destination: Destination) -> None:
    """Take the place of a job: Hydra was asked something, and runs nothing."""


def _resolved(questions: Sequence[str]) -> list[str]:
    """Return Hydra's own `questions`; a job's config is shown as it will run, file names filled in."""
    asks_for_job = any(flag in ("-c", "--cfg") and value == "job" for flag, value in pairwise(questions))
    return [*questions, *(["--resolve"] if asks_for_job and "--resolve" not in questions else [])]
