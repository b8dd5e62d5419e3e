"""What a box costs beside the same program without one, how many fit into a second, and whether anything is left.

    python benchmarks/sandbox.py [--sandbox bubblewrap] [--rounds 200] [--boxes 1000] [--json FILE]

1. Starting `true`: fork and exec alone, in namespaces made by `unshare`, and in a box with its workspace, its filter
   and its watcher. One after the other in each round, so that all see the same machine.
2. A small task: a Python program that answers 20 requests over its pipes, alone and in a box.
3. Boxes per second, made from 1 to 4 threads.
4. Many boxes, each of which leaves two daemons behind: processes, descriptors and temporary files that are still there.

Exit code 1: the small task takes more than 25 ms longer in a box, or something is left. Wall-clock says something on an
idle machine only; CPU is of this process and all it started.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median, quantiles

from installed import missing_packages_named

with missing_packages_named():
    from evalkit.sandbox.box import BoxJob, BoxLimits, Sandbox
    from evalkit.sandbox.finding import find_sandbox

BAR_MS = 25.0
CALLS = [b'{"fn": "add", "args": [%d, 1]}' % number for number in range(20)]
PROGRAM = b"""
import json, os
reads, writes = map(int, os.environ['EVALKIT_PIPES'].split(','))
with os.fdopen(reads) as asked:
    while line := asked.readline():
        os.write(writes, json.dumps({'ok': sum(json.loads(line)['args'])}).encode() + b'\\n')
"""
PYTHON = ("/usr/bin/python3", "-I", "-B")
UNSHARE = ["unshare", "-U", "-r", "-p", "-f", "-m", "-n", "-i", "-u", "--mount-proc", "--kill-child", "/usr/bin/true"]
LEAVES_DAEMONS = ("sh", "-c", "sleep 1000 & setsid sleep 1000 & :")
LIMITS = BoxLimits(wall_s=60)
PR_SET_CHILD_SUBREAPER = 36


def main() -> int:
    """Print all four tables; return 1 when a bar was missed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--sandbox", default="auto")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--boxes", type=int, default=1000)
    parser.add_argument("--json", type=Path, metavar="FILE")
    asked = parser.parse_args()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # a process that loses its parent becomes ours
    sandbox = find_sandbox(asked.sandbox)
    user = "root" if os.getuid() == 0 else "an ordinary user"
    print(f"{sandbox.name}, as {user}; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {asked.rounds} rounds")
    found = {
        "start_ms": measure_start(sandbox, asked.rounds),
        "task_ms": measure_task(sandbox, asked.rounds),
        "boxes_per_s": measure_rate(sandbox, asked.rounds),
    }
    found["left"] = left = measure_left(sandbox, asked.boxes)
    more_ms = found["task_ms"]["in a box"]["median"] - found["task_ms"]["alone"]["median"]
    print(f"\nthe small task takes {more_ms:.1f} ms longer in a box (bar: {BAR_MS:.0f} ms)")
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=2) + "\n")
    return int(more_ms > BAR_MS or any(left.values()))


def measure_start(sandbox: Sandbox, rounds: int) -> dict[str, dict[str, float]]:
    """Return what starting `true` takes, in milliseconds."""
    ways: dict[str, Callable[[], object]] = {
        "fork and exec": lambda: subprocess.run(["/usr/bin/true"], env={}, check=True),
        "unshare": lambda: subprocess.run(UNSHARE, env={"PATH": "/usr/bin:/bin"}, check=True),
        "box": lambda: sandbox.run(BoxJob(("true",)), LIMITS),
    }
    if shutil.which("unshare") is None:
        del ways["unshare"]
    return compare("starting true", ways, rounds)


