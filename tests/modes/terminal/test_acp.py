# ruff: noqa: E501, RUF043 - programs, and what they say, are clearest unbroken
"""The link to an agent that speaks the Agent Client Protocol, against small programs that do so well or badly."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from boxes.needs import needs_linux
from terminal_sessions import make_launcher, say

from evalkit.errors import CaseFailure
from evalkit.modes.terminal.acp import AcpLink
from evalkit.modes.terminal.case import Reaction, UserAction
from evalkit.modes.terminal.link import StopKind

pytestmark = needs_linux

AGENT = r"""
import json, os, sys, time
log = open(os.environ["HOME"] + "/log.jsonl", "a")
def read():
    line = sys.stdin.readline()
    if not line: sys.exit(0)
    log.write(line); log.flush()
    return json.loads(line)
def write(text):
    sys.stdout.write(text); sys.stdout.flush()
def send(**message):
    write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
def update(what, **fields):
    send(method="session/update", params={"sessionId": "s1", "update": {"sessionUpdate": what, **fields}})
def words(text):
    update("agent_message_chunk", content={"type": "text", "text": text})
OPTIONS = [("once", "Yes, once", "allow_once"), ("always", "Yes, always", "allow_always"), ("no", "No", "reject_once")]
def ask(number="p1", options=OPTIONS):
    send(id=number, method="session/request_permission", params={"sessionId": "s1", "toolCall": {"title": "Write a.txt"},
        "options": [{"optionId": i, "name": n, "kind": k} for i, n, k in options]})
    while "result" not in (answer := read()):
        pass
    return answer
def end(number, reason="end_turn"):
    send(id=number, result={"stopReason": reason})
def serve(prompt):
    while True:
        message = read()
        method, number = message.get("method"), message.get("id")
        if method == "initialize":
            send(id=number, result={"protocolVersion": 1})
        elif method == "session/new":
            send(id=number, result={"sessionId": "s1"})
        elif method == "session/load":
            words("all of it again"); send(id=number, result={})
        elif method == "session/prompt":
            prompt(number, message["params"]["prompt"][0]["text"])
"""


@asynccontextmanager
async def linked(folder: Path, program: str, **fields: Any) -> AsyncIterator[AcpLink]:
    """Give a link to an agent that is :data:`AGENT` and `program`."""
    launcher = make_launcher(folder, "acp", AGENT + program)
    limits: dict[str, Any] = {
        "start_timeout_s": 5, "silent_timeout_s": 5, "turn_timeout_s": 8, "output_limit_bytes": 500_000, **fields
    }  # fmt: skip
    link = AcpLink(launcher, **limits)
    try:
        yield link
    finally:
        await link.close()


def received(folder: Path) -> list[dict[str, Any]]:
    """Return every message that the agent got."""
    return [json.loads(line) for line in (folder / "session" / "home" / "log.jsonl").read_text().splitlines()]


async def started(link: AcpLink) -> None:
    """Start the agent, which must work."""
    stop = await link.start()
    assert stop.kind is StopKind.READY, stop


TWO_TURNS = """
def prompt(number, text):
    update("tool_call", toolCallId="t1", title="Write a.txt", kind="edit", status="pending", rawInput={"path": "a.txt"})
    update("tool_call_update", toolCallId="t1", status="completed", title=None)
    update("plan", entries=[])
    for piece in ("You ", "said ", text): words(piece)
    end(number)
