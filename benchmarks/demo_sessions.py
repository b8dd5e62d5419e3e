"""What a hundred sessions with the demo agent at once cost the one who holds them, and whether any verdict changes.

    python benchmarks/demo_sessions.py [--sessions 100] [--seconds 6] [--json FILE]

The same case is held at real terminals, one session after the other and then all at once, by the installed command. The
user waits for some seconds within each session, so that all of them stand open together.

Exit code 1: holding them takes more than 2 ms of CPU per session and second, a verdict differs, or anything is left.
CPU is of evalkit's own process from its first session to its last, without the agents and their boxes.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from installed import missing_packages_named

with missing_packages_named():
    import psutil

    import evalkit

BAR_MS = 2.0
CASE = """
case_id: waits
title: A session that stands open for a while
category: load
initial_prompt: Create waits.txt with the text OPEN
reactors:
  - {{id: allow, when: {{type: approval}}, action: {{type: approve}}}}
  - {{id: wait, when: {{type: contains, pattern: Wrote}}, action: {{type: wait, payload: '{seconds}'}}, limit: 1}}
checks:
  - {{id: made, type: file_exact, path: waits.txt, text: OPEN}}
  - {{id: alone, type: nothing_else, allowed: [waits.txt]}}
"""


def main() -> int:
    """Measure, print a table, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=6.0, help="how long the user waits in each session")
    parser.add_argument("--json", type=Path, metavar="FILE")
    asked = parser.parse_args()
    print(f"evalkit {evalkit.__version__}; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o711)
        (folder / "waits.yaml").write_text(CASE.format(seconds=asked.seconds))
        (folder / "cases.csv").write_text("case_file\nwaits.yaml\n")
        alone = hold(folder, min(5, asked.sessions), 1)
        together = hold(folder, asked.sessions, asked.sessions)
        left = [path.name for path in folder.glob("evalkit-session-*")]
    columns = ("sessions at once", "verdicts", "wall s", "session-s", "CPU s", "ms per session-s")
    print("\n" + " ".join(name.rjust(max(len(name), 8)) for name in columns))
    for count, found in ((1, alone), (asked.sessions, together)):
        numbers = [f"{found[name]:8.2f}" for name in ("wall_s", "session_s", "cpu_s", "cost_ms")]
        print(f"{count:16} {json.dumps(found['verdicts'])} {' '.join(numbers)}")
    same = set(alone["verdicts"]) == set(together["verdicts"]) == {"1"}
    print(f"\nverdicts {'are the same' if same else 'DIFFER'}; left behind: {left or 'nothing'} (bar: {BAR_MS:g} ms)")
    if asked.json:
        asked.json.write_text(json.dumps({"one": alone, "all": together, "left": left}, indent=2) + "\n")
    return int(together["cost_ms"] > BAR_MS or not same or bool(left))


def hold(folder: Path, sessions: int, at_once: int) -> dict[str, object] | dict[str, float]:
    """Hold so many sessions, and return verdicts, times in seconds, and the cost in ms per session-second."""
    line = [
        str(Path(sys.executable).with_name("evalkit")), "mode=terminal", "mode.data_csv=cases.csv",
        "agent.transport=pty",
        f"trials={sessions}", f"concurrency={at_once}", "mode.memory_mb=64", "report.plots=false", "report.html=false",
        f"output_dir=out-{at_once}",
    ]  # fmt: skip
    environment = {**os.environ, "TMPDIR": str(folder)}
    process = subprocess.Popen(line, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    watched, cpu, began, ended = psutil.Process(process.pid), [], 0.0, 0.0
    while process.poll() is None:
        try:
            times = watched.cpu_times()
            opened = list(folder.glob("evalkit-session-*/*/workspace"))
        except (psutil.Error, OSError):
            continue
        if opened:
            began, ended = began or time.monotonic(), time.monotonic()
            cpu.append(times.user + times.system)
        time.sleep(0.05)
    [results] = folder.glob(f"out-{at_once}/20*/*/results.csv")
    with results.open(newline="") as file:
        verdicts = Counter(row["passed"] for row in csv.DictReader(file) if row["passed"])
    stored = results.parent.glob("records/*.json")
    session_s = sum(json.loads(path.read_text())["duration_ms"] / 1000 for path in stored)
    spent_s = cpu[-1] - cpu[0]
    return {
        "verdicts": dict(verdicts), "wall_s": ended - began, "session_s": session_s, "cpu_s": spent_s,
        "cost_ms": spent_s * 1000 / session_s,
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
