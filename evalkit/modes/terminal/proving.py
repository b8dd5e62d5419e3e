"""Proves cases before an agent meets them: the demo agent that does everything right passes, the idle one does not.

A case of one's own that the demo agent does not understand says with ``solution`` what a right agent would do; the demo
agent then does just that. A proof is kept by the content of the case and of everything that it was made with.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

import evalkit
from evalkit.clock import MonotonicClock
from evalkit.datasets.files import clip
from evalkit.modes.mode import Say
from evalkit.modes.terminal.agent import demo_program, find_agent
from evalkit.modes.terminal.case import TerminalCase, asks_model
from evalkit.modes.terminal.cases import make_case, reactor_to_json, spec_to_json
from evalkit.modes.terminal.holding import SessionSetup, hold_session
from evalkit.modes.terminal.settings import AgentSettings, TerminalSettings
from evalkit.modes.terminal.version import with_version
from evalkit.peers.proofs import Proofs
from evalkit.records.case import CaseTrial
from evalkit.records.record import CaseRecord
from evalkit.records.session_checks import CHECKS, StoredSession
from evalkit.sandbox.finding import SessionBoxes
from evalkit.sandbox.session import session_folder
from evalkit.settings.resources import resource_dir
from evalkit.store.run_directory import RunDirectory

_AT_ONCE = 4
_ORACLE, _IDLE = "oracle", "noop"
_SOLUTION = ".demo/solution.json"


def prove_cases(settings: TerminalSettings, cases: Sequence[TerminalCase], boxes: SessionBoxes, say: Say) -> list[str]:
    """Return a message for each case that the oracle fails or the idle agent passes, over the run's transport.

    Cases whose user is played by a model, or whose conditions one answers, are not proved: nothing is asked here.
    """
    proofs, demo = Proofs.open(), read_demo_profile(settings.agent.transport)
    settings = replace(settings, agent=demo)
    able = [case for case in cases if not asks_model(case)]
    left = [case for case in able if not proofs.has(_depends_on(settings, case))]
    say(f"{len(left)} of {len(cases)} cases to prove over {demo.transport}, {len(able) - len(left)} were proved before")
    if not left:
        return []
    found = asyncio.run(_prove(settings, left, boxes))
    for case in left:
        if case.case_id not in found:
            proofs.add(_depends_on(settings, case))
    return [f"{case.path}: {message}" for case in left for message in found.get(case.case_id, ())]


def read_demo_profile(transport: str) -> AgentSettings:
    """Return the profile of the demo agent, as it ships."""
    document: Any = yaml.safe_load((resource_dir("conf") / "agent" / "demo.yaml").read_text(encoding="utf-8"))
    given: Any = {name: tuple(value) if isinstance(value, list) else value for name, value in document.items()}
    return AgentSettings(**(given | {"transport": transport}))


def is_full(record: CaseRecord, case: TerminalCase) -> tuple[bool, str]:
    """Return whether a session ended well and every check of its case that must hold does; and else what does not."""
    if record.failure is not None:
        return False, f"{record.failure.stage}: {record.failure.message}"
    for spec in case.checks:
        if spec.required and spec.grader_type in CHECKS:
            try:
                verdict = CHECKS[spec.grader_type](StoredSession(record, spec))
            except TimeoutError:
                return False, f"check {spec.grader_id!r}: its pattern takes too long; write a simpler one"
            if verdict.grade != 1:
                return False, f"check {spec.grader_id!r}: {verdict.rationale}"
    return True, ""


async def _prove(
    settings: TerminalSettings, cases: Sequence[TerminalCase], boxes: SessionBoxes
) -> dict[str, list[str]]:
    """Return case id -> what is wrong with it."""
    problems: dict[str, list[str]] = {}
    turn = asyncio.Semaphore(_AT_ONCE)
    with session_folder() as root, tempfile.TemporaryDirectory(prefix="evalkit-proof-") as folder:
        setups = {
            variant: _make_setup(settings, cases, boxes, root, Path(folder) / variant, variant)
            for variant in (_ORACLE, _IDLE)
        }

        async def try_one(case: TerminalCase, variant: str) -> None:
            async with turn:
                setup = setups[variant]
                made = make_case(case, setup.agent.transport, settings.mode.max_turns)
                record = await hold_session(setup, CaseTrial(made, 1, 0), {})
            good, reason = is_full(record, case)
            if variant == _ORACLE and not good:
                problems.setdefault(case.case_id, []).append(_blame_oracle(case, reason, record))
            if variant == _IDLE and good:
                message = "an agent that does nothing passes; add a check that only the work asked for can meet"
                problems.setdefault(case.case_id, []).append(message)

        await asyncio.gather(*(try_one(case, variant) for case in cases for variant in setups))
    return problems


def _blame_oracle(case: TerminalCase, reason: str, record: CaseRecord) -> str:
    """Return what is wrong with a case, and how its session went, since a proof leaves no transcript."""
    advice = "" if case.solution else "; if the demo agent does not understand it, say with 'solution' what is right"
    went = ", then ".join(
        f"{turn.labels['reactor_id']} -> {turn.labels['stop']} {clip(' '.join(turn.assistant_text.split()))}"
        for turn in record.turns
    )
    return f"the agent that does everything right fails: {reason}{advice}; the session: {went or 'nothing was said'}"


def _make_setup(
    settings: TerminalSettings,
    cases: Sequence[TerminalCase],
    boxes: SessionBoxes,
    root: Path,
    folder: Path,
    variant: str,
) -> SessionSetup:
    own = root / variant
    own.mkdir(mode=0o711)
    profile = replace(settings.agent, environment={**settings.agent.environment, "DEMO_VARIANT": variant})
    return SessionSetup(
        settings=settings,
        cases={case.case_id: case for case in cases},
        agent=with_version(find_agent(profile), boxes.sessions),
        sessions=boxes.sessions,
        boxes=boxes.boxes,
        root=own,
        models=None,
        play=_nobody,
        decide=_nobody,
        run=RunDirectory(folder),
        clock=MonotonicClock(),
        seeds={case.case_id: {_SOLUTION: json.dumps(case.solution).encode()} for case in cases if case.solution},
    )


async def _nobody(*_: Any) -> Any:
    raise AssertionError("a case that asks a model is not proved")


def _depends_on(settings: TerminalSettings, case: TerminalCase) -> tuple[str, ...]:
    """Return everything that a proof was made with, by content."""
    content = {
        "prompt": case.initial_prompt,
        "setup": {path: sha256(data).hexdigest() for path, data in case.setup.items()},
        "reactors": [reactor_to_json(reactor) for reactor in (*case.reactors, case.default)],
        "max_turns": settings.mode.max_turns or case.max_turns,
        "checks": [spec_to_json(spec) for spec in case.checks],
        "solution": case.solution,
    }
    return (
        evalkit.__version__,
        settings.agent.transport,
        settings.mode.sandbox,
        sha256(demo_program()).hexdigest(),
        json.dumps(content, sort_keys=True, default=str),
    )
