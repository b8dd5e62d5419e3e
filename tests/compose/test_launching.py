"""Every launcher runs the jobs that were planned, once, whatever becomes of one of them."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from evalkit.compose.launching import launch
from evalkit.compose.planning import plan
from evalkit.errors import ConfigError
from evalkit.runner.jobs import Destination, Job, Plan, RunJob, packaged_source
from evalkit.runner.sweep import begin_sweep

# tests/e2e/test_launchers.py holds whole sweeps against each other; here what is special of each.
LAUNCHERS = ("basic", *(pytest.param(name, marks=pytest.mark.slow) for name in ("joblib", "submitit_local", "ray")))
HELPERS = Path(__file__).parents[1] / "e2e"
JOBS = 4


def _require(launcher: str) -> None:
    package = launcher.partition("_")[0]
    if launcher != "basic" and importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")


def _start(root: Path, *overrides: str, **env: str) -> subprocess.Popen[str]:
    script = "import sys, launched_job, pathlib; sys.exit(launched_job.main(pathlib.Path(sys.argv[1]), *sys.argv[2:]))"
    path = os.pathsep.join([str(HELPERS), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-c", script, str(root), *overrides],
        env={**os.environ, "PYTHONPATH": path, **env},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, err = process.communicate(timeout=180)
    assert "Traceback" not in err
    return process.returncode, err


def _begin_and_launch(planned: Plan, run_job: RunJob, root: Path) -> None:
    root.mkdir()
    begin_sweep(planned, root, working_dir=root.parent, config_sha256=["-"] * len(planned.jobs))
    launch(planned, run_job, root)


def _launch(root: Path, *overrides: str, **env: str) -> tuple[int, str]:
    return _finish(_start(root, *overrides, **env))


def _statuses(root: Path) -> Mapping[int, str]:
    lines = (root / "index.jsonl").read_text(encoding="utf-8").splitlines()
    return {entry["job"]: entry["status"] for entry in map(json.loads, lines)}


def _ran(root: Path) -> list[list[int]]:
    """Return seed, process and whether it was a worker of every job that was begun, in that order."""
    lines = (root / "ran.txt").read_text(encoding="utf-8").splitlines() if (root / "ran.txt").exists() else []
    return [[int(word) for word in line.split()] for line in lines]


_BOTH_WAYS = """
import sys
from pathlib import Path
from evalkit.compose.hydra_calls import call_hydra
from evalkit.compose.launching import launch
from evalkit.compose.planning import plan
from evalkit.runner.jobs import packaged_source

root, *line = sys.argv[1:]
planned, seen = plan(line, packaged_source()), []
launch(planned, lambda *told: seen.append((*told, sys.argv)), Path(root, "ours"))
by_hydra = [*planned.overrides, f"hydra.run.dir='{root}/hydra'"]
call_hydra(by_hydra, planned.source, lambda *told: seen.append((*told, sys.argv)))
for job, destination, argv in seen:
    print(job.number, job.overrides, sorted(job.config), destination.working_dir, destination.in_sweep, len(argv))
