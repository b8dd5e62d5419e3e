"""One attempt at a case: its folders, its box, its way out to a model, the session, and what is observed afterwards."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evalkit.clock import Clock
from evalkit.errors import CaseFailure, SandboxError
from evalkit.modes.attempt import Evidence, make_attempt
from evalkit.modes.terminal.acp import AcpLink
from evalkit.modes.terminal.agent import InstalledAgent
from evalkit.modes.terminal.blame import SANDBOX_STAGE, STAGES, find_failure
from evalkit.modes.terminal.case import TerminalCase, Transport
from evalkit.modes.terminal.commands import run_commands
from evalkit.modes.terminal.conversation import SessionLog, SessionTurns
from evalkit.modes.terminal.headless import HeadlessLink
from evalkit.modes.terminal.launch import Launcher
from evalkit.modes.terminal.link import AgentLink
from evalkit.modes.terminal.model_access import ModelAccess, ModelTraffic
from evalkit.modes.terminal.reactors import Decide, Reactors
from evalkit.modes.terminal.screen_link import ScreenLink
from evalkit.modes.terminal.session_files import write_transcript
from evalkit.modes.terminal.settings import TerminalSettings
from evalkit.modes.terminal.user import Play, SimulatedUser
from evalkit.modes.terminal.workspace import MOST_FILES, Tree, find_changed_entries, read_tree, write_diff
from evalkit.records.case import CaseTrial
from evalkit.records.faults import Failure
from evalkit.records.grade import GraderSpec
from evalkit.records.json import Json, JsonObject
from evalkit.records.record import CaseRecord
from evalkit.sandbox.box import MIB, Sandbox
from evalkit.sandbox.session import SessionLimits, SessionSandbox
from evalkit.store.files import write_atomically
from evalkit.store.run_directory import RunDirectory

_SAVE_S = 5.0  # of the case's time, kept for what comes after the session
_DIFF_CHARS = 64_000
_TEXT_CHARS = 1_000_000  # of all files of a workspace together


@dataclass(frozen=True)
class SessionSetup:
    """What all sessions of a run share.

    Attributes:
        settings: Of the run.
        cases: Id -> case.
        agent: Who is tested.
        sessions: Starts the agent's processes.
        boxes: Runs the commands that check.
        root: Folder for the folders of all sessions.
        models: The way to the agent's model; None: it has none.
        play: Plays a persona.
        decide: Answers conditions in words.
        run: Where files go.
        clock: Of the run.
        seeds: Case id -> further files of the agent's HOME.

    """

    settings: TerminalSettings
    cases: Mapping[str, TerminalCase]
    agent: InstalledAgent
    sessions: SessionSandbox
    boxes: Sandbox
    root: Path
    models: ModelAccess | None
    play: Play
    decide: Decide
    run: RunDirectory
    clock: Clock
    seeds: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))


async def hold_session(setup: SessionSetup, trial: CaseTrial, fingerprint: JsonObject) -> CaseRecord:
    """Return the record of one attempt. Never raises for what goes wrong in it."""
    attempt = _SessionAttempt(setup, trial, setup.cases[trial.case.case_id])
    return await make_attempt(
        trial,
        fingerprint,
        attempt.run,
        attempt.conclude,
        clock=setup.clock,
        timeout_s=setup.settings.limits.case_timeout_s,
        stages=STAGES,
    )


@dataclass
class _SessionAttempt:
    """The state of one attempt, and its steps."""

    setup: SessionSetup
    trial: CaseTrial
    case: TerminalCase
    log: SessionLog = field(default_factory=SessionLog)
    canary: str = field(default_factory=lambda: f"canary-{secrets.token_hex(12)}")
    files: dict[str, bytes] = field(default_factory=dict)
    link: AgentLink | None = None

    async def run(self, evidence: Evidence) -> None:
        setup = self.setup
        with self._folder() as root, self._traffic() as traffic:
            launcher = self._launcher(root, traffic)
            launcher.prepare(self.case.setup, setup.seeds.get(self.case.case_id, {}))
            before = read_tree(launcher.workspace)
            user = self._user()
            try:
                await self._converse(evidence, launcher, user, traffic)
            except SandboxError as error:
                raise CaseFailure(SANDBOX_STAGE, "box_failed", str(error)) from error
            finally:
                after = await asyncio.to_thread(read_tree, launcher.workspace)
                observed = await self._observe(before, after, user, traffic)
                evidence.notes["session"] = observed
                self._take_costs(evidence, user, traffic)
            ending = self.log.ending
            failure = find_failure(ending) if ending else None
            if failure is not None:
                evidence.failure = Failure.of(failure)

    def conclude(self, evidence: Evidence) -> None:
        """Write what there is to read."""
        folder = self.setup.run.files_dir(self.trial.key)
        self.files["transcript.md"] = write_transcript(
            self.case.title, evidence.turns, self.log.turns, evidence.failure
        ).encode()
        for name, content in self.files.items():
            if content:
                write_atomically(folder / name, content)
        names = {
            "transcript_path": "transcript.md",
            "recording_path": "recording.cast",
            "diff_path": "workspace.diff",
            "gateway_log_path": "gateway.jsonl",
        }
        for name, file in names.items():
            if (folder / file).exists():
                evidence.artifacts[name] = self.setup.run.relative(folder / file)

    async def _converse(
        self, evidence: Evidence, launcher: Launcher, user: SimulatedUser, traffic: ModelTraffic | None
    ) -> None:
        settings = self.setup.settings
        self.link = link = _make_link(settings, launcher)
        timeout_s = settings.limits.case_timeout_s
        link.limit(asyncio.get_running_loop().time() + max(timeout_s - _SAVE_S, timeout_s * 0.8))
        conversation = SessionTurns(
            case=self.case,
            link=link,
            user=user,
            workspace=launcher.workspace,
            litter=self.setup.agent.settings.litter,
            max_turns=settings.mode.max_turns or self.case.max_turns,
            max_approvals=settings.mode.max_approvals,
            count_usage=traffic.take_usage if traffic else None,
        )
        try:
            await conversation.hold(evidence.turns, self.log)
            if traffic is not None and self.log.ending is not None:
                self.log.ending = traffic.blame(self.log.ending)
        finally:
            await link.close()

    async def _observe(
        self, before: Tree, after: Tree, user: SimulatedUser, traffic: ModelTraffic | None
    ) -> dict[str, Json]:
        setup, case = self.setup, self.case
        litter = setup.agent.settings.litter
        commands = await asyncio.to_thread(run_commands, case.checks, after, setup.boxes, setup.agent.python)
        changed = find_changed_entries(before, after, litter)
        diff = write_diff(before, after)
        self.files["workspace.diff"] = diff.encode("utf-8", "replace")
        recording = self.link.recording() if self.link is not None else b""
        self.files["recording.cast"] = recording
        self.files["gateway.jsonl"] = traffic.log() if traffic else b""
        return {
            "transport": str(setup.agent.transport),
            "agent": setup.agent.settings.name,
            "agent_version": setup.agent.version,
            "sandbox": setup.sessions.name,
            "turns": [dict(entry) for entry in self.log.turns],
            "workspace": {
                **_observe_trees(before, after, case.checks),
                "complete": max(len(before), len(after)) < MOST_FILES,
                "changed": list(changed),
                "diff": diff[:_DIFF_CHARS],
            },
            "commands": commands,
            "fired": dict(user.reactors.fired),
            "invalid_bytes": self.link.count_invalid() if self.link is not None else 0,
            "canary_in": list(self._find_canary(after)),
            "model_calls": traffic.count if traffic else None,
            "calls": traffic.observation if traffic else [],
            "persona": list(user.attempts),
        }

    def _find_canary(self, after: Tree) -> Iterator[str]:
        sign = self.canary.encode()
        for name in ("recording.cast", "gateway.jsonl"):
            if sign in self.files.get(name, b""):
                yield name
        for number, entry in enumerate(self.log.turns, 1):
            shown: Any = entry
            if self.canary in shown["screen"] or self.canary in shown["detail"]:
                yield f"turn {number}"
        for path, found in after.items():
            if found.content is not None and sign in found.content:
                yield path

    def _take_costs(self, evidence: Evidence, user: SimulatedUser, traffic: ModelTraffic | None) -> None:
        if traffic is not None:
            evidence.cost_usd["assistant"] = traffic.cost_usd
            evidence.served_model = traffic.served_model
        if user.attempts:
            evidence.cost_usd["simulator"] = user.cost_usd

    def _user(self) -> SimulatedUser:
        simulator = self.setup.settings.simulator
        return SimulatedUser(
            self.case,
            Reactors(self.case.reactors, self.setup.decide),
            self.setup.play,
            simulator.style,
            simulator.max_regenerations,
        )

    def _launcher(self, root: Path, traffic: ModelTraffic | None) -> Launcher:
        settings = self.setup.settings
        return Launcher(
            agent=self.setup.agent,
            sandbox=self.setup.sessions,
            limits=SessionLimits(memory_bytes=settings.mode.memory_mb * MIB),
            root=root,
            model=settings.assistant.model or "",
            way_out=traffic.way_out if traffic else None,
            canary=self.canary,
        )

    @contextmanager
    def _folder(self) -> Iterator[Path]:
        folder = self.setup.root / str(next(self.setup.numbers))
        folder.mkdir(mode=0o711)
        try:
            yield folder
        finally:
            _remove(folder)

    @contextmanager
    def _traffic(self) -> Iterator[ModelTraffic | None]:
        models = self.setup.models
        if models is None:
            yield None
            return
        with models.open(self.trial) as traffic:
            yield traffic


def _make_link(settings: TerminalSettings, launcher: Launcher) -> AgentLink:
    mode, limits = settings.mode, settings.limits
    output_bytes = int(mode.output_limit_mb * 1_000_000)
    turn_s = limits.turn_timeout_s or limits.case_timeout_s
    transport = launcher.agent.transport
    if transport is Transport.HEADLESS:
        return HeadlessLink(launcher, turn_timeout_s=turn_s, output_limit_bytes=output_bytes)
    makers: Mapping[Transport, Callable[..., AgentLink]] = {Transport.PTY: ScreenLink, Transport.ACP: AcpLink}
    size = {"columns": mode.columns, "rows": mode.rows} if transport is Transport.PTY else {}
    return makers[transport](
        launcher,
        start_timeout_s=mode.start_timeout_s,
        silent_timeout_s=mode.silent_timeout_s,
        turn_timeout_s=turn_s,
        output_limit_bytes=output_bytes,
        **size,
    )


def _observe_trees(before: Tree, after: Tree, checks: Sequence[GraderSpec]) -> dict[str, Json]:
    """Return what a record keeps of a workspace; of a large one the texts only of what changed or is checked."""
    seen: dict[str, dict[str, dict[str, Json]]] = {
        when: {path: entry.observation for path, entry in sorted(tree.items())}
        for when, tree in (("before", before), ("after", after))
    }
    size = sum(len(str(found.get("text", ""))) for tree in seen.values() for found in tree.values())
    if size > _TEXT_CHARS:
        kept = {str(check.options.get("path")) for check in checks} | {*find_changed_entries(before, after)}
        for tree in seen.values():
            for path in tree.keys() - kept:
                tree[path].pop("text", None)
    return {when: dict(tree) for when, tree in seen.items()}


def _remove(folder: Path) -> None:
    """Remove a folder that a stranger has filled; what its modes protect goes with the run's folder."""
    try:
        shutil.rmtree(folder)
    except OSError:
        for place in folder.rglob("*"):
            if place.is_dir() and not place.is_symlink():
                place.chmod(0o700)
        shutil.rmtree(folder, ignore_errors=True)
