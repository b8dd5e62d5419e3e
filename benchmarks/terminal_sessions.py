"""What it costs to watch many programs in terminals at once, and whether one that writes without end stays bounded.

    python benchmarks/terminal_sessions.py [--sessions 100] [--seconds 10] [--json FILE]

1. Floods: `yes`, 50 MB of it, and 50 MB of escape sequences that never end, are cut or broken: time, CPU and the growth
   of memory until the limit on output stops them.
2. Programs that draw 10 frames of 3 kB a second, all at once, each read, shown, recorded and watched for its user.
3. As many line programs that wait, asked 20 times a second whether they read.

Exit code 1: watching takes more than 2 ms of CPU per session and second in 2 or 3, or a flood takes more than 150 MB.
CPU is of this process alone, not of the programs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from installed import missing_packages_named

with missing_packages_named():
    from evalkit.event_loop import run
    from evalkit.pty.quiescence import QuietRules, TurnWatch
    from evalkit.pty.recording import TerminalRecording
    from evalkit.pty.terminal import Terminal
    from evalkit.pty.waiting import TurnWaiter

BAR_MS = 2.0
BAR_MB = 150.0
FLOOD_BYTES = 50_000_000
FRAMES = """
import os, sys, time
seconds = float(sys.argv[1])
row = 'x' * 70
began = time.monotonic()
for frame in range(int(seconds * 10)):
    rows = ''.join(f'\\x1b[{n + 1};1H\\x1b[3{n % 8}m{frame:05} {row}' for n in range(33))
    os.write(1, f'\\x1b[?2026h{rows[:2980]}\\x1b[?2026l'.encode())
    time.sleep(max(0, began + (frame + 1) / 10 - time.monotonic()))
"""
GARBAGE = """
import os, random
random.seed(1)
piece = b'\\x1b]52;c;' + b'A' * 1_000_000 + b'\\x1bP+q' + bytes(random.choices(range(256), k=200_000))
piece += b'\\x1b[' + b'1;' * 200_000 + b'\\x1b]8;;x\\x1b\\\\' + 'e\\u0301'.encode() * 20_000 + b'\\x1b[6n' * 1_000
while True: os.write(1, piece)
"""
LINES = "while True: input('> ')"


class Session:
    """One program in one terminal, watched as evalkit does."""

    def __init__(self, line: Sequence[str], rules: QuietRules, limit_bytes: int = FLOOD_BYTES) -> None:
        recording = TerminalRecording(120, 40, started_unix_s=time.time(), redact=["sk-not-a-key-0123456789"])
        self.terminal = Terminal.open(120, 40, recording=recording, output_limit_bytes=limit_bytes)
        side = self.terminal.child_fd
        environ = {"PATH": "/usr/bin:/bin", "TERM": "xterm-256color"}
        self.process = subprocess.Popen(["setsid", "-c", *line], stdin=side, stdout=side, stderr=side, env=environ)
        self.terminal.close_child()
        watch = TurnWatch(rules, started_s=time.monotonic())
        root = self.process.pid if rules.uses_blocked_read else None
        self.waiter = TurnWaiter(self.terminal, watch, root_pid=root)

    def end(self) -> None:
        """Kill the program and close the terminal."""
        self.process.kill()
        self.process.wait()
        self.terminal.close()


def main() -> int:
    """Print all three tables; return 1 when a bar was missed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--sessions", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--json", type=Path, metavar="FILE")
    asked = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {asked.sessions} sessions, {asked.seconds:.0f} s")
    floods = run(measure_floods())
    watching = {
        "10 frames of 3 kB a second": run(measure_frames(asked.sessions, asked.seconds)),
        "waiting line programs": run(measure_lines(asked.sessions, asked.seconds)),
    }
    dearest_ms = max(row["cpu_ms_per_session_s"] for row in watching.values())
    largest_mb = max(row["growth_mb"] for row in floods.values())
    print(f"\ndearest: {dearest_ms:.2f} ms of CPU per session and second (bar: {BAR_MS:.0f} ms)")
    print(f"largest growth in a flood: {largest_mb:.0f} MB (bar: {BAR_MB:.0f} MB)")
    if asked.json:
        asked.json.write_text(json.dumps({"floods": floods, "watching": watching}, indent=2) + "\n")
    return int(dearest_ms > BAR_MS or largest_mb > BAR_MB)


