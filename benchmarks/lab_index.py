"""What the lab's index costs: time to make it, to find that nothing changed, and to answer; its size and its memory.

Runs are written as runs leave them (2,000 of them with 200,000 case-trials, 20 of 1,000 cases among them), then indexed
by a lab, in SQLite and, where it is installed, in PostgreSQL; in a process of its own each. Questions are asked while
a run that is going writes to the index.

    python benchmarks/lab_index.py [--runs 2000] [--keep DIR] [--json FILE]

Exits 1 when an answer takes more than 100 ms at p95, four times as many runs take more than six times as long, or the
lab more than 1 GiB.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from installed import missing_packages_named
from own_postgres import running_postgres, why_no_postgres

with missing_packages_named():
    import orjson
    import psutil
    import yaml
    from starlette.testclient import TestClient

    from evalkit.lab.application import make_application, open_lab
    from evalkit.lab.index.follower import Follower
    from evalkit.lab.index.queries import Index, make_follower, open_index
    from evalkit.lab.index.rows import RunQuery
    from evalkit.lab.lab import Lab
    from evalkit.lab.settings import LabSettings
    from evalkit.records.case import Case, ExpectedCall
    from evalkit.records.faults import Failure, Stage, decide_fault
    from evalkit.records.grade import Grade, grade_to_json
    from evalkit.records.record import Attempt, CaseRecord, ToolCall, ToolOutput, Turn, Usage, Words, to_json
    from evalkit.settings.addresses import Addresses
    from evalkit.store.run_directory import RunDirectory

MOST_MS, MOST_GROWTH, MOST_BYTES = 100.0, 6.0, 2**30
PARTS = 4
SETS, MODELS = 9, 13
LARGE_EVERY, LARGE_CASES, SMALL_CASES = 100, 1000, 91
ASKED = 60  # times each question is asked
GRADERS = ("tool_call", "tool_call_args", "brief")


def main() -> int:
    """Write the runs, index them, ask; print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--keep", type=Path, help="write the runs here, or use those that are here already")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lab-index-") as scratch:
        folder = options.keep or Path(scratch) / "outputs"
        trials = write_runs(folder, options.runs)
        found = {"SQLite": _in_a_process_of_its_own(folder, trials, "")}
        reason = why_no_postgres()
        if reason:
            print(f"{reason}: measured in SQLite alone", file=sys.stderr)
        else:
            with running_postgres() as first, running_postgres() as second:
                found["PostgreSQL"] = _in_a_process_of_its_own(folder, trials, f"{first} {second}")
    print(f"{options.runs} runs, {trials} case-trials, {trials * len(GRADERS)} grades")
    for database, measured in found.items():
        _show(database, measured)
    if options.json:
        options.json.write_text(json.dumps({name: asdict(measured) for name, measured in found.items()}, indent=2))
    return 1 if any(measured.misses for measured in found.values()) else 0


