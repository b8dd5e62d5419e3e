"""Sweeps on a real Slurm, and what clusters do to them: none is waited for without end, all are finished by a resume.

In each: the truth stands in the index, nothing that was finished is paid for again, stdout has the directory alone.
"""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from harness import Cli, Finished, command
from slurm_cluster import SlurmCluster, find_missing, queued_ids, wait_until

from evalkit.peers.embedded import shared_services
from evalkit.service.faults.plan import parse_plan
from evalkit.settings.types import ServiceSettings

pytest.importorskip("submitit", reason="Slurm needs the extra slurm")
if missing := find_missing():
    pytest.skip(missing, allow_module_level=True)

QUICK = ("input=text", "max_examples=2", "report.plots=false", "report.html=false")
# A case at a time, of an assistant that writes slowly: a second or two each, and hardly any CPU.
_DRIP = parse_plan("slow_drip/delay_ms:150").line
SLOW = ("input=text", "concurrency=1", f"service.faults={_DRIP}", "report.plots=false", "report.html=false")
ON_SLURM = (
    "hydra/launcher=submitit_slurm",
    "hydra.launcher.mem_gb=1",
    "hydra.launcher.cpus_per_task=1",
    "hydra.launcher.lost_after_s=2",
)
# What may differ between two runs of the same thing: when they were, and where they lie.
OF_THE_MOMENT = ("latency_first_text_ms_p50", "latency_first_text_ms_p95", "directory")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmCluster]:
    """A cluster for this file."""
    started = SlurmCluster(tmp_path_factory.mktemp("slurm"))
    try:
        started.start()
        yield started
    finally:
        started.stop()


@pytest.fixture(scope="module")
def services() -> Iterator[str]:
    """A quick and a slow service, as jobs find them: they outlive any launching process."""
    settings = [ServiceSettings("rules", faults, 0.0, brain_options={}) for faults in (None, _DRIP)]
    with shared_services(settings, engines=()):
        yield os.environ["EVALKIT_SERVICES"]


@pytest.fixture
def slurm(cold_cli: Cli, services: str, cluster: SlurmCluster) -> Iterator[Cli]:
    """The command on the cluster, which has no job before and after."""
    yield Cli(cold_cli.cwd, {**cold_cli.env, "EVALKIT_SERVICES": services, **cluster.env})
    cluster.run("scancel", "--user=root")
    wait_until(lambda: not cluster.run("squeue", "-h"), "the cluster to be empty")


@dataclass
class Started:
    """A sweep that somebody waits for."""

    cli: Cli
    line: tuple[str, ...]
    process: subprocess.Popen[str] = field(init=False)

    def __post_init__(self) -> None:
        with (self.cli.cwd / "out").open("w") as out, (self.cli.cwd / "err").open("w") as err:
            self.process = subprocess.Popen(
                [*command(), "-m", *ON_SLURM, *self.line], cwd=self.cli.cwd, env=self.cli.env, text=True,
                stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True,
            )  # fmt: skip

    @property
    def root(self) -> Path:
        """The sweep's directory."""
        return next((self.cli.cwd / "outputs" / "sweeps").iterdir())

    def wait_for_work(self, *numbers: int, finished: int = 1) -> None:
        """Return when these jobs have finished so many cases each."""

        def has_worked() -> bool:
            assert self.process.poll() is None, self.err
            return all(len(self.finished(number)) >= finished for number in numbers)

        wait_until(has_worked, f"jobs at work\n{self.err}")

    def finished(self, number: int) -> list[str]:
        """Return the case-trials that a job has finished."""
        sweeps = self.cli.cwd / "outputs" / "sweeps"
        journals = sweeps.glob(f"*/{number}_*/journal.jsonl") if sweeps.is_dir() else ()
        return [event["key"] for path in journals for event in _events(path) if event["event"] == "finished"]

    @property
    def err(self) -> str:
        """What it has said."""
        return (self.cli.cwd / "err").read_text()

    def end(self, timeout_s: float = 60.0) -> Finished:
        """Return what it left when it came to its end by itself."""
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still waiting after {timeout_s:g} s\n{self.err}") from None
        return Finished(self.process.returncode, (self.cli.cwd / "out").read_text(), self.err)


