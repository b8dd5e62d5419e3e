"""Every known defect of the demo agent is caught by the check meant for it, and by nothing else but consequences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from boxes.needs import needs_sandbox
from held_sessions import REPOSITORY, Outcome, Wanted, hold_all
from terminal_defects import DEFECTS, sessions, table

from evalkit.modes.terminal.demo.agent import VARIANTS
from evalkit.modes.terminal.settings import TerminalSettings

pytestmark = needs_sandbox
_SHORT = ("mode.silent_timeout_s=8", "limits.turn_timeout_s=14", "limits.case_timeout_s=60")


async def find_wrong(settings: TerminalSettings, folder: Path, at_once: int) -> dict[str, str]:
    """Return every session of the table that did not come to what it must: which -> what was found."""
    table = sessions()
    outcomes = await hold_all(settings, [wanted for _, wanted in table], folder, at_once=at_once)
    return {
        f"{row.variant} over {wanted.transport}": (
            f"{sorted(outcomes[wanted].found)}, expected {sorted(row.expected(wanted.transport))}"
        )
        for row, wanted in table
        if not _is_right(outcomes[wanted], row.expected(wanted.transport), row.also)
    }


def _is_right(outcome: Outcome, caught_by: frozenset[str], also: frozenset[str]) -> bool:
    return (
        outcome.record.scored
        and caught_by <= outcome.found <= caught_by | also
        and bool(caught_by) == bool(outcome.found)
    )


def agents_alive() -> Iterator[int]:
    """Yield the processes of demo agents on this machine."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if "/box/agent.py" in process.cmdline():
                yield process.pid


def test_every_variant_stands_in_the_table() -> None:
    assert {row.variant for row in DEFECTS} == set(VARIANTS)


@pytest.mark.timeout(600)
async def test_each_defect_is_caught_by_its_check(
    make_settings: Callable[..., TerminalSettings], tmp_path: Path
) -> None:
    before = set(agents_alive())
    assert await find_wrong(make_settings(*_SHORT), tmp_path, at_once=8) == {}
    assert set(agents_alive()) <= before


@pytest.mark.slow
@pytest.mark.timeout(3000)
async def test_it_is_the_same_one_at_a_time_and_twice_in_a_row(
    make_settings: Callable[..., TerminalSettings], tmp_path: Path
) -> None:
    for number in (1, 2):
        assert await find_wrong(make_settings(*_SHORT), tmp_path / str(number), at_once=1) == {}


async def test_a_line_program_is_read_by_what_it_waits_for(
    make_settings: Callable[..., TerminalSettings], tmp_path: Path
) -> None:
    """The same brain without a full screen: it is the user's turn where the program reads its terminal."""
    cases = ("create_file", "approval_given", "approval_refused", "memory_over_turns", "interruption", "resume_session")
    wanted = [Wanted("oracle", "pty", case_id, "demo_line") for case_id in cases]
    outcomes = await hold_all(make_settings(*_SHORT), wanted, tmp_path, at_once=4)
    assert {one.case_id: sorted(outcome.found) for one, outcome in outcomes.items() if not outcome.is_passed} == {}
    signals = {turn.labels["turn_end_signal"] for outcome in outcomes.values() for turn in outcome.record.turns}
    assert "blocked_read" in signals


def test_the_documentation_shows_this_table() -> None:
    page = (REPOSITORY / "docs" / "terminal.md").read_text(encoding="utf-8")
    assert table() in page
