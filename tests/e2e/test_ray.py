"""A sweep on a real Ray cluster of two nodes: jobs cancelled, a node killed, the launcher killed, the head gone.

It needs an environment of its own ($EVALKIT_TEST_RAY); without it, all of it is skipped and says so. A model that
stands in counts what it was asked: whatever happens, no case that was finished is ever asked again.
"""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from harness import Finished
from ray_environment import RAY
from ray_nodes import QUICK, RayNodes
from stand_ins import StandIn

from evalkit.store.running_jobs import RunningJobs

CANARY = "sk-or-v1-canary-0123456789abcdefghijkl"
QUESTIONS = Path(__file__).parents[1] / "plugins" / "quiz" / "evalkit_quiz" / "data" / "quiz.csv"
KNOWN = {row["question"]: row["answer"] for row in csv.DictReader(QUESTIONS.read_text(encoding="utf-8").splitlines())}
FIRST, SECOND, *_ = KNOWN
MODELS = ("m/a", "m/b", "m/c")
LINE = (
    "mode=quiz", "provider=openrouter", "judge.model=m/judge", "max_examples=2", "concurrency=1",
    "report.plots=false", "report.html=false", "limits.grace_s=1",
)  # fmt: skip
WAIT_S = 120.0
T = TypeVar("T")


class Model(StandIn):
    """Answers the first question at once and the second when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.may_go_on = threading.Event()
        self.answers = self._answer

    def count(self, model: str, question: str) -> int:
        """Return how often a model was asked a question."""
        return self.tries[f"{model} {question}"]

    def _answer(self, question: str) -> str:
        if question == SECOND:
            self.may_go_on.wait(WAIT_S)
        return f"That is {KNOWN[question]}."


@dataclass(frozen=True)
class RayCli:
    """The command in the environment with Ray."""

    python: Path
    cwd: Path
    env: Mapping[str, str] = field(repr=False)
    address: str
    model_url: str

    def __call__(self, *args: str) -> Finished:
        """Run ``evalkit args`` to its end."""
        with self.started(*args) as process:
            return finish(process)

    @contextmanager
    def started(self, *args: str) -> Iterator[subprocess.Popen[str]]:
        """Start ``evalkit args``; it is killed when the block ends."""
        process = subprocess.Popen(
            [str(self.python), "-m", "evalkit", *args], cwd=self.cwd, env=self.env, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def on_ray(self, *more: str, cases: int = 2) -> list[str]:
        """Return the arguments of a sweep over the models on the cluster."""
        bounds = ("hydra.launcher.lost_after_s=2", "hydra.launcher.queue_silent_min=2")
        address = f"hydra.launcher.ray.init.address='{self.address}'"
        return ["-m", "hydra/launcher=ray", address, *bounds, *self.sweep(cases), *more]

    def sweep(self, cases: int = 2) -> list[str]:
        """Return the overrides that say what jobs do."""
        asks = (f"provider.base_url={self.model_url}", f"assistant.model={','.join(MODELS)}", f"max_examples={cases}")
        return [*LINE, *asks]

    def stop(self, *names: str) -> None:
        """Cancel jobs in the cluster, as a person would."""
        command = [str(self.python), "-m", "evalkit.compose.ray_cluster.stop", *names]
        subprocess.run(command, env={**self.env, "RAY_ADDRESS": self.address}, check=True, capture_output=True)

    def find_sweep(self) -> Path:
        """Return the sweep's directory, as soon as there is one."""
        return wait_for(lambda: next(iter(self.cwd.glob("outputs/sweeps/*/plan.json")), None)).parent


def finish(process: subprocess.Popen[str]) -> Finished:
    """Wait for a command and return what it left; stdout holds the directory and nothing else."""
    out, err = process.communicate(timeout=WAIT_S)
    assert "Traceback" not in err, err
    assert len(out.splitlines()) == 1, out + err
    assert CANARY not in err
    return Finished(process.returncode, out, err)


def wait_for(find: Callable[[], T | None]) -> T:
    """Return what is found as soon as it is something."""
    until = time.monotonic() + WAIT_S
    while not (found := find()):
        assert time.monotonic() < until, "it never came"
        time.sleep(0.05)
    return found


def statuses(root: Path) -> list[str]:
    """Return the status of every job, as the index has it."""
    return [json.loads(line)["status"] for line in (root / "index.jsonl").read_text(encoding="utf-8").splitlines()]


def table(root: Path) -> list[dict[str, Any]]:
    """Return the sweep's table, but for when and where."""
    with (root / "sweep.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        {key: value for key, value in row.items() if not key.startswith("latency")}
        | {"directory": Path(row["directory"]).name}
        for row in rows
    ]


def names(root: Path) -> dict[int, str]:
    """Return what the jobs are called in the cluster."""
    path = root / ".jobs" / "queue.json"
    ids = json.loads(path.read_text(encoding="utf-8"))["ids"] if path.exists() else {}
    return {int(number): name for number, name in ids.items()}


