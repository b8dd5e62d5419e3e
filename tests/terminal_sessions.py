"""Parts of terminal sessions for tests: stops, cases, and agents that are small programs of Python."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import yaml

from evalkit.modes.terminal.agent import InstalledAgent, Python
from evalkit.modes.terminal.case import Reaction, Reactor, ReactorTrigger, TerminalCase, Transport, UserAction
from evalkit.modes.terminal.launch import Launcher
from evalkit.modes.terminal.link import AgentStop, StopKind
from evalkit.modes.terminal.proving import read_demo_profile
from evalkit.modes.terminal.settings import AgentSettings
from evalkit.records.grade import GradeLevel, GraderSpec
from evalkit.sandbox.session import HostSessions, SessionLimits, SessionSandbox

HERE = Python(sys.executable, {})


def make_stop(kind: StopKind = StopKind.READY, text: str = "", **fields: Any) -> AgentStop:
    """Return a stop; what is said is what is seen, unless `fields` say otherwise."""
    return AgentStop(kind, fields.pop("signal", "quiet"), text=text, screen=fields.pop("screen", text), **fields)


def say(text: str = "hi") -> Reaction:
    """Return that the user says something."""
    return Reaction(UserAction.SAY, text)


def make_reactor(
    reactor_id: str = "r", trigger: str | None = "contains", pattern: str = "", action: str = "end", **fields: Any
) -> Reactor:
    """Return a reactor."""
    reaction = Reaction(UserAction(action), fields.pop("payload", ""))
    return Reactor(reactor_id, None if trigger is None else ReactorTrigger(trigger), pattern, reaction, **fields)


def make_session_case(**fields: Any) -> TerminalCase:
    """Return a case that asks one thing and checks nothing."""
    given: dict[str, Any] = {
        "case_id": "a_case", "path": Path("a_case.yaml"), "title": "A case", "category": "files",
        "initial_prompt": "hello", "setup": {}, "persona": "", "reactors": (),
        "default": make_reactor("default", None), "max_turns": 3, "transports": tuple(Transport), "checks": (),
    }  # fmt: skip
    return TerminalCase(**{**given, **fields})


def make_check(check_type: str, check_id: str = "c", **options: Any) -> GraderSpec:
    """Return a check."""
    return GraderSpec(check_id, check_type, options, GradeLevel.TRACE, required=True)


def make_profile(transport: str, program: Path, **fields: Any) -> AgentSettings:
    """Return the profile of an agent that is a program of Python, over one transport."""
    given: dict[str, Any] = {
        "name": "small", "argv": ("{python}", "-S", "-E", "-u", str(program)), "version_args": (), "environment": {},
        "headless_args": ("{prompt}",), "headless_resume_args": ("again", "{session_id}", "{prompt}"),
        "headless_output": "text", "headless_reply": "", "pty_args": (), "pty_resume_args": ("again",),
        "acp_args": (), "ready": "", "busy": (), "busy_title": (), "idle_title": (), "approval": (r"\[y/n\] ?$",),
        "approval_title": (), "quiet_s": 0.2,
    }  # fmt: skip
    return replace(read_demo_profile(transport), **{**given, **fields})


def make_launcher(
    folder: Path,
    transport: str,
    program: str,
    *,
    sandbox: SessionSandbox | None = None,
    limits: SessionLimits | None = None,
    **fields: Any,
) -> Launcher:
    """Return what starts an agent that is `program`, without a box unless one is given; its folders are made."""
    place = folder / "program.py"
    place.write_text(dedent(program), encoding="utf-8")
    agent = InstalledAgent(make_profile(transport, place, **fields), HERE.program, {}, HERE)
    launcher = Launcher(agent, sandbox or HostSessions(), limits or SessionLimits(), folder / "session")
    launcher.prepare({}, {})
    return launcher


def write_case(folder: Path, case_id: str = "a_case", **fields: Any) -> Path:
    """Write a case file, right unless `fields` say otherwise; None leaves a field out."""
    document: dict[str, Any] = {
        "case_id": case_id, "title": "A case", "category": "files", "initial_prompt": "create a.txt",
        "checks": [{"id": "there", "type": "file_exists", "path": "a.txt"}],
    }  # fmt: skip
    document = {name: value for name, value in {**document, **fields}.items() if value is not None}
    path = folder / f"{case_id}.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path