@pytest.fixture
def begin(slurm: Cli) -> Iterator[Callable[..., Started]]:
    """Starts sweeps, of which none outlives the test."""
    begun: list[Started] = []

    def start(*line: str, folder: str = ".") -> Started:
        (slurm.cwd / folder).mkdir(exist_ok=True)
        begun.append(Started(Cli(slurm.cwd / folder, slurm.env), line))
        return begun[-1]

    yield start
    for sweep in begun:
        if sweep.process.poll() is None:
            os.killpg(sweep.process.pid, signal.SIGKILL)
        sweep.process.wait()


def _events(path: Path) -> list[dict[str, Any]]:
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in lines]


def _statuses(root: Path) -> list[str]:
    return [json.loads(line)["status"] for line in (root / "index.jsonl").read_text(encoding="utf-8").splitlines()]


def _table(root: Path) -> list[dict[str, str]]:
    with (root / "sweep.csv").open(encoding="utf-8", newline="") as file:
        return [{**row, **dict.fromkeys(OF_THE_MOMENT, "")} for row in csv.DictReader(file)]


def _require_told(done: Finished) -> None:
    """Hold a sweep to what every launcher promises: the directory alone on stdout, no traceback."""
    assert done.out.splitlines() == [str(done.directory)], done.out
    assert "Traceback" not in done.err, done.err


def _require_paid_once(root: Path, jobs: int, cases: int) -> None:
    """Every case of every job was finished, once, and none was begun again after that."""
    journals = sorted(root.glob("[0-9]*_*/journal.jsonl"))
    assert len(journals) == jobs
    for path in journals:
        seen: set[str] = set()
        for event in _events(path):
            assert not (event["event"] == "started" and event["key"] in seen), f"{event['key']} was run again"
            if event["event"] == "finished":
                assert event["key"] not in seen
                seen.add(event["key"])
        assert len(seen) == cases, path


def _resume(cli: Cli, root: Path, jobs: int, cases: int) -> Finished:
    """Finish a sweep, quickly."""
    done = cli("resume", str(root), "concurrency=8")
    _require_told(done)
    assert done.code == 0, done.err
    assert _statuses(root) == ["completed"] * jobs
    _require_paid_once(root, jobs, cases)
    return done


def test_a_sweep_is_that_of_basic(slurm: Cli, cluster: SlurmCluster) -> None:
    """Row for row, with what people ask Slurm for; six jobs are two arrays where one may have five."""
    line = ("seed=range(6)", *QUICK)
    asked = (
        "hydra.launcher.partition=main",
        "hydra.launcher.account=research",
        "hydra.launcher.qos=normal",
        "hydra.launcher.gres=seat:1",
        "hydra.launcher.constraint=fast",
        "hydra.launcher.comment=sweep",
        "hydra.launcher.array_parallelism=3",
        "hydra.launcher.setup=['export SET_UP=yes; echo set up']",
        "+hydra.launcher.additional_parameters.nice=10",
    )
    done = slurm("-m", *ON_SLURM, *asked, *line)
    assert done.code == 0, done.err
    _require_told(done)
    ids = queued_ids(done.directory)
    assert len({name.partition("_")[0] for name in ids.values()}) == 2
    told = cluster.run("scontrol", "--oneliner", "show", "job", ids[0])
    for expected in ("Partition=main", "Account=research", "TresPerNode=gres:seat:1", "Features=fast", "Comment=sweep"):
        assert expected in told
    out = done.directory / ".submitit" / ids[0] / f"{ids[0]}_0_log.out"
    assert "set up" in out.read_text()
    basic = slurm("-m", *line)
    assert _table(done.directory) == _table(basic.directory)
    _require_paid_once(done.directory, 6, 2)


def test_jobs_that_are_cancelled_or_killed_end_the_wait(
    slurm: Cli, begin: Callable[..., Started], cluster: SlurmCluster
) -> None:
    """A running one, a waiting one, and one whose process dies: each is told as what it is; the fourth completes."""
    sweep = begin("seed=range(4)", *SLOW, "max_examples=6", "hydra.launcher.array_parallelism=3")
    sweep.wait_for_work(0, 1, 2)
    ids = queued_ids(sweep.root)
    os.kill(int(json.loads((sweep.root / ".jobs" / "1.json").read_text())["pid"]), signal.SIGKILL)
    cluster.run("scancel", ids[0], ids[3])
    done = sweep.end()
    _require_told(done)
    assert done.code == 130
    assert _statuses(done.directory) == ["interrupted", "lost", "completed", "not_started"]
    lost = next(line for line in done.err.splitlines() if "job 1 is lost" in line)
    assert "Slurm says FAILED" in lost
    assert f"{ids[1]}_0_log.err" in lost
    _resume(slurm, done.directory, 4, 6)