serve(prompt)
"""


async def test_a_turn_is_what_was_said_and_called_until_its_end(tmp_path: Path) -> None:
    """Pieces are joined, a tool's messages are one call, and the first turn has its first sign of life too."""
    async with linked(tmp_path, TWO_TURNS) as link:
        await started(link)
        stops = [await link.act(say("one")), await link.act(Reaction(UserAction.PASTE, "two\nlines é"))]
    assert [(stop.kind, stop.signal, stop.text) for stop in stops] == [
        (StopKind.READY, "acp", "You said one"), (StopKind.READY, "acp", "You said two\nlines é"),
    ]  # fmt: skip
    assert all(stop.first_output_ms is not None and 0 <= stop.first_output_ms <= stop.elapsed_ms for stop in stops)
    [tool] = stops[0].tools
    assert (tool.name, tool.call_id, tool.arguments) == (
        "edit", "t1", {"title": "Write a.txt", "kind": "edit", "status": "completed", "path": "a.txt"},
    )  # fmt: skip
    told = received(tmp_path)[0]["params"]["clientCapabilities"]
    assert told == {"fs": {"readTextFile": False, "writeTextFile": False}, "terminal": False}
    assert received(tmp_path)[1]["params"] == {"cwd": str(tmp_path / "session" / "workspace"), "mcpServers": []}


PERMISSION = """
def prompt(number, text):
    words("I will write. ")
    answer = ask(options=json.loads(text) if text.startswith("[") else OPTIONS)
    words(json.dumps(answer["result"]["outcome"]))
    end(number)
serve(prompt)
"""


@pytest.mark.parametrize(
    ("action", "payload", "outcome"),
    [
        ("approve", "", "once"), ("deny", "", "no"), ("choose", "always", "always"), ("choose", "3", "no"),
        ("choose", "yes, ONCE", "once"), ("choose", "maybe", None), ("choose", "4", None), ("press", "esc", None),
    ],
)  # fmt: skip
async def test_a_question_is_answered_as_the_user_says(
    action: str, payload: str, outcome: str | None, tmp_path: Path
) -> None:
    """By the kind of the option, its words or its number; what is none of them cancels."""
    async with linked(tmp_path, PERMISSION) as link:
        await started(link)
        asked = await link.act(say())
        assert asked.kind is StopKind.APPROVAL
        assert asked.text == "I will write. \nMay I: Write a.txt? [Yes, once / Yes, always / No]"
        answered = await link.act(Reaction(UserAction(action), payload))
    chosen = {"outcome": "cancelled"} if outcome is None else {"outcome": "selected", "optionId": outcome}
    assert (answered.kind, json.loads(answered.text)) == (StopKind.READY, chosen)


async def test_an_agent_that_offers_no_such_option_is_told_that_nothing_was_chosen(tmp_path: Path) -> None:
    """Also one whose options are none at all."""
    async with linked(tmp_path, PERMISSION) as link:
        await started(link)
        for options in ('[["always", "Always", "allow_always"]]', "[]"):
            await link.act(say(options))
            stop = await link.act(Reaction(UserAction.DENY))
            assert json.loads(stop.text) == {"outcome": "cancelled"}


async def test_what_a_transport_has_no_form_for_is_the_case_s_fault(tmp_path: Path) -> None:
    """An answer to nothing, other keys, and windows."""
    async with linked(tmp_path, TWO_TURNS) as link:
        await started(link)
        for reaction in (
            Reaction(UserAction.APPROVE), Reaction(UserAction.PRESS, "down"), Reaction(UserAction.RESIZE, "80x24"),
        ):  # fmt: skip
            with pytest.raises(CaseFailure, match="agent.transport=acp has no form for the action"):
                await link.act(reaction)


INTERRUPTED = """
import select
def prompt(number, text):
    words("working")
    if read().get("method") == "session/cancel": end(number, "cancelled")
serve(prompt)
"""


async def test_a_user_steps_in_while_the_agent_works(tmp_path: Path) -> None:
    """Esc cancels the turn; where nothing is under way, it changes nothing."""
    async with linked(tmp_path, INTERRUPTED) as link:
        await started(link)
        assert (await link.act(Reaction(UserAction.PRESS, "esc"))).kind is StopKind.READY
        link.working_after_s = 0.3
        working = await link.act(say())
        assert (working.kind, working.text) == (StopKind.WORKING, "working")
        assert 290 <= working.elapsed_ms < 3000
        link.working_after_s = None
        stop = await link.act(Reaction(UserAction.PRESS, "ctrl-c"))
        assert (stop.kind, stop.signal) == (StopKind.READY, "acp")


