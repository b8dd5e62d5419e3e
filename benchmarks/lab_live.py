"""What watching costs: 200 readers of one busy run, and a run with and without somebody who watches it.

    python benchmarks/lab_live.py [--readers 200] [--seconds 10] [--rounds 15] [--json FILE]

1. A process writes case-trials as a run does, as fast as `--rate` says; a lab streams them, and readers in a process of
   their own take them. The delay of an event is that from its line in the journal to the reader. No event may be lost
   or told twice.
2. A crawl against the embedded echo, the lab asleep (SIGSTOP) and the lab awake with a reader of all runs; the service
   and its cache are warm. Both are a pair, which of them comes first changes from pair to pair, and the lab has done
   what it had to do before either begins. The ratio is the median of those of the pairs, by wall-clock and by the run's
   own CPU; its spread is that of the middle half of them.

Exit code 1: an event was lost or told twice, p99 of the delay is 250 ms or more, or the watched run takes more than
3 % longer. Wall-clock says something on an idle machine only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import median, quantiles
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

from installed import missing_packages_named

with missing_packages_named():
    import psutil
    from websockets.asyncio.client import connect
    from websockets.exceptions import WebSocketException

    from evalkit.records.case import Case
    from evalkit.records.grade import Grade
    from evalkit.records.record import CaseRecord, Turn, Words
    from evalkit.store.provenance import write_provenance
    from evalkit.store.run_directory import RunDirectory, RunStatus, now_utc

MOST_P99_MS, MOST_RATIO = 250.0, 1.03
MOST_IDLE_S = 0.05  # of CPU in a second
PATIENCE_S = 30.0
EVENTS_PER_TRIAL = 3
RUN_ID = "5ca1ab1e" * 4
CRAWL = ("mode=crawl", "assistant.model=local-echo", "report.plots=false", "report.html=false",
         "service.keep_alive_s=120")  # fmt: skip
_MEASURED = (
    "import resource, sys; from evalkit.cli import main; code = main(sys.argv[1:]);"
    "used = resource.getrusage(resource.RUSAGE_SELF); print(used.ru_utime + used.ru_stime, file=sys.stderr);"
    "sys.exit(code)"
)


@dataclass
class Findings:
    """All that was measured. Times in milliseconds or seconds, as named; sizes in bytes."""

    cpus: int | None = field(default_factory=os.cpu_count)
    readers: int = 0
    events: int = 0
    events_per_s: float = 0.0
    lost: int = 0
    twice: int = 0
    delay_ms: dict[str, float] = field(default_factory=dict)
    lab_cpu_s: float = 0.0
    lab_rss: int = 0
    asleep_s: list[tuple[float, float]] = field(default_factory=list)
    watched_s: list[tuple[float, float]] = field(default_factory=list)

    def ratios(self, which: int) -> list[float]:
        """Return each pair's watched time over the one nobody watched: wall-clock (0) or CPU (1)."""
        return [watched[which] / alone[which] for alone, watched in zip(self.asleep_s, self.watched_s, strict=True)]

    @property
    def missed(self) -> list[str]:
        """What is not as it must be."""
        found = []
        if self.lost or self.twice:
            found.append(f"{self.lost} events were lost and {self.twice} told twice")
        if self.delay_ms["p99"] >= MOST_P99_MS:
            found.append(
                f"the p99 of the delay is {self.delay_ms['p99']:.0f} ms, allowed is less than {MOST_P99_MS:.0f}"
            )
        if self.watched_s and (ratio := median(self.ratios(0))) > MOST_RATIO:
            found.append(f"the watched run takes {ratio:.3f} times as long, allowed is {MOST_RATIO}")
        return found


