"""Real programs in real terminals, good and bad ones."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from boxes.needs import needs_linux

from evalkit.pty.recording import REDACTED, TerminalRecording
from evalkit.pty.terminal import INPUT_LIMIT_BYTES, REPLY_LIMIT, Terminal

pytestmark = needs_linux

MIB = 1024 * 1024
RAW = "import os, sys, time, tty; tty.setraw(0); "


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def start_in(side: int, *line: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["setsid", "-c", *line], stdin=side, stdout=side, stderr=side)


def count_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_typing_is_no_paste(start: Callable[..., Any]) -> None:
    """A program that asked for pastes to be marked gets keys as keys; what has lines can only be pasted."""
    one = start(
        python=RAW
        + "os.write(1, b'\\x1b[?2004hgo'); [print(repr(os.read(0, 99)), end='\\r\\n', flush=True) for _ in '12']"
    )
    await one.shows("go")
    assert one.terminal.type_text("hi ä")
    await one.shows(repr("hi ä".encode()))
    assert one.terminal.type_text("a\nb")
    await one.shows(repr(b"\x1b[200~a\nb\x1b[201~"))


async def test_a_line_goes_there_and_back(start: Callable[..., Any]) -> None:
    """What is typed is echoed and answered; times, counts and the recording say so."""
    one = start("cat")
    terminal: Terminal = one.terminal
    assert not terminal.drew_anything
    assert terminal.last_input_s is None
    mark = terminal.mark()
    assert terminal.send_text("hello")
    await one.shows("hello")
    assert terminal.press("enter")
    await one.shows("hello\nhello")
    assert terminal.text_since(mark) == "hello\nhello"
    assert terminal.last_input_s is not None
    assert terminal.last_output_s is not None
    first = terminal.first_output_after(terminal.last_input_s)
    assert first is not None
    assert terminal.opened_s < terminal.last_input_s <= first <= terminal.last_output_s
    assert terminal.first_output_after(time.monotonic()) is None
    assert terminal.drew_anything
    assert terminal.bytes_received == terminal.bytes_since_input + len("hello") == len("hello\r\nhello\r\n")
    terminal.press("ctrl-d")
    await one.until(lambda: terminal.eof)
    assert one.process.wait() == 0
    assert not terminal.write(b"x")
    assert terminal.pending_input() == 0
    events = terminal.recording.events
    assert "".join(event.data for event in events if event.kind == "i") == "hello\r\x04"
    assert "".join(event.data for event in events if event.kind == "o") == "hello\r\nhello\r\n"


async def test_a_program_has_the_terminal_for_its_own(start: Callable[..., Any]) -> None:
    """It is a terminal of that size, the program's controlling one, and ctrl-c interrupts it."""
    one = start(
        python="import os,time\ntry:\n    print(os.isatty(0), os.get_terminal_size(), os.tcgetpgrp(0) == os.getpid())\n"
        "    time.sleep(60)\nexcept KeyboardInterrupt: print('interrupted')"
    )
    await one.shows("True os.terminal_size(columns=80, lines=24) True")
    one.terminal.press("ctrl-c")
    await one.shows("interrupted")


async def test_a_resize_is_told(start: Callable[..., Any]) -> None:
    """To the program by signal, to the screen, and to the recording."""
    one = start(
        python="import os,signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, {28})\nprint('up')\n"
        "while True: signal.sigwait({28}); print('now', *os.get_terminal_size())"
    )
    await one.shows("up")
    one.terminal.resize(100, 30)
    await one.shows("now 100 30")
    assert one.terminal.screen.size == (100, 30)
    assert [event.data for event in one.terminal.recording.events if event.kind == "r"] == ["100x30"]


async def test_a_paste_and_keys_have_the_form_the_program_asked_for(start: Callable[..., Any]) -> None:
    """Bracketed, application cursor keys, kitty keys: as set on the screen, and as typed before that."""
    one = start(
        python=RAW + "\nsys.stdout.write('\\x1b[?2004h\\x1b[?1hup'); sys.stdout.flush()\n"
        "while True: os.write(1, repr(os.read(0, 100)).encode() + b'\\r\\n')"
    )
    await one.shows("up")
    one.terminal.send_text("a\nb\x1b[201~c")
    await one.shows(repr(b"\x1b[200~a\nbc\x1b[201~"))
    one.terminal.press("up")
    await one.shows(repr(b"\x1bOA"))
    with pytest.raises(ValueError, match="did you mean 'enter'"):
        one.terminal.press("entre")


async def test_queries_are_answered_and_not_recorded_as_the_users(start: Callable[..., Any]) -> None:
    """A program that asks where the cursor is learns it."""
    one = start(
        python=RAW + "os.write(1, b'\\x1b[3;5H\\x1b[6n'); os.write(1, b'got ' + repr(os.read(0, 100)).encode())"
    )
    await one.shows("got " + repr(b"\x1b[3;5R"))
    assert one.terminal.replies_sent == 1
    assert [event for event in one.terminal.recording.events if event.kind == "i"] == []
    assert one.terminal.last_input_s is None


