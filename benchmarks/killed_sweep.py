"""Whether a coding sweep that is killed again and again pays for nothing twice, loses nothing, and leaves no box.

    python benchmarks/killed_sweep.py [--kills 500] [--seed 0] [--json FILE]

A sweep of two models over a handful of tasks, two trials each, is run to its end with the installed command, which
tells how long that takes here. Then it is started again and killed (SIGKILL to the command and to all it started) at a
random moment of that time; then `evalkit resume` is started and killed likewise, until the sweep is done; then the next
sweep, until there were enough kills. The models are a server in this process, which answers every prompt with the
task's own solution after a short while and counts what it was asked.

Bars: every case-trial of every finished sweep is there once and has passed; after each kill, no process of a box is
left; and no answer that had been kept before a kill was asked for again: between two kills, each model is asked for
each task at most as often as there are trials without a kept answer. An answer that was still on its way when the kill
came has to be asked for again; how often that happened is told. Exit code 1: a bar was missed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from installed import missing_packages_named

with missing_packages_named():
    import psutil

    from evalkit.modes.coding.task import Task
    from evalkit.modes.coding.tasks import read_tasks
    from evalkit.settings.resources import resource_dir

MODELS = ("first", "second")
TRIALS = 2
TASKS = ("python_bugfix_interval_merger", "python_feature_retry_planner", "python_bugfix_ttl_cache",
         "javascript_bugfix_event_emitter")  # fmt: skip
_ANSWER_S = (0.05, 0.4)
_KILL_S = 0.3
_DIE_S = 10.0


@dataclass
class Asked:
    """How often each model (first) was asked for each task (second), since that was last looked at."""

    counted: Counter[tuple[str, str]] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, model: str, task_id: str) -> None:
        """Count a question."""
        with self.lock:
            self.counted[model, task_id] += 1

    def take(self) -> Counter[tuple[str, str]]:
        """Return the counts, and begin again."""
        with self.lock:
            taken, self.counted = self.counted, Counter()
            return taken


@dataclass
class Tally:
    """What came of it all."""

    kills: int = 0
    sweeps: int = 0
    case_trials: int = 0
    whole_s: float = 0.0
    asked: int = 0
    on_their_way: int = 0
    troubles: list[str] = field(default_factory=list)


@contextmanager
def serve(tasks: Sequence[Task], asked: Asked) -> Iterator[str]:
    """Yield the base URL of a server that solves every task, and takes its time."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            shown = "\n".join(str(message["content"]) for message in body["messages"])
            task = next(task for task in tasks if task.prompt.strip() in shown)
            asked.note(body["model"], task.task_id)
            time.sleep(random.uniform(*_ANSWER_S))
            reply = json.dumps(_completion(body["model"], f"```diff\n{task.judge.oracle}```\n")).encode()
            try:
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)
            except ConnectionError:
                return

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Say nothing of a client that was killed."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()


def _completion(model: str, text: str) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    usage = {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20}
    return {"id": "c", "object": "chat.completion", "created": 0, "model": model, "choices": [choice], "usage": usage}


def kill_a_sweep(folder: Path, url: str, asked: Asked, tally: Tally, chance: random.Random, most: int) -> None:
    """Run one sweep to its end, killing it on the way while there are kills left."""
    names = ",".join(MODELS)
    line = [
        "-m", "mode=coding", "provider=compatible", f"provider.base_url={url}", "provider.text_api=chat",
        f"assistant.model={names}", f"trials={TRIALS}", f"mode.tasks=[{','.join(TASKS)}]", "report.plots=false",
        "report.html=false", f"output_dir={folder}",
    ]  # fmt: skip
    kills, kept = 0, Counter[tuple[str, str]]()
    asked.take()
    while True:
        process = _start(line)
        may_kill = tally.kills < most
        try:
            code = process.wait(chance.uniform(_KILL_S, tally.whole_s) if may_kill else None)
        except subprocess.TimeoutExpired:
            _kill(process, tally)
            kills += 1
            kept = _look_at_answers(folder, asked, kept, tally)
            sweeps = sorted((folder / "sweeps").glob("*")) if (folder / "sweeps").exists() else []
            line = ["resume", str(sweeps[-1])] if sweeps else line
            continue
        if code != 0:
            tally.troubles.append(f"sweep {tally.sweeps}: exit code {code} after {kills} kills")
        break
    tally.sweeps += 1
    _look_at_records(folder, tally)
    _look_at_answers(folder, asked, kept, tally)
    tally.on_their_way = tally.asked - tally.case_trials


