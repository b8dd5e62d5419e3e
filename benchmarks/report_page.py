"""What the report of a large run costs: time and memory to write it, size, and how fast a browser opens and filters it.

A run of many made-up cases is stored (three turns each, with event logs as long as real ones), reported by the
installed command in a process of its own, and opened in a headless Chromium from disk. ``--keep DIR`` leaves the run
there to look at.

    python benchmarks/report_page.py [--cases 1000] [--keep DIR] [--json FILE]

Exits 1 when the report of 1,000 cases takes more than 20 s or 1 GiB, or the page more than 2 s to open.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from installed import missing_packages_named

with missing_packages_named():
    import orjson
    import psutil
    import yaml

    from evalkit.records.case import Case, ExpectedCall
    from evalkit.records.faults import Failure, Stage, decide_fault
    from evalkit.records.grade import Grade, grade_to_json
    from evalkit.records.record import Attempt, CaseRecord, ToolCall, ToolOutput, Turn, Usage, Words, to_json

MOST_S, MOST_BYTES, MOST_MS_TO_OPEN = 20.0, 2**30, 2000.0
OPENS = "opens in the browser, median of 3"
TURNS = 3
PIECES = 300  # of sound sent and received in a turn, as at 20 ms a chunk
WORDS = (
    "order", "lamp", "delivery", "please", "status", "number", "vase", "return", "cancel", "address", "appointment",
    "Saturday", "refund", "kitchen",
)  # fmt: skip
QUERIES = ("lamp", "order 123", "refund saturday", "nothing like it", "case-0500", "")


def main() -> int:
    """Store, report and open a run; print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    folder = options.keep or Path(tempfile.mkdtemp())
    run_dir = folder / "run"
    store_run(run_dir, options.cases)
    events_bytes = sum(path.stat().st_size for path in (run_dir / "events").iterdir())
    cost = measure_report(run_dir)
    page = run_dir / "report.html"
    browser = measure_browser(page)
    rows = [
        ("cases", f"{options.cases:,}"),
        ("event logs read", f"{events_bytes / 1e6:,.0f} MB"),
        ("evalkit report, wall clock", f"{cost.wall_s:.1f} s"),
        ("evalkit report, processor", f"{cost.processor_s:.1f} s"),
        ("evalkit report, peak memory", f"{cost.peak_bytes / 2**20:,.0f} MiB"),
        ("report.html", f"{page.stat().st_size / 1e6:.1f} MB"),
        *((f"{name}", f"{ms:,.0f} ms") for name, ms in browser.items()),
        *([] if browser else [("browser", "no chromium with chromedriver here")]),
    ]
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        print(f"{name:<{width}}  {value}")
    if options.json:
        options.json.write_text(json.dumps(dict(rows), indent=2) + "\n")
    if not options.keep:
        shutil.rmtree(folder)
    holds = cost.wall_s <= MOST_S and cost.peak_bytes <= MOST_BYTES and browser.get(OPENS, 0.0) < MOST_MS_TO_OPEN
    return 0 if holds else 1


def store_run(run_dir: Path, cases: int) -> None:
    """Write a run directory as a run of `cases` leaves it, but for its recordings."""
    for name in ("records", "events"):
        (run_dir / name).mkdir(parents=True, exist_ok=True)
    rng = random.Random(1)
    journal, grades, keys = [], [], []
    for number in range(cases):
        record = make_record(number, rng)
        content = json.dumps(to_json(record), indent=1).encode()
        record_sha256 = sha256(content).hexdigest()
        (run_dir / "records" / f"{record.key}.json").write_bytes(content)
        keys.append(record.key)
        journal.append({"event": "finished", "key": record.key, "record_sha256": record_sha256})
        grades += [grade_to_json(grade) for grade in make_grades(record, record_sha256, rng)]
        if record.turns:
            with (run_dir / "events" / f"{record.key}.jsonl").open("wb") as log:
                log.writelines(make_events(record))
    (run_dir / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in journal))
    (run_dir / "grades.jsonl").write_text("".join(json.dumps(line) + "\n" for line in grades))
    (run_dir / "config.yaml").write_text(yaml.safe_dump(CONFIG, sort_keys=False))
    (run_dir / "provenance.json").write_text(json.dumps({**PROVENANCE, "case_trials": keys}))


