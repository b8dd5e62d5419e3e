# ruff: noqa: E501, RUF001 - programs, and what they say, are clearest unbroken
"""The link to an agent at a real terminal, against small programs that behave well or badly there."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from boxes.needs import make_open_folder, needs_bubblewrap, needs_linux
from hypothesis import given
from hypothesis import strategies as st
from terminal_sessions import make_launcher, say

from evalkit.errors import CaseFailure
from evalkit.modes.terminal.case import Reaction, UserAction
from evalkit.modes.terminal.link import StopKind
from evalkit.modes.terminal.screen_link import ScreenLink, _fitness, without_echo
from evalkit.pty.terminal import Terminal
from evalkit.sandbox.bubblewrap import Bubblewrap
from evalkit.sandbox.finding import find_sandbox
from evalkit.sandbox.session import BubblewrapSessions

__all__ = ["make_open_folder"]
pytestmark = needs_linux

LINES = r"""
import json, os, shutil, signal, sys, termios, time, tty
def out(text):
    sys.stdout.write(text); sys.stdout.flush()
def lines(answer):
    out("ready\n> ")
    for line in sys.stdin:
        answer(line.rstrip("\n"))
        out("> ")
def raw():
    tty.setraw(0)
def keys():
    while True:
        yield os.read(0, 100)
"""


@asynccontextmanager
async def linked(
    folder: Path, program: str, *, seconds: dict[str, float] | None = None, sandbox: Any = None, **fields: Any
) -> AsyncIterator[ScreenLink]:
    """Give a link to an agent that is :data:`LINES` and `program`, at a terminal of 60x12."""
    launcher = make_launcher(folder, "pty", LINES + program, sandbox=sandbox, **fields)
    limits: dict[str, Any] = {"start_timeout_s": 5, "silent_timeout_s": 4, "turn_timeout_s": 8, **(seconds or {})}
    link = ScreenLink(launcher, columns=60, rows=12, output_limit_bytes=300_000, **limits)
    try:
        yield link
    finally:
        await link.close()


async def started(link: ScreenLink) -> None:
    """Start the agent, which must work."""
    stop = await link.start()
    assert stop.kind is StopKind.READY, stop


def events(link: ScreenLink, kind: str) -> list[str]:
    """Return the data of a recording's events of one kind."""
    head, *rest = map(json.loads, link.recording().decode().splitlines())
    assert head["version"] == 2
    times = [event[0] for event in rest]
    assert times == sorted(times)
    return [event[2] for event in rest if event[1] == kind]


async def test_a_turn_is_what_is_drawn_after_the_words(tmp_path: Path) -> None:
    """What was typed is looked for, and is no part of the reply."""
    async with linked(tmp_path, "lines(lambda line: out(f'You said {line.upper()}\\n'))") as link:
        await started(link)
        stop = await link.act(say("something rather long that the narrow screen has to break into two rows"))
        assert (stop.kind, stop.signal, stop.echoed) == (StopKind.READY, "quiet", True)
        assert stop.text.startswith("You said SOMETHING")
        assert "something rather" not in stop.text
        assert stop.screen.startswith("ready\n> something")
        assert stop.first_output_ms is not None
        assert 0 <= stop.first_output_ms <= stop.elapsed_ms
        assert "something rather" in "".join(events(link, "i"))


LOSES_A_KEY = r"""
raw(); out("> ")
typed, lost = "", False
for key in keys():
    for sign in key.decode():
        if not lost: lost = True
        elif sign == "\x15": typed = ""; out("\r\x1b[K> ")
        elif sign == "\r": out(f"\r\nGot {typed}\r\n> "); typed = ""
        else: typed += sign; out(sign)
"""


