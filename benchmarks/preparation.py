"""How long a walk of many recordings takes to prepare: reading, validating, measuring and hashing each of them.

    python benchmarks/preparation.py [--recordings 1000] [--rounds 3] [--against CHECKOUT] [--json FILE]

`evalkit check` does for a walk all that comes before its first call. It runs here on mu-law recordings of two
to eight seconds, in a process of its own; what the same command takes for one recording is start-up, and is taken off.
CPU is what the command used in all its threads, user and system. With `--against`, an earlier checkout that has a
virtual environment of its own in `.venv` takes turns with this one, and the ratio of the medians is printed.

Exit code 1: `--against` was given, and this checkout took more than half of the other's CPU.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from installed import missing_packages_named

with missing_packages_named():
    import numpy as np

    from evalkit.audio.formats import AudioFormat
    from evalkit.audio.wav import write_wav

MAX_RATIO = 0.5
RATE_HZ = AudioFormat.G711_ULAW.sample_rate_hz


@dataclass
class Spent:
    """What preparing took in seconds, start-up taken off, round by round."""

    checkout: str
    cpu_s: list[float] = field(default_factory=list)
    wall_s: list[float] = field(default_factory=list)


def main() -> int:
    """Measure and print the table."""
    options = _parse()
    checkouts = {"this": Path(sys.executable).parent / "evalkit"}
    if options.against:
        checkouts["against"] = options.against / ".venv" / "bin" / "evalkit"
    spent = {name: Spent(name) for name in checkouts}
    with tempfile.TemporaryDirectory(prefix="preparation_") as folder:
        one, all_of_them = _write_walks(Path(folder), options.recordings)
        for _ in range(options.rounds):
            for name, command in checkouts.items():
                start_cpu_s, start_wall_s = _check(command, one)
                cpu_s, wall_s = _check(command, all_of_them)
                spent[name].cpu_s.append(cpu_s - start_cpu_s)
                spent[name].wall_s.append(wall_s - start_wall_s)
    _print(options.recordings, spent)
    ratio = median(spent["this"].cpu_s) / median(spent["against"].cpu_s) if options.against else None
    if ratio is not None:
        print(f"\nCPU over that of {options.against}: {ratio:.2f} (bar {MAX_RATIO:g})")
    if options.json:
        told = {"cpus": os.cpu_count(), "recordings": options.recordings, "ratio": ratio}
        told["spent"] = [asdict(each) for each in spent.values()]
        options.json.write_text(json.dumps(told, indent=2) + "\n")
    return 1 if ratio is not None and ratio > MAX_RATIO else 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--recordings", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--against", type=Path, metavar="CHECKOUT")
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser.parse_args()


def _write_walks(folder: Path, count: int) -> tuple[Path, Path]:
    """Write `count` recordings, and return a walk of the first alone and one of them all."""
    draw = np.random.default_rng(0)
    rows = []
    for number in range(count):
        times = np.arange(int(draw.uniform(2, 8) * RATE_HZ)) / RATE_HZ
        syllables = np.sin(2 * np.pi * 3 * times) > -0.5
        voice = 6000 * syllables * np.sin(2 * np.pi * draw.uniform(120, 300) * times) + draw.normal(0, 30, times.size)
        write_wav(
            folder / f"{number}.wav", AudioFormat.G711_ULAW.to_wire(voice.astype(np.int16)), AudioFormat.G711_ULAW
        )
        rows.append((f"call-{number:04d}", "Where is my order?", "", "", f"{number}.wav"))
    paths = folder / "one.csv", folder / "all.csv"
    for path, chosen in zip(paths, (rows[:1], rows), strict=True):
        with path.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow(("example_id", "user_text", "gt_tool_call", "gt_tool_call_arg", "audio_path"))
            table.writerows(chosen)
    return paths


def _check(command: Path, data_csv: Path) -> tuple[float, float]:
    """Return the CPU and wall seconds of one ``evalkit check``. A walk that is refused ends the script."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    line = [str(command), "check", "mode=walk", f"mode.data_csv={data_csv}", "audio.input_format=g711_ulaw"]
    subprocess.run(line, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu_s, time.perf_counter() - began


def _print(count: int, spent: dict[str, Spent]) -> None:
    print(f"| checkout | CPU s for {count} recordings | CPU ms each | wall s |\n|---|---|---|---|")
    for name, each in spent.items():
        cpu_s, wall_s = median(each.cpu_s), median(each.wall_s)
        print(f"| {name} | {cpu_s:.2f} | {cpu_s / count * 1000:.2f} | {wall_s:.2f} |")


if __name__ == "__main__":
    with missing_packages_named():
        sys.exit(main())
