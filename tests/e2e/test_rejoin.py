"""Jobs go on where they run, whatever becomes of the process that has launched them; the sweep is joined again."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from harness import Cli, command

pytest.importorskip("cloudpickle", reason="the stand-in for a cluster hands its jobs over with cloudpickle")

PLUGIN = Path(__file__).parents[1] / "plugins" / "cluster"
LINE = ("-m", "seed=range(4)", "concurrency=1", "report.plots=false", "report.html=false")


def _wait_until(happened: Callable[[], bool], what: str, within_s: float = 90) -> None:
    until = time.monotonic() + within_s
    while not happened():
        assert time.monotonic() < until, f"not within {within_s:g} s: {what}"
        time.sleep(0.05)


def _provider(service_url: str) -> tuple[str, ...]:
    """Return words for a provider that outlives the launching process, as a hosted one does; its own would not."""
    return (
        "provider=compatible", f"provider.base_url={service_url}", "provider.models.assistant=local-agent",
        "provider@speech.provider=compatible", f"speech.provider.base_url={service_url}", "speech.model=local-speech",
        "mode.graders=[tool_call,tool_call_args]",
    )  # fmt: skip


class Cluster:
    """The cluster that jobs run in, and the sweep that was launched into it."""

    def __init__(self, cli: Cli, service_url: str) -> None:
        self.provider = _provider(service_url)
        self.folder, self.output = cli.cwd / "cluster", cli.cwd / "out"
        self.folder.mkdir()
        path = os.pathsep.join([str(PLUGIN), cli.env.get("PYTHONPATH", os.environ.get("PYTHONPATH", ""))])
        self.cli = Cli(cli.cwd, {**cli.env, "PYTHONPATH": path, "STAND_IN_CLUSTER": str(self.folder)})

    @property
    def root(self) -> Path:
        """The sweep's root."""
        (root,) = self.output.glob("sweeps/*")
        return root

    def hold(self, *numbers: int) -> None:
        """Let these jobs wait in the queue."""
        for number in numbers:
            (self.folder / f"{number}.hold").touch()

    def release(self, number: int) -> None:
        """Let it begin."""
        (self.folder / f"{number}.hold").unlink()

    def signal(self, number: int, sign: signal.Signals) -> None:
        """Send the job's process a signal."""
        os.kill(int((self.folder / f"{number}.pid").read_text()), sign)

    def start(self, *args: str) -> subprocess.Popen[str]:
        """Start a command; its output is read when it ends."""
        return subprocess.Popen(
            [*command(), *args], cwd=self.cli.cwd, env=self.cli.env, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def launch(self, *more: str) -> subprocess.Popen[str]:
        """Start the sweep."""
        line = (*LINE, *self.provider, "max_examples=2", "hydra/launcher=stand_in_cluster")
        return self.start(*line, f"output_dir={self.output}", *more)

    def journal(self, number: int) -> list[dict[str, str]]:
        """What has happened in a job."""
        paths = list(self.output.glob(f"sweeps/*/{number}_*/journal.jsonl"))
        return [json.loads(line) for path in paths for line in path.read_text().splitlines() if line.endswith("}")]

    def has_begun(self, number: int) -> bool:
        """Tell whether a job has begun its first case."""
        return any(line["event"] == "started" for line in self.journal(number))

    def has_ended(self, number: int) -> bool:
        """Tell whether a job has come to its end."""
        return bool(list(self.output.glob(f"sweeps/*/.jobs/{number}.ended")))

    def statuses(self) -> list[str]:
        """The state of each job, as the index has it."""
        return [json.loads(line)["status"] for line in (self.root / "index.jsonl").read_text().splitlines()]

    def require_nothing_twice(self) -> None:
        """No case that was finished was begun again, in any job."""
        for number in range(4):
            events = self.journal(number)
            finished = [line["key"] for line in events if line["event"] == "finished"]
            assert set(Counter(finished).values()) == {1}
            for key in finished:
                last = max(
                    place for place, line in enumerate(events) if (line["event"], line.get("key")) == ("started", key)
                )
                first = min(
                    place for place, line in enumerate(events) if (line["event"], line.get("key")) == ("finished", key)
                )
                assert last < first, f"job {number}: {key} was begun again after it was finished"


@pytest.fixture
def cluster(cli: Cli, service_url: str) -> Iterator[Cluster]:
    """A cluster with room; what runs in it ends with the test."""
    made = Cluster(cli, service_url)
    yield made
    for path in made.folder.glob("*.pid"):
        with suppress(ProcessLookupError):
            os.kill(int(path.read_text()), signal.SIGKILL)


def _table(root: Path) -> Mapping[str, str]:
    with (root / "sweep.csv").open(encoding="utf-8", newline="") as file:
        return {row["job"]: row["status"] for row in csv.DictReader(file)}


def test_jobs_that_outlive_their_launcher_are_joined_and_only_what_was_lost_is_started(cluster: Cluster) -> None:
    """One has ended, one runs, one waits, one is lost; a report says so meanwhile, and nothing is paid for twice."""
    cluster.hold(1, 2, 3)
    launcher = cluster.launch()
    _wait_until(lambda: cluster.has_ended(0), "job 0 ends")
    for number, sign in ((1, signal.SIGSTOP), (3, signal.SIGKILL)):
        cluster.release(number)
        _wait_until(lambda number=number: cluster.has_begun(number), f"job {number} begins")
        cluster.signal(number, sign)
    refused = cluster.cli("resume", str(cluster.root))
    assert (refused.code, "another process launches this sweep" in refused.err) == (2, True)
    launcher.kill()
    launcher.communicate()

    told = cluster.cli("report", str(cluster.root))
    assert told.code == 0, told.err
    assert "jobs: 1 wait, 1 run, 1 ended, 1 lost" in told.err
    assert _table(cluster.root) == {"0": "completed", "1": "running", "2": "waiting", "3": "lost"}

    rejoined = cluster.start("resume", str(cluster.root))
    _wait_until(lambda: cluster.has_ended(3), "job 3 is started again and ends")
    refused = cluster.cli("resume", str(cluster.root))
    assert (refused.code, f"process {rejoined.pid} on " in refused.err) == (2, True)
    assert cluster.journal(1)[-1]["event"] != "ended"
    cluster.signal(1, signal.SIGCONT)
    cluster.release(2)
    out, err = rejoined.communicate(timeout=120)
    assert rejoined.returncode == 0, err
    assert out == f"{cluster.root}\n"
    assert "joins jobs 1, 2, running or waiting elsewhere; starts job 3" in err
    assert cluster.statuses() == ["completed"] * 4
    assert [sum(line["event"] == "began" for line in cluster.journal(number)) for number in range(4)] == [1] * 4
    assert [sum(line["event"] == "resumed" for line in cluster.journal(number)) for number in range(4)] == [0, 0, 0, 1]
    cluster.require_nothing_twice()


def test_a_request_to_end_is_kept_whatever_the_cluster_does(cluster: Cluster) -> None:
    """A job that does not answer and a queue that hangs: the command ends all the same, names them, and is joined."""
    cluster.hold(1, 2, 3)
    launcher = cluster.launch("limits.grace_s=2")
    _wait_until(lambda: cluster.has_ended(0), "job 0 ends")
    cluster.release(1)
    _wait_until(lambda: cluster.has_begun(1), "job 1 begins")
    cluster.signal(1, signal.SIGSTOP)
    (cluster.folder / "silent").touch()
    asked_at_s = time.monotonic()
    launcher.terminate()
    out, err = launcher.communicate(timeout=60)
    assert time.monotonic() - asked_at_s < 2 + 20
    assert launcher.returncode == 130, err
    assert out == f"{cluster.root}\n"
    assert cluster.statuses() == ["completed", "running", "waiting", "waiting"]
    assert "jobs 1, 2, 3, in the queue as stand-in-1, stand-in-2, stand-in-3: still running or waiting" in err
    assert f"stop-stand-in stand-in-1 stand-in-2 stand-in-3; rejoin them with: evalkit resume {cluster.root}" in err

    (cluster.folder / "silent").unlink()
    cluster.signal(1, signal.SIGCONT)
    for number in (2, 3):
        cluster.release(number)
    joined = cluster.cli("resume", str(cluster.root))
    assert joined.code == 0, joined.err
    assert cluster.statuses() == ["completed"] * 4
    cluster.require_nothing_twice()


def test_a_queue_that_hangs_ends_the_wait_after_its_bound(cluster: Cluster) -> None:
    """In words, with what may go on and how to join it, and nothing of it is started again."""
    cluster.hold(1, 2, 3)
    launcher = cluster.launch("hydra.launcher.queue_silent_min=0.05")
    _wait_until(lambda: cluster.has_ended(0), "job 0 ends")
    (cluster.folder / "silent").touch()
    out, err = launcher.communicate(timeout=60)
    assert launcher.returncode == 3, err
    assert out == f"{cluster.root}\n"
    assert "the queue has not answered for 3 s (hydra.launcher.queue_silent_min), and they may go on" in err
    assert cluster.statuses() == ["completed", "waiting", "waiting", "waiting"]
    again = cluster.cli("resume", str(cluster.root), "hydra.launcher.queue_silent_min=0.05")
    assert again.code == 3, again.err
    assert cluster.statuses() == ["completed", "waiting", "waiting", "waiting"]
    assert not any(cluster.has_begun(number) for number in (1, 2, 3))


def test_jobs_on_this_machine_outlive_their_launcher_too(cli: Cli, service_url: str) -> None:
    """Submitit's processes: those that run are joined, those that were never begun are started.

    They speak in real time, so that none has ended before it can be joined.
    """
    pytest.importorskip("submitit")
    output = cli.cwd / "out"
    line = ("hydra/launcher=submitit_local", "hydra.launcher.n_jobs=2", f"output_dir={output}", "max_examples=3")
    launcher = subprocess.Popen(
        [*command(), *LINE, *_provider(service_url), *line, "real_time=true"], cwd=cli.cwd, env=cli.env,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    _wait_until(lambda: len(list(output.glob("sweeps/*/.jobs/[0-9].json"))) == 2, "two jobs begin")
    launcher.kill()
    launcher.wait()
    (root,) = output.glob("sweeps/*")
    joined = cli("resume", str(root))
    assert joined.code == 0, joined.err
    assert "joins jobs 0, 1, running or waiting elsewhere; starts jobs 2, 3" in joined.err
    assert joined.out == f"{root}\n"
    for journal in sorted(root.glob("[0-9]_*/journal.jsonl")):
        events = [json.loads(entry)["event"] for entry in journal.read_text().splitlines()]
        assert events.count("began") == 1
        assert events.count("resumed") == 0
        assert events.count("started") == events.count("finished") == 3