async def test_a_flood_of_queries_is_not_answered_for_ever(start: Callable[..., Any]) -> None:
    """The program, which never reads, is answered so many times between two inputs; the recording has a marker."""
    one = start(python=RAW + "os.write(1, b'\\x1b[6n' * 200_000 + b'done'); time.sleep(60)")
    await one.shows("done")
    terminal: Terminal = one.terminal
    assert REPLY_LIMIT <= terminal.replies_sent < 20 * REPLY_LIMIT
    assert terminal.replies_sent + terminal.replies_withheld == 200_000
    markers = [event.data for event in terminal.recording.events if event.kind == "m"]
    assert markers == ["too many queries: not answered any more"]


async def test_typing_to_a_program_that_never_reads_returns_at_once(start: Callable[..., Any]) -> None:
    """So much is kept for it and no more; nothing waits, nothing spins, and what it has not read is counted."""
    one = start(python=RAW + "print('up', flush=True); time.sleep(60)")
    await one.shows("up")
    terminal: Terminal = one.terminal
    before_s = time.process_time()
    accepted = [terminal.write(b"x" * 100_000) for _ in range(20)]
    assert accepted[0]
    assert not accepted[-1]
    assert terminal.input_refused_bytes == accepted.count(False) * 100_000
    assert INPUT_LIMIT_BYTES - 100_000 < terminal.pending_input() <= INPUT_LIMIT_BYTES + 65_536
    await asyncio.sleep(0.5)
    assert time.process_time() - before_s < 0.25
    one.process.kill()
    await one.until(lambda: terminal.eof)


async def test_a_large_paste_arrives_whole_and_in_order(start: Callable[..., Any]) -> None:
    """Larger than the system takes at once, to a program that is slow to read."""
    text = "".join(f"{number:07}\n" for number in range(40_000))
    one = start(
        python=RAW + "import hashlib\nprint('up', flush=True)\ntime.sleep(0.3)\ngot = b''\n"
        f"while len(got) < {len(text)}: got += os.read(0, 4096)\nprint(hashlib.sha256(got).hexdigest())"
    )
    await one.shows("up")
    one.terminal.write(text.encode())
    await one.shows(hashlib.sha256(text.encode()).hexdigest())
    assert one.terminal.pending_input() == 0


async def test_what_is_not_read_yet_is_counted(start: Callable[..., Any]) -> None:
    """A line that waits for a program that sleeps; none once it was read."""
    one = start(python="import sys,time\nprint('up', flush=True)\ntime.sleep(0.5)\nprint('read', input())")
    await one.shows("up")
    one.terminal.send_text("abc")
    one.terminal.press("enter")
    await one.until(lambda: one.terminal.pending_input() == 4)
    await one.shows("read abc")
    assert one.terminal.pending_input() == 0


async def test_a_flood_stops_at_its_limit(start: Callable[..., Any]) -> None:
    """The program stands still, memory does not grow, and an input lets it go on."""
    before_bytes = resident_bytes()
    one = start("yes", output_limit_bytes=2_000_000)
    terminal: Terminal = one.terminal
    await one.until(lambda: terminal.flooded)
    received = terminal.bytes_received
    assert 2_000_000 < received < 2_200_000
    await asyncio.sleep(0.2)
    assert terminal.bytes_received == received
    assert resident_bytes() - before_bytes < 64 * MIB
    assert [event.data for event in terminal.recording.events if event.kind == "m"] == [
        "flood: more than 2000000 bytes"
    ]
    terminal.press("ctrl-c")
    await one.until(lambda: terminal.eof)
    assert one.process.wait() != 0


GARBAGE = """
import os
import random
random.seed(1)
piece = b'\\x1b]52;c;' + b'A' * 1_000_000 + b'\\x1bP+q' + bytes(random.choices(range(256), k=200_000))
piece += b'\\x1b[' + b'1;' * 200_000
while True: os.write(1, piece)
"""


async def test_escape_garbage_is_bounded(start: Callable[..., Any]) -> None:
    """50 MB of sequences that never end, cut and broken ones: read to the last byte, in bounded memory."""
    before_bytes, before_s = resident_bytes(), time.process_time()
    one = start(python=GARBAGE, output_limit_bytes=50_000_000)
    await one.until(lambda: one.terminal.flooded, 60)
    assert one.terminal.bytes_received > 50_000_000
    assert resident_bytes() - before_bytes < 150 * MIB
    assert time.process_time() - before_s < 30
    assert one.terminal.recording.cut
    one.terminal.screen.feed(b"\x18\x1b\\\x1bcback")
    assert "back" in one.terminal.screen.text()


async def test_what_a_program_leaves_behind_holds_the_terminal(start: Callable[..., Any]) -> None:
    """A daemon keeps it open, so that the end of the program is not that of the terminal; closing is no trouble."""
    one = start("sh", "-c", "trap '' HUP; sleep 3 & echo started")
    await one.shows("started")
    assert one.process.wait() == 0
    await asyncio.sleep(0.1)
    assert not one.terminal.eof


