"""``evalkit rerun RUN_DIR [key=value …]``: a new run from a stored config, overrides and ``-m`` allowed on top.

The stored values hold whatever the shipped ``conf/`` says today. A group named on the line (``provider=openai``)
replaces the stored node; everything else stays.
"""

from __future__ import annotations

from collections.abc import Sequence

from evalkit.compose.launching import launch
from evalkit.compose.line import LineParser, command_line, split_directory
from evalkit.compose.planning import plan
from evalkit.compose.stored import stored_source
from evalkit.runner.execution import execute


def main(args: Sequence[str]) -> int:
    """Run the stored config of the directory in `args` again, with the overrides beside it."""
    parser = LineParser("evalkit rerun", "evalkit rerun outputs/DATE/RUN [-m] [key=value …]")
    parser.take_overrides(sweep=True)
    flags, words = parser.parse_words(args)
    run_dir, overrides = split_directory(words)
    if run_dir is None:
        parser.error("needs a run directory")
    line = command_line(flags, overrides)
    with stored_source(run_dir, line) as source:
        return execute(plan(line.overrides, source, multirun=line.multirun), launch)