def main() -> int:
    """Measure both, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readers", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rate", type=float, default=100.0, help="events a second")
    parser.add_argument("--rounds", type=int, default=15, help="pairs; 0: without the second part")
    parser.add_argument("--cases", type=int, default=40)
    parser.add_argument("--json", type=Path)
    line = parser.parse_args()
    findings = Findings(readers=line.readers)
    with tempfile.TemporaryDirectory() as folder, missing_packages_named():
        outputs = Path(folder) / "outputs"
        outputs.mkdir()
        with running_lab(outputs) as (url, lab):
            measure_delay(findings, outputs, url, lab, line)
            if line.rounds:
                measure_slowdown(findings, Path(folder), url, lab, line)
    print_findings(findings)
    if line.json:
        line.json.write_text(json.dumps(asdict(findings), indent=2), encoding="utf-8")
    for problem in findings.missed:
        print(f"missed: {problem}")
    return bool(findings.missed)


@contextmanager
def running_lab(outputs: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Run ``evalkit lab`` over `outputs`; give its address and its process."""
    command = [sys.executable, "-m", "evalkit", "lab", str(outputs), "--port", "0", "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip().removesuffix("/ui/"), psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait()


# --- 1. many readers of a busy run ---


def measure_delay(findings: Findings, outputs: Path, url: str, lab: psutil.Process, line: argparse.Namespace) -> None:
    """Measure what `line.readers` readers of one run are told, and when."""
    run = RunDirectory(outputs / "busy")
    begin(run)
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(2)
    answers = context.SimpleQueue()
    address = f"ws://{urlsplit(url).netloc}/runs/{RUN_ID[:16]}/stream?attempts=false"
    reading = context.Process(target=read_all, args=(address, line.readers, ready, answers))
    with run.exclusive():
        wait_until_known(f"{url}/runs/{RUN_ID[:16]}")
        reading.start()
        ready.wait(120)
        before = sum(lab.cpu_times()[:2])
        findings.events_per_s = write_trials(run, line.seconds, line.rate)
        run.conclude(RunStatus.COMPLETED, exit_code=0, counts={})
    frames_of_readers = answers.get()
    reading.join()
    findings.lab_cpu_s = sum(lab.cpu_times()[:2]) - before
    findings.lab_rss = lab.memory_info().rss
    compare(findings, run, frames_of_readers)


def wait_until_known(address: str) -> None:
    """Wait until the lab has found the run: within a second."""
    while True:
        with suppress(HTTPError), urlopen(address):  # noqa: S310
            return
        time.sleep(0.1)


def begin(run: RunDirectory) -> None:
    """Write what a run writes before its first case."""
    run.root.mkdir()
    run.write_config({"mode": {"name": "crawl"}, "assistant": {"model": "echo"}, "provider": {"name": "local"},
                      "run_name": "busy", "trials": 1, "seed": 0, "concurrency": 1})  # fmt: skip
    write_provenance(run.provenance_path, {"run_id": RUN_ID, "config_sha256": "0", "case_trials": [], "datasets": [],
                                           "started_at": now_utc(), "models_asked": {"assistant": "echo"}})  # fmt: skip
    run.write_status(RunStatus.RUNNING, exit_code=None, counts={})
    run.journal_beginning(RUN_ID, 0)


def write_trials(run: RunDirectory, seconds: float, rate: float) -> float:
    """Write case-trials for so long; return how many events a second there were."""
    began = time.monotonic()
    number = 0
    while (now := time.monotonic()) - began < seconds:
        time.sleep(max(0.0, began + number * EVENTS_PER_TRIAL / rate - now))
        write_trial(run, f"case-{number}")
        number += 1
    return number * EVENTS_PER_TRIAL / (time.monotonic() - began)


def write_trial(run: RunDirectory, key: str) -> None:
    """Write one case-trial from its start to its grade."""
    run.journal_start(key, 1)
    record = CaseRecord(
        case=Case(key, "crawl", {"user_text": "hello"}), trial=1, seed=0, reuse_key="", settings={},
        turns=(Turn(1, "hello", (Words("hello " * 50),)),), failure=None, attempts=(), cost_usd={"assistant": 0.001},
        served_model="echo", started_at=now_utc(), duration_ms=1.0,
    )  # fmt: skip
    record_sha256 = run.store_record(record)
    grade = Grade(key, 1, "tool_call", "tool_call", "1", 1.0, "as expected", record_sha256, now_utc())
    run.append_grades([grade], {key: True})


def read_all(address: str, readers: int, ready: object, answers: object) -> None:
    """Read with so many readers until the run has ended; put what each got, and when, into `answers`."""
    asyncio.run(_read_all(address, readers, ready, answers))


async def _read_all(address: str, readers: int, ready: object, answers: object) -> None:
    connected = asyncio.Semaphore(0)

    async def read() -> list[tuple[float, str]]:
        async with connect(address, compression=None, open_timeout=60, max_size=None) as socket:
            connected.release()
            return [(time.time(), str(text)) async for text in socket]

    tasks = [asyncio.create_task(read()) for _ in range(readers)]
    for _ in tasks:
        await connected.acquire()
    await asyncio.to_thread(ready.wait)  # type: ignore[attr-defined]
    answers.put(await asyncio.gather(*tasks))  # type: ignore[attr-defined]


def compare(findings: Findings, run: RunDirectory, frames_of_readers: list[list[tuple[float, str]]]) -> None:
    """Compare what the readers were told with the journal."""
    lines = run.journal_path.read_bytes().splitlines(keepends=True)
    cursors, cursor = [], 0
    for text in lines:
        cursor += len(text)
        cursors.append(cursor)
    delays = []
    for frames in frames_of_readers:
        told: Counter[int] = Counter()
        for at, text in frames:
            for event in json.loads(text).get("events", ()):
                told[event["cursor"]] += 1
                if event["event"] != "began":  # there before anybody was
                    delays.append((at - datetime.fromisoformat(event["at"]).timestamp()) * 1000)
        findings.lost += len(set(cursors) - set(told))
        findings.twice += sum(count - 1 for count in told.values())
    findings.events = len(lines)
    cuts = quantiles(delays, n=100)
    findings.delay_ms = {f"p{share}": cuts[share - 1] for share in (50, 95, 99)} | {"max": max(delays)}


# --- 2. a run that is watched ---


def measure_slowdown(findings: Findings, folder: Path, url: str, lab: psutil.Process, line: argparse.Namespace) -> None:
    """Measure the same run with the lab asleep, and with a reader of all runs."""
    address = f"ws://{urlsplit(url).netloc}/stream"
    with reader_of_all(address):
        crawl(folder, 3)  # the service is up, and has spoken
        crawl(folder, line.cases)
        for number in range(line.rounds):
            for is_watched in (number % 2 == 1, number % 2 == 0):
                wait_until_idle(lab)
                if is_watched:
                    findings.watched_s.append(crawl(folder, line.cases))
                else:
                    lab.suspend()
                    findings.asleep_s.append(crawl(folder, line.cases))
                    lab.resume()


def wait_until_idle(lab: psutil.Process) -> None:
    """Wait until the lab does no more than look around: it has taken in the run before, be it one it slept over."""
    used = -1.0
    deadline = time.monotonic() + PATIENCE_S
    while (now := sum(lab.cpu_times()[:2])) - used > MOST_IDLE_S and time.monotonic() < deadline:
        used = now
        time.sleep(1.0)


@contextmanager
def reader_of_all(address: str) -> Iterator[None]:
    """Have a thread that reads the stream of all runs, and connects again when it breaks."""
    over = threading.Event()

    async def read() -> None:
        while not over.is_set():
            with suppress(OSError, WebSocketException, TimeoutError):
                async with connect(address, compression=None, ping_interval=None, max_size=None) as socket:
                    while not over.is_set():
                        with suppress(TimeoutError):
                            await asyncio.wait_for(socket.recv(), 0.5)

    thread = threading.Thread(target=lambda: asyncio.run(read()))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def crawl(folder: Path, cases: int) -> tuple[float, float]:
    """Crawl so many cases; return the wall-clock and the CPU that it took, in seconds."""
    command = [sys.executable, "-c", _MEASURED, *CRAWL, f"max_examples={cases}", f"output_dir={folder / 'outputs'}"]
    began = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    wall_s = time.perf_counter() - began
    if done.returncode not in (0, 1):
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
    return wall_s, float(done.stderr.splitlines()[-1])


def print_findings(findings: Findings) -> None:
    """Print what was found."""
    print(
        f"{findings.cpus} CPUs, {findings.readers} readers, {findings.events} events at {findings.events_per_s:.0f}/s"
    )
    print(f"lost {findings.lost}, told twice {findings.twice}")
    print("delay, ms: " + ", ".join(f"{name} {value:.0f}" for name, value in findings.delay_ms.items()))
    print(f"the lab took {findings.lab_cpu_s:.1f} s of CPU and holds {findings.lab_rss / 2**20:.0f} MiB")
    if findings.watched_s:
        for name, which in (("wall-clock", 0), ("its own CPU", 1)):
            alone, watched = (median(spent[which] for spent in of) for of in (findings.asleep_s, findings.watched_s))
            ratios = findings.ratios(which)
            low, _, high = quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
            spread = f"half of the {len(ratios)} pairs between {low:.3f} and {high:.3f}"
            print(f"a run, {name}: {alone:.2f} s alone, {watched:.2f} s watched, ratio {median(ratios):.3f}, {spread}")


if __name__ == "__main__":
    sys.exit(main())
