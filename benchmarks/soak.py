"""Whether anything grows while evalkit runs and runs: memory, open files, threads, tasks.

    python benchmarks/soak.py [--minutes 4] [--json FILE]

Crawls of 100 cases through the whole pipeline against `local-echo` in its own process, one run after the other in this
process, reports included, until the time is up. It is an hour made short: cases are sent as fast as they are taken, so
four minutes hold the cases, connections and files of far more than an hour in real time, but not its wall clock
(what only time brings about, such as the expiry of a session, is not in here).

After each run the process is looked at, between runs: resident memory, file descriptors, threads, and asyncio tasks
left behind when a run ended; and the service's memory and descriptors. The first third is for warming up. Over the
rest, bars: memory grows by less than 5 % (the median of the last third over that of the second), descriptors, threads
and tasks do not grow at all. Exit code 1: a bar was missed.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import shutil
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from installed import missing_packages_named

with missing_packages_named():
    import psutil
    from local_crawl import ENGINES, LocalCrawl

    from evalkit.records.record import CaseRecord
    from evalkit.runner.reporting import report_run
    from evalkit.service import child

CASES, CONCURRENCY = 100, 8
MAX_GROWTH = 1.05


@dataclass(frozen=True)
class Look:
    """What there was after a run."""

    at_s: float
    cases: int
    rss_mb: float
    files: int
    threads: int
    tasks: int
    service_rss_mb: float
    service_files: int


class Soak:
    """Runs one after the other, with a look after each."""

    def __init__(self, crawl: LocalCrawl, service: psutil.Process) -> None:
        self.looks: list[Look] = []
        self.audio_s = 0.0
        self._crawl, self._service, self._cases = crawl, service, 0
        self._tasks = 0
        self._began = time.perf_counter()

    def run_once(self) -> None:
        """Run, report, remove what was written, and look."""
        ready = self._crawl.start(CASES)
        self._crawl.run(ready, self._note)
        report_run(ready.run)
        shutil.rmtree(ready.run.root)
        gc.collect()
        me = psutil.Process()
        self.looks.append(
            Look(
                at_s=time.perf_counter() - self._began,
                cases=self._cases,
                rss_mb=me.memory_info().rss / 1e6,
                files=me.num_fds(),
                threads=threading.active_count(),
                tasks=self._tasks,
                service_rss_mb=self._service.memory_info().rss / 1e6,
                service_files=self._service.num_fds(),
            )
        )

    def _note(self, record: CaseRecord) -> None:
        self._cases += 1
        self.audio_s += record.turns[0].measures["input_audio_ms"] / 1000
        self._tasks = len(asyncio.all_tasks())


def main() -> int:
    """Soak and print the table."""
    options = _parse()
    with tempfile.TemporaryDirectory(prefix="soak_") as folder, child.start(ENGINES) as service:
        soak = Soak(LocalCrawl(Path(folder), service.url, CONCURRENCY), psutil.Process(service.pid))
        until = time.perf_counter() + options.minutes * 60
        while time.perf_counter() < until or len(soak.looks) < 9:
            soak.run_once()
    missed = _show(soak)
    if options.json:
        told = {"looks": [asdict(look) for look in soak.looks], "audio_s": soak.audio_s, "missed": missed}
        options.json.write_text(json.dumps(told, indent=2) + "\n")
    return 1 if missed else 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser.parse_args()


def _show(soak: Soak) -> list[str]:
    """Print what there was, and return the bars that were missed."""
    looks = soak.looks
    third = len(looks) // 3
    middle, last = looks[third : 2 * third], looks[-third:]
    print("| what | after the first run | median of the second third | median of the last third | highest | bar |")
    print("|---|---|---|---|---|---|")
    missed = []
    for name, unit, grows in (
        ("rss_mb", "MB", MAX_GROWTH), ("files", "", 1.0), ("threads", "", 1.0), ("tasks", "", 1.0),
        ("service_rss_mb", "MB", MAX_GROWTH), ("service_files", "", 1.0),
    ):  # fmt: skip
        before, after = (median(getattr(look, name) for look in part) for part in (middle, last))
        highest = max(getattr(look, name) for look in looks)
        is_missed = after > before * grows
        missed += [f"{name}: {before:g} -> {after:g}"] if is_missed else []
        bar = f"{'MISSED' if is_missed else 'kept'}: at most {grows - 1:.0%} more"
        print(f"| {name} | {getattr(looks[0], name):.4g} {unit} | {before:.4g} | {after:.4g} | {highest:.4g} | {bar} |")
    hours = soak.audio_s / 3600
    print(
        f"\n{len(looks)} runs, {looks[-1].cases} cases in {looks[-1].at_s:.0f} s; "
        f"{hours:.1f} hours of caller audio went over the wire"
    )
    return missed


if __name__ == "__main__":
    with missing_packages_named():
        sys.exit(main())
