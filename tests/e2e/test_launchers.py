"""The same line under every launcher: the same jobs, the same numbers, the same index, the same exit code."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
from pathlib import Path

import pytest
from harness import Cli, Finished

CRASHING = Path(__file__).parent / "crashing"
LINE = ("seed=range(6)", "max_examples=1", "report.plots=false", "hydra.verbose=false")
# What may differ between two runs of the same thing: when they were, and where they lie.
OF_THE_MOMENT = ("latency_first_audio_ms_p50", "latency_first_audio_ms_p95", "directory")


def _launch(cli: Cli, launcher: str, crash: str) -> Finished:
    package = launcher.partition("_")[0]
    if launcher != "basic" and importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    path = os.pathsep.join([str(CRASHING), cli.env.get("PYTHONPATH", "")])
    done = cli("-m", f"hydra/launcher={launcher}", *LINE, PYTHONPATH=path, CRASH=crash)
    assert "Traceback" not in done.err
    assert done.out == f"{done.directory}\n", "stdout holds the directory alone"
    return done


def _table(root: Path) -> list[dict[str, str]]:
    with (root / "sweep.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        assert Path(row["directory"]).parent == root
        row.update(dict.fromkeys(OF_THE_MOMENT, ""), directory=Path(row["directory"]).name)
    return rows


def _statuses(root: Path) -> list[str]:
    return [json.loads(line)["status"] for line in (root / "index.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def basic(warm_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Six jobs one after the other, of which one raises and one calls sys.exit."""
    return _launch(Cli(tmp_path_factory.mktemp("basic"), warm_env), "basic", "2:raise 3:exit")


def test_a_job_that_goes_wrong_leaves_the_other_five_complete(basic: Finished) -> None:
    """An exception and sys.exit alike; the exit code says that there was a defect."""
    assert basic.code == 70
    assert _statuses(basic.directory) == ["completed", "completed", "failed", "failed", "completed", "completed"]
    assert "4 of 6 jobs completed" in basic.err


def test_a_sweep_says_what_it_will_run_and_take(basic: Finished) -> None:
    """Before it starts, on stderr: jobs, cases, minutes, tokens and cost."""
    before = basic.err.split("made to crash")[0]
    assert "evalkit: job 5: seed=5" in before
    assert "evalkit: 6 jobs, 6 cases, 6 case-trials; callers speak" in before
    assert "forecast cost $0.00" in before


@pytest.mark.parametrize("launcher", ["joblib", "submitit_local", "ray"])
def test_every_launcher_gives_the_same_sweep(cli: Cli, basic: Finished, launcher: str) -> None:
    """Row for row, crash for crash; no job is missing, none has run twice."""
    done = _launch(cli, launcher, "2:raise 3:exit")
    assert done.code == basic.code, done.err
    assert _table(done.directory) == _table(basic.directory)
    assert _statuses(done.directory) == _statuses(basic.directory)
    for journal in done.directory.glob("[0-9]_*/journal.jsonl"):
        events = [json.loads(line)["event"] for line in journal.read_text(encoding="utf-8").splitlines()]
        assert events.count("began") == 1
        assert events.count("started") == events.count("finished") <= 1, "a job that crashes before its case has none"


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["joblib", "submitit_local", "ray"])
def test_a_process_that_dies_is_told_and_a_resume_finishes_it(cli: Cli, launcher: str) -> None:
    """os._exit in one job: exit 70 and the others are there (joblib: but for those beside it); then all is mended."""
    done = _launch(cli, launcher, "4:die")
    assert done.code == 70
    lost = [status for status in _statuses(done.directory) if status != "completed"]
    assert 1 <= len(lost) <= (4 if launcher == "joblib" else 1)
    mended = cli("resume", str(done.directory))
    assert mended.code == 0, mended.err
    assert _statuses(done.directory) == ["completed"] * 6


@pytest.mark.slow
def test_a_budget_is_the_whole_sweeps(cli: Cli) -> None:
    """Slots and a ledger are made beside the jobs; the embedded provider is free, so nothing is spent."""
    done = cli("-m", "hydra/launcher=joblib", "seed=1,2,3", "max_examples=2", "limits.requests_in_flight=1")
    assert done.code == 0, done.err
    assert (done.directory / ".quota").is_dir()