def measure_task(sandbox: Sandbox, rounds: int) -> dict[str, dict[str, float]]:
    """Return what the small task takes alone and in a box, in milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "harness.py")
        program.write_bytes(PROGRAM)
        job = BoxJob((*PYTHON, "/box/harness.py"), {"solution.py": b"x"}, files={"/box/harness.py": PROGRAM})

        def boxed() -> None:
            assert len(sandbox.run(job, LIMITS, CALLS).answers) == len(CALLS)

        return compare("20 requests to Python", {"alone": lambda: ask_alone(program), "in a box": boxed}, rounds)


def ask_alone(program: Path) -> None:
    """Ask the program all requests in lock-step, with nothing around it."""
    reads, requests = os.pipe()
    answers, writes = os.pipe()
    process = subprocess.Popen(
        [*PYTHON, str(program)], env={"EVALKIT_PIPES": f"{reads},{writes}"}, pass_fds=(reads, writes)
    )
    os.close(reads)
    os.close(writes)
    with os.fdopen(requests, "wb", buffering=0) as out, os.fdopen(answers, "rb") as into:
        for request in CALLS:
            out.write(request + b"\n")
            assert into.readline()
        out.close()
        assert process.wait() == 0


def compare(what: str, ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, dict[str, float]]:
    """Do each way once in every round, print a row for each, and return median, 95th percentile and CPU, in ms."""
    wall: dict[str, list[float]] = {name: [] for name in ways}
    cpu = dict.fromkeys(ways, 0.0)
    for number in range(rounds + 3):
        for name, way in ways.items():
            cpu_before, before = cpu_s(), time.perf_counter()
            way()
            if number >= 3:  # the first rounds warm caches
                wall[name].append((time.perf_counter() - before) * 1000)
                cpu[name] += (cpu_s() - cpu_before) * 1000
    print(f"\n{what:24} {'median ms':>10} {'p95 ms':>8} {'CPU ms':>8}")
    rows = {
        name: {"median": median(took), "p95": quantiles(took, n=20)[-1], "cpu": cpu[name] / rounds}
        for name, took in wall.items()
    }
    for name, row in rows.items():
        print(f"{name:24} {row['median']:10.1f} {row['p95']:8.1f} {row['cpu']:8.1f}")
    return rows


def cpu_s() -> float:
    """Return the CPU time of this process and of all of its children that have ended, in seconds."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def measure_rate(sandbox: Sandbox, rounds: int) -> dict[str, float]:
    """Return how many boxes of `true` and of the small task are done in a second, by number of threads."""
    true = BoxJob(("true",))
    task = BoxJob((*PYTHON, "/box/harness.py"), files={"/box/harness.py": PROGRAM})
    print(f"\n{'boxes per second':24} {'true':>10} {'20 requests':>12}")
    rates = {}
    for threads in (1, 2, 3, 4):
        row = []
        for job, requests in ((true, None), (task, CALLS)):
            with ThreadPoolExecutor(threads) as pool:
                before = time.perf_counter()
                for _ in pool.map(lambda _, job=job, asked=requests: sandbox.run(job, LIMITS, asked), range(rounds)):
                    pass
                row.append(rounds / (time.perf_counter() - before))
        print(f"{f'{threads} at once':24} {row[0]:10.0f} {row[1]:12.0f}")
        rates |= {f"true, {threads} at once": row[0], f"20 requests, {threads} at once": row[1]}
    return rates


def measure_left(sandbox: Sandbox, boxes: int) -> dict[str, int]:
    """Return how many processes, descriptors and temporary files are left after many boxes."""
    job = BoxJob(LEAVES_DAEMONS)
    descriptors = count_descriptors()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        tempfile.tempdir = folder
        before = time.perf_counter()
        with ThreadPoolExecutor(4) as pool:
            for _ in pool.map(lambda _: sandbox.run(job, LIMITS), range(boxes)):
                pass
        took_s = time.perf_counter() - before
        tempfile.tempdir = None
        files = len(list(Path(folder).iterdir()))
    left = {
        "processes": count_children(),
        "descriptors": count_descriptors() - descriptors,
        "temporary files": files,
    }
    print(f"\n{boxes} boxes with two daemons each, 4 at once, {took_s:.0f} s; left behind:")
    print(", ".join(f"{count} {what}" for what, count in left.items()))
    return left


def count_descriptors() -> int:
    """Return how many descriptors this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def count_children() -> int:
    """Return how many children this process has, ended ones included."""
    threads = Path("/proc/self/task").iterdir()
    return sum(len((thread / "children").read_text().split()) for thread in threads)


if __name__ == "__main__":
    with missing_packages_named():
        sys.exit(main())
