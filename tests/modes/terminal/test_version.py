"""An agent is asked for its version before anything else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from boxes.needs import needs_linux
from terminal_sessions import HERE, make_profile

from evalkit.errors import ConfigError
from evalkit.modes.terminal.agent import InstalledAgent
from evalkit.modes.terminal.version import with_version
from evalkit.sandbox.session import HostSessions

pytestmark = needs_linux


def ask(folder: Path, program: str) -> str:
    """Return the version of an agent that is `program`."""
    place = folder / "program.py"
    place.write_text(program)
    profile = make_profile("pty", place, version_args=("--version",))
    return with_version(InstalledAgent(profile, HERE.program, {}, HERE), HostSessions()).version


def test_the_line_with_a_number_is_its_version(tmp_path: Path) -> None:
    """Whatever stands before it; it is asked once."""
    count = tmp_path / "count"
    program = f"open({str(count)!r}, 'a').write('x'); print('Welcome!'); print('  agent v1.2.3 \\x1b[0m')"
    assert ask(tmp_path, program).startswith("agent v1.2.3")
    assert "\x1b" not in ask(tmp_path, program)
    assert count.read_text() == "x"


@pytest.mark.parametrize("program", ["print('none')", "print('1.2.3'); raise SystemExit(3)"])
def test_an_agent_that_does_not_say_is_not_used(program: str, tmp_path: Path) -> None:
    """The message says what it said, and how to go without."""
    with pytest.raises(ConfigError, match=r"agent=small: asked for its version .* leaves out the question"):
        ask(tmp_path, program)


def test_an_agent_without_the_question_is_not_asked(tmp_path: Path) -> None:
    """Its version is unknown."""
    agent = InstalledAgent(make_profile("pty", tmp_path / "none.py"), HERE.program, {}, HERE)
    assert with_version(agent, HostSessions()) == replace(agent, version="")
