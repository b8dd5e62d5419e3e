"""mode=terminal: simulated sessions with interactive CLI agents, judged by what they did and not by what they say."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from evalkit.clock import Clock
from evalkit.datasets.files import dataset_manifest
from evalkit.errors import ConfigError, DataError, SandboxError, UserError
from evalkit.modes.mode import COMMON_IDLE_KEYS, Mode, ModeData, Say, Starter, Work
from evalkit.modes.terminal.agent import InstalledAgent, find_agent
from evalkit.modes.terminal.blame import STAGES
from evalkit.modes.terminal.case import TerminalCase, Transport, asks_model
from evalkit.modes.terminal.cases import choose_cases, make_case, read_cases, specs_of
from evalkit.modes.terminal.holding import SessionSetup, hold_session
from evalkit.modes.terminal.layout import TERMINAL_LAYOUT
from evalkit.modes.terminal.model_access import open_models
from evalkit.modes.terminal.people import decide_with, play_with
from evalkit.modes.terminal.proving import prove_cases
from evalkit.modes.terminal.settings import TerminalSettings
from evalkit.modes.terminal.starter import start_with_case
from evalkit.modes.terminal.version import with_version
from evalkit.peers.peers import Peers
from evalkit.pty.screen import load_emulator
from evalkit.records.case import Case, CaseTrial
from evalkit.records.grade import GraderSpec
from evalkit.records.json import JsonObject
from evalkit.records.record import CaseRecord
from evalkit.sandbox.box import MIB
from evalkit.sandbox.bubblewrap import is_dropping_root
from evalkit.sandbox.finding import SessionBoxes, find_session_boxes
from evalkit.sandbox.readable import check_readable
from evalkit.sandbox.session import session_folder
from evalkit.store.run_directory import RunDirectory

_SIGNS = ("ready", "busy", "busy_title", "idle_title", "approval", "approval_title")
"""The keys of a profile that hold regular expressions."""
_OPENAI_ONLY = ("local", "openai", "azure")
"""Providers that are known to speak OpenAI's protocols alone."""


@dataclass(frozen=True)
class TerminalData(ModeData):
    """Cases that the transport can hold, and the agent as it is installed here.

    Attributes:
        sessions: Id -> case, of all that can be held.
        agent: Who is tested; None: it was not looked for.
        boxes: What keeps it in.

    """

    sessions: Mapping[str, TerminalCase] = field(default_factory=dict)
    agent: InstalledAgent | None = None
    boxes: SessionBoxes | None = None


