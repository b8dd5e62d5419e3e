"""What evalkit costs per case, beside a bare client that sends and receives the same frames and stores nothing.

    python benchmarks/overhead.py [--cases 5000] [--concurrency 8] [--json FILE]

A fast crawl (nobody waits for real time) against `local-echo` in its own process, as the CLI runs it from the prepared
config on: speech and transcripts cached by content, traces, WAV files, records, journal and grades on disk, then the
reports. Start-up is left out; this process's CPU counts, all threads of it. Four things are measured:

1. CPU per case, in rounds that take turns with the bare client's; the ratio is that of the medians. The bare client
   makes its frames as it sends them and reads the type of every event it receives, and that is all. It runs on the
   standard library's event loop, as a client does that nobody tuned, and once more on the loop that evalkit runs on.
2. Growth: CPU per case of a run of `--cases` with its reports, over that of runs of 100 with theirs; half of the small
   runs come before the large one and half after it, because a machine is not the same a minute later.
3. Memory of this process while it runs, and bytes on disk per case.
4. The engine alone: cases whose work is to return a small record at once, with journal, record and a grade.

Exit code 1: a bar was missed (ratio 2.2, growth 10 %, engine 3 ms).
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from installed import missing_packages_named

with missing_packages_named():
    import orjson
    import psutil
    import websockets
    from local_crawl import ENGINES, TEXTS, LocalCrawl, Ready, plain_controls

    from evalkit import event_loop
    from evalkit.audio.formats import AudioFormat
    from evalkit.audio.wav import read_wav
    from evalkit.graders.context import GraderServices
    from evalkit.realtime.events import ClientEvents, SessionSpec
    from evalkit.realtime.pacer import split_chunks
    from evalkit.records.case import Case, CaseTrial, ExpectedCall
    from evalkit.records.grade import GraderSpec
    from evalkit.records.record import CaseRecord, ToolCall, Turn, Words
    from evalkit.runner.pipeline import Remaining, Workload, expand_trials, run_workload
    from evalkit.runner.prepare import Prepared
    from evalkit.runner.reporting import report_run
    from evalkit.service import child
    from evalkit.store.run_directory import RunDirectory

MAX_RATIO, MAX_GROWTH, MAX_ENGINE_MS = 2.2, 1.10, 3.0
SMALL, MIDDLE, ROUNDS = 100, 400, 5


@dataclass(frozen=True)
class Spent:
    """What a stretch of work took, per case in milliseconds."""

    cpu_ms: float
    wall_ms: float


@dataclass
class Findings:
    """All that was measured."""

    cpus: int | None = field(default_factory=os.cpu_count)
    bare: list[Spent] = field(default_factory=list)
    bare_same_loop: list[Spent] = field(default_factory=list)
    middle: list[Spent] = field(default_factory=list)
    small: list[Spent] = field(default_factory=list)
    small_report: list[Spent] = field(default_factory=list)
    engine: list[Spent] = field(default_factory=list)
    large_cases: int = 0
    large: Spent = Spent(0, 0)
    large_report: Spent = Spent(0, 0)
    rss_mb: dict[int, float] = field(default_factory=dict)
    rss_after_report_mb: float = 0.0
    disk_bytes: dict[str, float] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """CPU per case over the bare client's."""
        return _cpu(self.middle) / _cpu(self.bare)

    @property
    def growth(self) -> float:
        """CPU per case of the large run with its report, over that of the small ones."""
        return (self.large.cpu_ms + self.large_report.cpu_ms) / (_cpu(self.small) + _cpu(self.small_report))

    @property
    def missed(self) -> list[str]:
        """The bars that were missed."""
        found = {
            f"ratio {self.ratio:.2f} > {MAX_RATIO:g}": self.ratio > MAX_RATIO,
            f"growth {self.growth:.2f} > {MAX_GROWTH:g}": self.growth > MAX_GROWTH,
            f"engine {_wall(self.engine):.2f} ms > {MAX_ENGINE_MS:g} ms": _wall(self.engine) > MAX_ENGINE_MS,
        }
        return [bar for bar, is_missed in found.items() if is_missed]


