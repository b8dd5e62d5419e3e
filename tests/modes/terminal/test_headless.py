# ruff: noqa: RUF043, ASYNC240 - programs, and what they say, are clearest unbroken
"""The link to an agent without a terminal: a process for each turn."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from boxes.needs import needs_linux
from terminal_sessions import make_launcher, say

from evalkit.errors import CaseFailure
from evalkit.modes.terminal.blame import was_not_started
from evalkit.modes.terminal.case import Reaction, UserAction
from evalkit.modes.terminal.headless import HeadlessLink, find_reply, find_tools, read_documents
from evalkit.modes.terminal.link import StopKind
from evalkit.sandbox.box import MIB
from evalkit.sandbox.session import Overuse, SessionLimits

pytestmark = needs_linux


@asynccontextmanager
async def linked(
    folder: Path, program: str, *, turn_timeout_s: float = 10, limits: SessionLimits | None = None, **fields: Any
) -> AsyncIterator[HeadlessLink]:
    """Give a link to an agent that is `program`."""
    launcher = make_launcher(folder, "headless", f"import json, os, sys, time\n{program}", limits=limits, **fields)
    link = HeadlessLink(launcher, turn_timeout_s=turn_timeout_s, output_limit_bytes=300_000)
    try:
        yield link
    finally:
        await link.close()


async def test_each_turn_is_a_process_of_its_own(tmp_path: Path) -> None:
    """The later ones resume by the session's name; nothing runs before the first."""
    async with linked(tmp_path, "print(sys.argv[1:]); print('e', file=sys.stderr)") as link:
        assert (await link.start()).kind is StopKind.READY
        first = await link.act(say("one 'two' {key} $HOME"))
        second = await link.act(Reaction(UserAction.RESUME, "three"))
        name = link._launcher.session_id
    assert (first.kind, first.signal, first.exit_code) == (StopKind.READY, "exit", 0)
    assert first.text == str(["one 'two' {key} $HOME"]) + "\n"
    assert second.text == f"{['again', name, 'three']}\n"
    assert first.detail == "e\n"
    assert first.first_output_ms is not None
    assert 0 < first.first_output_ms <= first.elapsed_ms


@pytest.mark.parametrize(
    ("form", "place", "written", "text"),
    [
        ("json", "result", '{"result": "done", "session_id": "mine"}', "done"),
        ("json", "a.b", '{\n "a": {"b": "deep"}, "session_id": "mine"\n}', "deep"),
        ("jsonl", "text", 'log\n{"text": "1"}\n{"text": 2}\n[]\n{"session_id": "mine"}\n{"text": "3"}\n{}', "3"),
        ("json", "result", '{"session_id": "mine", "other": 1}', '{"session_id": "mine", "other": 1}'),
        ("json", "a.b", '{"a": "b", "session_id": "mine"}', '{"a": "b", "session_id": "mine"}'),
        ("json", "result", "no JSON at all", "no JSON at all"),
        ("json", "result", "[" * 50_000, "[" * 50_000),
    ],
)
async def test_the_reply_stands_where_the_profile_says(
    form: str, place: str, written: str, text: str, tmp_path: Path
) -> None:
    """Else the whole is the reply; an agent that names its sessions is resumed by its name."""
    program = f"sys.stdout.write({written!r})"
    async with linked(tmp_path, program, headless_output=form, headless_reply=place, session_id="agent") as link:
        before = link._launcher.session_id
        stop = await link.act(say())
        assert (stop.text, stop.screen) == (text, written)
        assert link._launcher.session_id == ("mine" if "mine" in written else before)


@pytest.mark.parametrize(
    ("program", "kind", "code"),
    [
        ("print('x'); sys.exit(3)", StopKind.EXITED, 3),
        ("print('x', flush=True); os.kill(os.getpid(), 9)", StopKind.EXITED, 137),
        ("print('x', flush=True); time.sleep(100)", StopKind.BUSY_TIMEOUT, None),
        ("print('x')\nwhile True: print('x' * 9999)", StopKind.FLOOD, None),
        ("while True: print('x' * 9999, file=sys.stderr)", StopKind.FLOOD, None),
    ],
)
async def test_a_turn_that_does_not_end_well(program: str, kind: StopKind, code: int | None, tmp_path: Path) -> None:
    """It is ended, and nothing of it runs on."""
    async with linked(tmp_path, program, turn_timeout_s=1) as link:
        stop = await link.act(say())
    assert stop.kind is kind
    assert len(stop.text) <= 300_000
    if code is not None:
        assert stop.exit_code == code