async def measure_floods() -> dict[str, dict[str, float]]:
    """Return what each kind of endless output takes until it is stopped, a warm emulator before."""
    lines = {"yes": ["yes"], "escape garbage": ["/usr/bin/python3", "-S", "-E", "-c", GARBAGE]}
    warm = Session(["true"], QuietRules())
    await warm.waiter.wait_for_turn()
    warm.end()
    print(f"\n{f'{FLOOD_BYTES / 1e6:.0f} MB of':28} {'wall s':>8} {'CPU s':>8} {'growth MB':>10} {'worst lag ms':>12}")
    found = {}
    for name, line in lines.items():
        before_mb, cpu_s, began_s = resident_mb(), time.process_time(), time.perf_counter()
        session = Session(line, QuietRules(output_limit_bytes=FLOOD_BYTES))
        lags_ms: list[float] = []
        ticking = asyncio.ensure_future(tick(lags_ms))
        stop = await session.waiter.wait_for_turn()
        assert stop.kind == "flood", stop
        ticking.cancel()
        row = {
            "wall_s": time.perf_counter() - began_s,
            "cpu_s": time.process_time() - cpu_s,
            "growth_mb": resident_mb() - before_mb,
            "worst_lag_ms": max(lags_ms),
        }
        session.end()
        found[name] = row
        print(
            f"{name:28} {row['wall_s']:8.2f} {row['cpu_s']:8.2f} {row['growth_mb']:10.1f} {row['worst_lag_ms']:12.1f}"
        )
    return found


async def tick(lags_ms: list[float]) -> None:
    """Note how late the event loop is, every 5 ms."""
    while True:
        due_s = time.perf_counter() + 0.005
        await asyncio.sleep(0.005)
        lags_ms.append((time.perf_counter() - due_s) * 1000)


async def measure_frames(count: int, seconds: float) -> dict[str, float]:
    """Return what watching programs that draw takes, from when all have started until the last has ended."""
    line = ["/usr/bin/python3", "-S", "-E", "-c", FRAMES, str(seconds)]
    rules = QuietRules(quiet_s=seconds * 3, busy=("esc to (cancel|interrupt)",), approval=(r"\(y/n\)$",))
    return await measure("10 frames of 3 kB a second", line, rules, count, seconds, until_end=True)


async def measure_lines(count: int, seconds: float) -> dict[str, float]:
    """Return what asking programs that wait for a line takes."""
    rules = QuietRules(uses_blocked_read=True, blocked_read_s=seconds * 3, quiet_s=seconds * 3)
    line = ["/usr/bin/python3", "-S", "-E", "-c", LINES]
    return await measure("waiting line programs", line, rules, count, seconds, until_end=False)


async def measure(
    name: str, line: list[str], rules: QuietRules, count: int, seconds: float, *, until_end: bool
) -> dict[str, float]:
    """Watch `count` programs and return CPU, memory and how late the event loop was."""
    before_mb, began_s = resident_mb(), time.perf_counter()
    sessions = [Session(line, rules) for _ in range(count)]
    started_s, cpu_s = time.perf_counter(), time.process_time()
    lags_ms: list[float] = []
    ticking = asyncio.ensure_future(tick(lags_ms))
    waiting = [asyncio.ensure_future(session.waiter.wait_for_turn()) for session in sessions]
    stops = await asyncio.wait(waiting, timeout=None if until_end else seconds)
    used_s = time.process_time() - cpu_s
    ticking.cancel()
    for task in stops[1]:
        task.cancel()
    assert all(task.result().kind == "exited" for task in stops[0]), stops
    received = sum(session.terminal.bytes_received for session in sessions)
    row = {
        "spawn_s": started_s - began_s,
        "cpu_ms_per_session_s": used_s * 1000 / count / seconds,
        "mb_received": received / 1e6,
        "growth_mb": resident_mb() - before_mb,
        "lag_p99_ms": statistics.quantiles(lags_ms, n=100)[98],
    }
    for session in sessions:
        session.end()
    print(f"\n{name:28} {'spawn s':>8} {'CPU ms/session-s':>17} {'MB read':>8} {'growth MB':>10} {'lag p99 ms':>11}")
    print(
        f"{f'{count} sessions':28} {row['spawn_s']:8.2f} {row['cpu_ms_per_session_s']:17.2f} {row['mb_received']:8.1f} "
        f"{row['growth_mb']:10.1f} {row['lag_p99_ms']:11.1f}"
    )
    return row


def resident_mb() -> float:
    """Return the resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    with missing_packages_named():
        sys.exit(main())