async def test_a_key_that_was_lost_is_typed_again(tmp_path: Path) -> None:
    """As people do, who see what they type; and it is recorded that they had to."""
    async with linked(tmp_path, LOSES_A_KEY) as link:
        await started(link)
        first, second = await link.act(say("hello")), await link.act(say("again"))
    assert ("Got hello" in first.text, first.echoed) == (True, False)
    assert ("Got again" in second.text, second.echoed) == (True, True)


MENU = r"""
raw()
options, at = ["Yes", "Yes, always", "No, keep my notes"], 0
def draw():
    out("\x1b[2J\x1b[HMay I note 3 lines in notes.txt?\r\n" + "\r\n".join(("❯ " if n == at else "  ") + f"{n+1}. {o}"
        for n, o in enumerate(options)) + "\r\n")
draw()
for key in keys():
    if key == b"\x1b[A": at = max(0, at - 1); draw()
    elif key == b"\x1b[B": at = min(2, at + 1); draw()
    elif key == b"\r": out(f"\x1b[2J\x1b[HYou chose {options[at]}\r\n> "); time.sleep(0.6); at = 0; draw()
"""


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [("no", "No, keep"), ("3", "No, keep"), ("yes", "Yes\n"), ("Yes, always", "Yes, always"), ("always", "Yes, always"), ("2", "Yes, always")],
)  # fmt: skip
async def test_a_choice_moves_the_mark_to_its_row(wanted: str, chosen: str, tmp_path: Path) -> None:
    """By its words, their beginning or its number; the question above has the same letters in it."""
    async with linked(tmp_path, MENU, quiet_s=0.15, approval=(r"❯ \d",)) as link:
        assert (await link.start()).kind is StopKind.APPROVAL
        await link.act(Reaction(UserAction.CHOOSE, wanted))
        assert f"You chose {chosen}" in "".join(events(link, "o")).replace("\r", "")


async def test_keys_are_pressed_one_by_one(tmp_path: Path) -> None:
    """By name; one that changes nothing does not hold up the session."""
    program = "raw(); out('go ')\nfor key in keys():\n    if key != b'x': out(repr(key) + ' ')\n"
    async with linked(tmp_path, program) as link:
        await started(link)
        stop = await link.act(Reaction(UserAction.PRESS, "down ctrl-c esc y"))
        assert stop.text.split()[-4:] == [r"b'\x1b[B'", r"b'\x03'", r"b'\x1b'", "b'y'"]
        silent = await link.act(Reaction(UserAction.PRESS, "x"))
        assert (silent.kind, silent.signal) == (StopKind.READY, "quiet")
        assert silent.elapsed_ms < 2000


async def test_an_approval_is_answered_with_the_keys_of_the_profile(tmp_path: Path) -> None:
    """Yes and no; the question is a stop of its own kind."""
    program = r"""
lines(lambda line: (out("Write a.txt? [y/n] "), out("\n" + {"y": "Wrote it", "n": "Left it"}[sys.stdin.readline().strip()] + "\n")))
"""
    async with linked(tmp_path, program, approve_keys=("y", "enter"), deny_keys=("n", "enter")) as link:
        await started(link)
        for action, words in ((UserAction.APPROVE, "Wrote it"), (UserAction.DENY, "Left it")):
            asked = await link.act(say("write"))
            assert (asked.kind, "Write a.txt?" in asked.text) == (StopKind.APPROVAL, True)
            stop = await link.act(Reaction(action))
            assert (stop.kind, words in stop.text) == (StopKind.READY, True)


async def test_several_lines_are_pasted_as_one(tmp_path: Path) -> None:
    """Where the program knows pastes."""
    program = r"""
raw(); out("\x1b[?2004h> ")
for key in keys():
    out(repr(key).replace("\\x1b", "E") + "\r\n")
"""
    async with linked(tmp_path, program) as link:
        await started(link)
        stop = await link.act(Reaction(UserAction.PASTE, "a\nb"))
        assert "E[200~a" in stop.screen
        assert "bE[201~" in stop.screen
        assert stop.screen.rstrip().endswith(r"b'\r'")