def main() -> int:
    """Measure everything and print the tables."""
    options = _parse()
    findings = Findings(large_cases=options.cases)
    with tempfile.TemporaryDirectory(prefix="overhead_") as folder, child.start(ENGINES) as service:
        crawl = LocalCrawl(Path(folder), service.url, options.concurrency)
        _measure(crawl, findings, options.concurrency)
    _print(findings)
    if options.json:
        told = {**asdict(findings), "ratio": findings.ratio, "growth": findings.growth, "missed": findings.missed}
        options.json.write_text(json.dumps(told, indent=2) + "\n")
    for bar in findings.missed:
        print(f"missed: {bar}")
    return 1 if findings.missed else 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--cases", type=int, default=5000, help="of the large run")
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser.parse_args()


def _measure(crawl: LocalCrawl, findings: Findings, concurrency: int) -> None:
    warm = crawl.start(SMALL)
    crawl.run(warm)
    report_run(warm.run)
    frames = _frames_of(warm)
    for _ in range(ROUNDS):
        with _spending(findings.bare, MIDDLE):
            asyncio.run(_bare_run(crawl.socket_url, [frames[n % len(frames)] for n in range(MIDDLE)], concurrency))
        with _spending(findings.bare_same_loop, MIDDLE):
            event_loop.run(_bare_run(crawl.socket_url, [frames[n % len(frames)] for n in range(MIDDLE)], concurrency))
        ready = crawl.start(MIDDLE)
        with _spending(findings.middle, MIDDLE):
            crawl.run(ready)
        with _spending(findings.engine, 10 * SMALL):
            event_loop.run(_engine_alone(crawl.new_run(), 10 * SMALL, concurrency))
    _measure_small(crawl, findings)
    _measure_large(crawl, findings)
    _measure_small(crawl, findings)


def _measure_small(crawl: LocalCrawl, findings: Findings) -> None:
    for _ in range(ROUNDS):
        ready = crawl.start(SMALL)
        with _spending(findings.small, SMALL):
            crawl.run(ready)
        with _spending(findings.small_report, SMALL):
            report_run(ready.run)