def make_record(number: int, rng: random.Random) -> CaseRecord:
    """Return a case of three turns; one in forty broke off."""
    broke = {0: Failure(Stage.CONNECT, "connection_refused", "nobody listens")} | {
        1: Failure(Stage.RESPONSE_TIMEOUT, "timeout", "no response.done within limits.response_timeout_s (60 s)")
    }
    failure = broke.get(rng.randrange(80))
    return CaseRecord(
        case=Case(f"case-{number:04d}", "run", {"scenario": say(rng, 20), "system_prompt": say(rng, 250)}, CALLS),
        trial=1,
        seed=number,
        reuse_key="",
        settings={"chunk_ms": 20, "real_time": True},
        turns=() if failure else tuple(make_turn(index, rng) for index in range(1, TURNS + 1)),
        failure=failure,
        attempts=(Attempt(1, 30_000.0, failure),),
        cost_usd={"assistant": rng.random() / 50, "simulator": rng.random() / 100, "judge": 0.001},
        served_model="model-a-2026",
        started_at="2026-01-01T10:00:00.000+00:00",
        duration_ms=30_000.0,
        artifacts={"event_log_path": f"events/case-{number:04d}.jsonl"},
        fault=decide_fault(failure) if failure else None,
        notes={"timeline": "paced", "ended_by": "caller"},
    )


def make_turn(index: int, rng: random.Random) -> Turn:
    """Return one exchange with a tool call."""
    arguments = {"order_id": str(rng.randrange(100_000)), "reason": say(rng, 4)}
    call = ToolCall("get_order_status", arguments, json.dumps(arguments), f"call_{index}")
    return Turn(
        turn_index=index,
        user_text=say(rng, 18),
        steps=(
            Words(say(rng, 4)),
            call,
            ToolOutput(call.call_id, call.name, arguments, {"status": say(rng, 6)}),
            Words(say(rng, 21)),
        ),
        latencies={
            "latency_first_audio_ms": rng.gammavariate(6, 90),
            "latency_first_text_ms": rng.gammavariate(6, 85),
            "latency_response_done_ms": 700 + rng.gammavariate(6, 200),
        },
        measures={"input_audio_ms": 4000.0, "output_audio_ms": 5000.0},
        usage=Usage(input_tokens=1500, output_tokens=200, output_text_tokens=60, output_audio_tokens=140),
    )


def make_grades(record: CaseRecord, record_sha256: str, rng: random.Random) -> Iterator[Grade]:
    """Yield the grades of every turn: tool, arguments, and a judge's."""
    for turn in record.turns:
        for grader_id, chance in (("tool_call", 0.97), ("tool_call_args", 0.92), ("brief", 0.8), ("polite", 0.98)):
            yield Grade(
                key=record.key,
                turn_index=turn.turn_index,
                grader_id=grader_id,
                grader_type=grader_id if grader_id.startswith("tool") else "llm_as_judge",
                grader_version="1",
                grade=float(rng.random() < chance),
                rationale=say(rng, 12),
                record_sha256=record_sha256,
                graded_at="2026-01-01T10:00:40.000+00:00",
                evidence=(turn.assistant_text,),
                judge={"model": "judge-a", "votes": 1} if not grader_id.startswith("tool") else {},
            )


def make_events(record: CaseRecord) -> Iterator[bytes]:
    """Yield the lines of an event log."""
    at_ms = 0.0
    for turn in record.turns:
        kinds: list[tuple[str, str, dict[str, Any]]] = [
            *(("input_audio_buffer.append", "sent", {"audio": SOUND}) for _ in range(PIECES)),
            ("input_audio_buffer.commit", "sent", {}),
            ("response.create", "sent", {}),
            *(("response.output_audio.delta", "received", {"response_id": "r", "delta": SOUND}) for _ in range(PIECES)),
            *(("response.output_audio_transcript.delta", "received", {"delta": word}) for word in WORDS),
            ("response.done", "received", {"response": {"status": "completed"}}),
        ]
        for kind, direction, payload in kinds:
            at_ms += 10.0
            yield orjson.dumps(
                {
                    "type": kind,
                    "source": "assistant",
                    "direction": direction,
                    "turn_index": turn.turn_index,
                    "event_index": 1,
                    "event_time_ms": at_ms,
                    "event": {"type": kind, "event_id": "event_0123456789abcdef", **payload},
                },
                option=orjson.OPT_APPEND_NEWLINE,
            )