@pytest.fixture
def model() -> Iterator[Model]:
    """A model that nobody has asked yet."""
    served = Model()
    try:
        yield served
    finally:
        served.may_go_on.set()
        served.close()


@pytest.fixture(scope="module")
def ray_env(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment that has the plugin and no key."""
    path = os.pathsep.join(filter(None, (str(installed), os.environ.get("PYTHONPATH"))))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPEN", "EVALKIT_", "RAY_"))}
    return {**kept, "PYTHONPATH": path, "EVALKIT_CACHE": str(tmp_path_factory.mktemp("cache"))}


@pytest.fixture(scope="module")
def nodes(ray_env: dict[str, str]) -> Iterator[RayNodes]:
    """Two nodes with a seat each."""
    with RayNodes(RAY.python(), ray_env) as cluster:
        cluster.start_head('{"seat": 1}')
        cluster.start_node("second", '{"seat": 1}')
        yield cluster


@pytest.fixture
def cli(tmp_path: Path, ray_env: dict[str, str], nodes: RayNodes, model: Model) -> RayCli:
    """The command, with a key and that model's address."""
    return _command(tmp_path, ray_env, nodes, model)


def _command(folder: Path, env: Mapping[str, str], nodes: RayNodes, model: Model) -> RayCli:
    return RayCli(RAY.python(), folder, {**env, **QUICK, "OPENROUTER_API_KEY": CANARY}, nodes.address, model.url)


def _is_held(model: Model, *models: str) -> Callable[[], bool]:
    """Return whether each of these jobs has finished a case and is in the middle of its second."""
    return lambda: all(model.count(name, SECOND) for name in models)


def _require_paid_once(model: Model, interrupted: Sequence[str] = ()) -> None:
    """Check that what was finished was never asked again; the case that a job was in the middle of may have been."""
    for name in MODELS:
        assert model.count(name, FIRST) == 1, name
        assert 1 <= model.count(name, SECOND) <= (2 if name in interrupted else 1), name


def _require_resumed(cli: RayCli, root: Path, *more: str) -> None:
    """Check that a resume completes every job."""
    mended = cli("resume", str(root), *more)
    assert mended.code == 0, mended.err
    assert mended.directory == root
    assert statuses(root) == ["completed"] * len(statuses(root))


def test_a_sweep_on_two_nodes_is_the_one_of_basic(cli: RayCli, nodes: RayNodes, model: Model) -> None:
    """Row for row; each case is asked once, also in a runtime environment; no key is in a file of ours or of Ray's."""
    model.may_go_on.set()
    runtime = "hydra.launcher.ray.init.runtime_env={env_vars: {A_VARIABLE: x}}"
    done = cli(*cli.on_ray("hydra.launcher.ray.remote.resources={seat: 1}", runtime))
    assert done.code == 0, done.err
    assert statuses(done.directory) == ["completed"] * 3
    _require_paid_once(model)
    assert set(model.keys) == {f"Bearer {CANARY}"}
    basic = cli("-m", *cli.sweep())
    assert table(done.directory) == table(basic.directory)
    for path in [*done.directory.rglob("*"), *nodes.folder.rglob("*")]:
        assert not path.is_file() or CANARY.encode() not in path.read_bytes(), path


@pytest.mark.parametrize("which", ["one of each", "all"])
def test_jobs_that_are_cancelled_in_the_cluster_are_lost_and_resumed(cli: RayCli, model: Model, which: str) -> None:
    """Two run and one waits for a seat; the command ends by itself, and says which."""
    with cli.started(*cli.on_ray("hydra.launcher.ray.remote.resources={seat: 1}")) as process:
        root = cli.find_sweep()
        named = wait_for(lambda: len(names(root)) == 3 and names(root))
        running = wait_for(lambda: [number for number in range(3) if model.count(MODELS[number], SECOND)][1:] and [
            number for number in range(3) if model.count(MODELS[number], SECOND)
        ])  # fmt: skip
        waiting = [number for number in range(3) if number not in running]
        stopped = sorted([running[0], *waiting]) if which == "one of each" else [0, 1, 2]
        cli.stop(*(named[number] for number in stopped))
        time.sleep(1)
        model.may_go_on.set()
        done = finish(process)
    assert done.code == 70, done.err
    lost = [number for number, status in enumerate(statuses(root)) if status != "completed"]
    assert lost == stopped
    assert all(f"job {number} " in done.err for number in lost)
    assert [statuses(root)[number] for number in waiting] == ["not_started"]
    _require_resumed(cli, root)
    _require_paid_once(model, [MODELS[number] for number in set(stopped) - set(waiting)])


def test_a_job_whose_node_is_killed_goes_on_on_another_one(
    tmp_path: Path, ray_env: dict[str, str], nodes: RayNodes, model: Model
) -> None:
    """By itself, with what it had finished; nothing is asked again but the case that it was in the middle of."""
    cli = _command(tmp_path, ray_env, nodes, model)
    nodes.start_node("doomed", '{"doom": 1}')
    where = "hydra.launcher.ray.remote.resources={doom: 1}"
    with cli.started(*cli.on_ray(where, "hydra.launcher.n_jobs=1")) as process:
        wait_for(_is_held(model, "m/a"))
        nodes.kill_node("doomed")
        nodes.start_node("further", '{"doom": 1}')
        model.may_go_on.set()
        done = finish(process)
    assert done.code == 0, done.err
    assert "job 0: its node is gone; another one takes it" in done.err
    assert statuses(done.directory) == ["completed"] * 3
    _require_paid_once(model, ["m/a"])


def test_jobs_go_on_when_the_launcher_is_killed_and_a_resume_joins_them(cli: RayCli, model: Model) -> None:
    """None of those that run is begun again, and the one that had not been handed over is run too."""
    with cli.started(*cli.on_ray("hydra.launcher.n_jobs=2")) as process:
        wait_for(_is_held(model, "m/a", "m/b"))
        root = cli.find_sweep()
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    with cli.started("resume", str(root)) as resumed:
        time.sleep(5)
        model.may_go_on.set()
        done = finish(resumed)
    assert done.code == 0, done.err
    assert statuses(root) == ["completed"] * 3
    _require_paid_once(model)


def test_what_no_node_can_hold_is_named_and_not_waited_for_without_end(cli: RayCli, model: Model) -> None:
    """The request and the most that there is; with less to ask for, a resume completes."""
    model.may_go_on.set()
    asks = "hydra.launcher.ray.remote.num_cpus=64"
    done = cli(*cli.on_ray(asks, "hydra.launcher.queue_timeout_min=0.4"))
    assert done.code == 3, done.err
    assert "can ever hold a job: it takes CPU 64, and the most that a node has is CPU 2" in done.err
    assert "hydra.launcher.queue_timeout_min" in done.err
    assert statuses(done.directory) == ["not_started"] * 3
    assert not model.asked
    _require_resumed(cli, done.directory, "hydra.launcher.ray.remote.num_cpus=0.25")
    _require_paid_once(model)


@pytest.mark.parametrize("sign", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGTERM])
def test_an_interruption_ends_within_the_grace_time(cli: RayCli, model: Model, sign: signal.Signals) -> None:
    """Jobs finish the case under way and say interrupted themselves; the one that waits never begins."""
    with cli.started(*cli.on_ray("hydra.launcher.n_jobs=2", cases=3)) as process:
        wait_for(_is_held(model, "m/a", "m/b"))
        process.send_signal(sign)
        said = [cli.find_sweep() / ".ray" / f"{number}.log" for number in (0, 1)]
        wait_for(lambda: all("stopping: " in path.read_text(encoding="utf-8") for path in said))
        model.may_go_on.set()
        done = finish(process)
    assert done.code == 130, done.err
    assert statuses(done.directory) == ["interrupted", "interrupted", "not_started"]
    assert "rejoin" not in done.err, "nothing goes on"
    _require_resumed(cli, done.directory)
    _require_paid_once(model)


