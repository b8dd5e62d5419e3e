"""A run that ended anywhere is finished in place: nothing is lost, nothing is done or paid for twice."""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from harness import Cli, command, read_json, read_rows

LINES = {
    "crawl": ("max_examples=12", "concurrency=2"),
    "walk": ("mode=walk", "max_examples=12", "concurrency=2"),
    "run": ("mode=run", "max_examples=4", "concurrency=2"),
}
# One case-trial of a simulated call is a session of the assistant and one of the caller.
SESSIONS_PER_ATTEMPT = {"crawl": 1, "walk": 1, "run": 2}
TOLD = ("example_id", "simulation_id", "turn_index", "assistant_text", "tool_calls", "grade", "tool_call_correctness")


def _journal(run_dir: Path) -> list[dict[str, Any]]:
    path = run_dir / "journal.jsonl"
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in lines]


def _finished(run_dir: Path) -> dict[str, str]:
    return {line["key"]: line["record_sha256"] for line in _journal(run_dir) if line["event"] == "finished"}


def _told(run_dir: Path) -> list[dict[str, str]]:
    """What a run found, without what differs between any two runs (call ids, times)."""
    rows = []
    for row in read_rows(run_dir):
        calls = [{key: call[key] for key in ("name", "arguments")} for call in json.loads(row["tool_calls"])]
        rows.append({key: row[key] for key in TOLD if key in row} | {"tool_calls": json.dumps(calls)})
    return rows


def _counters(service_url: str) -> dict[str, int]:
    with urlopen(service_url.removesuffix("/v1") + "/healthz") as answer:  # noqa: S310
        return json.load(answer)["counters"]


@contextmanager
def _started(cli: Cli, *args: str, **env: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*command(), *args], cwd=cli.cwd, env={**cli.env, **env}, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _kill_after(cli: Cli, seconds: float, *args: str) -> bool:
    """Run a command and kill it after so many seconds; return whether it had to be killed."""
    with _started(cli, *args) as process:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return True
    return False


def _wait_for_run(output_dir: Path, finished: int = 0) -> Path:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for run_dir in output_dir.glob("20*/*"):
            if len(_finished(run_dir)) >= finished and (run_dir / "provenance.json").exists():
                return run_dir
        time.sleep(0.02)
    raise AssertionError(f"no run with {finished} finished cases below {output_dir}")


def _kill_and_resume(cli: Cli, service_url: str, mode: str, kills: int, seed: int) -> int:
    """Kill runs of `mode` at random moments, resume each to its end, and return how many kills there were."""
    rng = random.Random(seed)
    whole = cli(*LINES[mode], "run_name=whole").directory
    killed = 0
    while killed < kills:
        before = _counters(service_url)["sessions"]
        output = cli.cwd / f"out-{killed}"
        with _started(cli, *LINES[mode], f"output_dir={output}") as process:
            run_dir = _wait_for_run(output)
            time.sleep(rng.uniform(0, 1.5))
            os.killpg(process.pid, signal.SIGKILL)
        killed += 1
        safe = [_finished(run_dir)]
        while killed < kills and _kill_after(cli, rng.uniform(1.0, 4.0), "resume", str(run_dir)):
            killed += 1
            safe.append(_finished(run_dir))
        ended = cli("resume", str(run_dir))
        assert ended.code == 0, ended.err
        _require_intact(run_dir, safe)
        assert _told(run_dir) == _told(whole)
        attempts = sum(line["event"] == "started" for line in _journal(run_dir))
        assert _counters(service_url)["sessions"] - before <= attempts * SESSIONS_PER_ATTEMPT[mode]
        shutil.rmtree(output)
    return killed


def _require_intact(run_dir: Path, safe: list[Mapping[str, str]]) -> None:
    """Nothing that was finished at a kill was lost, changed, begun again or graded twice."""
    journal = _journal(run_dir)
    for finished in safe:
        for key, record_sha256 in finished.items():
            assert sha256((run_dir / "records" / f"{key}.json").read_bytes()).hexdigest() == record_sha256
    seen: set[str] = set()
    for line in journal:
        assert not (line["event"] == "started" and line["key"] in seen), f"{line['key']} was run again"
        if line["event"] == "finished":
            assert line["key"] not in seen
            seen.add(line["key"])
    grades = [json.loads(line) for line in (run_dir / "grades.jsonl").read_text().splitlines()]
    counted = Counter((grade["key"], grade["turn_index"], grade["grader_id"]) for grade in grades)
    assert set(counted.values()) == {1}


