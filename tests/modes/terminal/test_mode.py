"""What a run of mode=terminal reads, needs and says before anything starts."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from terminal_sessions import write_case

from evalkit.errors import ConfigError, DataError
from evalkit.modes.terminal import mode as terminal_mode
from evalkit.modes.terminal.layout import TERMINAL_LAYOUT
from evalkit.modes.terminal.mode import TERMINAL
from evalkit.modes.terminal.settings import AgentSettings, TerminalSettings
from evalkit.records.json import JsonObject
from evalkit.settings.resources import resource_dir

Make = Callable[..., TerminalSettings]


def config(*, provider: str = "compatible", **agent: Any) -> dict[str, Any]:
    """Return the nodes that can contradict one another."""
    profile = yaml.safe_load((resource_dir("conf") / "agent" / "demo.yaml").read_text())
    mode = {"replay": None, "sandbox": "auto", "allow_unattended": False}
    return {
        "agent": {**profile, **{name: value for name, value in agent.items() if name in profile}},
        "mode": {**mode, **{name: value for name, value in agent.items() if name in mode}},
        "provider": {"name": provider},
    }


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({}, None),
        ({"transport": "headless"}, None),
        ({"transport": "headless", "headless_args": []}, "has no agent.headless_args"),
        ({"transport": "acp", "acp_args": []}, "has neither acp_args nor acp_argv"),
        ({"transport": "acp", "acp_args": [], "acp_argv": ["x"]}, None),
        ({"replay": "runs/x"}, "no model calls to replay"),
        ({"replay": "runs/x", "protocol": "gemini"}, None),
        ({"ready": "["}, "agent.ready: '[' is not a regular expression"),
        ({"approval": ["ok?", "(y/n"]}, "agent.approval: '(y/n' is not a regular expression"),
        ({"protocol": "gemini", "provider": "openai"}, "provider=openai does not speak it"),
        ({"protocol": "anthropic", "provider": "local"}, "provider=local does not speak it"),
        ({"protocol": "anthropic", "provider": "local", "replay": "runs/x"}, None),
        ({"protocol": "gemini", "provider": "compatible"}, None),
        ({"protocol": "openai_chat", "provider": "openai"}, None),
        ({"sandbox": "none", "unattended": ["pty"]}, "mode.allow_unattended=true lets it"),
        ({"sandbox": "none", "unattended": ["headless"]}, None),
        ({"sandbox": "none", "unattended": ["pty"], "allow_unattended": True}, None),
    ],
)
def test_what_cannot_be_asked_for_at_once(asked: dict[str, Any], problem: str | None) -> None:
    """Each with the setting that would have to change."""
    found = TERMINAL.find_contradictions(config(**asked))
    assert (found == []) if problem is None else (len(found) == 1 and problem in found[0])


def test_a_case_is_read_with_the_agent_as_it_is_here(make_own_settings: Make) -> None:
    """The run says what it is about, and that nothing keeps the agent in."""
    settings = make_own_settings()
    data = TERMINAL.read(settings)
    assert [case.case_id for case in data.cases] == ["a_case"]
    assert data.agent is not None
    assert data.agent.version == "demo-agent 1.0"
    assert any("nothing keeps it in" in note for note in data.notes)
    assert "a_case" in data.table
    assert TERMINAL.describe(settings, data).endswith("demo-pty (demo-agent 1.0), sandbox none")
    assert TERMINAL.where(settings, data.cases[0]).endswith("a_case.yaml")
    assert [spec.grader_id for spec in TERMINAL.graders(settings, data.cases[0])] == ["there"]
    assert TERMINAL.needs(settings) == frozenset()
    assert list(TERMINAL.read_expectations(settings)) == list(data.cases)


def test_cases_that_a_transport_cannot_hold_are_left_out_visibly(make_own_settings: Make, cases_dir: Path) -> None:
    """All of them: an error."""
    write_case(cases_dir, "keys", transports=["pty"])
    (cases_dir / "cases.csv").write_text("case_file\na_case.yaml\nkeys.yaml\n")
    data = TERMINAL.read(make_own_settings("agent.transport=headless"))
    assert [case.case_id for case in data.cases] == ["a_case"]
    assert any("cannot hold them: keys" in note for note in data.notes)
    with pytest.raises(DataError, match=r"no case of .* can be held over headless"):
        TERMINAL.read(make_own_settings("agent.transport=headless", "mode.cases=[keys]"))


def test_a_user_who_is_a_model_needs_one(make_own_settings: Make, cases_dir: Path) -> None:
    """And an agent that asks one needs its own."""
    write_case(cases_dir, persona="You are in a hurry.")
    settings = make_own_settings()
    assert TERMINAL.needs(settings) == frozenset({"simulator"})
    asks = replace(settings, agent=replace(settings.agent, protocol="openai_chat"))
    assert TERMINAL.needs(asks) == frozenset({"simulator", "assistant"})
    assert TERMINAL.needs(replace(asks, mode=replace(asks.mode, replay=Path("x")))) == frozenset({"simulator"})


def test_an_agent_that_is_not_there_is_said_with_what_to_do(make_own_settings: Make) -> None:
    """Before anything runs."""
    settings = make_own_settings()
    agent = replace(settings.agent, argv=("no-such-agent",), install="npm install -g no-such-agent")
    with pytest.raises(ConfigError, match="no-such-agent' is not there; install it: npm install -g no-such-agent"):
        TERMINAL.read(replace(settings, agent=agent))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives up its rights before a box starts")
def test_a_folder_that_a_box_cannot_read_is_said_before_a_session(make_own_settings: Make, tmp_path: Path) -> None:
    """Else every session would be lost to infrastructure, one after the other."""
    settings = make_own_settings("mode.sandbox=bubblewrap")
    with TemporaryDirectory(dir="/var/tmp") as folder:
        program = Path(folder, "bin", "agent")
        program.parent.mkdir()
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        Path(folder).chmod(0o700)
        agent = replace(settings.agent, argv=(str(program),), version_args=())
        with pytest.raises(ConfigError, match=f"agent=demo: .*{folder} is closed to other users"):
            TERMINAL.read(replace(settings, agent=agent))


def test_what_decides_a_record_is_in_its_fingerprint(make_own_settings: Make) -> None:
    """A change makes another record; what only installs the agent does not."""
    settings = make_own_settings()

    def fingerprint(agent: dict[str, Any], mode: dict[str, Any]) -> JsonObject:
        changed = replace(settings, agent=replace(settings.agent, **agent), mode=replace(settings.mode, **mode))
        data = TERMINAL.read(changed)
        return TERMINAL.fingerprint(changed, data, data.cases[0])

    first = fingerprint({}, {})
    assert fingerprint({"install": "x", "license": "y", "tested_version": "z"}, {}) == first
    lies = {"environment": {"DEMO_VARIANT": "lies"}}
    for agent in ({"transport": "acp"}, lies, {"quiet_s": 0.5}, {"litter": ("x",)}):
        assert fingerprint(agent, {}) != first, agent
    for mode in ({"columns": 90}, {"memory_mb": 512}, {"silent_timeout_s": 3.0}, {"max_approvals": 2}):
        assert fingerprint({}, mode) != first, mode


def test_the_profile_that_ships_has_every_setting() -> None:
    """And no other."""
    names = {field.name for field in fields(AgentSettings)}
    for path in (resource_dir("conf") / "agent").glob("*.yaml"):
        document = yaml.safe_load(path.read_text())
        assert document.keys() - names <= {"defaults"}, path


def test_the_starter_is_a_case_that_can_be_read(tmp_path: Path) -> None:
    """As it is written."""
    starter = TERMINAL.starter(tmp_path)
    for file in starter.files:
        (tmp_path / file.path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file.path).write_bytes(file.content)
    from evalkit.modes.terminal.cases import read_cases

    assert len(read_cases(tmp_path / "cases" / "cases.csv")) == 1
    assert "agent=custom" in starter.own


def test_the_layout_has_a_place_for_all_that_a_session_leaves() -> None:
    """Its columns are named once."""
    assert len(set(TERMINAL_LAYOUT.columns)) == len(TERMINAL_LAYOUT.columns)
    assert {"reactor_id", "stop", "turn_end_signal", "files_changed", "recording_path"} <= set(TERMINAL_LAYOUT.columns)
    assert asdict(TERMINAL_LAYOUT)["mode"] == "terminal"


@pytest.mark.parametrize(
    ("missing", "line"), [("pyghostty", "agent.transport=pty"), ("uvicorn", "agent.protocol=openai_chat")]
)
def test_what_is_not_installed_is_said_before_a_session(
    make_settings: Any, monkeypatch: pytest.MonkeyPatch, missing: str, line: str
) -> None:
    """And with what to install it."""
    found = terminal_mode.find_spec
    monkeypatch.setattr(terminal_mode, "find_spec", lambda name: None if name == missing else found(name))
    with pytest.raises(ConfigError, match=rf"not installed: {missing}; pip install '\.\[terminal\]'"):
        TERMINAL.read(make_settings(line, "assistant.model=m"))
