"""How many paced full-duplex conversations one process holds, and what a sender that sleeps per chunk makes of them.

    python benchmarks/paced_sessions.py [--sessions 100] [--seconds 15] [--trial-seconds 6] [--json FILE]

Every conversation is the production path: a session over a real socket to `local-echo` in its own process, 20 ms of
PCM16 24 kHz sent on absolute deadlines while as much comes back, each event traced to a log on disk, both directions
recorded to WAV. It is a synthetic load: with manual turns no assistant talks while it is spoken to (see
`evalkit/service/echo.py`). Conversations begin spread over a second. Measured, in this order:

1. `--sessions` conversations, twice: as evalkit sends, and as `send; sleep(0.02)` does, otherwise the same code.
2. A crawl in real time through the whole pipeline with as many cases at once, three times as many in all, so that
   cases begin, are written and graded while others talk (turn by turn, as runs are): lateness as the records have it.
3. What a minute of a conversation holds in memory.
4. The most conversations that hold, by doubling and bisection with shorter trials.

A trial holds when p99 lateness is at most 20 ms, no conversation stretches by 0.5 % or more, and every byte sent was
answered. Lateness of a chunk is from when it was due to when the socket had taken it; stretch is the duration of the
sending over what it should have been. Exit code 1: `--sessions` did not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from installed import missing_packages_named

with missing_packages_named():
    import numpy as np
    import psutil
    from held_at_once import describe_lateness, hold_at_once
    from local_crawl import ENGINES, TEXTS, LocalCrawl

    from evalkit import event_loop
    from evalkit.audio.formats import AudioFormat
    from evalkit.audio.wav import write_wav
    from evalkit.clock import MonotonicClock
    from evalkit.realtime.events import SessionSpec
    from evalkit.realtime.pacer import Pacing, split_chunks
    from evalkit.realtime.session import RealtimeSession
    from evalkit.realtime.timeline import Timeline
    from evalkit.realtime.trace import Trace
    from evalkit.service import child
    from evalkit.store.event_log import open_event_log
    from evalkit.store.writer import in_writer

CHUNK_MS = 20
WIRE = AudioFormat.PCM16
MAX_P99_MS, MAX_STRETCH = 20.0, 0.005


@dataclass(frozen=True)
class Trial:
    """What one trial of many conversations came to. CPU is in cores: 1.0 is one core all the time."""

    sender: str
    sessions: int
    seconds: float
    lateness_p50_ms: float
    lateness_p99_ms: float
    lateness_max_ms: float
    stretch_max: float
    answered: bool
    client_cpu: float
    server_cpu: float

    @property
    def holds(self) -> bool:
        """Whether all bars are kept."""
        return self.answered and self.lateness_p99_ms <= MAX_P99_MS and self.stretch_max < MAX_STRETCH


@dataclass(frozen=True)
class Held:
    """One conversation that is over."""

    pacing: Pacing
    answered_bytes: int


class _Session(RealtimeSession):
    """A session that can also send as one should not."""

    async def send_naively(self, wire: bytes) -> Pacing:
        """Send with a sleep after each chunk; lateness is told against the schedule that was meant."""
        chunks = split_chunks(wire, WIRE, CHUNK_MS)
        clock = MonotonicClock()
        started, late = clock.now(), []
        for number, chunk in enumerate(chunks):
            await self._append_to_turn([chunk])
            late.append((clock.now() - started) * 1000 - number * CHUNK_MS)
            await asyncio.sleep(CHUNK_MS / 1000)
        finished = started + ((len(chunks) - 1) * CHUNK_MS + late[-1]) / 1000
        await self.send_audio(b"", chunk_ms=CHUNK_MS, real_time=False)
        return Pacing(
            CHUNK_MS,
            len(chunks),
            real_time=True,
            started_at_ms=started * 1000,
            finished_at_ms=finished * 1000,
            lateness_ms=tuple(late),
        )


def main() -> int:
    """Run everything and print the tables."""
    options = _parse()
    with child.start(ENGINES) as service:
        bench = _Bench(service.url, service.pid)
        bench.run(4, 1.0)
        print(_HEADER)
        side_by_side = [bench.show(options.sessions, options.seconds, naive=naive) for naive in (False, True)]
        pipeline = _run_pipeline(service.url, options.sessions)
        memory = bench.measure_memory()
        print(f"memory: {memory / 1e6:.1f} MB at the peak for each minute of a conversation, both directions\n")
        print(_HEADER)
        most, trials = (0, []) if options.no_search else _search(bench, options.sessions, options.trial_seconds)
    if most:
        print(f"\nhighest number of conversations that holds: {most}")
    if options.json:
        told = {"cpus": os.cpu_count(), "side_by_side": [asdict(t) for t in side_by_side]}
        told |= {
            "pipeline": asdict(pipeline),
            "bytes_per_conversation_minute": memory,
            "highest": most,
            "search": [asdict(trial) for trial in trials],
        }
        options.json.write_text(json.dumps(told, indent=2) + "\n")
    return 0 if side_by_side[0].holds else 1


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--sessions", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=15.0, help="of audio per conversation, side by side")
    parser.add_argument("--trial-seconds", type=float, default=6.0, help="of audio per conversation, in the search")
    parser.add_argument("--no-search", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser.parse_args()


_HEADER = (
    "| sender | conversations | audio s | late p50 ms | late p99 ms | late max ms | stretch | answered "
    "| client cores | server cores | holds |\n" + "|---" * 11 + "|"
)


class _Bench:
    """Trials against one running service."""

    def __init__(self, url: str, pid: int) -> None:
        self._url = f"{url.replace('http', 'ws', 1)}/realtime?model=local-echo"
        self._server = psutil.Process(pid)

    def show(self, sessions: int, seconds: float, *, naive: bool = False) -> Trial:
        """Run a trial, print its line and return it."""
        trial = self.run(sessions, seconds, naive=naive)
        print(
            f"| {trial.sender} | {trial.sessions} | {trial.seconds:g} | {trial.lateness_p50_ms:.2f} "
            f"| {trial.lateness_p99_ms:.2f} | {trial.lateness_max_ms:.1f} | {trial.stretch_max:.3%} "
            f"| {'all' if trial.answered else 'NOT ALL'} | {trial.client_cpu:.2f} | {trial.server_cpu:.2f} "
            f"| {'yes' if trial.holds else 'no'} |",
            flush=True,
        )
        return trial

    def run(self, sessions: int, seconds: float, *, naive: bool = False) -> Trial:
        """Hold `sessions` conversations of `seconds` each, at once."""
        wire = np.random.default_rng(0).integers(-8000, 8000, int(seconds * 24_000), np.int16).tobytes()
        held, cpu = hold_at_once(self._server, lambda folder: self._hold_all(sessions, wire, folder, naive=naive))
        return Trial(
            sender="sleep per chunk" if naive else "evalkit",
            sessions=sessions,
            seconds=seconds,
            stretch_max=max(_stretch(each.pacing) for each in held),
            answered=all(each.answered_bytes == len(wire) for each in held),
            **describe_lateness(each.pacing.lateness_ms for each in held),
            **cpu,
        )

    async def _hold_all(self, sessions: int, wire: bytes, folder: Path, *, naive: bool) -> list[Held]:
        barrier = asyncio.Barrier(sessions)
        return await asyncio.gather(
            *(
                self._hold(folder / f"c{number}", number / sessions, wire, barrier, naive=naive)
                for number in range(sessions)
            )
        )

    def measure_memory(self) -> float:
        """Return the bytes that a minute of a conversation holds at its peak, traced: five minutes less one, over 4."""
        peaks = []
        for minutes in (1, 5):
            wire = np.random.default_rng(0).integers(-8000, 8000, minutes * 60 * 24_000, np.int16).tobytes()
            with tempfile.TemporaryDirectory(prefix="paced_memory_") as folder:
                tracemalloc.start()
                event_loop.run(self._hold_unpaced(Path(folder), wire))
                peaks.append(tracemalloc.get_traced_memory()[1] + len(wire))
                tracemalloc.stop()
        return (peaks[1] - peaks[0]) / 4

    async def _hold_unpaced(self, folder: Path, wire: bytes) -> None:
        async with open_event_log(folder / "events.jsonl") as log:
            timeline = Timeline.begin(MonotonicClock())
            trace = Trace(log.write)
            async with RealtimeSession(self._url, {}, source="assistant", trace=trace, timeline=timeline) as session:
                await session.configure(SessionSpec("You are a tone."), timeout_s=60)
                session.begin_turn(1, input_wav="input.wav", output_wav="output.wav")
                answer = asyncio.create_task(session.respond(timeout_s=600, metadata={"echo": "appends"}))
                await asyncio.sleep(0)
                await session.send_audio(wire, chunk_ms=CHUNK_MS, real_time=False)
                await answer
            turn = session.turn_result()
        await in_writer(write_wav, folder / "input.wav", wire, WIRE)
        await in_writer(write_wav, folder / "output.wav", turn.audio, WIRE)

    async def _hold(self, folder: Path, delay_s: float, wire: bytes, barrier: asyncio.Barrier, *, naive: bool) -> Held:
        async with open_event_log(folder / "events.jsonl") as log:
            timeline = Timeline.begin(MonotonicClock())
            session = _Session(self._url, {}, source="assistant", trace=Trace(log.write), timeline=timeline)
            async with session:
                await session.configure(SessionSpec("You are a tone."), timeout_s=60)
                session.begin_turn(1, input_wav="input.wav", output_wav="output.wav")
                await barrier.wait()
                await asyncio.sleep(delay_s)
                answer = asyncio.create_task(session.respond(timeout_s=600, metadata={"echo": "appends"}))
                await asyncio.sleep(0)
                if naive:
                    pacing = await session.send_naively(wire)
                else:
                    pacing = await session.send_audio(wire, chunk_ms=CHUNK_MS, real_time=True)
                await answer
            turn = session.turn_result()
        await in_writer(write_wav, folder / "input.wav", wire, WIRE)
        await in_writer(write_wav, folder / "output.wav", turn.audio, WIRE)
        return Held(pacing, len(turn.audio))


@dataclass(frozen=True)
class Pipeline:
    """How punctual the cases of a run in real time were. CPU is in cores."""

    cases: int
    concurrency: int
    lateness_p99_ms_median: float
    lateness_p99_ms_worst: float
    lateness_max_ms: float
    client_cpu: float


def _run_pipeline(url: str, concurrency: int) -> Pipeline:
    """Run a crawl in real time, print how it went, and return it."""
    with tempfile.TemporaryDirectory(prefix="paced_pipeline_") as folder:
        crawl = LocalCrawl(Path(folder), url, concurrency)
        crawl.run(crawl.start(len(TEXTS)))
        ready = crawl.start(3 * concurrency, "real_time=true")
        cpu, began = time.process_time(), time.perf_counter()
        turns: list[Mapping[str, float]] = []
        crawl.run(ready, lambda record: turns.append(record.turns[0].measures))
        cpu = (time.process_time() - cpu) / (time.perf_counter() - began)
    p99s = [measures["lateness_p99_ms"] for measures in turns]
    found = Pipeline(
        len(turns), concurrency, float(np.median(p99s)), max(p99s), max(m["lateness_max_ms"] for m in turns), cpu
    )
    print(
        f"\na run in real time, {found.cases} cases, {found.concurrency} at once: p99 lateness of a case "
        f"{found.lateness_p99_ms_median:.2f} ms in the median, {found.lateness_p99_ms_worst:.2f} ms at worst, "
        f"any chunk at most {found.lateness_max_ms:.1f} ms; {found.client_cpu:.2f} cores\n",
        flush=True,
    )
    return found


def _stretch(pacing: Pacing) -> float:
    """Return by how much the sending took longer than it should have; 0.01 is one per cent."""
    planned_ms = (pacing.chunks - 1) * pacing.chunk_ms
    return (pacing.finished_at_ms - pacing.started_at_ms) / planned_ms - 1


def _search(bench: _Bench, first: int, seconds: float) -> tuple[int, list[Trial]]:
    """Return the most conversations that hold, to within 10, and the trials that show it."""
    trials, holding, failing = [], 0, 0
    tried = first
    while not failing:
        trials.append(bench.show(tried, seconds))
        if trials[-1].holds:
            holding, tried = tried, tried * 2
        else:
            failing = tried
    while failing - holding > 10:
        tried = (holding + failing) // 2
        trials.append(bench.show(tried, seconds))
        if trials[-1].holds:
            holding = tried
        else:
            failing = tried
    return holding, trials


if __name__ == "__main__":
    with missing_packages_named():
        sys.exit(main())