async def test_the_window_changes_its_size(tmp_path: Path) -> None:
    """The program is told, and the recording too."""
    program = r"""
signal.signal(signal.SIGWINCH, lambda *_: out("%dx%d\n" % shutil.get_terminal_size()))
lines(lambda line: None)
"""
    async with linked(tmp_path, program) as link:
        await started(link)
        stop = await link.act(Reaction(UserAction.RESIZE, "40x10"))
        assert "40x10" in stop.text
        assert events(link, "r") == ["40x10"]


async def test_a_session_is_taken_up_in_the_same_recording(tmp_path: Path) -> None:
    """In another process; without words nothing is typed."""
    program = "lines(lambda line: out(f'{sys.argv[1:]} {line}\\n'))"
    async with linked(tmp_path, program) as link:
        await started(link)
        assert "[] one" in (await link.act(say("one"))).text
        assert "['again'] two" in (await link.act(Reaction(UserAction.RESUME, "two"))).text
        quiet = await link.act(Reaction(UserAction.RESUME))
        assert (quiet.kind, quiet.text.split(), quiet.echoed) == (StopKind.READY, ["ready", ">"], None)
        assert "".join(events(link, "o")).count("ready") == 3


async def test_an_agent_that_cannot_resume_is_not_asked_to(tmp_path: Path) -> None:
    """The case asks for what it has no form for."""
    async with linked(tmp_path, "lines(lambda line: None)", pty_resume_args=()) as link:
        await started(link)
        with pytest.raises(CaseFailure, match="has no form for the action resume"):
            await link.act(Reaction(UserAction.RESUME, "x"))


async def test_a_user_waits_or_steps_in(tmp_path: Path) -> None:
    """Time that passes is a turn without words of the user's."""
    program = "lines(lambda line: [(out('.'), time.sleep(0.05)) for _ in range(40)])"
    async with linked(tmp_path, program, ready=r"^>$") as link:
        await started(link)
        link.working_after_s = 0.3
        working = await link.act(say("go"))
        assert working.kind is StopKind.WORKING
        assert 290 <= working.elapsed_ms < 1500
        link.working_after_s = None
        waited = await link.act(Reaction(UserAction.WAIT, "0.2"))
        assert (waited.signal, waited.echoed) == ("wait", None)
        assert set(waited.text.strip()) == {"."}


@pytest.mark.parametrize(
    ("program", "kind", "code"),
    [
        ("out('bye\\n'); sys.exit(3)", StopKind.EXITED, 3),
        ("out('bye\\n'); os.kill(os.getpid(), 9)", StopKind.EXITED, 137),
        ("out('bye\\n'); time.sleep(100)", StopKind.SILENT_TIMEOUT, None),
        ("[(out(f'bye {n}\\n'), time.sleep(0.05)) for n in range(900)]", StopKind.BUSY_TIMEOUT, None),
        ("[out('bye' * 9999) for n in range(900)]", StopKind.FLOOD, None),
    ],
)
async def test_an_agent_that_does_not_come_back(program: str, kind: StopKind, code: int | None, tmp_path: Path) -> None:
    """Before its first prompt and after it alike."""
    times = {"silent_timeout_s": 0.8, "turn_timeout_s": 1.6, "start_timeout_s": 1.6}
    async with linked(tmp_path, f"def act(line):\n    {program}\nlines(act)", seconds=times, ready=r"^>$") as link:
        await started(link)
        stop = await link.act(say("go"))
        assert (stop.kind, stop.exit_code) == (kind, code)
        assert "bye" in stop.text
    (tmp_path / "two").mkdir()
    async with linked(tmp_path / "two", program, seconds=times, ready=r"^>$") as link:
        stop = await link.start()
        assert (stop.kind, stop.exit_code) == (kind, code)