BAD_LINES = r"""
def prompt(number, text):
    write("Debug: starting\n\n[1, 2]\n3\nnull\n\xff\n" + '{"a":' * 50_000 + "\n" + "[" * 50_000 + "\n")
    send(method="session/update", params={"update": None}); send(method="session/update", params=[1])
    send(method="session/update"); update("agent_message_chunk", content="text"); update(None)
    send(id="x", result={}); send(id=None, error={}); send(id=9999, result={}); send(id=True, result=1)
    words("still "); words("here")
    end(number)
serve(prompt)
"""


async def test_lines_that_are_no_messages_are_counted_and_passed_over(tmp_path: Path) -> None:
    """Nothing that an agent writes breaks the link."""
    async with linked(tmp_path, BAD_LINES) as link:
        await started(link)
        stop = await link.act(say())
        assert (stop.kind, stop.text) == (StopKind.READY, "still here")
        assert link.count_invalid() == 7
        assert stop.detail.startswith("a line that is no message: ")


SPLIT = r"""
def prompt(number, text):
    message = json.dumps({"jsonrpc": "2.0", "method": "session/update", "params": {"update": {
        "sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "wörter ☃"}}}}, ensure_ascii=False)
    data = message.encode() + b"\r\n" + json.dumps({"jsonrpc": "2.0", "id": number, "result": {}}).encode() + b"\n"
    for at in range(0, len(data), 7):
        os.write(1, data[at:at + 7]); time.sleep(0.002)
serve(prompt)
"""


async def test_messages_may_come_in_pieces(tmp_path: Path) -> None:
    """Cut anywhere, also within a letter; with line ends of another system."""
    async with linked(tmp_path, SPLIT) as link:
        await started(link)
        assert (await link.act(say())).text == "wörter ☃"


REQUESTS = """
def prompt(number, text):
    for n, method in enumerate(("fs/read_text_file", "fs/write_text_file", "terminal/create", "_own/thing"), 50):
        send(id=n, method=method, params={"path": "/etc/passwd"})
        words(str(read()["error"]["code"]) + " ")
    send(method="_own/notice", params={})
    end(number)
serve(prompt)
"""


async def test_requests_that_the_client_does_not_know_are_refused(tmp_path: Path) -> None:
    """So the agent does not wait for ever, and nobody writes its files for it."""
    async with linked(tmp_path, REQUESTS) as link:
        await started(link)
        assert (await link.act(say())).text == "-32601 " * 4


@pytest.mark.parametrize(
    ("program", "kind", "code"),
    [
        ("sys.exit(3)", StopKind.EXITED, 3),
        ("sys.exit(127)", StopKind.EXITED, 127),
        ("os.kill(os.getpid(), 9)", StopKind.EXITED, 137),
        ("os.close(1); sys.stdout = None; time.sleep(0.2); os._exit(5)", StopKind.EXITED, 5),
        ("time.sleep(100)", StopKind.SILENT_TIMEOUT, None),
        ("read(); send(id=1, error={'code': 1, 'message': 'log in first'}); time.sleep(100)", StopKind.PROTOCOL, None),
        ("read(); write('x' * 600_000); time.sleep(100)", StopKind.FLOOD, None),
    ],
)
async def test_an_agent_that_does_not_start(program: str, kind: StopKind, code: int | None, tmp_path: Path) -> None:
    """Each way is told apart, with the exit code where there is one: blame rests on it."""
    async with linked(tmp_path, program, start_timeout_s=1) as link:
        stop = await link.start()
        assert (stop.kind, stop.exit_code) == (kind, code)
        if kind is StopKind.PROTOCOL:
            assert "log in first" in stop.detail


