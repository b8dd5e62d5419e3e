"""Holds sessions with the demo agent in real boxes, as a run does, many at once: for tests of what the checks find."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from evalkit.clock import MonotonicClock
from evalkit.modes.terminal.agent import find_agent
from evalkit.modes.terminal.case import TerminalCase
from evalkit.modes.terminal.cases import make_case, read_case
from evalkit.modes.terminal.holding import SessionSetup, hold_session
from evalkit.modes.terminal.settings import AgentSettings, TerminalSettings
from evalkit.modes.terminal.version import with_version
from evalkit.pty.screen import load_emulator
from evalkit.records.case import CaseTrial
from evalkit.records.record import CaseRecord
from evalkit.records.session_checks import CHECKS, StoredSession
from evalkit.sandbox.finding import find_session_boxes
from evalkit.sandbox.session import session_folder
from evalkit.store.run_directory import RunDirectory

REPOSITORY = Path(__file__).parents[1]
CASES = REPOSITORY / "data" / "terminal"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Wanted:
    """A session to be held: a variant of the demo agent, over which transport, and a shipped case."""

    variant: str
    transport: str
    case_id: str
    face: str = "demo"


@dataclass(frozen=True)
class Outcome:
    """What came of it: whose fault, at which stage and of what kind, and the checks that do not hold."""

    record: CaseRecord
    failed: frozenset[str]

    @property
    def ending(self) -> str:
        """``stage/kind``; empty: it ended well."""
        failure = self.record.failure
        return f"{failure.stage}/{failure.error_type}" if failure else ""

    @property
    def found(self) -> frozenset[str]:
        """All that speaks against the agent."""
        return self.failed | ({self.ending} if self.ending else frozenset())

    @property
    def is_passed(self) -> bool:
        return not self.found


def read_profile(name: str) -> AgentSettings:
    document: Any = yaml.safe_load((REPOSITORY / "conf" / "agent" / f"{name}.yaml").read_text(encoding="utf-8"))
    return AgentSettings(**{key: tuple(value) if isinstance(value, list) else value for key, value in document.items()})


async def hold_all(
    settings: TerminalSettings, wanted: Iterable[Wanted], folder: Path, *, at_once: int
) -> dict[Wanted, Outcome]:
    """Hold sessions, so many at once, and return what came of each; the emulator is there before, as in a run."""
    load_emulator()
    boxes = find_session_boxes()
    turn = asyncio.Semaphore(at_once)
    outcomes: dict[Wanted, Outcome] = {}
    with session_folder() as root:

        async def hold(one: Wanted) -> None:
            async with turn:
                outcomes[one] = await _hold(settings, one, boxes, root, folder)

        await asyncio.gather(*map(hold, wanted))
    return outcomes


async def _hold(settings: TerminalSettings, one: Wanted, boxes: Any, root: Path, folder: Path) -> Outcome:
    case = read_case(CASES / f"{one.case_id}.yaml")
    profile = read_profile(one.face)
    profile = replace(
        profile, transport=one.transport, environment={**profile.environment, "DEMO_VARIANT": one.variant}
    )
    number = next(_numbers)
    own = root / f"s{number}"
    own.mkdir(mode=0o711)
    setup = SessionSetup(
        settings=replace(settings, agent=profile),
        cases={case.case_id: case},
        agent=with_version(find_agent(profile), boxes.sessions),
        sessions=boxes.sessions,
        boxes=boxes.boxes,
        root=own,
        models=None,
        play=_nobody,
        decide=_nobody,
        run=RunDirectory(folder / str(number)),
        clock=MonotonicClock(),
    )
    record = await hold_session(setup, CaseTrial(make_case(case, setup.agent.transport, None), 1, 0), {})
    return Outcome(record, frozenset(failed_checks(record, case)))


def failed_checks(record: CaseRecord, case: TerminalCase) -> Iterable[str]:
    """Yield the checks that do not hold; none of a session that was lost by no fault of the agent."""
    if record.scored:
        for spec in case.checks:
            if CHECKS[spec.grader_type](StoredSession(record, spec)).grade == 0:
                yield spec.grader_id


async def _nobody(*_: Any) -> Any:
    raise AssertionError("nobody is asked")
