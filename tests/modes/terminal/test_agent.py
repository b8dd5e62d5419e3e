"""An agent as it is installed: what a box must see of it, and its command lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from terminal_sessions import HERE, make_profile

from evalkit.errors import ConfigError
from evalkit.modes.terminal.agent import InstalledAgent, fill_in, find_agent, find_python
from evalkit.modes.terminal.proving import read_demo_profile
from evalkit.settings.resources import resource_dir


@pytest.fixture(name="place")
def make_place() -> Iterator[Path]:
    """Give a folder that a box can show, which none below /tmp is."""
    with TemporaryDirectory(dir="/var/tmp") as folder:
        yield Path(folder)


def install(folder: Path, *parts: str) -> Path:
    """Make a program that can be run."""
    place = folder.joinpath(*parts)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("#!/bin/sh\n")
    place.chmod(0o755)
    return place


def test_a_box_is_shown_where_a_program_is_linked_and_where_it_is_installed(place: Path) -> None:
    """Node's packages stand beside one another, a Python's in its environment."""
    real = install(place, "lib", "node_modules", "@x", "agent", "dist", "cli.js")
    (place / "bin").mkdir()
    link = place / "bin" / "agent"
    link.symlink_to(real)
    profile = replace(read_demo_profile("pty"), name="x", argv=(str(link), "--fast"), read_only=(str(place),))
    agent = find_agent(profile)
    assert {str(link.parent), str(place / "lib" / "node_modules"), str(place)} <= set(agent.read_only)
    assert agent.command(["-p", "{prompt}"], {"prompt": "say {key}"}) == (str(link), "--fast", "-p", "say {key}")
    assert agent.path.split(":")[-1] == str(link.parent)
    assert agent.files == {}
    venv = install(place, "venv", "bin", "agent")
    (place / "venv" / "pyvenv.cfg").touch()
    agent = find_agent(replace(profile, argv=(str(venv),), read_only=()))
    assert str(place / "venv") in agent.read_only


def test_the_demo_agent_needs_nothing(place: Path) -> None:
    """But an interpreter; its program is brought along."""
    agent = find_agent(read_demo_profile("acp"))
    assert agent.program == find_python().program
    assert b"--acp" in agent.files["/box/agent.py"]
    assert agent.command(agent.settings.acp_args, {})[-1] == "--acp"
    with pytest.raises(ConfigError, match=r"agent.read_only: .*nowhere is not a folder"):
        find_agent(replace(read_demo_profile("acp"), read_only=(str(place / "nowhere"),)))


def test_another_program_may_speak_the_protocol(place: Path) -> None:
    """It stands in place of the agent itself, over that transport only."""
    adapter = install(place, "bin", "adapter")
    profile = replace(read_demo_profile("acp"), acp_argv=(str(adapter), "-x"), acp_args=("--acp",))
    agent = find_agent(profile)
    assert agent.command(profile.acp_args, {}) == (str(adapter), "-x", "--acp")
    assert find_agent(replace(profile, transport="pty")).program != str(adapter)


def test_what_decides_a_record_leaves_out_how_it_is_installed() -> None:
    """A sentence about installing changes no session."""
    agents = [
        InstalledAgent(make_profile("pty", Path("x"), **fields), "x", {}, HERE)
        for fields in ({}, {"install": "y", "license": "z", "tested_version": "1"}, {"quiet_s": 9.0})
    ]
    assert agents[0].identity == agents[1].identity
    assert agents[0].identity != agents[2].identity
    assert replace(agents[0], version="2").identity != agents[0].identity


@given(st.text(st.sampled_from("{}promtkey "), max_size=20), st.text(max_size=5))
def test_only_known_placeholders_are_filled_in_and_once(text: str, prompt: str) -> None:
    """What the user says is never read as a placeholder."""
    filled = fill_in(f"{{prompt}}{text}", {"prompt": f"{{key}}{prompt}", "key": "K"})
    assert filled.startswith(f"{{key}}{prompt}")
    assert fill_in("{other} {} {model}", {"prompt": "x"}) == "{other} {} {model}"


def test_a_program_that_cannot_be_run_is_said_with_what_to_do(place: Path) -> None:
    """It is not there, not executable, or a folder: three things with three remedies."""
    profile = replace(read_demo_profile("pty"), name="custom", install="")
    plain = install(place, "agent")
    plain.chmod(0o644)
    for argv, message in (
        ("no-such-agent", "is not there: it is in no folder of PATH; name yours with 'agent.argv="),
        (str(place / "nothing"), "is not there: no file is called so"),
        (str(plain), f"is there, but is not executable; chmod \\+x {plain}"),
        (str(place), "is a folder"),
    ):
        with pytest.raises(ConfigError, match=message):
            find_agent(replace(profile, argv=(argv,)))


@pytest.mark.parametrize(
    ("row", "asks"),
    [
        ("May I write a.txt? [y/n]", True),
        ("Proceed (Y/n):", True),
        ("Go on? [yes/no] >", True),
        ("Add a.txt to the chat? (Y)es/(N)o [Yes]:", True),
        ("May I write a.txt? [y/n] y", False),
        ("Proceed (Y/n): n", False),
        ("Add a.txt to the chat? (Y)es/(N)o [Yes]: y", False),
    ],
)
def test_a_question_that_was_answered_is_none_to_an_agent_of_ones_own(row: str, asks: bool) -> None:
    """It stays on the screen of a line program, and would be answered again: into the next prompt."""
    document = yaml.safe_load((resource_dir("conf") / "agent" / "custom.yaml").read_text(encoding="utf-8"))
    shown = f"> write a.txt\n{row}\nWrote a.txt\n>"
    assert any(re.search(pattern, shown, re.MULTILINE) for pattern in document["approval"]) is asks
