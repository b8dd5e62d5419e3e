"""``evalkit rerun RUN_DIR [key=value …]``: a new run from a stored config, overrides and ``-m`` allowed on top.

The stored values hold whatever the shipped ``conf/`` says today. A group named on the line (``provider=openai``)
replaces the stored node; everything else stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evalkit.compose.launching import launch
from evalkit.compose.line import parse_line
from evalkit.compose.planning import plan
from evalkit.compose.stored import stored_source
from evalkit.errors import ConfigError
from evalkit.runner.execution import execute


def main(args: Sequence[str]) -> int:
    """Run the stored config in ``args[0]`` again, with the overrides that follow it; ``-m`` may stand before it."""
    flags = [arg for arg in args[:1] if arg in ("-m", "--multirun")]
    rest = list(args[len(flags) :])
    if not rest or rest[0].startswith("-") or "=" in rest[0]:
        raise ConfigError("rerun: needs a run directory: evalkit rerun outputs/DATE/RUN [key=value …]")
    run_dir = Path(rest[0]).expanduser().resolve()
    line = parse_line([*flags, *rest[1:]])
    with stored_source(run_dir, line) as source:
        return execute(plan(line.overrides, source, multirun=line.multirun), launch)