def test_a_ray_that_the_command_has_started_ends_with_it(cli: RayCli, model: Model) -> None:
    """Its jobs too, at once, when it is killed: what they had finished stays, and a resume finishes the rest."""
    with cli.started("-m", "hydra/launcher=ray", *cli.sweep()) as process:
        wait_for(_is_held(model, *MODELS))
        root = cli.find_sweep()
        assert sorted(RunningJobs(root).find_pids()) == [0, 1, 2]
        process.kill()
        wait_for(lambda: not RunningJobs(root).find_pids())
    model.may_go_on.set()
    _require_resumed(cli, root)
    _require_paid_once(model, MODELS)


def test_a_cluster_whose_head_is_gone_is_not_waited_for_without_end(
    tmp_path: Path, ray_env: dict[str, str], model: Model
) -> None:
    """Its jobs end with it and are named; on another cluster, a resume completes."""
    with RayNodes(RAY.python(), ray_env) as nodes:
        cli = _command(tmp_path, ray_env, nodes, model)
        nodes.start_head("{}")
        nodes.start_node("second", '{"seat": 2}')
        where = "hydra.launcher.ray.remote.resources={seat: 1}"
        with cli.started(*cli.on_ray(where)) as process:
            wait_for(_is_held(model, "m/a", "m/b"))
            nodes.kill_head()
            nodes.wait_for_silence()
            done = finish(process)
        assert done.code == 70, done.err
        assert statuses(done.directory) == ["lost", "lost", "not_started"]
        model.may_go_on.set()
        nodes.start_head('{"seat": 2}')
        _require_resumed(cli, done.directory)
        _require_paid_once(model, ["m/a", "m/b"])