@pytest.mark.parametrize(
    ("program", "kind", "code"),
    [
        ("words('bye'); sys.stderr.write('Traceback'); sys.exit(1)", StopKind.EXITED, 1),
        ("words('bye'); os.kill(os.getpid(), 11)", StopKind.EXITED, 139),
        ("words('bye'); time.sleep(100)", StopKind.SILENT_TIMEOUT, None),
        ("[(words('bye' * (n == 0)), time.sleep(0.05)) for n in range(900)]", StopKind.BUSY_TIMEOUT, None),
        ("words('bye')\n    while True: update('plan', entries=[1] * 999)", StopKind.FLOOD, None),
        ("words('bye')\n    while True: sys.stderr.write('e' * 9999)", StopKind.FLOOD, None),
    ],
)
async def test_an_agent_that_does_not_end_its_turn(
    program: str, kind: StopKind, code: int | None, tmp_path: Path
) -> None:
    """What it said until then is kept."""
    program = f"def prompt(number, text):\n    {program}\nserve(prompt)\n"
    async with linked(tmp_path, program, silent_timeout_s=0.6, turn_timeout_s=1.2) as link:
        await started(link)
        stop = await link.act(say())
        assert (stop.kind, stop.exit_code, stop.text) == (kind, code, "bye")
        if code == 1:
            assert stop.detail == "Traceback"


async def test_what_it_may_write_counts_anew_in_each_turn(tmp_path: Path) -> None:
    """On both of its streams."""
    program = "def prompt(number, text):\n    sys.stderr.write('e' * 200_000); sys.stderr.flush()\n    end(number)\nserve(prompt)\n"
    async with linked(tmp_path, program) as link:
        await started(link)
        for _ in range(5):
            assert (await link.act(say())).kind is StopKind.READY


async def test_an_error_as_the_answer_of_a_turn_is_said(tmp_path: Path) -> None:
    """As agents do when their model fails; whose fault that is, the gateway knows."""
    program = (
        "def prompt(number, text):\n    send(id=number, error={'code': -32603, 'message': 'no model'})\nserve(prompt)\n"
    )
    async with linked(tmp_path, program) as link:
        await started(link)
        stop = await link.act(say())
        assert (stop.kind, stop.text) == (StopKind.READY, "error: no model")


async def test_a_session_is_loaded_in_another_process(tmp_path: Path) -> None:
    """What the agent tells again is not said twice; without words the session is only taken up."""
    async with linked(tmp_path, TWO_TURNS) as link:
        await started(link)
        await link.act(say("one"))
        assert (await link.act(Reaction(UserAction.RESUME, "two"))).text == "You said two"
        quiet = await link.act(Reaction(UserAction.RESUME))
        assert (quiet.kind, quiet.text) == (StopKind.READY, "")
        assert (await link.act(say("three"))).text == "You said three"
    methods = [message["method"] for message in received(tmp_path)]
    assert methods.count("session/load") == 2
    assert methods.count("session/prompt") == 3


async def test_a_question_ends_a_wait(tmp_path: Path) -> None:
    """And time that passes without one is a turn of its own."""
    program = "def prompt(number, text):\n    time.sleep(0.3)\n    ask(); end(number)\nserve(prompt)\n"
    async with linked(tmp_path, program) as link:
        await started(link)
        assert (await link.act(Reaction(UserAction.WAIT, "0.1"))).signal == "wait"
        link.working_after_s = 0.05
        assert (await link.act(say())).kind is StopKind.WORKING
        assert (await link.act(Reaction(UserAction.WAIT, "5"))).kind is StopKind.APPROVAL


async def test_a_long_prompt_goes_to_an_agent_that_reads_slowly(tmp_path: Path) -> None:
    """More than the pipe holds."""
    program = "time.sleep(0.3)\ndef prompt(number, text):\n    time.sleep(0.3); words(str(len(text))); end(number)\nserve(prompt)\n"
    async with linked(tmp_path, program) as link:
        await started(link)
        assert (await link.act(say("é" * 300_000))).text == "300000"
        assert (await link.act(say("short"))).text == "5"


async def test_the_case_s_time_ends_every_wait(tmp_path: Path) -> None:
    """Whatever is left of the turn's."""
    async with linked(tmp_path, "def prompt(number, text):\n    time.sleep(100)\nserve(prompt)\n") as link:
        await started(link)
        link.limit(link._loop.time() + 0.3)
        stop = await link.act(say())
        assert stop.kind is StopKind.BUSY_TIMEOUT
        assert stop.elapsed_ms < 2000