def test_all_jobs_that_are_cancelled_end_the_wait(
    slurm: Cli, begin: Callable[..., Started], cluster: SlurmCluster
) -> None:
    """Also where none has begun."""
    cluster.run("scontrol", "update", "PartitionName=main", "State=DOWN")
    try:
        sweep = begin("seed=1,2", *QUICK)
        wait_until(lambda: list(cluster.states().values()).count("PENDING") == 2, "two jobs that wait")
        cluster.run("scancel", "--user=root")
        done = sweep.end()
    finally:
        cluster.run("scontrol", "update", "PartitionName=main", "State=UP")
    _require_told(done)
    assert done.code == 70
    assert _statuses(done.directory) == ["not_started"] * 2
    assert "Slurm says CANCELLED" in done.err
    _resume(slurm, done.directory, 2, 2)


def test_a_job_whose_time_is_up_ends_its_cases_and_says_so(
    slurm: Cli, begin: Callable[..., Started], cluster: SlurmCluster
) -> None:
    """Slurm warns it, within half a minute; what was under way is finished, and nothing is lost."""
    sweep = begin("seed=1,2", *SLOW, "max_examples=40")
    sweep.wait_for_work(0, 1)
    ids = queued_ids(sweep.root)
    cluster.run("scontrol", "update", f"JobId={ids[0]}", "TimeLimit=1")
    cluster.run("scancel", "--signal=USR2", ids[1])  # what Slurm sends, without the wait
    done = sweep.end(90)
    _require_told(done)
    assert done.code == 130
    assert _statuses(done.directory) == ["interrupted"] * 2
    for number in (0, 1):
        events = _events(next(done.directory.glob(f"{number}_*/journal.jsonl")))
        assert sum(event["event"] == "started" for event in events) == len(sweep.finished(number)) < 40
        said = (done.directory / ".submitit" / ids[number] / f"{ids[number]}_0_log.err").read_text()
        assert "Slurm will end this job soon" in said
        assert "Traceback" not in said
    _resume(slurm, done.directory, 2, 40)


def test_a_job_whose_time_is_up_goes_on_by_itself_where_it_is_told_to(
    begin: Callable[..., Started], cluster: SlurmCluster
) -> None:
    """It is put back into the queue, once, and goes on with its next case."""
    sweep = begin("seed=1", *SLOW, "max_examples=6", "hydra.launcher.max_num_timeout=1")
    sweep.wait_for_work(0)
    cluster.run("scancel", "--signal=USR2", queued_ids(sweep.root)[0])
    done = sweep.end()
    _require_told(done)
    assert done.code == 0, done.err
    _require_paid_once(done.directory, 1, 6)


def test_requeued_and_preempted_jobs_go_on_in_their_directories(
    begin: Callable[..., Started], cluster: SlurmCluster
) -> None:
    """One by a person's hand, one by a job that goes before it; the sweep waits for them and exits 0."""
    sweep = begin("seed=1,2", *SLOW, "max_examples=8")
    sweep.wait_for_work(0, 1)
    ids = queued_ids(sweep.root)
    cluster.run("scontrol", "requeue", ids[0])
    wait_until(lambda: cluster.states()[ids[0]] != "RUNNING", "the requeued job to end")
    cluster.run("sbatch", "--partition=urgent", "--exclusive", "--output=/dev/null", "--wrap=true")
    done = sweep.end(90)
    _require_told(done)
    assert done.code == 0, done.err
    assert _statuses(done.directory) == ["completed"] * 2
    for path in done.directory.glob("[0-9]*_*/provenance.json"):
        assert json.loads(path.read_text())["resumed"], path
    _require_paid_once(done.directory, 2, 8)


def test_a_controller_that_is_away_for_a_while_is_waited_for(
    begin: Callable[..., Started], cluster: SlurmCluster
) -> None:
    """Its silence is no answer: no job is taken for lost."""
    sweep = begin("seed=1,2", *SLOW, "max_examples=5")
    sweep.wait_for_work(0, 1)
    cluster.stop_controller()
    wait_until(lambda: len(sweep.finished(0)) == 5, "a job that ends meanwhile")
    cluster.start_controller()
    done = sweep.end()
    _require_told(done)
    assert done.code == 0, done.err
    _require_paid_once(done.directory, 2, 5)


