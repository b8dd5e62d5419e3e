"""What an agent says of its version, asked as it will be run."""

from __future__ import annotations

from dataclasses import replace

import pytest
from boxes.needs import needs_linux

from evalkit.errors import ConfigError
from evalkit.modes.terminal.agent import InstalledAgent, find_agent
from evalkit.modes.terminal.proving import read_demo_profile
from evalkit.modes.terminal.version import with_version
from evalkit.sandbox.session import HostSessions, SessionSandbox

pytestmark = needs_linux


def an_agent(*argv: str) -> InstalledAgent:
    return find_agent(replace(read_demo_profile("pty"), argv=argv, version_args=("--version",)))


@pytest.fixture
def sandbox() -> SessionSandbox:
    return HostSessions()


def test_the_line_with_a_number_counts(sandbox: SessionSandbox) -> None:
    told = "print('warning'); print(' agent 3.14 (of today)')"
    assert with_version(an_agent("{python}", "-c", told), sandbox).version == "agent 3.14 (of today)"


def test_its_home_is_empty_and_its_own(sandbox: SessionSandbox) -> None:
    told = "import os; print('1.' + str(len(os.listdir(os.environ['HOME']))), os.environ['TERM'])"
    assert with_version(an_agent("{python}", "-c", told), sandbox).version == "1.0 xterm-256color"


@pytest.mark.parametrize("told", ["print('no number')", "print('1.0'); raise SystemExit(3)"])
def test_what_is_no_answer_is_told_with_the_words(told: str, sandbox: SessionSandbox) -> None:
    with pytest.raises(ConfigError, match=r"asked for its version .* ended with [03] and said .*(no number|1\.0)"):
        with_version(an_agent("{python}", "-c", told), sandbox)


def test_who_is_not_asked_says_nothing(sandbox: SessionSandbox) -> None:
    silent = find_agent(replace(read_demo_profile("pty"), version_args=()))
    assert with_version(silent, sandbox).version == ""


async def test_a_running_loop_is_no_hindrance(sandbox: SessionSandbox) -> None:
    assert with_version(an_agent("{python}", "-c", "print('2.5')"), sandbox).version == "2.5"
