"""``evalkit service``: the embedded provider on its own, for as long as the terminal lives."""

from __future__ import annotations

from collections.abc import Sequence


def main(args: Sequence[str]) -> int:
    """Serve until interrupted, with the options of ``python -m evalkit.service``."""
    from evalkit.service.__main__ import main as serve

    return serve(args, prog="evalkit service")
