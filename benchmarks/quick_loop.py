"""What a person waits for who changes a prompt and runs again; and a small suite, beside a client that does it in turn.

    python benchmarks/quick_loop.py [--rounds 3] [--json FILE]

1. `--help`, `check`, and a run of one case with a warm service and cache, as a person starts them. The CPU is that of
   evalkit's own process, and beside it that of what it starts and waits for (what draws pictures, git); the embedded
   provider outlives the run and is in neither.
2. Eleven cases with nothing cached: `evalkit` with all its defaults, against the protocol in the order in which a
   plain script would do it: synthesise, connect, session.update, append, commit, response.create, wait; one case after
   the other, nothing graded and nothing stored. Once as fast as possible, and once at the speed of speech. Each has a
   service of its own, started before the clock, because a service remembers what it spoke and heard. Both are
   processes that start from nothing; the CPU is theirs and the service's.

Exit code 1: a bar was missed (0.3 s, 0.8 s, 1.2 s of CPU and 2.5 s in all; ratios 0.85 and 0.2). Wall-clock says
something on an idle machine only.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from installed import missing_packages_named

with missing_packages_named():
    import httpx2
    import psutil
    import websockets

    from evalkit.datasets.tables import read_table
    from evalkit.datasets.tools import load_tools
    from evalkit.service import child, warm
    from evalkit.settings.resources import resource_dir

CASES, CHUNK_MS, RATE_HZ = 11, 20, 24_000
SUPPORT_CSV = resource_dir("data") / "crawl" / "support.csv"
ONE_CASE = ("max_examples=1", "service.keep_alive_s=60")
# What the process and its children took is printed by the process itself, after all of its work.
_MEASURED = (
    "import resource, sys; from evalkit.cli import main; code = main(sys.argv[1:]);"
    "used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)];"
    "print(*[one.ru_utime + one.ru_stime for one in used], file=sys.stderr); sys.exit(code)"
)


@dataclass(frozen=True)
class Spent:
    """What a command took, in seconds: CPU of its own process and of those it waited for, and wall-clock."""

    own_cpu_s: float
    children_cpu_s: float
    wall_s: float


@dataclass(frozen=True)
class Suite:
    """What the eleven cases took, in seconds: wall-clock, CPU of who asks, and CPU of the service."""

    wall_s: float
    client_cpu_s: float
    service_cpu_s: float


@dataclass(frozen=True)
class Bar:
    """What must not be exceeded, in seconds or as a ratio."""

    what: str
    found: float
    most: float

    @property
    def is_missed(self) -> bool:
        """Whether it was."""
        return self.found > self.most


@dataclass
class Findings:
    """All that was measured: commands by name, and the eleven cases by pace, ours and in turn."""

    cpus: int | None = field(default_factory=os.cpu_count)
    commands: dict[str, list[Spent]] = field(default_factory=dict)
    ours: dict[str, list[Suite]] = field(default_factory=dict)
    in_turn: dict[str, list[Suite]] = field(default_factory=dict)

    def typical(self, command: str, take: Callable[[Spent], float]) -> float:
        """Return the median of what a command took."""
        return median(take(spent) for spent in self.commands[command])

    def ratio(self, pace: str) -> float:
        """Return our time over that of the client that does it in turn."""
        return _typical(self.ours[pace]).wall_s / _typical(self.in_turn[pace]).wall_s

    @property
    def bars(self) -> list[Bar]:
        """What is held to a bar."""
        return [
            Bar("--help, wall s", self.typical("--help", lambda spent: spent.wall_s), 0.3),
            Bar("check, wall s", self.typical("check", lambda spent: spent.wall_s), 0.8),
            Bar("one case, own CPU s", self.typical("one case", lambda spent: spent.own_cpu_s), 1.2),
            Bar("one case, wall s", self.typical("one case", lambda spent: spent.wall_s), 2.5),
            *(Bar(f"{CASES} cases {pace}, ratio", self.ratio(pace), most) for pace, most in RATIOS.items()),
        ]


RATIOS = {"as fast as possible": 0.85, "in real time": 0.2}


def main() -> int:
    """Measure, print the tables, and say which bars were missed."""
    options = _parse()
    if options.in_turn:
        asyncio.run(_run_in_turn(options.in_turn, real_time=options.real_time))
        return 0
    child.check_installed(child.ServiceOptions())
    found = Findings()
    with tempfile.TemporaryDirectory(prefix="quick_loop_") as folder:
        _measure_commands(Path(folder), found, options.rounds)
        for number in range(options.rounds):
            _measure_suite(Path(folder) / f"suite_{number}", found)
    _print(found)
    if options.json:
        options.json.write_text(json.dumps({**asdict(found), "bars": [asdict(bar) for bar in found.bars]}, indent=2))
    return int(any(bar.is_missed for bar in found.bars))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--in-turn", metavar="URL", help="only be the client that does one case after the other")
    parser.add_argument("--real-time", action="store_true", help="of that client: send sound at the speed of speech")
    return parser.parse_args()


def _measure_commands(folder: Path, found: Findings, rounds: int) -> None:
    environ = {**os.environ, "EVALKIT_CACHE": str(folder / "cache")}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)  # which would have every command compile evalkit
    lines = {"--help": ("--help",), "check": ("check",), "one case": (*ONE_CASE, f"output_dir={folder / 'runs'}")}
    try:
        _measured(lines["one case"], environ)  # warms the service and the cache
        for _ in range(2 * rounds + 1):
            for name, line in lines.items():
                found.commands.setdefault(name, []).append(_measured(line, environ))
    finally:
        warm.stop_all(warm.folder(environ))


def _measured(line: Sequence[str], environ: dict[str, str]) -> Spent:
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, *line], env=environ, capture_output=True, text=True, check=True
    )
    wall_s = time.perf_counter() - begun
    own, children = done.stderr.splitlines()[-1].split()
    return Spent(float(own), float(children), wall_s)


def _measure_suite(folder: Path, found: Findings) -> None:
    for pace in RATIOS:
        real_time = pace == "in real time"
        paced = ["--real-time"] if real_time else []
        found.in_turn.setdefault(pace, []).append(_suite([__file__, "--in-turn", "URL", *paced]))
        line = [
            f"max_examples={CASES}", "provider=compatible", "provider.base_url=URL", f"output_dir={folder / 'runs'}",
            *(["real_time=true"] if real_time else []),
        ]  # fmt: skip
        cache = {"EVALKIT_CACHE": str(folder / f"cache_{real_time}")}
        found.ours.setdefault(pace, []).append(_suite(["-m", "evalkit", *line], cache))


def _suite(arguments: Sequence[str], environ: dict[str, str] | None = None) -> Suite:
    """Run a client against a service that has just been started; ``URL`` in its arguments stands for where that is."""
    with child.start() as service:
        _one_of_each(service.url)
        process = psutil.Process(service.pid)
        command = [sys.executable, *(text.replace("URL", service.url) for text in arguments)]
        client_before, service_before, begun = _children_cpu_s(), _cpu_s(process), time.perf_counter()
        subprocess.run(command, env={**os.environ, **(environ or {})}, capture_output=True, check=True)
        wall_s = time.perf_counter() - begun
        return Suite(wall_s, _children_cpu_s() - client_before, _cpu_s(process) - service_before)


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _typical(suites: Sequence[Suite]) -> Suite:
    return Suite(
        median(one.wall_s for one in suites),
        median(one.client_cpu_s for one in suites),
        median(one.service_cpu_s for one in suites),
    )


def _one_of_each(url: str) -> None:
    """Have the service speak and listen once, which no measurement is to pay for."""
    sound = httpx2.post(f"{url}/audio/speech", json=_speech("Good morning."), timeout=60).raise_for_status()
    files = {"file": ("said.wav", sound.content)}
    httpx2.post(
        f"{url}/audio/transcriptions", data={"model": "local-transcription"}, files=files, timeout=60
    ).raise_for_status()


async def _run_in_turn(url: str, *, real_time: bool) -> None:
    """Hold every case in the order of the protocol, one after the other."""
    texts = [row.cells["user_text"] for row in read_table(SUPPORT_CSV, ["user_text"]).rows][:CASES]
    prompt = (resource_dir("data") / "prompts" / "support.txt").read_text(encoding="utf-8")
    tools = load_tools(resource_dir("data") / "tools" / "support.json")
    async with httpx2.AsyncClient(base_url=url, timeout=60) as http:
        for text in texts:
            answer = (await http.post("/audio/speech", json=_speech(text))).raise_for_status()
            await _hold(url, _pcm(answer.content), prompt, tools, real_time=real_time)


async def _hold(url: str, sound: bytes, prompt: str, tools: Sequence[object], *, real_time: bool) -> None:
    address = f"{url.replace('http', 'ws', 1)}/realtime?model=local-agent"
    async with websockets.connect(address, max_size=None, proxy=None) as socket:

        async def send(kind: str, **content: object) -> None:
            await socket.send(json.dumps({"type": kind, **content}))

        pcm = {"type": "audio/pcm", "rate": RATE_HZ}
        listen = {"format": pcm, "turn_detection": None}
        session = {
            "type": "realtime", "instructions": prompt, "tools": tools, "output_modalities": ["audio"],
            "audio": {"input": listen, "output": {"format": pcm, "voice": "marin"}},
        }  # fmt: skip
        await send("session.update", session=session)
        size = RATE_HZ * 2 * CHUNK_MS // 1000
        for start in range(0, len(sound), size):
            await send("input_audio_buffer.append", audio=base64.b64encode(sound[start : start + size]).decode())
            if real_time:
                await asyncio.sleep(CHUNK_MS / 1000)
        await send("input_audio_buffer.commit")
        await send("response.create")
        async for message in socket:
            if json.loads(message)["type"] == "response.done":
                return


def _speech(text: str) -> dict[str, str]:
    return {"model": "local-speech", "voice": "marin", "input": text, "response_format": "wav"}


def _pcm(content: bytes) -> bytes:
    with wave.open(io.BytesIO(content)) as file:
        assert file.getframerate() == RATE_HZ
        return file.readframes(file.getnframes())


def _print(found: Findings) -> None:
    print("| command | own CPU s | CPU of what it waits for, s | wall s |\n|---|---|---|---|")
    for name in found.commands:
        own = found.typical(name, lambda spent: spent.own_cpu_s)
        others = found.typical(name, lambda spent: spent.children_cpu_s)
        wall = found.typical(name, lambda spent: spent.wall_s)
        print(f"| {name} | {own:.2f} | {others:.2f} | {wall:.2f} |")
    print(f"\n| {CASES} cases | who | wall s | own CPU s | the service's CPU s |\n|---|---|---|---|---|")
    for pace in RATIOS:
        for who, suites in (("in turn", found.in_turn[pace]), ("evalkit", found.ours[pace])):
            one = _typical(suites)
            print(f"| {pace} | {who} | {one.wall_s:.1f} | {one.client_cpu_s:.1f} | {one.service_cpu_s:.1f} |")
    print()
    for bar in found.bars:
        print(f"{'missed' if bar.is_missed else 'met'}: {bar.what} {bar.found:.2f} (at most {bar.most:g})")


if __name__ == "__main__":
    with missing_packages_named():
        sys.exit(main())