async def test_an_agent_that_takes_too_much(tmp_path: Path) -> None:
    """Of the room for its files."""
    limits = SessionLimits(folder_bytes=MIB)
    async with linked(tmp_path, "open('a', 'wb').write(bytes(3 << 20)); time.sleep(100)", limits=limits) as link:
        stop = await link.act(say())
    assert (stop.kind, stop.overuse) == (StopKind.OVERUSE, Overuse.FOLDERS)


async def test_a_process_that_never_ran_is_told_from_one_that_failed(tmp_path: Path) -> None:
    """A shell or a box says 126 or 127 for it, and the agent has said nothing."""
    for program, expected in (("sys.exit(127)", True), ("print('x'); sys.exit(127)", False), ("sys.exit(1)", False)):
        folder = tmp_path / str(len(program))
        folder.mkdir()
        async with linked(folder, program) as link:
            assert was_not_started(await link.act(say())) is expected


async def test_output_that_is_no_text_is_counted(tmp_path: Path) -> None:
    """And shown as far as it can be."""
    async with linked(tmp_path, r"sys.stdout.buffer.write(b'a\xff\xfeb')") as link:
        assert (await link.act(say())).text == "a��b"
        assert link.count_invalid() == 2


async def test_all_that_was_written_is_read(tmp_path: Path) -> None:
    """Also what lay in the pipe when the process had ended."""
    async with linked(tmp_path, "sys.stdout.write('x' * 250_000); sys.stdout.flush(); os._exit(0)") as link:
        stops = [await link.act(say()) for _ in range(5)]
    assert [len(stop.text) for stop in stops] == [250_000] * 5


async def test_waiting_is_a_turn_and_keys_are_none(tmp_path: Path) -> None:
    """To say nothing starts no process."""
    async with linked(tmp_path, "print(1)") as link:
        assert (await link.act(Reaction(UserAction.WAIT, "0.01"))).signal == "wait"
        assert (await link.act(Reaction(UserAction.RESUME))).text == ""
        for action in (UserAction.APPROVE, UserAction.PRESS, UserAction.CHOOSE, UserAction.RESIZE):
            with pytest.raises(CaseFailure, match="agent.transport=headless has no form for the action"):
                await link.act(Reaction(action, "x"))
    (tmp_path / "two").mkdir()
    async with linked(tmp_path / "two", "print(1)", headless_resume_args=()) as link:
        await link.act(say())
        with pytest.raises(CaseFailure, match="has no form for the action say 'hi'"):
            await link.act(say())


async def test_a_turn_that_is_broken_off_leaves_nothing(tmp_path: Path) -> None:
    """Neither a process nor a descriptor."""
    fds = Path("/proc/self/fd")
    async with linked(tmp_path, "time.sleep(100)") as link:
        before = len(list(fds.iterdir()))
        turn = asyncio.ensure_future(link.act(say()))
        await asyncio.sleep(0.1)
        turn.cancel()
        await asyncio.gather(turn, return_exceptions=True)
    assert len(list(fds.iterdir())) == before


def test_tools_are_those_that_an_object_lists() -> None:
    """Whatever else stands there."""
    documents = read_documents(
        '{"tools": [{"name": "edit", "path": "a"}, {"x": 1}, 3, {"name": "7", "id": "i"}]}', "json"
    )
    assert [(tool.name, tool.call_id) for tool in find_tools(documents)] == [("edit", "1"), ("7", "i")]
    assert find_tools([{"tools": {"name": "x"}}, {"tools": None}, {}]) == ()
    assert find_reply([], "a") is None
    assert read_documents(json.dumps({"a": 1}), "text") == []
