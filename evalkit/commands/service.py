"""``evalkit service``: the embedded provider on its own, for as long as the terminal lives."""

from __future__ import annotations

from collections.abc import Sequence


def main(args: Sequence[str]) -> int:
    """Serve until interrupted, with the options of ``python -m evalkit.service``. Raises ConfigError for wrong ones."""
    from evalkit.compose.line import LineParser
    from evalkit.service.__main__ import SUMMARY, add_options, run

    parser = add_options(LineParser("evalkit service", description=SUMMARY))
    return run(parser.parse_args(args))