class TerminalMode(Mode[TerminalSettings, TerminalData]):
    """A kind of case: a session of a simulated user with a CLI agent in a box."""

    name = "terminal"
    settings_type = TerminalSettings
    layout = TERMINAL_LAYOUT
    stages = STAGES
    models = ("coder", "simulator_text", "judge")
    idle_keys = tuple(key for key in COMMON_IDLE_KEYS if key != "concurrency")

    def find_contradictions(self, config: Mapping[str, Any]) -> list[str]:
        """Return what cannot be asked for at once."""
        agent, mode = config["agent"], config["mode"]
        problems = []
        transport = agent["transport"]
        if transport == Transport.HEADLESS and not agent["headless_args"]:
            problems.append(f"agent.transport: headless, but agent={agent['name']} has no agent.headless_args")
        if transport == Transport.ACP and not (agent["acp_args"] or agent["acp_argv"]):
            problems.append(f"agent.transport: acp, but agent={agent['name']} has neither acp_args nor acp_argv")
        if mode["replay"] is not None and agent["protocol"] == "none":
            problems.append("mode.replay: set, but agent.protocol=none: the agent has no model calls to replay")
        provider = config.get("provider", {}).get("name")
        if provider in _OPENAI_ONLY and agent["protocol"] in ("anthropic", "gemini") and mode["replay"] is None:
            problems.append(
                f"agent.protocol: {agent['protocol']}, but provider={provider} does not speak it, and nothing "
                f"translates; name a server that does: provider=compatible provider.base_url=URL"
            )
        if mode["sandbox"] == "none" and transport in agent["unattended"] and not mode["allow_unattended"]:
            problems.append(
                f"mode.sandbox: none, but agent={agent['name']} acts without asking anybody over {transport}; "
                f"mode.allow_unattended=true lets it, with all your rights"
            )
        return [*problems, *_find_bad_patterns(agent)]

    def settle(self, resolved: dict[str, Any]) -> None:
        """Name no model where the agent has none."""
        if resolved["agent"]["protocol"] == "none":
            resolved["assistant"]["model"] = None

    def needs(self, settings: TerminalSettings) -> frozenset[str]:
        """Return the agent's model where it asks one, and the user's where a case has a persona or a condition."""
        needed = set()
        if settings.agent.protocol != "none" and settings.mode.replay is None:
            needed.add("assistant")
        with suppress(UserError):
            cases = choose_cases(read_cases(settings.mode.data_csv), settings.mode.cases)
            if any(asks_model(case) for case in cases):
                needed.add("simulator")
        return frozenset(needed)

    def read(self, settings: TerminalSettings) -> TerminalData:
        """Return the cases that the transport can hold. Raises DataError or ConfigError with all that is wrong."""
        mode, transport = settings.mode, Transport(settings.agent.transport)
        _require_packages(settings)
        chosen = choose_cases(read_cases(mode.data_csv), mode.cases)
        able = [case for case in chosen if transport in case.transports]
        boxes = find_session_boxes(mode.sandbox)
        agent = find_agent(settings.agent)
        if boxes.name == "bubblewrap":
            _check_shown(agent)
        agent = with_version(agent, boxes.sessions)
        notes = []
        if len(able) < len(chosen):
            names = ", ".join(case.case_id for case in chosen if case not in able)
            notes.append(
                f"{len(chosen) - len(able)} cases are left out, agent.transport={transport} cannot hold them: {names}"
            )
        if boxes.name == "none":
            notes.append("mode.sandbox=none: the agent runs with all your rights, and nothing keeps it in")
        most = count_fitting(mode.memory_mb)
        if most < min(settings.concurrency, len(able) * settings.trials):
            notes.append(
                f"{most} sessions are held at once: no more of mode.memory_mb={mode.memory_mb} fit this machine"
            )
        if not able:
            raise DataError([f"mode.data_csv: no case of {mode.data_csv} can be held over {transport}", *notes])
        cases = tuple(make_case(case, transport, mode.max_turns) for case in able)
        taken = cases[: settings.max_examples]
        paths = [mode.data_csv, *(path for case in able for path in (case.path, *case.setup_paths))]
        return TerminalData(
            cases=taken,
            datasets=tuple(dataset_manifest(dict.fromkeys(paths))),
            left_out=cases[len(taken) :],
            problems=tuple(_find_replay_problems(mode.replay, agent) if mode.replay else ()),
            notes=tuple(notes),
            table=_table(able, agent),
            sessions={case.case_id: case for case in able},
            agent=agent,
            boxes=boxes,
        )

    def read_expectations(self, settings: TerminalSettings) -> Sequence[Case]:
        """Return the cases with what they check today, whatever is installed here."""
        transport = Transport(settings.agent.transport)
        return [make_case(case, transport, settings.mode.max_turns) for case in read_cases(settings.mode.data_csv)]

    def graders(self, settings: TerminalSettings, case: Case) -> Sequence[GraderSpec]:
        """Return the checks of the case, its own graders, and those that the config asks for."""
        own = specs_of(case)
        taken = {spec.grader_id for spec in own}
        return (*own, *(spec for spec in super().graders(settings, case) if spec.grader_id not in taken))

    def where(self, settings: TerminalSettings, case: Case) -> str:  # noqa: ARG002
        """Return the case's file."""
        return str(case.inputs["case_path"])

    def fingerprint(self, settings: TerminalSettings, data: TerminalData, case: Case) -> JsonObject:
        """Return what decides the record: the agent, its model, its box, and how long it is waited for."""
        agent, mode, limits = _installed(data), settings.mode, settings.limits
        session = data.sessions[case.case_id]
        with_model = agent.settings.protocol != "none"
        return {
            "mode": self.name,
            "agent": agent.settings.name,
            "agent_version": agent.version,
            "transport": str(agent.transport),
            "profile": agent.identity,
            "files_sha256": {name: sha256(content).hexdigest() for name, content in agent.files.items()},
            "assistant": _identity(settings, "assistant") if with_model else None,
            "simulator": {**_identity(settings, "simulator"), "style": settings.simulator.style}
            if asks_model(session)
            else None,
            "sandbox": data.boxes.name if data.boxes else None,
            "size": [mode.columns, mode.rows],
            "limits": {
                "start_s": mode.start_timeout_s,
                "silent_s": mode.silent_timeout_s,
                "turn_s": limits.turn_timeout_s,
                "output_mb": mode.output_limit_mb,
                "memory_mb": mode.memory_mb,
                "approvals": mode.max_approvals,
                "model_calls": mode.max_model_calls,
            },
        }

    def prove(self, settings: TerminalSettings, data: TerminalData, say: Say) -> list[str]:
        """Return which cases a right agent fails or an idle one passes: see :mod:`evalkit.modes.terminal.proving`."""
        assert data.boxes is not None  # noqa: S101 - read sets it
        return prove_cases(settings, list(data.sessions.values()), data.boxes, say)

    @asynccontextmanager
    async def open(
        self, settings: TerminalSettings, data: TerminalData, peers: Peers, run: RunDirectory, clock: Clock
    ) -> AsyncIterator[Work]:
        """Yield the callable that holds sessions. Raises ConfigError where the gateway cannot listen."""
        agent, boxes, mode = _installed(data), data.boxes, settings.mode
        assert boxes is not None  # noqa: S101 - read sets it
        fitting = asyncio.Semaphore(count_fitting(mode.memory_mb))
        if agent.transport is Transport.PTY:
            load_emulator()
        async with AsyncExitStack() as stack:
            root = stack.enter_context(session_folder())
            models = None
            if agent.settings.protocol != "none":
                models = await stack.enter_async_context(
                    open_models(
                        peers, "assistant", root,
                        boxed=boxes.name != "none", max_calls=mode.max_model_calls, replay_of=mode.replay,
                    )
                )  # fmt: skip
            setup = SessionSetup(
                settings=settings,
                cases=data.sessions,
                agent=agent,
                sessions=boxes.sessions,
                boxes=boxes.boxes,
                root=root,
                models=models,
                play=play_with(settings, peers),
                decide=decide_with(settings, peers),
                run=run,
                clock=clock,
            )

            async def work(trial: CaseTrial, attempt: int) -> CaseRecord:  # noqa: ARG001
                async with fitting:
                    return await hold_session(setup, trial, self.fingerprint(settings, data, trial.case))

            yield work

    def describe(self, settings: TerminalSettings, data: TerminalData) -> str:
        """Return the line of a job: how many cases, which agent, how, in what."""
        agent = _installed(data)
        counted = Counter(str(case.inputs["category"]) for case in data.cases)
        version = f" ({agent.version})" if agent.version else ""
        return (
            f"terminal, {len(data.cases)} cases of {len(counted)} kinds x {settings.trials} trials, "
            f"{self.subject(settings)}{version}, sandbox {data.boxes.name if data.boxes else '?'}"
        )

    def subject(self, settings: TerminalSettings) -> str:
        """Return the agent, its transport, and its model where it has one."""
        model = f"-{settings.assistant.model}" if settings.assistant.model else ""
        return f"{settings.agent.name}-{settings.agent.transport}{model}"

    def starter(self, folder: Path) -> Starter:  # noqa: ARG002
        """Return a small case of one's own."""
        return start_with_case()