def test_a_launcher_that_was_killed_is_rejoined(slurm: Cli, begin: Callable[..., Started]) -> None:
    """Its jobs go on; whoever resumes waits for them and starts none of them again."""
    sweep = begin("seed=range(3)", *SLOW, "max_examples=6", "hydra.launcher.array_parallelism=2")
    sweep.wait_for_work(0, 1)
    os.killpg(sweep.process.pid, signal.SIGKILL)
    sweep.process.wait()
    assert _statuses(sweep.root) == ["planned"] * 3
    done = slurm("resume", str(sweep.root))
    _require_told(done)
    assert done.code == 0, done.err
    assert _statuses(done.directory) == ["completed"] * 3
    _require_paid_once(done.directory, 3, 6)
    written = [json.loads(path.read_text()) for path in done.directory.glob("[0-9]*_*/provenance.json")]
    assert not any("resumed" in provenance for provenance in written)
    assert len({name.partition("_")[0] for name in queued_ids(done.directory).values()}) == 1


def test_a_request_to_end_is_passed_on_and_what_goes_on_is_named(
    begin: Callable[..., Started], cluster: SlurmCluster
) -> None:
    """SIGTERM: jobs that hear it end; with the controller away they cannot, and the line that stops them is told."""
    sweep = begin("seed=1,2", *SLOW, "max_examples=20")
    sweep.wait_for_work(0, 1)
    sweep.process.send_signal(signal.SIGTERM)
    done = sweep.end(40)
    _require_told(done)
    assert done.code == 130
    assert _statuses(done.directory) == ["interrupted"] * 2
    sweep = begin("seed=1,2", *SLOW, "max_examples=20", "limits.grace_s=1", folder="again")
    sweep.wait_for_work(0, 1)
    ids = queued_ids(sweep.root)
    cluster.stop_controller()
    try:
        began = time.monotonic()
        sweep.process.send_signal(signal.SIGTERM)
        done = sweep.end(30)
        assert time.monotonic() - began < 20
    finally:
        cluster.start_controller()
    _require_told(done)
    assert done.code == 130
    assert f"scancel {ids[0]} {ids[1]}" in done.err
    assert f"evalkit resume {done.directory}" in done.err


def test_what_slurm_would_not_take_is_said_before_anything_starts(slurm: Cli) -> None:
    """In the cluster's own words, which alone knows its partitions; nothing is left behind."""
    done = slurm("-m", *ON_SLURM, "seed=1,2", *QUICK, "hydra.launcher.partition=nowhere")
    assert done.code == 2
    assert "invalid partition specified: nowhere" in done.err
    assert "Traceback" not in done.err
    assert not (slurm.cwd / "outputs").exists()


def test_a_cluster_that_keeps_accounts(cold_cli: Cli, services: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A job dies, and so does the launching process: rejoined, the sweep completes, and the accounts say the same."""
    if missing := find_missing(accounting=True):
        pytest.skip(missing)
    cluster = SlurmCluster(tmp_path_factory.mktemp("accounts"), keeps_accounts=True)
    slurm = Cli(cold_cli.cwd, {**cold_cli.env, "EVALKIT_SERVICES": services, **cluster.env})
    try:
        cluster.start()
        line = ("hydra.launcher.account=research", "hydra.launcher.array_parallelism=2", "max_examples=6")
        sweep = Started(slurm, ("seed=range(3)", *SLOW, *line))
        sweep.wait_for_work(0, 1)
        os.kill(int(json.loads((sweep.root / ".jobs" / "1.json").read_text())["pid"]), signal.SIGKILL)
        os.killpg(sweep.process.pid, signal.SIGKILL)
        sweep.process.wait()
        ids = queued_ids(sweep.root)
        done = slurm("resume", str(sweep.root))
        _require_told(done)
        assert done.code == 0, done.err
        assert _statuses(done.directory) == ["completed"] * 3
        _require_paid_once(done.directory, 3, 6)
        again = queued_ids(done.directory)
        assert (again[0], again[2]) == (ids[0], ids[2])
        ended = ("sacct", "--allocations", "--noheader", "--parsable2", "--format=Account,State")
        for name, told in ((ids[0], "COMPLETED"), (ids[1], "FAILED"), (again[1], "COMPLETED")):
            wait_until(lambda: cluster.run(*ended, f"--jobs={name}") == f"research|{told}", f"{name} {told}")  # noqa: B023
    finally:
        cluster.stop()