"""


def test_a_run_that_is_composed_once_leaves_what_hydra_would(tmp_path: Path) -> None:
    """The same config, overrides, settings of Hydra, log file, and the same job with the same command line."""
    line = ["mode=walk", "chunk_ms=40", "run_name=a b", "hydra.verbose=false"]
    command = [sys.executable, "-c", _BOTH_WAYS, str(tmp_path), *line]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    ours, theirs = done.stdout.splitlines()
    assert ours == theirs
    left = [
        {
            path.relative_to(root): path.read_text(encoding="utf-8").replace(str(root), "ROOT")
            for path in root.rglob("*")
            if path.is_file()
        }
        for root in (tmp_path / "ours", tmp_path / "hydra")
    ]
    assert left[0] == left[1]
    assert {str(path) for path in left[0]} == {
        ".hydra/config.yaml", ".hydra/hydra.yaml", ".hydra/overrides.yaml", "evalkit.log"
    }  # fmt: skip


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_every_job_runs_once_in_its_own_process_or_here(tmp_path: Path, launcher: str) -> None:
    """As many statuses as jobs, no job twice; and each knows whether the terminal is its alone."""
    _require(launcher)
    code, err = _launch(tmp_path, f"hydra/launcher={launcher}")
    assert code == 0, err
    assert _statuses(tmp_path) == dict.fromkeys(range(JOBS), "completed")
    assert sorted(seed for seed, _, _ in _ran(tmp_path)) == list(range(JOBS))
    assert {is_worker for _, _, is_worker in _ran(tmp_path)} == {int(launcher != "basic")}


@pytest.mark.parametrize("launcher", ["submitit_local", "ray"])
def test_a_process_that_dies_takes_no_other_with_it(tmp_path: Path, launcher: str) -> None:
    """Also not the wait for the others: the command ends when all have."""
    _require(launcher)
    code, err = _launch(tmp_path, f"hydra/launcher={launcher}", JOB_1="die")
    assert code == 70
    assert _statuses(tmp_path) == {**dict.fromkeys(range(JOBS), "completed"), 1: "lost"}
    assert sorted(seed for seed, _, _ in _ran(tmp_path)) == list(range(JOBS))
    assert "did not end as it should" in err or "without a word" in err


def test_joblib_loses_what_ran_beside_a_process_that_dies_and_nothing_else(tmp_path: Path) -> None:
    """The pool breaks; jobs that had not begun are launched once more, and none that had begun is begun again."""
    _require("joblib")
    code, err = _launch(tmp_path, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", JOB_1="die")
    assert code == 70
    found = _statuses(tmp_path)
    assert found[1] == "lost"
    assert sorted(found) == list(range(JOBS))
    assert sum(status == "completed" for status in found.values()) >= JOBS - 2
    assert sorted(seed for seed, _, _ in _ran(tmp_path)) == list(range(JOBS))
    assert "TerminatedWorkerError" in err
    assert "that have not begun" in err


@pytest.mark.parametrize("sign", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGTERM])
@pytest.mark.parametrize(
    "launcher", ["joblib", *(pytest.param(name, marks=pytest.mark.slow) for name in ("submitit_local", "ray"))]
)
def test_an_interruption_reaches_running_jobs_and_lets_no_other_begin(
    tmp_path: Path, launcher: str, sign: signal.Signals
) -> None:
    """The jobs say interrupted themselves, no more of them than may run; the others are no defects."""
    _require(launcher)
    waits = {f"JOB_{seed}": "wait" for seed in range(JOBS)}
    process = _start(tmp_path, f"hydra/launcher={launcher}", "hydra.launcher.n_jobs=2", **waits)
    deadline = time.monotonic() + 120
    while len(_ran(tmp_path)) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(_ran(tmp_path)) == 2
    time.sleep(1)
    if sign == signal.SIGINT:  # as a terminal does: to all that stand in its foreground
        os.killpg(process.pid, sign)
    else:
        process.send_signal(sign)
    code, err = _finish(process)
    assert code == 130, err
    assert sorted(_statuses(tmp_path).values()) == ["interrupted"] * 2 + ["not_started"] * (JOBS - 2)


def test_a_resumed_sweep_goes_where_its_plan_says(tmp_path: Path) -> None:
    """Also when the line that finishes it has overrides more, which would make other names."""
    found: dict[int, str] = {}
    planned = plan(["seed=range(2)"], packaged_source(), multirun=True)
    begin_sweep(planned, tmp_path, working_dir=tmp_path, config_sha256=["-", "-"])
    more = plan(["seed=range(2)", "limits.max_attempts=1"], packaged_source(), multirun=True)

    def run_job(job: Job, there: Destination) -> None:
        found[job.number] = there.run_dir.name

    launch(more, run_job, tmp_path)
    assert found == {job.number: job.directory_name for job in planned.jobs}


@pytest.mark.slow
def test_a_worker_that_does_not_see_the_sweep_says_so(tmp_path: Path) -> None:
    """A folder of its own under the same name, on a machine that does not share it, is no sweep to write into."""
    _require("joblib")
    planned = plan(["seed=range(2)", "hydra/launcher=joblib"], packaged_source(), multirun=True)
    with pytest.raises(
        ConfigError, match=r"^output_dir: .* has no plan\.json on .*; expected a folder that all machines"
    ):
        launch(planned, lambda *_: None, tmp_path)
    assert not list((tmp_path / ".jobs").glob("[0-9]*.json"))


def test_a_single_run_goes_where_it_is_told(tmp_path: Path) -> None:
    """And is not one of many."""
    seen: list[Destination] = []
    planned = plan(["seed=3"], packaged_source())
    launch(planned, lambda _, there: seen.append(there), tmp_path / "run")
    assert seen == [Destination(tmp_path / "run", Path.cwd())]


def test_launched_jobs_get_their_own_directory_and_config(tmp_path: Path) -> None:
    """What was planned is what runs, also with a slash or a number for a name; sys.argv is left as it was."""
    seen: list[tuple[int, str, int, str]] = []

    def run_job(job: Job, destination: Destination) -> None:
        seen.append((job.number, job.config["assistant"]["model"], job.config["chunk_ms"], destination.run_dir.name))

    planned = plan(["assistant.model=a/b,1e5", "chunk_ms=20,40"], packaged_source(), multirun=True)
    _begin_and_launch(planned, run_job, tmp_path / "sweep")
    assert [entry[:3] for entry in seen] == [(0, "a/b", 20), (1, "a/b", 40), (2, "1e5", 20), (3, "1e5", 40)]
    assert len({entry[3] for entry in seen}) == 4
    assert {path.name for path in (tmp_path / "sweep").glob("[0-9]*")} == {entry[3] for entry in seen}


def test_a_job_lies_where_the_plan_says(tmp_path: Path) -> None:
    """The plan is on disk before a job begins, so that a sweep can be told from what is left of it."""
    found: dict[int, str] = {}

    def run_job(job: Job, destination: Destination) -> None:
        found[job.number] = destination.run_dir.name

    planned = plan(
        ["mode=run", "assistant.model=a/b,'x,y',1e5", "simulator.prompt='" + "so " * 60 + "'", "seed=1"],
        packaged_source(),
        multirun=True,
    )
    _begin_and_launch(planned, run_job, tmp_path / "sweep")
    assert found == {job.number: job.directory_name for job in planned.jobs}


def test_a_glob_over_ones_own_presets_launches_what_it_plans(tmp_path: Path) -> None:
    """Hydra's launcher looks for options where the plan did."""
    (tmp_path / "experiment").mkdir()
    for name in ("pair_a", "pair_b", "other"):
        (tmp_path / "experiment" / f"{name}.yaml").write_text(f"# @package _global_\nrun_name: {name}\n")
    seen: list[str] = []
    planned = plan(["experiment=glob(pair_*)"], packaged_source([str(tmp_path)]), multirun=True)
    _begin_and_launch(planned, lambda job, _: seen.append(job.config["run_name"]), tmp_path / "sweep")
    assert seen == ["pair_a", "pair_b"]