def _measure_large(crawl: LocalCrawl, findings: Findings) -> None:
    count, spent = findings.large_cases, list[Spent]()
    ready = crawl.start(count)
    gc.collect()

    done = 0

    def note_memory(_: CaseRecord) -> None:
        nonlocal done
        done += 1
        if done in (1, SMALL, count // 2, count):
            findings.rss_mb[done] = psutil.Process().memory_info().rss / 1e6

    with _spending(spent, count):
        crawl.run(ready, note_memory)
    with _spending(spent, count):
        report_run(ready.run)
    findings.large, findings.large_report = spent
    findings.rss_after_report_mb = psutil.Process().memory_info().rss / 1e6
    for name in ("records", "events", "audio"):
        sizes = [path.stat().st_size for path in (ready.run.root / name).rglob("*") if path.is_file()]
        findings.disk_bytes[name] = sum(sizes) / count
    for name in ("journal.jsonl", "grades.jsonl", "results.csv"):
        findings.disk_bytes[name] = (ready.run.root / name).stat().st_size / count


def _frames_of(done: Ready) -> list[Frames]:
    """Return, for each text, what a case with it sends: the same events around the same audio."""
    return [
        Frames(read_wav(done.run.audio_dir(case.case_id) / "input.wav").payload, done.prepared)
        for case in done.prepared.cases[: len(TEXTS)]
    ]


class Frames:
    """What one case sends, made while it is sent, as any client must."""

    def __init__(self, wire: bytes, prepared: Prepared) -> None:
        settings: Any = prepared.settings
        self._chunks = split_chunks(wire, AudioFormat.PCM16, settings.chunk_ms)
        data: Any = prepared.data
        self._spec = SessionSpec(data.system_prompt, tools=data.tools, voice=settings.assistant.voice)

    def __iter__(self) -> Iterator[bytes]:
        """Yield the frames."""
        events = ClientEvents()
        yield orjson.dumps(events.session_update(self._spec))
        for chunk in self._chunks:
            yield orjson.dumps(events.append_audio(chunk))
        yield orjson.dumps(events.commit_audio())
        yield orjson.dumps(events.create_response())


async def _bare_run(url: str, cases: Sequence[Frames], concurrency: int) -> None:
    waiting = iter(cases)

    async def lane() -> None:
        for frames in waiting:
            await _bare_case(url, frames)

    await asyncio.gather(*(lane() for _ in range(concurrency)))


async def _bare_case(url: str, frames: Frames) -> None:
    async with websockets.connect(url, compression=None, max_size=None, proxy=None) as socket:

        async def receive() -> None:
            async for message in socket:
                if orjson.loads(message)["type"] == "response.done":
                    return

        receiving = asyncio.create_task(receive())
        for number, frame in enumerate(frames):
            await socket.send(frame, text=True)
            if number % 8 == 7:
                await asyncio.sleep(0)
        await receiving


async def _engine_alone(run: RunDirectory, count: int, concurrency: int) -> None:
    cases = [Case(f"case-{n}", "terminal", {"user_text": "list"}, (ExpectedCall("ls", {}),)) for n in range(count)]
    call = ToolCall("ls", {}, "{}", "c1")

    async def work(trial: CaseTrial, attempt: int) -> CaseRecord:
        return CaseRecord(
            case=trial.case, trial=trial.trial, seed=trial.seed, reuse_key=f"try {attempt}", settings={}, failure=None,
            attempts=(), turns=(Turn(1, "list", (call, Words("done"))),), cost_usd={}, served_model="sh", started_at="",
            duration_ms=0.0,
        )  # fmt: skip

    specs = [GraderSpec("tool_call", "tool_call")]
    workload = Workload(work, lambda _: specs, GraderServices())
    left = Remaining(expand_trials(cases, 1, 0))
    await run_workload(workload, left, run, plain_controls(concurrency), lambda *_: None)


@contextmanager
def _spending(into: list[Spent], cases: int) -> Iterator[None]:
    cpu, wall = time.process_time(), time.perf_counter()
    yield
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    into.append(Spent(cpu / cases * 1000, wall / cases * 1000))


def _cpu(spent: Sequence[Spent]) -> float:
    return median(each.cpu_ms for each in spent)


def _wall(spent: Sequence[Spent]) -> float:
    return median(each.wall_ms for each in spent)


def _print(found: Findings) -> None:
    large, count = found.large, found.large_cases
    print("| what | CPU ms per case | wall ms per case | cases per second |\n|---|---|---|---|")
    rows = {
        f"bare client, {MIDDLE} cases": Spent(_cpu(found.bare), _wall(found.bare)),
        "bare client on evalkit's loop": Spent(_cpu(found.bare_same_loop), _wall(found.bare_same_loop)),
        f"evalkit, {MIDDLE} cases": Spent(_cpu(found.middle), _wall(found.middle)),
        f"evalkit, {SMALL} cases": Spent(_cpu(found.small), _wall(found.small)),
        f"evalkit, {count} cases": large,
        f"reports, {SMALL} cases": Spent(_cpu(found.small_report), _wall(found.small_report)),
        f"reports, {count} cases": found.large_report,
        f"engine alone, {10 * SMALL} cases": Spent(_cpu(found.engine), _wall(found.engine)),
    }
    for name, spent in rows.items():
        print(f"| {name} | {spent.cpu_ms:.2f} | {spent.wall_ms:.2f} | {1000 / spent.wall_ms:.0f} |")
    print(f"\nCPU per case over the bare client's: {found.ratio:.2f} (bar {MAX_RATIO:g})")
    print(f"over that of a bare client on the same loop: {_cpu(found.middle) / _cpu(found.bare_same_loop):.2f}")
    print(f"CPU per case of {count} over that of {SMALL}, reports included: {found.growth:.2f} (bar {MAX_GROWTH:g})")
    print(f"engine alone: {_wall(found.engine):.2f} ms per case (bar {MAX_ENGINE_MS:g})")
    print("memory (MB) after n cases:", ", ".join(f"{n}: {mb:.0f}" for n, mb in sorted(found.rss_mb.items())))
    print(f"memory (MB) after the reports of {count} cases: {found.rss_after_report_mb:.0f}")
    print("bytes per case:", ", ".join(f"{name} {size:.0f}" for name, size in found.disk_bytes.items()))


if __name__ == "__main__":
    with missing_packages_named():
        sys.exit(main())
