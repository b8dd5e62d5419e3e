"""One sweep on two nodes that share a folder and nothing else, their clocks ten minutes apart, their locks unseen.

Slots and budget are the whole sweep's, a job that died with its node is known as lost on the other within the bound,
and when that node is back it finishes the sweep.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import pytest
from harness import Cli, read_json, read_rows
from nodes import COST_USD, CountingEndpoint, Node, build_shim, require_namespaces

from evalkit.clock import MonotonicClock
from evalkit.runner.job_watch import JobState, JobWatch
from evalkit.store.heartbeat import BEAT_S
from evalkit.store.running_jobs import RunningJobs

SLOTS = 3
LOST_AFTER_S = 8.0
APART_S = 600
CASES = 90


class Cluster:
    """Three nodes and the endpoint that they reach.

    Attributes:
        nodes: By name.
        endpoint: Of all of them.
        pace_s: How long each answer takes.
        stuck: The node whose requests are not answered; empty: none.
        root: The sweep's folder.

    """

    def __init__(self, cli: Cli, folder: Path, shim: Path) -> None:
        self.endpoint = CountingEndpoint(_answer, self._wait)
        self.pace_s, self.stuck, self.root = 0.1, "", cli.cwd / "sweep"
        self._over = threading.Event()
        self.nodes: dict[str, Node] = {}
        for name, clock_s in (("a", 0), ("b", -APART_S), ("c", APART_S)):
            self.endpoint.serve(name, folder / name)
            env = {**cli.env, "OPENROUTER_API_KEY": "sk-of-nobody"}
            self.nodes[name] = Node(f"node-{name}", folder / name, clock_s, shim, env, cli.cwd)

    def close(self) -> None:
        """End what is under way."""
        self._over.set()
        self.endpoint.close()

    def begin(self, *overrides: str, cases: int = CASES) -> None:
        """Plan a sweep of two jobs, one for each node, told apart by the model they ask for."""
        questions = self.nodes["a"].cwd / "questions.csv"
        rows = [f"q{number},What is number {number}?,number {number}" for number in range(cases)]
        questions.write_text("\n".join(["question_id,question,answer", *rows, ""]), encoding="utf-8")
        code, said = self.nodes["a"].run(
            "begin", self.root, "mode=quiz", f"mode.data_csv={questions}", "provider=openrouter",
            "provider.base_url=http://127.0.0.1:8123/v1", "assistant.model=m/a,m/b", "judge.model=m/judge",
            "report.plots=false", "report.html=false", f"concurrency={SLOTS}", *overrides,
        )  # fmt: skip
        assert code == 0, said

    @contextmanager
    def start(self, name: str, number: int) -> Iterator[subprocess.Popen[str]]:
        """Run a job of the sweep on a node, until the block ends at the latest."""
        with self.nodes[name].start("job", self.root, number, LOST_AFTER_S) as process:
            try:
                yield process
            finally:
                process.kill()

    def journal(self, number: int) -> list[dict[str, object]]:
        """Return what a job noted so far."""
        (path,) = self.root.glob(f"{number}_*/journal.jsonl")
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    def _wait(self, node: str) -> None:
        self._over.wait(3600 if self.stuck == node else self.pace_s)


def _answer(model: str, question: str) -> str:
    if model == "m/judge":
        evidence = [{"line": 2, "quote": "That is"}]
        return json.dumps({"evidence": evidence, "reasoning": "It is short.", "verdict": "pass"})
    found = re.search(r"number \d+", question)
    return f"That is {found[0] if found else 'nothing'}."


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that changes clocks and locks."""
    return build_shim(tmp_path_factory.mktemp("shim"))


@pytest.fixture
def cluster(cold_quiz: Cli, shim: Path) -> Iterator[Cluster]:
    """Three nodes."""
    require_namespaces()
    folder = Path(tempfile.mkdtemp())  # of a short name: a socket's path has little room
    started = Cluster(cold_quiz, folder, shim)
    yield started
    started.close()
    shutil.rmtree(folder)


def test_slots_are_the_sweeps_and_a_lost_nodes_come_back(cluster: Cluster) -> None:
    """Never more than there are over both nodes; killed with its slots in hand, one frees them within the bound."""
    endpoint = cluster.endpoint
    cluster.begin(f"limits.requests_in_flight={SLOTS}")
    with cluster.start("a", 0) as a, cluster.start("b", 1) as b:
        _wait_until(lambda: min(_asked(endpoint, "a"), _asked(endpoint, "b")) >= 12, a, b)
        cluster.stuck = "b"
        cluster.pace_s = 0.3
        _wait_until(lambda: endpoint.inside["b"] > 0, a, b)
        assert endpoint.most[""] == SLOTS
        watch = JobWatch(RunningJobs(cluster.root), LOST_AFTER_S, MonotonicClock())
        assert set(watch.look([0, 1]).values()) == {JobState.RUNNING}
        b.send_signal(signal.SIGKILL)
        killed_s = time.monotonic()
        b.wait()
        held = _held_by(cluster.root, "node-b")
        assert 1 <= held <= SLOTS
        endpoint.forget_most()
        back_s = lost_s = None
        while back_s is None or lost_s is None:
            states, now_s = watch.look([0, 1]), time.monotonic() - killed_s
            assert now_s < LOST_AFTER_S + 2 * BEAT_S, (back_s, lost_s, states)
            assert a.poll() is None, a.communicate()
            assert states[0] is JobState.RUNNING
            if back_s is None and endpoint.most["a"] > SLOTS - held:
                back_s = now_s
            if lost_s is None and states[1] is JobState.LOST:
                lost_s = now_s
            time.sleep(0.1)
        assert back_s > LOST_AFTER_S - BEAT_S - 1, "its last sign of life was not older"
        _wait_until(lambda: endpoint.most["a"] == SLOTS, a)
        cluster.pace_s = 0.0
        out, err = a.communicate(timeout=60)
    assert a.returncode == 0, out + err
    began = [datetime.fromisoformat(str(cluster.journal(number)[0]["at"])).timestamp() for number in (0, 1)]
    assert began[0] - began[1] == pytest.approx(APART_S, abs=60)
    _require_that_the_lost_node_finishes(cluster)