@dataclass
class Measured:
    """What was found about one database.

    Attributes:
        quarter_s: Indexing a quarter of the runs.
        whole_s: Indexing all of them, from nothing.
        again_s: The first look of the next lab, when nothing changed.
        look_ms: Each further look of the follower at everything.
        peak_bytes: The most memory that the process took.
        answers_ms: Question -> p50 and p95.

    """

    quarter_s: float = 0.0
    whole_s: float = 0.0
    again_s: float = 0.0
    look_ms: float = 0.0
    peak_bytes: int = 0
    answers_ms: dict[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def misses(self) -> list[str]:
        """What is not as it should be."""
        slow = [name for name, (_, p95) in self.answers_ms.items() if p95 > MOST_MS]
        grown = ["indexing grows faster than the runs"] if self.whole_s > MOST_GROWTH * self.quarter_s else []
        return [*slow, *grown, *(["memory"] if self.peak_bytes > MOST_BYTES else [])]


# --- the runs ---


def write_runs(folder: Path, runs: int) -> int:
    """Write `runs` runs into `folder`, unless it is there; return how many case-trials they have in all."""
    chance, trials = random.Random(7), 0
    is_there = folder.exists()
    for number in range(runs):
        is_large = number % LARGE_EVERY == 0
        cases = LARGE_CASES if is_large else SMALL_CASES
        trials += cases
        if not is_there:
            root = folder / f"part{number * PARTS // runs}" / f"day{number % 100:02d}" / f"{number:06d}_crawl"
            _write_run(root, number, "large" if is_large else f"set{number % SETS}", cases, chance)
    return trials


def _write_run(root: Path, number: int, case_set: str, cases: int, chance: random.Random) -> None:
    run = RunDirectory(root)
    (root / "records").mkdir(parents=True)
    model = f"model-{number % MODELS:02d}"
    begun = f"2026-{1 + number % 12:02d}-{1 + number % 28:02d}T{number % 24:02d}:00:00.000+00:00"
    made = to_json(_record(model, begun))
    journal, grades, keys = [], [], []
    for case in range(cases):
        key = f"{case_set}-case-{case:04d}"
        keys.append(key)
        made["case"]["case_id"] = key
        made["case"]["inputs"] = {"user_text": f"Where is my order {case}?"}
        lost = chance.random() < 0.02
        failure = Failure(Stage.CONNECT, "connection_refused", "nobody listens")
        made["failure"] = asdict(failure) if lost else None
        made["fault"] = decide_fault(failure) if lost else None
        made["turns"][0]["latencies"]["latency_first_audio_ms"] = round(chance.gauss(600, 90), 3)
        content = orjson.dumps(made)
        (root / "records" / f"{key}.json").write_bytes(content)
        digest = sha256(content).hexdigest()
        journal.append({"event": "started", "key": key, "attempt": 1, "at": begun})
        journal.append({"event": "finished", "key": key, "record_sha256": digest, "reuse_key": "k", "fault": None,
                        "at": begun})  # fmt: skip
        if lost:
            continue
        good = float(chance.random() < 0.5 + number % MODELS / 40)
        grades += [
            grade_to_json(
                Grade(key, 1, name, name, "1", good if name == "tool_call" else 1.0, "because", digest, begun)
            )
            for name in GRADERS
        ]
        journal.append({"event": "graded", "key": key, "graders": list(GRADERS), "at": begun})
    run.journal_path.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in journal))
    run.grades_path.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in grades))
    config = {"mode": {"name": "crawl", "data_csv": f"data/{case_set}.csv"}, "assistant": {"model": model},
              "run_name": f"nightly {number}", "seed": 0, "trials": 1}  # fmt: skip
    run.config_path.write_text(yaml.safe_dump(config))
    provenance = {"run_id": sha256(str(number).encode()).hexdigest()[:32], "config_sha256": "c", "case_trials": keys,
                  "started_at": begun, "ended_at": begun, "datasets": [{"path": f"data/{case_set}.csv", "sha256": "d"}],
                  "evalkit_version": "0"}  # fmt: skip
    run.provenance_path.write_bytes(orjson.dumps(provenance))
    run.status_path.write_bytes(orjson.dumps({"status": "completed", "exit_code": 0, "counts": {}, "at": begun}))


def _record(model: str, begun: str) -> CaseRecord:
    call = {"order_id": "48213"}
    turn = Turn(
        1,
        "Where is my order?",
        (Words("One moment."), ToolCall("get_order", call, "{}", "c"), ToolOutput("c", "get_order", call, {"at": 1}),
         Words("It is on its way, and will be there on Tuesday.")),
        latencies={"latency_first_audio_ms": 1.0, "latency_response_done_ms": 900.0},
        measures={"input_audio_ms": 1000.0, "output_audio_ms": 1000.0},
        usage=Usage(50, 20),
    )  # fmt: skip
    case = Case("c", "crawl", {}, (ExpectedCall("get_order", call),), required_graders=("tool_call", "tool_call_args"))
    return CaseRecord(case, 1, 0, "k", {"assistant": {"model": model}}, (turn,), None, (Attempt(1, 900.0),),
                      {"assistant": 0.01}, model, begun, 900.0)  # fmt: skip


# --- measuring ---


def _in_a_process_of_its_own(folder: Path, trials: int, urls: str) -> Measured:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(measure, folder, trials, urls).result()


def measure(folder: Path, trials: int, urls: str) -> Measured:
    """Index `folder` twice, a quarter and the whole, and ask; `urls` are two databases, empty: SQLite files."""
    first, second = urls.split() if urls else ("", "")
    found = Measured()
    with tempfile.TemporaryDirectory(prefix="lab-home-") as home, _watching_memory(found):
        settings = LabSettings((folder / "part0",), Path(home) / "quarter", Path(home), database_url=first)
        found.quarter_s = _index(settings)
        settings = replace(settings, folders=(folder,), home=Path(home) / "whole", database_url=second)
        found.whole_s = _index(settings)
        lab = open_lab(settings)
        begun_s = time.perf_counter()
        lab.follower.catch_up()
        found.again_s = time.perf_counter() - begun_s
        begun_s = time.perf_counter()
        for _ in range(10):
            lab.follower._look_at_all(thorough=False)  # noqa: SLF001 - what its thread does
        found.look_ms = (time.perf_counter() - begun_s) / 10 * 1000
        questions = {**_questions(lab.index, trials), **_pages(lab)}
        with _a_run_that_goes_on(Path(home) / "live", lab):
            for name, ask in questions.items():
                found.answers_ms[name] = _ask(ask)
        lab.index.close()
    return found


def _index(settings: LabSettings) -> float:
    begun_s = time.perf_counter()
    index = open_index(settings)
    make_follower(index, settings).catch_up()
    index.close()
    return time.perf_counter() - begun_s


