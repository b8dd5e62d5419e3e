"""How punctual many calls in full duplex are that one process holds, beside a sender that sleeps per chunk.

    python benchmarks/duplex_sessions.py [--sessions 100] [--seconds 15] [--json FILE]

Every call is the production path against `local-echo` in its own process, whose turn detection (`server_vad`) decides
when it answers: one uplink of 20 ms chunks of PCM16 24 kHz on absolute deadlines, shipped recordings said into it, two
seconds of tone heard back in real time, each event traced to a log on disk, both sides written as a recording. Calls
begin spread over a second. They are held twice: as evalkit sends, and as `send; sleep(0.02)` does.

Lateness of a chunk is from when it was due to when the socket had taken it. An underrun is a response that had nothing
to play although more of it was to come. Exit code 1: p99 lateness is above 20 ms, or there was an underrun.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from installed import missing_packages_named

with missing_packages_named():
    import psutil
    from held_at_once import describe_lateness, hold_at_once

    from evalkit.audio.formats import AudioFormat
    from evalkit.audio.resample import resample
    from evalkit.audio.wav import read_wav, write_stereo
    from evalkit.clock import MonotonicClock
    from evalkit.errors import CaseFailure
    from evalkit.realtime.call_sound import join_sides
    from evalkit.realtime.duplex import CallStream, DuplexSession
    from evalkit.realtime.events import DetectionSpec, SessionSpec
    from evalkit.realtime.timeline import Timeline
    from evalkit.realtime.trace import Trace
    from evalkit.service import child
    from evalkit.service.child import ServiceOptions
    from evalkit.settings.resources import resource_dir
    from evalkit.store.event_log import open_event_log
    from evalkit.store.writer import in_writer

CHUNK_MS = 20
WIRE = AudioFormat.PCM16
MAX_P99_MS = 20.0
SPEC = SessionSpec("You are a tone.", turn_detection=DetectionSpec("server_vad"))
HEADER = (
    "| sender | calls | late p50 ms | late p99 ms | late max ms | turns answered | underruns | client cores "
    "| server cores | holds |\n" + "|---" * 10 + "|"
)


@dataclass(frozen=True)
class Trial:
    """What holding many calls at once came to. CPU is in cores: 1.0 is one core all the time."""

    sender: str
    sessions: int
    seconds: float
    lateness_p50_ms: float
    lateness_p99_ms: float
    lateness_max_ms: float
    turns: int
    underruns: int
    client_cpu: float
    server_cpu: float

    @property
    def holds(self) -> bool:
        """Whether all bars are kept."""
        return self.lateness_p99_ms <= MAX_P99_MS and not self.underruns

    def __str__(self) -> str:
        """Return its line of the table."""
        return (
            f"| {self.sender} | {self.sessions} | {self.lateness_p50_ms:.2f} | {self.lateness_p99_ms:.2f} "
            f"| {self.lateness_max_ms:.1f} | {self.turns} | {self.underruns} | {self.client_cpu:.2f} "
            f"| {self.server_cpu:.2f} | {'yes' if self.holds else 'no'} |"
        )


class _NaiveSession(DuplexSession):
    """A session that sends as one should not."""

    async def _run_uplink(self) -> None:
        """Send with a sleep before each chunk; lateness is told against the schedule that was meant."""
        with suppress(CaseFailure):
            while True:
                await asyncio.sleep(CHUNK_MS / 1000)
                due_ms, offset = self.uplink.due_ms, self.uplink.sent_samples * WIRE.bytes_per_sample
                await self._append([self.uplink.take()], wav="uplink.wav", offset=offset)
                self.lateness_ms.append(self.now_ms - due_ms)
                self._news.set()


def main() -> int:
    """Hold the calls twice and print the table."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--sessions", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=15.0, help="how long each call lasts at least")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    with child.start(ServiceOptions(speech="pico", transcription="pocketsphinx")) as service:
        bench = _Bench(service.url, service.pid)
        bench.run(2, 1.0, DuplexSession)
        print(HEADER)
        trials = []
        for kind in (DuplexSession, _NaiveSession):
            trials.append(bench.run(options.sessions, options.seconds, kind))
            print(trials[-1], flush=True)
    if options.json:
        told = {"cpus": os.cpu_count(), "trials": [asdict(trial) for trial in trials]}
        options.json.write_text(json.dumps(told, indent=2) + "\n")
    return 0 if trials[0].holds else 1


class _Bench:
    """Trials against one running service."""

    def __init__(self, url: str, pid: int) -> None:
        self._url = f"{url.replace('http', 'ws', 1)}/realtime?model=local-echo"
        self._server = psutil.Process(pid)
        self._clips = _recordings()

    def run(self, sessions: int, seconds: float, kind: type[DuplexSession]) -> Trial:
        """Hold `sessions` calls of `seconds` each, at once."""
        held, cpu = hold_at_once(self._server, lambda folder: self._hold_all(sessions, seconds, kind, folder))
        return Trial(
            sender="sleep per chunk" if kind is _NaiveSession else "evalkit",
            sessions=sessions,
            seconds=seconds,
            turns=sum(len(session.uplink.clips) for session in held),
            underruns=sum(session.playout.underruns for session in held),
            **describe_lateness(session.lateness_ms for session in held),
            **cpu,
        )

    async def _hold_all(
        self, sessions: int, seconds: float, kind: type[DuplexSession], folder: Path
    ) -> Sequence[DuplexSession]:
        barrier = asyncio.Barrier(sessions)
        return await asyncio.gather(
            *(self._hold(number, number / sessions, seconds, kind, folder, barrier) for number in range(sessions))
        )

    async def _hold(
        self, number: int, delay_s: float, seconds: float, kind: type[DuplexSession], folder: Path,
        barrier: asyncio.Barrier,
    ) -> DuplexSession:  # fmt: skip
        """Say one recording after the other, and hear out what each is answered with."""
        async with open_event_log(folder / f"events_{number}.jsonl") as log:
            timeline, stream = Timeline.begin(MonotonicClock()), CallStream(CHUNK_MS, "uplink.wav", "downlink.wav")
            session = kind(self._url, {}, source="assistant", trace=Trace(log.write), timeline=timeline, stream=stream)
            async with session:
                await session.configure(SPEC, timeout_s=60)
                await barrier.wait()
                await asyncio.sleep(delay_s)
                session.begin()
                turn = 0
                while session.now_ms < seconds * 1000:
                    turn += 1
                    session.begin_turn(turn)
                    clip = session.say(self._clips[(number + turn) % len(self._clips)])
                    await session.listen(clip, timeout_s=60)
        await in_writer(_write, session, folder / f"call_{number}.wav")
        return session


def _write(session: DuplexSession, path: Path) -> None:
    sound = join_sides(session.uplink, session.playout, until_ms=session.now_ms)
    write_stereo(path, sound.caller, sound.assistant, sound.sample_rate_hz)


def _recordings() -> Sequence[bytes]:
    """Return shipped recordings of callers, as they go over the wire."""
    found = [read_wav(path) for path in sorted((resource_dir("data") / "walk" / "audio").glob("*.wav"))[:16]]
    return [WIRE.to_wire(resample(audio.pcm, audio.sample_rate_hz, WIRE.sample_rate_hz)) for audio in found]


if __name__ == "__main__":
    with missing_packages_named():
        sys.exit(main())