@needs_bubblewrap
async def test_ctrl_c_in_a_box_reaches_the_agent_and_not_the_box(open_folder: Path) -> None:
    """A program that reads lines lets the terminal make a signal of it."""
    found = find_sandbox("bubblewrap")
    assert isinstance(found, Bubblewrap)
    program = r"""
def act(line):
    try: time.sleep(100)
    except KeyboardInterrupt: out("Interrupted.\n")
lines(act)
"""
    async with linked(
        open_folder, program, sandbox=BubblewrapSessions(found.program), ready=r"^>$",
        argv=("{python}", "-S", "-E", "-u", "-c", LINES + program),
    ) as link:  # fmt: skip
        link._launcher.agent.__dict__["program"] = "/usr/bin/python3"
        await started(link)
        link.working_after_s = 0.2
        assert (await link.act(say("go"))).kind is StopKind.WORKING
        link.working_after_s = None
        stop = await link.act(Reaction(UserAction.PRESS, "ctrl-c"))
        assert (stop.kind, "Interrupted." in stop.text) == (StopKind.READY, True), stop


WORDS = st.text(st.sampled_from("ab \n"), max_size=8)


@given(WORDS, WORDS, WORDS)
def test_the_user_s_words_are_taken_out_wherever_rows_break(before: str, typed: str, after: str) -> None:
    """All else stays, in its order."""
    left = without_echo(f"{before}{typed}{after}", typed)

    def solid(text: str) -> str:
        return "".join(text.split())

    whole = solid(f"{before}{typed}{after}")
    size = len(solid(typed))
    places = [at for at in range(len(whole)) if size and whole.startswith(solid(typed), at)]
    assert solid(left) in {whole, *(whole[:at] + whole[at + size :] for at in places)}
    assert without_echo(before, "x") == before


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("> say\nhi\nDone.", "> \nDone."), ("Name v1\n│ ❯ say hi │\nsay hi yourself", "Name v1\n│ ❯  │\nsay hi yourself"),
        ("You said: say hi", "You said: say hi"), ("Done.", "Done."), ("> Say hi", "> Say hi"),
    ],
)  # fmt: skip
def test_words_that_the_agent_repeats_are_its_own(text: str, left: str) -> None:
    """Behind a sign of the prompt they are the user's."""
    assert without_echo(text, "say hi") == left


def test_rows_of_a_menu_are_told_from_a_question() -> None:
    """The best fit is the row that says just that."""
    rows = ["May I note 2 things?", "❯ 1. Yes", "│   2. Yes, always │", "  3. No"]
    assert [_fitness(row, "no") for row in rows] == [1, 0, 0, 4]
    assert [_fitness(row, "2") for row in rows] == [1, 0, 3, 0]
    assert [_fitness(row, "yes") for row in rows] == [0, 4, 2, 0]


TELLS_BY_HOOK = r"""
def answer(line):
    with open(os.environ["HOME"] + "/hooks", "a") as told:
        told.write("approval\n" if "write" in line else "ready\n")
    for number in range(40):
        out(f"\r{number}"); time.sleep(0.1)
    out("\n")
lines(answer)
"""


async def test_the_agents_own_hook_is_the_first_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says when it is the user's turn although the screen goes on, and whether it asks; however soon that is."""
    press = Terminal.press

    def press_and_lose_the_processor(terminal: Terminal, name: str) -> bool:
        pressed = press(terminal, name)
        time.sleep(0.3)
        return pressed

    monkeypatch.setattr(Terminal, "press", press_and_lose_the_processor)
    async with linked(tmp_path, TELLS_BY_HOOK, hook_file="hooks", quiet_s=3.0) as link:
        assert (await link.start()).kind is StopKind.READY
        stops = [await link.act(say("hello")), await link.act(say("write it"))]
    assert [(stop.kind, stop.signal) for stop in stops] == [(StopKind.READY, "hook"), (StopKind.APPROVAL, "hook")]
    assert stops[0].elapsed_ms < 3000