@pytest.mark.parametrize(("mode", "kills"), [("crawl", 2), ("run", 1)])
def test_a_killed_run_is_finished_without_doing_anything_twice(
    cli: Cli, service_url: str, mode: str, kills: int
) -> None:
    """Kill -9 at a random moment, also of the resume: results equal the uninterrupted run's."""
    assert _kill_and_resume(cli, service_url, mode, kills, seed=1) == kills


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize(("mode", "kills"), [("crawl", 20), ("walk", 15), ("run", 15)])
def test_fifty_kills_across_modes(cli: Cli, service_url: str, mode: str, kills: int) -> None:
    """Fifty random moments: no finished case lost, none twice, no provider call for finished work."""
    assert _kill_and_resume(cli, service_url, mode, kills, seed=50) == kills


def test_ctrl_c_lets_cases_finish_and_the_run_resumes(cli: Cli) -> None:
    """The first signal begins nothing new; what was under way is finished, reported, and never run again."""
    output = cli.cwd / "out"
    line = ("max_examples=24", "concurrency=2", "report.plots=false", f"output_dir={output}")
    with _started(cli, *line) as process:
        run_dir = _wait_for_run(output, finished=3)
        meanwhile = cli("resume", str(run_dir))
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert (meanwhile.code, "another process is writing this run" in meanwhile.err) == (2, True)
    assert process.returncode == 130, err
    assert "cases under way have 30 s to finish" in err
    assert f"evalkit resume {run_dir}" in err
    journal = _journal(run_dir)
    started = {line["key"] for line in journal if line["event"] == "started"}
    assert set(_finished(run_dir)) == started, "what was under way was finished"
    assert 3 <= len(started) < 24
    assert read_json(run_dir / "status.json")["status"] == "interrupted"
    ended = cli("resume", str(run_dir), "concurrency=4")
    assert ended.code == 0, ended.err
    assert len(read_rows(run_dir)) == 24
    _require_intact(run_dir, [{}])


def test_a_second_ctrl_c_stops_at_once(cli: Cli) -> None:
    """Cases under way are given up; the run can still be resumed."""
    output = cli.cwd / "out"
    line = ("mode=walk", "real_time=true", "max_examples=8", "concurrency=8", f"output_dir={output}")
    with _started(cli, *line) as process:
        _wait_for_run(output)
        time.sleep(1.0)
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 130
    run_dir = _wait_for_run(output)
    assert len(_finished(run_dir)) < 8
    assert time.monotonic() - began < 20
    assert read_json(run_dir / "status.json")["status"] == "interrupted"


def test_a_full_disk_ends_the_run_in_words_and_it_resumes(cli: Cli) -> None:
    """A disk that takes no more (here: no longer files) is no defect and no traceback; nothing stored is lost."""
    output = cli.cwd / "out"
    line = [*command(), "max_examples=3", "concurrency=1", "report.plots=false", f"output_dir={output}"]
    full = subprocess.run(
        line, cwd=cli.cwd, env=cli.env, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000)),
    )  # fmt: skip
    assert full.returncode == 3, full.stderr
    assert "File too large" in full.stderr
    assert "Traceback" not in full.stderr
    run_dir = _wait_for_run(output)
    assert f"evalkit resume {run_dir}" in full.stderr
    ended = cli("resume", str(run_dir))
    assert ended.code == 0, ended.err
    assert len(read_rows(run_dir)) == 3


