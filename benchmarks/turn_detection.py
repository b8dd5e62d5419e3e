"""What it costs the embedded provider to detect the turns of many sessions at once, and whether any turn differs.

    python benchmarks/turn_detection.py [--sessions 100] [--seconds 15] [--json FILE]

Every session appends recordings that ship, 20 ms every 20 ms, beginning at its own moment; everything between an
append and the decision is the service's own code. The same audio is heard twice in one run: all sessions through one
:class:`VoiceActivity`, as the service does it, and each by itself, frame by frame. CPU is that of the process less that
of the same appends without detection. Exit code 1: all together take half a core or more, or a turn differs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path

from installed import missing_packages_named

with missing_packages_named():
    import numpy as np
    import onnxruntime

    from evalkit.audio.formats import AudioFormat
    from evalkit.audio.resample import resample
    from evalkit.audio.wav import read_wav
    from evalkit.service.turns.detection import TurnDetection, completed
    from evalkit.service.turns.silero import Probabilities, SileroNetwork, VoiceStream
    from evalkit.service.turns.turn_detector import TurnDetector, TurnGoesOn
    from evalkit.service.turns.voice_activity import VoiceActivity

CHUNK_MS = 20
WIRE = AudioFormat.PCM16
MAX_CORES = 0.5
RECORDINGS = Path(__file__).parents[1] / "data" / "walk" / "audio"

Judging = Callable[[VoiceStream, "np.ndarray"], Awaitable[Probabilities]]


@dataclass(frozen=True)
class Trial:
    """One way of judging: CPU seconds per second, how long a decision takes (median and p99), the turns found."""

    cores: float
    p50_ms: float
    p99_ms: float
    turns: list[list[str]]


async def one_session(audio: bytes, begin_at: float, judge: Judging | None, late_ms: list[float]) -> list[str]:
    """Append `audio` on absolute deadlines and return the turns in it."""
    loop = asyncio.get_running_loop()
    detector = TurnDetector(TurnDetection.from_wire(completed({"type": "server_vad"})), WIRE, 0)
    found: list[str] = []
    size = WIRE.byte_count(CHUNK_MS)
    judging: set[asyncio.Task[None]] = set()

    async def decide(pcm: np.ndarray, since: float) -> None:
        while judge is not None:
            detector.judged(await judge(detector.stream, pcm))
            late_ms.append((loop.time() - since) * 1000)
            since = loop.time()
            while (happens := detector.next()) is not None:
                if not isinstance(happens, TurnGoesOn):
                    found.append(repr(happens))
            due = detector.due()
            if due is None:
                return
            pcm = due

    for index, at in enumerate(range(0, len(audio), size)):
        await asyncio.sleep(begin_at + index * CHUNK_MS / 1000 - loop.time())
        detector.append(audio[at : at + size])
        if judge is not None and (pcm := detector.due()) is not None:
            task = asyncio.create_task(decide(pcm, loop.time()))
            judging.add(task)
            task.add_done_callback(judging.discard)
    await asyncio.gather(*judging)
    return found


async def trial(audios: list[bytes], judge: Judging | None, seconds: float) -> Trial:
    """Let all sessions talk at once."""
    begin, late_ms = asyncio.get_running_loop().time() + 0.2, []
    used = time.process_time()
    offsets = (begin + index / len(audios) for index in range(len(audios)))
    turns = await asyncio.gather(
        *(one_session(audio, at, judge, late_ms) for audio, at in zip(audios, offsets, strict=True))
    )
    cores = (time.process_time() - used) / seconds
    p50_ms, p99_ms = np.percentile(late_ms or [0.0], (50, 99))
    return Trial(cores, float(p50_ms), float(p99_ms), turns)


def callers(sessions: int, seconds: float) -> list[bytes]:
    """Return the audio of that many callers, each with recordings of their own choice."""
    files = sorted(RECORDINGS.glob("*.wav"))
    size = int(seconds * WIRE.sample_rate_hz)
    audios = []
    for index in range(sessions):
        pieces, length = [], 0
        for path in islice(cycle(files), index, None):
            wav = read_wav(path)
            pieces.append(resample(wav.pcm, wav.sample_rate_hz, WIRE.sample_rate_hz))
            length += pieces[-1].size
            if length >= size:
                break
        audios.append(WIRE.to_wire(np.concatenate(pieces)[:size]))
    return audios


async def measure(sessions: int, seconds: float) -> dict[str, Trial]:
    """Return the trials: no detection, all together, each by itself."""
    audios = callers(sessions, seconds)
    together, alone = VoiceActivity(), SileroNetwork()
    await together.judge(VoiceStream(8000), np.zeros(256, dtype=np.int16))
    alone.judge([(VoiceStream(8000), np.zeros(256, dtype=np.int16))])

    async def judge_alone(stream: VoiceStream, pcm: np.ndarray) -> Probabilities:
        return alone.judge([(stream, pcm)])[0]

    ways: dict[str, Judging | None] = {"none": None, "together": together.judge, "one by one": judge_alone}
    found = {name: await trial(audios, judge, seconds) for name, judge in ways.items()}
    together.close()
    return found


def main() -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = asyncio.run(measure(options.sessions, options.seconds))
    nothing = found.pop("none").cores
    for name, one in found.items():
        print(
            f"{name:12} {(one.cores - nothing):.3f} cores for {options.sessions} sessions, "
            f"a decision {one.p50_ms:.1f} ms (p99 {one.p99_ms:.1f}), {sum(map(len, one.turns))} edges"
        )
    together, alone = found["together"], found["one by one"]
    ratio = (together.cores - nothing) / (alone.cores - nothing)
    same = together.turns == alone.turns
    print(f"together / one by one {ratio:.2f}; the turns are {'the same' if same else 'NOT the same'}; ", end="")
    print(f"onnxruntime {onnxruntime.__version__}")
    if options.json:
        told = {name: {**asdict(one), "turns": None} for name, one in found.items()}
        options.json.write_text(json.dumps({"ratio": ratio, "same_turns": same, **told}, indent=2))
    return 0 if same and together.cores - nothing < MAX_CORES else 1


if __name__ == "__main__":
    sys.exit(main())