def _questions(index: Index, trials: int) -> dict[str, Callable[[], Any]]:
    newest = index.list_runs(RunQuery()).rows[0]
    large = index.list_runs(RunQuery(text="large", size=1)).rows[0]
    sets = {found.name: found.case_set for found in index.list_case_sets()}
    small = sets["data/set1.csv"]
    assert index.list_trials(large.id).total == LARGE_CASES
    assert sum(row.tries for found in sets.values() for row in index.list_model_cases(found)) == trials
    return {
        "first page of runs": lambda: (index.list_runs(RunQuery()), index.facets(), index.version()),
        "filter: two words and a model": lambda: index.list_runs(RunQuery(text="night 17", model=newest.model)),
        "sorted by score, page 20": lambda: index.list_runs(RunQuery(sort="score", page=20)),
        "a run by its id": lambda: index.get_run(newest.run_id),
        "100 of a run's 1,000 case-trials": lambda: (index.list_trials(large.id), index.count_endings(large.id)),
        "case-trials by text": lambda: index.list_trials(large.id, text="nobody listens", ending="lost"),
        "history of a case": lambda: index.case_history("set1-case-0007", "crawl"),
        "sets of cases": index.list_case_sets,
        "leaderboard, its rows": lambda: index.list_model_cases(small),
    }


def _pages(lab: Lab) -> dict[str, Callable[[], Any]]:
    """Return pages as a browser asks for them, from the request to the last byte."""
    url = Addresses(lab.settings.host, lab.settings.port).url
    client = TestClient(make_application(lab), base_url=url, headers={"origin": url, "sec-fetch-site": "same-origin"})
    small = next(found.case_set for found in lab.index.list_case_sets() if found.name == "data/set1.csv")
    large = lab.index.list_runs(RunQuery(text="large", size=1)).rows[0].id
    paths = {
        "page: runs": "/ui/",
        "page: runs, filtered": "/ui/?text=night+17&mode=crawl",
        "page: a run of 1,000 case-trials": f"/ui/runs/{large}",
        "page: history of a case": "/ui/cases/set1-case-0007?mode=crawl",
        "page: leaderboard": f"/ui/leaderboard?set={small}",
    }

    def ask(path: str) -> None:
        response = client.get(path)
        assert response.status_code == 200, (path, response.status_code, response.text[:300])

    return {name: partial(ask, path) for name, path in paths.items()}


def _ask(ask: Callable[[], Any]) -> tuple[float, float]:
    taken_ms = []
    for _ in range(ASKED):
        begun_s = time.perf_counter()
        ask()
        taken_ms.append((time.perf_counter() - begun_s) * 1000)
    return statistics.median(taken_ms), statistics.quantiles(taken_ms, n=20)[-1]


@contextmanager
def _a_run_that_goes_on(folder: Path, lab: Lab) -> Iterator[None]:
    """Write a run, case by case, and follow it, while the block lasts."""
    chance, ended = random.Random(1), threading.Event()
    _write_run(folder / "run", 10_000_000, "live", LARGE_CASES, chance)
    run = RunDirectory(folder / "run")
    lines = run.journal_path.read_bytes().splitlines(keepends=True)
    run.journal_path.write_bytes(b"")
    follower = Follower(lab.index.engine, (*lab.settings.folders, folder))

    def go_on() -> None:
        with run.exclusive():
            for line in lines:
                with run.journal_path.open("ab") as file:
                    file.write(line)
                if ended.wait(0.02):
                    return

    writer = threading.Thread(target=go_on)
    writer.start()
    follower.start()
    try:
        yield
    finally:
        ended.set()
        writer.join()
        follower.stop()


@contextmanager
def _watching_memory(found: Measured) -> Iterator[None]:
    ended, process = threading.Event(), psutil.Process()

    def watch() -> None:
        while not ended.wait(0.1):
            found.peak_bytes = max(found.peak_bytes, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def _show(database: str, found: Measured) -> None:
    print(f"\n{database}")
    print(f"  indexing a quarter of the runs     {found.quarter_s:8.1f} s")
    print(f"  indexing all, from nothing         {found.whole_s:8.1f} s   {found.whole_s / found.quarter_s:.2f} times")
    print(f"  the next lab's first look          {found.again_s:8.2f} s")
    print(f"  a look at everything               {found.look_ms:8.1f} ms")
    print(f"  most memory                        {found.peak_bytes / 2**20:8.0f} MiB")
    for name, (p50, p95) in found.answers_ms.items():
        print(f"  {name:34} {p50:8.1f} ms   p95 {p95:.1f} ms")
    for miss in found.misses:
        print(f"  NOT AS IT SHOULD BE: {miss}")


if __name__ == "__main__":
    sys.exit(main())
