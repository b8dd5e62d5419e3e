"""Cases are proved by an agent that is right and by one that does nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from boxes.needs import needs_linux
from terminal_sessions import make_check, write_case

from evalkit.modes.terminal.case import TerminalCase
from evalkit.modes.terminal.cases import read_case
from evalkit.modes.terminal.proving import prove_cases, read_demo_profile
from evalkit.modes.terminal.settings import TerminalSettings
from evalkit.sandbox.finding import find_session_boxes

pytestmark = needs_linux


def prove(settings: TerminalSettings, *cases: TerminalCase) -> tuple[list[str], list[str]]:
    """Return what is wrong with cases, and what was said meanwhile."""
    said: list[str] = []
    return prove_cases(settings, cases, find_session_boxes("none"), said.append), said


def test_a_case_is_proved_once(
    make_own_settings: Callable[..., TerminalSettings], cases_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is wrong is named by its file; a change of the case is proved anew, and a persona never."""
    monkeypatch.setenv("EVALKIT_CACHE", str(tmp_path / "cache"))
    settings = make_own_settings("agent.transport=headless")
    right = read_case(cases_dir / "a_case.yaml")
    idle = read_case(write_case(cases_dir, "idle", checks=[{"id": "clean", "type": "clean_output"}]))
    odd = read_case(write_case(cases_dir, "odd", initial_prompt="paint the town red"))
    endless = make_check("reply_regex", pattern="(x+x+)+(y+y+)+z")
    slow = replace(right, case_id="slow", path=cases_dir / "slow.yaml", checks=(endless,))
    played = replace(right, case_id="played", persona="In a hurry.")
    problems, said = prove(settings, right, idle, odd, played)
    assert said == ["3 of 4 cases to prove over headless, 0 were proved before"]
    assert len(problems) == 2
    assert f"{idle.path}: " in problems[0]
    assert "does nothing passes; add a check" in problems[0]
    assert f"{odd.path}: the agent that does everything right fails: check 'there'" in problems[1]
    assert "say with 'solution' what is right" in problems[1]
    assert "; the session: initial_prompt -> ready " in problems[1]
    problems, said = prove(settings, right, idle, slow)
    assert said == ["2 of 3 cases to prove over headless, 1 were proved before"]
    solved = replace(odd, solution=({"writes": {"a.txt": "red"}, "says": "Painted."},))
    assert prove(settings, solved)[0] == []


def test_the_demo_agent_has_a_profile_for_every_transport() -> None:
    """As it ships, with lists that can be hashed."""
    for transport in ("headless", "pty", "acp"):
        profile = read_demo_profile(transport)
        assert (profile.transport, profile.name) == (transport, "demo")
        assert isinstance(profile.argv, tuple)
