"""Where tables are shown."""

from __future__ import annotations

import pytest

from evalkit.runner.terminal import stderr_console


def test_a_log_is_wide_enough_for_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is wrapped at the 80 characters of a terminal that is not there; stdout stays empty."""
    stderr_console().print("x" * 110)
    shown = capsys.readouterr()
    assert shown.err.splitlines() == ["x" * 110]
    assert shown.out == ""