def test_a_change_is_named_and_nothing_is_done_until_the_line_says_what(cli: Cli) -> None:
    """Results of two prompts in one run would be nobody's; the old record is kept when it is run again."""
    prompt = cli.cwd / "prompt.txt"
    shutil.copy(Path(__file__).parents[2] / "data" / "prompts" / "support.txt", prompt)
    run_dir = cli("max_examples=2", f"assistant.system_prompt_file={prompt}", "report.plots=false").directory
    safe = _finished(run_dir)
    prompt.write_text(prompt.read_text() + "\nBe brief.\n")
    refused = cli("resume", str(run_dir))
    assert refused.code == 2
    assert "assistant.system_prompt_sha256 changed since it was run" in refused.err
    assert "--rerun-changed" in refused.err
    assert cli("resume", str(run_dir), "--keep-changed").code == 0
    assert _finished(run_dir) == safe
    assert cli("resume", str(run_dir), "--rerun-changed").code == 0
    assert not set(_finished(run_dir).values()) & set(safe.values())
    assert len(list((run_dir / "records" / "superseded").glob("*.json"))) == 2
    assert len(read_rows(run_dir)) == 2


@contextmanager
def _forwarded(port: int, service_url: str) -> Iterator[None]:
    """Let the service answer on `port` too."""
    target = urlsplit(service_url)
    ready = threading.Event()
    stop: list[Callable[[], object]] = []

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection(target.hostname, target.port)
        await asyncio.gather(_pump(reader, there[1]), _pump(there[0], writer))

    async def serve() -> None:
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        stop.append(lambda: loop.call_soon_threadsafe(ended.set))
        async with await asyncio.start_server(forward, "127.0.0.1", port):
            ready.set()
            await ended.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(10)
    try:
        yield
    finally:
        stop[0]()
        thread.join(10)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
    finally:
        writer.close()


def test_keeping_changes_keeps_the_cases_the_run_was_to_have(cli: Cli) -> None:
    """A case that was renamed since is neither run nor counted; taking changes up runs the new one alone."""
    source = (Path(__file__).parents[2] / "data" / "crawl" / "support.csv").read_text(encoding="utf-8").splitlines()
    cases = cli.cwd / "cases.csv"
    cases.write_text("\n".join(source[:3]) + "\n", encoding="utf-8")
    run_dir = cli(f"mode.data_csv={cases}", "report.plots=false").directory
    first = source[1].split(",")[0]
    cases.write_text("\n".join(source[:3]).replace(f"\n{first},", "\nrenamed,") + "\n", encoding="utf-8")
    assert cli("resume", str(run_dir)).code == 2
    assert cli("resume", str(run_dir), "--keep-changed").code == 0
    assert read_json(run_dir / "status.json")["counts"] == {"planned": 2, "finished": 2, "not_scored": 0}
    assert first in {row["example_id"] for row in read_rows(run_dir)}
    assert cli("resume", str(run_dir), "--rerun-changed").code == 0
    assert "renamed" in {row["example_id"] for row in read_rows(run_dir)}
    assert first not in {row["example_id"] for row in read_rows(run_dir)}
    assert read_json(run_dir / "status.json")["counts"]["finished"] == 2