@dataclass(frozen=True)
class Cost:
    """What a process took; the clock on the wall also counts what else the machine was doing."""

    wall_s: float
    processor_s: float
    peak_bytes: int


def measure_report(run_dir: Path) -> Cost:
    """Return what ``evalkit report`` takes in a process of its own."""
    script = shutil.which("evalkit", path=str(Path(sys.executable).parent))
    assert script, "evalkit is not installed in this environment"
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    child = psutil.Popen([script, "report", str(run_dir)], stdout=subprocess.DEVNULL)
    peak_bytes = 0

    def watch() -> None:
        nonlocal peak_bytes
        while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
            peak_bytes = max(peak_bytes, child.memory_info().rss)
            time.sleep(0.02)

    watcher = threading.Thread(target=watch)
    watcher.start()
    code = child.wait()
    watcher.join()
    assert code == 0, f"evalkit report ended with {code}"
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor_s = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    return Cost(time.perf_counter() - began, processor_s, peak_bytes)


def measure_browser(page: Path) -> dict[str, float]:
    """Return the milliseconds a browser takes to open the page, to filter it, to open a case; nothing without one."""
    from selenium import webdriver

    binary, driver_path = shutil.which("chromium"), shutil.which("chromedriver")
    if not binary or not driver_path:
        return {}
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    with tempfile.TemporaryDirectory() as profile:
        flags = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
        for flag in (*flags, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=driver_path))
        opened = [open_page(driver, page) for _ in range(3)]
        filtered = [driver.execute_script(FILTER, query) for query in QUERIES]
        shown = driver.execute_script(SHOW_CASE)
        driver.quit()
    return {
        OPENS: statistics.median(opened),
        "filters, slowest of six searches": max(filtered),
        "opens a case": shown,
    }


def open_page(driver: Any, page: Path) -> float:
    """Return the milliseconds from the request to the end of loading, the table of cases drawn."""
    driver.get("about:blank")
    driver.get(page.as_uri())
    assert driver.execute_script("return document.querySelectorAll('#case-table tbody tr').length") > 0
    return float(driver.execute_script("return performance.getEntriesByType('navigation')[0].loadEventEnd"))


# Each forces the layout that the reader would wait for.
FILTER = """
const field = document.getElementById("find"), began = performance.now();
field.value = arguments[0];
field.dispatchEvent(new Event("input"));
document.body.getBoundingClientRect();
return performance.now() - began;
"""
SHOW_CASE = """
const began = performance.now();
history.replaceState(null, "", "#case/case-0002");
dispatchEvent(new HashChangeEvent("hashchange"));
document.body.getBoundingClientRect();
return performance.now() - began;
"""

SOUND = {"bytes": 960, "sha256": "0" * 64, "wav": "audio/case/turn_01_user.wav", "offset": 0}
CALLS = (ExpectedCall("get_order_status", {"order_id": "12345"}),)
CONFIG: dict[str, Any] = {
    "mode": {"name": "run", "data_csv": "cases.csv"},
    "assistant": {"model": "model-a"},
    "gate": {"min_grade": None},
    "report": {"plots": True, "html": True, "audio": "linked"},
    "chunk_ms": 20,
    "real_time": True,
    "trials": 1,
    "seed": 0,
    "run_name": "a thousand calls",
}
PROVENANCE: dict[str, Any] = {
    "config_sha256": "0" * 64,
    "evalkit_version": "0.0",
    "started_at": "2026-01-01T10:00:00.000+00:00",
    "ended_at": "2026-01-01T11:00:00.000+00:00",
}


def say(rng: random.Random, words: int) -> str:
    """Return a made-up sentence with a number in it."""
    return " ".join([*(rng.choice(WORDS) for _ in range(words)), str(rng.randrange(1000))])


if __name__ == "__main__":
    with missing_packages_named():
        sys.exit(main())