def count_fitting(memory_mb: int) -> int:
    """Return how many sessions of so much memory this machine holds at once, with a fifth of it left for all else."""
    machine_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / MIB
    return max(1, int(machine_mb * 0.8 / memory_mb))


def _check_shown(agent: InstalledAgent) -> None:
    """Raise ConfigError where the user of a box could not read what the agent is made of: no session would start."""
    try:
        check_readable(agent.read_only.values(), as_other=is_dropping_root())
    except SandboxError as error:
        raise ConfigError(f"agent={agent.settings.name}: {error}") from None


def _find_bad_patterns(agent: Mapping[str, Any]) -> list[str]:
    """Return which signs of a profile are no regular expressions: a session could only fail by them."""
    problems = []
    for name in _SIGNS:
        patterns = agent[name] if isinstance(agent[name], list | tuple) else [agent[name]]
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                problems.append(f"agent.{name}: {pattern!r} is not a regular expression: {error}")
    return problems


def _require_packages(settings: TerminalSettings) -> None:
    """Raise ConfigError where a package of the extra ``terminal`` is needed and not there: before a session begins."""
    needed = ["pyghostty"] if settings.agent.transport == Transport.PTY else []
    needed += ["uvicorn"] if settings.agent.protocol != "none" else []
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        what = f"agent.transport={settings.agent.transport}, agent.protocol={settings.agent.protocol}"
        raise ConfigError(
            f"{what} need packages that are not installed: {', '.join(missing)}; pip install '.[terminal]'"
        )


def _installed(data: TerminalData) -> InstalledAgent:
    if data.agent is None:
        raise ConfigError("agent: it was not looked for")
    return data.agent


def _find_replay_problems(run: Path, agent: InstalledAgent) -> Iterator[str]:
    """Yield why the recorded traffic of a run cannot answer this agent: it was another, another version, or none."""
    stored = next(iter(sorted((run / "records").glob("*.json"))), None)
    if stored is None:
        yield f"mode.replay: {run} has no records; name the directory of a run of mode=terminal"
        return
    then = json.loads(stored.read_text(encoding="utf-8"))["settings"]
    now = {"agent": agent.settings.name, "agent_version": agent.version, "transport": str(agent.transport)}
    for name, value in now.items():
        if then.get(name) != value:
            yield f"mode.replay: {run} was made with {name} {then.get(name)!r}, and this is {value!r}"


def _identity(settings: TerminalSettings, role: str) -> dict[str, Any]:
    chosen = settings.roles[role]
    provider = chosen.provider
    return {
        "provider": provider.name,
        "base_url": provider.base_url,
        "model": chosen.model,
        "replay": None if role != "assistant" or settings.mode.replay is None else settings.mode.replay.name,
    }


def _table(cases: Sequence[TerminalCase], agent: InstalledAgent) -> str:
    """Return a line per case for ``evalkit check``."""
    rows = [("case", "category", "turns", "reactors", "checks", "transports")]
    for case in cases:
        transports = ", ".join(map(str, case.transports))
        counts = (str(case.max_turns), str(len(case.reactors)), str(len(case.checks)))
        rows.append((case.case_id, case.category, *counts, transports))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, "", f"agent {agent.settings.name}: {agent.program} {agent.version}".rstrip()])


TERMINAL = TerminalMode()
