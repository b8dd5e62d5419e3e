"""No more sessions are held at once than fit the machine's memory."""

from __future__ import annotations

import os

from evalkit.modes.terminal.mode import count_fitting


def test_sessions_fit_into_four_fifths_of_the_memory() -> None:
    machine_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024 / 1024
    assert count_fitting(int(machine_mb * 0.4)) == 2
    assert count_fitting(int(machine_mb * 2)) == 1
    assert count_fitting(64) * 64 <= machine_mb * 0.8
