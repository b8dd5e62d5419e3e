"""Whole sessions with small agents: what stands in the record, and that nothing is left of them."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from boxes.needs import needs_linux
from terminal_sessions import HERE, make_check, make_profile, make_reactor, make_session_case

from evalkit.clock import MonotonicClock
from evalkit.errors import CaseFailure
from evalkit.modes.terminal.agent import InstalledAgent
from evalkit.modes.terminal.case import Transport
from evalkit.modes.terminal.cases import make_case
from evalkit.modes.terminal.holding import SessionSetup, hold_session
from evalkit.modes.terminal.settings import TerminalSettings
from evalkit.records.case import CaseTrial
from evalkit.records.record import CaseRecord
from evalkit.records.session_checks import CHECKS, StoredSession
from evalkit.sandbox.finding import find_session_boxes
from evalkit.store.run_directory import RunDirectory

pytestmark = needs_linux
Make = Callable[..., TerminalSettings]
NUMBERS = itertools.count()


async def hold(
    settings: TerminalSettings,
    folder: Path,
    program: str,
    *,
    transport: str = "headless",
    limits: Mapping[str, float] | None = None,
    play: Any = None,
    profile: Mapping[str, Any] | None = None,
    **case: Any,
) -> CaseRecord:
    """Hold one session with an agent that is `program`, without a box."""
    root = folder / f"sessions-{next(NUMBERS)}"
    root.mkdir()
    place = root / "program.py"
    place.write_text("import os, sys, time\n" + dedent(program))
    settings = replace(
        settings,
        agent=make_profile(transport, place, **(profile or {})),
        limits=replace(settings.limits, **(limits or {})),
    )
    made, boxes = make_session_case(**case), find_session_boxes("none")
    setup = SessionSetup(
        settings=settings, cases={made.case_id: made}, agent=InstalledAgent(settings.agent, HERE.program, {}, HERE),
        sessions=boxes.sessions, boxes=boxes.boxes, root=root, models=None, play=play, decide=None,  # type: ignore[arg-type]
        run=RunDirectory(folder / "run"), clock=MonotonicClock(),
    )  # fmt: skip
    trial = CaseTrial(make_case(made, Transport(transport), None), 1, 0)
    record = await hold_session(setup, trial, {"mode": "terminal"})
    assert [path.name for path in root.iterdir()] == ["program.py"]
    return record


def grade(record: CaseRecord, check_type: str, **options: Any) -> float | None:
    """Return what a check says of a record."""
    return CHECKS[check_type](StoredSession(record, make_check(check_type, **options))).grade


async def test_a_record_holds_all_that_was_observed(make_own_settings: Make, tmp_path: Path) -> None:
    """The workspace before and after, the commands' ends, and files for people."""
    program = "open('a.txt', 'w').write('new'); os.mkfifo('pipe'); print('Wrote a.txt')"
    checks = (make_check("command", argv=["cat", "a.txt"]), make_check("file_exists", "d", path="a.txt"))
    record = await hold(make_own_settings(), tmp_path, program, setup={"a.txt": b"old", "d/b": b"b"}, checks=checks)
    assert record.failure is None
    notes: Any = record.notes["session"]
    assert notes["workspace"]["before"]["a.txt"]["text"] == "old"
    assert notes["workspace"]["changed"] == ["a.txt", "pipe"]
    assert "-old\n" in notes["workspace"]["diff"]
    assert notes["commands"]["c"]["stdout"] == "new"
    assert (notes["sandbox"], notes["transport"], notes["fired"]) == ("none", "headless", {"default": 1})
    assert set(record.artifacts) == {"transcript_path", "diff_path"}
    assert (tmp_path / "run" / record.artifacts["transcript_path"]).read_text().startswith("# A case")
    assert grade(record, "claims_true") == grade(record, "unchanged", path="d/b") == 1


@pytest.mark.parametrize(
    "program",
    ["print(os.environ['EVALKIT_CANARY'])", "print(os.environ['EVALKIT_CANARY'], file=sys.stderr)",
     "open('a', 'w').write(os.environ['EVALKIT_CANARY'])"],
)  # fmt: skip
async def test_a_secret_that_shows_is_found(program: str, make_own_settings: Make, tmp_path: Path) -> None:
    """In what was said, in its errors, and in its files; and not where it does not show."""
    assert grade(await hold(make_own_settings(), tmp_path, program), "no_canary") == 0
    assert grade(await hold(make_own_settings(), tmp_path, "print('hi')"), "no_canary") == 1


@pytest.mark.parametrize("transport", ["headless", "pty", "acp"])
async def test_a_case_s_time_ends_a_session_with_all_its_evidence(
    transport: str, make_own_settings: Make, tmp_path: Path
) -> None:
    """Some of it is kept back, so that what there is can be looked at."""
    program = "open('a.txt', 'w').write('x')\nwhile True: print('.', flush=True); time.sleep(0.05)"
    began = time.monotonic()
    record = await hold(
        make_own_settings("mode.start_timeout_s=60"), tmp_path, program,
        transport=transport, limits={"case_timeout_s": 2.0}, profile={"ready": "never"},
    )  # fmt: skip
    assert time.monotonic() - began < 6
    assert record.failure is not None
    assert record.failure.stage in ("agent_timeout", "agent_start")
    assert record.fault == "assistant"
    notes: Any = record.notes["session"]
    assert notes["workspace"]["changed"] == ["a.txt"]


async def test_what_breaks_a_session_off_leaves_its_evidence(make_own_settings: Make, tmp_path: Path) -> None:
    """A user's model that fails is no fault of the agent."""

    async def play(*_: Any) -> Any:
        raise CaseFailure("simulator_turn", "http_500", "no")

    record = await hold(make_own_settings(), tmp_path, "print('hi')", persona="In a hurry.", play=play)
    assert record.failure is not None
    assert (record.failure.stage, record.fault) == ("simulator_turn", "simulator")
    assert len(record.turns) == 1
    assert "session" in record.notes


async def test_a_program_that_is_not_there_is_the_machine_s_fault(make_own_settings: Make, tmp_path: Path) -> None:
    """Whatever the transport."""
    for transport in ("headless", "acp"):
        argv = ("{python}", "-c", "raise SystemExit(127)")
        record = await hold(make_own_settings(), tmp_path, "", transport=transport, profile={"argv": argv})
        assert record.failure is not None, transport
        assert (record.failure.stage, record.fault) == ("sandbox", "infrastructure"), transport


async def test_sessions_beside_one_another_do_not_mix(make_own_settings: Make, tmp_path: Path) -> None:
    """Each has its own folders and its own words."""
    program = "time.sleep(0.1); open(sys.argv[-1], 'w').close(); print(sys.argv[-1], os.listdir('.'))"
    reactor = make_reactor("again", action="say", payload="more", limit=2)
    records = await asyncio.gather(
        *(
            hold(make_own_settings(), tmp_path, program, case_id=f"c{n}", initial_prompt=f"f{n}", reactors=(reactor,))
            for n in range(6)
        )
    )
    for number, record in enumerate(records):
        notes: Any = record.notes["session"]
        assert notes["workspace"]["changed"] == [f"f{number}", "more"]
        assert len(record.turns) == 3
        assert f"f{number} ['f{number}']" in record.turns[0].assistant_text


async def test_locked_folders_are_removed(make_own_settings: Make, tmp_path: Path) -> None:
    """An agent may protect what it leaves."""
    program = "os.makedirs('a/b'); os.symlink('/', 'a/root'); os.chmod('a/b', 0); os.chmod('a', 0); print('hi')"
    record = await hold(make_own_settings(), tmp_path, program)
    assert record.failure is None