def _require_that_the_lost_node_finishes(cluster: Cluster) -> None:
    """It resumes the sweep: results are right, and what was finished is not asked for again."""
    finished = {str(entry["key"]) for entry in cluster.journal(1) if entry["event"] == "finished"}
    before = len(cluster.endpoint.asked)
    cluster.stuck = ""
    code, said = cluster.nodes["b"].run("evalkit", "resume", cluster.root)
    assert code == 0, said
    index = [json.loads(line) for line in (cluster.root / "index.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [entry["status"] for entry in index] == ["completed", "completed"]
    for number in (0, 1):
        (run_dir,) = cluster.root.glob(f"{number}_*")
        assert Counter(row["passed"] for row in read_rows(run_dir)) == {"1": CASES}
    again = {question for node, model, question in cluster.endpoint.asked[before:] if model != "m/judge"}
    assert len(again) == CASES - len(finished)
    assert not again & {f"What is number {key[1:]}?" for key in finished}


@pytest.mark.slow
def test_a_sweep_is_taken_over_by_another_node_and_by_one_alone(cluster: Cluster) -> None:
    """It joins the job that goes on at a third node, and starts the one that was lost with the first."""
    cluster.begin(cases=40)
    cluster.pace_s = 0.5
    with cluster.start("b", 1) as b:
        _wait_until(lambda: _asked(cluster.endpoint, "b") >= 3, b)
        with cluster.nodes["a"].start("evalkit", "resume", cluster.root) as a:
            _wait_until(lambda: _asked(cluster.endpoint, "a") >= 3, a, b)
            code, said = cluster.nodes["c"].run("evalkit", "resume", cluster.root)
            assert (code, "another process launches this sweep" in said, "on node-a" in said) == (2, True, True), said
            a.send_signal(signal.SIGKILL)
            a.wait()
        with cluster.nodes["c"].start("evalkit", "resume", cluster.root) as c:
            _wait_until(lambda: _asked(cluster.endpoint, "c") >= 3, c, within_s=150)
            assert b.poll() is not None or "ended" not in {entry["event"] for entry in cluster.journal(1)}
            cluster.pace_s = 0.0
            out, err = c.communicate(timeout=120)
    assert c.returncode == 0, err
    assert out.splitlines()[-1] == str(cluster.root)
    index = [json.loads(line) for line in (cluster.root / "index.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [entry["status"] for entry in index] == ["completed", "completed"]
    assert {node for node, model, _ in cluster.endpoint.asked if model == "m/b"} == {"b"}
    for number in (0, 1):
        assert Counter(entry["event"] for entry in cluster.journal(number))["finished"] == 40


def test_the_budget_is_one_over_both_nodes(cluster: Cluster) -> None:
    """What both spend adds up, in a ledger for each; each stops, with what was under way as all that is above it."""
    cluster.begin("limits.max_cost_usd=5", cases=40)
    with cluster.start("a", 0) as a, cluster.start("b", 1) as b:
        ends = [process.communicate(timeout=60) for process in (a, b)]
    assert [a.returncode, b.returncode] == [4, 4], ends
    spent = COST_USD * len(cluster.endpoint.asked)
    assert len({node for node, _, _ in cluster.endpoint.asked}) == 2
    assert 5 <= spent <= 5 + COST_USD * 2 * 2 * SLOTS  # each lane had at most an answer and a verdict to go
    ledgers = sorted((cluster.root / ".quota" / "spent").iterdir())
    assert len(ledgers) == 2
    lines = [json.loads(line) for path in ledgers for line in path.read_text(encoding="utf-8").splitlines()]
    assert sum(line["usd"] for line in lines) == pytest.approx(spent)
    statuses = [read_json(path)["status"] for path in cluster.root.glob("*_*/status.json")]
    assert statuses == ["budget_reached", "budget_reached"]


def test_a_file_system_without_locks_is_refused(cold_quiz: Cli, shim: Path) -> None:
    """Before anything is started: one sentence, exit code 2, and nothing is left behind; a single run goes its way."""
    lacking = {"LD_PRELOAD": str(shim), "SHIM_LOCKS": "none"}
    refused = cold_quiz("-m", "mode=quiz", "max_examples=1,2", "output_dir=new/outputs", **lacking)
    assert refused.code == 2, refused.err
    assert (
        "it does not hold: a lock is refused while another process of the machine holds it (No locks available"
        in refused.err
    )
    assert refused.out == ""
    assert not (cold_quiz.cwd / "new").exists()


def _asked(endpoint: CountingEndpoint, node: str) -> int:
    return sum(1 for asked in list(endpoint.asked) if asked[0] == node)


def _held_by(root: Path, host: str) -> int:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    machine = sha256(f"{host}:{boot}".encode()).hexdigest()[:12]
    return len(list((root / ".quota" / "slots").glob(f"slot-*/{machine}-*")))


def _wait_until(is_so: object, *processes: subprocess.Popen[str], within_s: float = 60) -> None:
    assert callable(is_so)
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to that"
        for process in processes:
            assert process.poll() is None, process.communicate()
        time.sleep(0.02)