async def test_closing_hangs_up_and_may_be_repeated(start: Callable[..., Any]) -> None:
    """The program gets a hangup; whoever waits is woken; writing is refused."""
    one = start(python="import time; print('up', flush=True); time.sleep(60)")
    await one.shows("up")
    await one.terminal.changed(0)
    waiting = asyncio.ensure_future(one.terminal.changed(10))
    await asyncio.sleep(0)
    one.terminal.close()
    one.terminal.close()
    assert await waiting
    assert one.process.wait() < 0
    assert not one.terminal.write(b"x")
    with pytest.raises(ValueError, match="closed"):
        _ = one.terminal.child_fd


async def test_nothing_is_left_open() -> None:
    """Not a descriptor, however a terminal went."""
    before = count_descriptors()
    for close_child in (True, False):
        terminal = Terminal.open(80, 24, recording=TerminalRecording(80, 24, started_unix_s=0.0))
        terminal.pending_input()
        if close_child:
            terminal.close_child()
            terminal.pending_input()
        terminal.close()
    assert count_descriptors() == before


async def test_a_size_that_no_terminal_has_leaves_nothing_open() -> None:
    """It is refused before a pair is opened."""
    before = count_descriptors()
    with pytest.raises(ValueError, match="columns and rows"):
        Terminal.open(0, 24, recording=TerminalRecording(80, 24, started_unix_s=0.0))
    assert count_descriptors() == before


async def test_changed_tells_of_what_came_before_it_was_asked(start: Callable[..., Any]) -> None:
    """Once; and it gives up in time."""
    one = start("sh", "-c", "echo up; sleep 60")
    await one.shows("up")
    await asyncio.sleep(0.05)
    await one.terminal.changed(0)
    before_s = time.monotonic()
    assert not await one.terminal.changed(0.1)
    assert 0.09 < time.monotonic() - before_s < 1


async def test_events_have_their_time(start: Callable[..., Any]) -> None:
    """A title that was set, and when."""
    one = start(python="print('\\x1b]0;busy\\x07up', flush=True); import time; time.sleep(60)")
    await one.shows("up")
    [(at_s, event)] = one.terminal.take_events()
    assert (event.kind, event.value) == ("title", "busy")
    assert one.terminal.opened_s <= at_s <= one.terminal.last_output_s
    assert one.terminal.take_events() == []


async def test_secrets_do_not_reach_the_recording() -> None:
    """Typed in two pieces and echoed by the system."""
    recording = TerminalRecording(80, 24, started_unix_s=0.0, redact=["hunter2"])
    terminal = Terminal.open(80, 24, recording=recording)
    side = terminal.child_fd
    process = start_in(side, "cat")
    terminal.close_child()
    for part in ("hunt", "er2"):
        terminal.send_text(part)
        await asyncio.sleep(0.05)
    terminal.press("enter")
    deadline_s = time.monotonic() + 10
    while terminal.screen.text().count("hunter2") < 2 and time.monotonic() < deadline_s:
        await terminal.changed(0.1)
    process.kill()
    process.wait()
    terminal.close()
    recording.close()
    said = {kind: "".join(event.data for event in recording.events if event.kind == kind) for kind in "io"}
    assert said["i"] == f"{REDACTED}\r"
    assert said["o"].startswith(f"{REDACTED}\r\n{REDACTED}")
    assert "hunter2" not in str(recording.events)


async def test_a_hidden_input_is_not_recorded(start: Callable[..., Any]) -> None:
    """Where the caller says so; it is sent all the same."""
    one = start("cat")
    one.terminal.write(b"quiet\r", echo_to_recording=False)
    await one.shows("quiet\nquiet")
    assert [event for event in one.terminal.recording.events if event.kind == "i"] == []


def test_the_size_is_set_before_the_program_starts() -> None:
    """It need not wait for a signal; on another event loop, the one that evalkit uses, too."""
    from evalkit.event_loop import run

    async def look() -> tuple[int, ...]:
        terminal = Terminal.open(90, 33, recording=TerminalRecording(90, 33, started_unix_s=0.0))
        found = fcntl.ioctl(terminal.child_fd, termios.TIOCGWINSZ, struct.pack("HHHH", 0, 0, 0, 0))
        side = terminal.child_fd
        process = start_in(side, sys.executable, "-S", "-c", "print(input())")
        terminal.close_child()
        terminal.write(b"hi\r")
        while not terminal.eof:
            await terminal.changed(1)
        assert process.wait() == 0
        assert terminal.screen.text() == "hi\nhi"
        terminal.close()
        return struct.unpack("HHHH", found)

    assert run(look()) == (33, 90, 720, 528)


async def test_it_is_known_who_shows_what_is_typed(start: Callable[..., Any]) -> None:
    """The terminal itself, until a program asks for every key."""
    one = start(python=f"{RAW}print('raw', flush=True); time.sleep(60)")
    await one.shows("raw")
    assert not one.terminal.edits_lines
    two = start("cat")
    assert two.terminal.edits_lines
    two.terminal.close()
    assert not two.terminal.edits_lines