def _start(line: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "evalkit", *line], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def _kill(process: subprocess.Popen[bytes], tally: Tally) -> None:
    """Kill the command as a machine would, and wait until nothing that it had started is left."""
    started = psutil.Process(process.pid).children(recursive=True)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    _, left = psutil.wait_procs(started, timeout=_DIE_S)
    if left:
        names = ", ".join(sorted({one.name() for one in left if one.is_running()}))
        tally.troubles.append(f"kill {tally.kills}: {len(left)} processes left: {names}")
    tally.kills += 1


def _look_at_records(folder: Path, tally: Tally) -> None:
    runs = sorted(path.parent for path in folder.rglob("summary.json"))
    for run in (run for run in runs if (run / "records").is_dir()):
        records = [json.loads(path.read_bytes()) for path in sorted((run / "records").glob("*.json"))]
        lines = [json.loads(line) for line in (run / "journal.jsonl").read_text(encoding="utf-8").splitlines()]
        finished = Counter(line["key"] for line in lines if line.get("event") == "finished")
        wanted = len(TASKS) * TRIALS
        if len(records) != wanted or len(finished) != wanted or set(finished.values()) != {1}:
            tally.troubles.append(f"{run.name}: {len(records)} records, finished {dict(finished)}; expected {wanted}")
        grades = [json.loads(line) for line in (run / "grades.jsonl").read_text(encoding="utf-8").splitlines()]
        passed = {grade["key"] for grade in grades if grade["grade"] == 1}
        if len(passed) != wanted:
            tally.troubles.append(f"{run.name}: {len(passed)} of {wanted} passed")
        tally.case_trials += len(records)


def _look_at_answers(
    folder: Path, asked: Asked, kept: Counter[tuple[str, str]], tally: Tally
) -> Counter[tuple[str, str]]:
    """Hold what was asked since the last kill against what had been `kept` by then; return what is kept now."""
    for question, times in asked.take().items():
        tally.asked += times
        if times > TRIALS - kept[question]:
            tally.troubles.append(f"{question}: asked {times} times with {kept[question]} of {TRIALS} answers kept")
    found: Counter[tuple[str, str]] = Counter()
    for path in folder.rglob("answers/*.jsonl"):
        config = (path.parents[1] / "config.yaml").read_text(encoding="utf-8")
        model = next(name for name in MODELS if f"model: {name}\n" in config)
        whole_lines = path.read_bytes().count(b"\n")
        found[model, path.name.removesuffix(".jsonl").removesuffix(".t2")] += min(whole_lines, 1)
    return found


def main() -> int:
    """Kill, resume, and print the table."""
    options = _parse()
    chance, tally, asked = random.Random(options.seed), Tally(), Asked()
    tasks = read_tasks(resource_dir("data") / "coding", TASKS)
    with serve(tasks, asked) as url, tempfile.TemporaryDirectory(prefix="killed_sweep_") as folder:
        begun = time.monotonic()
        kill_a_sweep(Path(folder) / "whole", url, asked, tally, chance, most=0)
        tally.whole_s = time.monotonic() - begun
        while tally.kills < options.kills:
            kill_a_sweep(Path(folder) / f"sweep_{tally.sweeps}", url, asked, tally, chance, options.kills)
            print(f"{tally.kills} kills, {tally.sweeps} sweeps, {len(tally.troubles)} troubles", file=sys.stderr)
    print(f"a sweep that is not killed takes {tally.whole_s:.1f} s here")
    print("| kills | sweeps | case-trials | answers | asked again, on their way when killed | bars missed |")
    print("|---" * 6 + "|")
    print(
        f"| {tally.kills} | {tally.sweeps} | {tally.case_trials} | {tally.asked} | {tally.on_their_way} "
        f"| {len(tally.troubles)} |"
    )
    for trouble in tally.troubles:
        print(trouble)
    if options.json:
        options.json.write_text(json.dumps(vars(tally), indent=2) + "\n")
    return int(bool(tally.troubles))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser.parse_args()


if __name__ == "__main__":
    with missing_packages_named():
        sys.exit(main())