def test_what_was_lost_is_tried_again_and_its_tries_are_kept(cli: Cli, service_url: str) -> None:
    """A run against a dead address is finished once somebody listens there; the record tells the whole story."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    lost = cli(
        "provider=compatible", f"provider.base_url=http://127.0.0.1:{port}/v1", "provider.models.assistant=local-agent",
        "provider@speech.provider=compatible", f"speech.provider.base_url={service_url}", "speech.model=local-speech",
        "mode.graders=[tool_call,tool_call_args]", "max_examples=2", "limits.max_attempts=2", "report.plots=false",
    )  # fmt: skip
    assert lost.code == 3
    assert f"evalkit resume {lost.directory}" in lost.err
    with _forwarded(port, service_url):
        ended = cli("resume", str(lost.directory))
    assert ended.code == 0, ended.err
    assert [row["status"] for row in read_rows(lost.directory)] == ["ok", "ok"]
    for path in (lost.directory / "records").glob("*.json"):
        tried = [attempt["failure"] and attempt["failure"]["error_type"] for attempt in read_json(path)["attempts"]]
        assert tried == ["connection_refused", "connection_refused", None]
    assert len(list((lost.directory / "records" / "superseded").glob("*.json"))) == 2


def test_a_sweep_that_died_is_finished_and_its_finished_jobs_are_left_alone(cli: Cli) -> None:
    """Jobs that are done keep their files; half-finished and unbegun ones are run; the index is whole."""
    output = cli.cwd / "out"
    line = ("-m", "chunk_ms=20,40,60", "max_examples=6", "report.plots=false", f"output_dir={output}")
    with _started(cli, *line) as process:
        until = time.monotonic() + 60
        while time.monotonic() < until and not list(output.glob("sweeps/*/0_*/summary.json")):
            time.sleep(0.05)
        time.sleep(1.0)
        os.killpg(process.pid, signal.SIGKILL)
    (root,) = output.glob("sweeps/*")
    (first,) = root.glob("0_*")
    # Hydra composes every job again and notes that; what the job itself wrote is what counts.
    files = [path for path in first.rglob("*") if path.is_file() and ".hydra" not in path.parts]
    before = {path: path.stat().st_mtime_ns for path in files}
    ended = cli("resume", str(root))
    assert ended.code == 0, ended.err
    assert {path: path.stat().st_mtime_ns for path in before} == before
    index = [json.loads(entry) for entry in (root / "index.jsonl").read_text().splitlines()]
    assert [(entry["job"], entry["status"]) for entry in index] == [(n, "completed") for n in range(3)]
    assert [len(read_rows(Path(entry["directory"]))) for entry in index] == [6, 6, 6]
    assert ended.directory == root


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ((), "needs a run's or sweep's directory"),
        (("nowhere",), "is no directory"),
        ((".",), "holds no .hydra/config.yaml"),
        ((".", "chunk_ms=40"), "evalkit rerun"),
        ((".", "--keep-changed", "--rerun-changed"), "--rerun-changed: excludes --keep-changed"),
    ],
)
def test_a_wrong_line_is_answered_in_words(cli: Cli, args: tuple[str, ...], words: str) -> None:
    """Each mistake has one message and exit 2."""
    refused = cli("resume", *args)
    assert refused.code == 2
    assert words in refused.err
    assert "Traceback" not in refused.err


def test_a_spent_budget_is_exit_4_and_a_larger_one_finishes_the_run(cli: Cli) -> None:
    """With prices of one's own: a hard stop, everything kept, and what was spent before still counts."""
    prices = cli.cwd / "prices.json"
    per_1m = {"text_input": 1, "text_output": 1, "audio_input": 1000, "audio_output": 1000, "audio_cached_input": 1000}
    priced = {"local-agent": {**per_1m, "text_cached_input": 1}}
    prices.write_text(json.dumps({"as_of": "2026-11-01", "models": priced}))
    line = (
        "max_examples=8",
        "concurrency=1",
        "report.plots=false",
        "report.html=false",
        f"limits.prices_file={prices}",
    )
    spent = cli(*line, "limits.max_cost_usd=0.2")
    assert spent.code == 4, spent.err
    assert f"evalkit resume {spent.directory} limits.max_cost_usd=MORE" in spent.err
    assert "may be spent before all is done" in spent.err or "will stop before it is done" in spent.err
    done = _finished(spent.directory)
    cost = spent.summary["cost_usd"]["assistant"]
    assert 1 <= len(done) < 8
    assert 0.2 <= cost < 0.4
    assert cli("resume", str(spent.directory)).code == 4, "the same budget is still spent"
    assert _finished(spent.directory) == done
    ended = cli("resume", str(spent.directory), "limits.max_cost_usd=50")
    assert ended.code == 0, ended.err
    assert len(read_rows(spent.directory)) == 8
    assert read_json(spent.directory / "summary.json")["cost_usd"]["assistant"] > cost
    _require_intact(spent.directory, [done])


def test_prices_that_are_none_are_answered_in_words(cli: Cli) -> None:
    """Before anything starts, with the file and what is wrong in it."""
    wrong = cli.cwd / "prices.json"
    wrong.write_text('{"models": {}}')
    refused = cli("check", f"limits.prices_file={wrong}")
    assert refused.code == 2
    assert str(wrong) in refused.err
