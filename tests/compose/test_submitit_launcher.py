"""What is handed to Slurm, checked with stand-ins for its programs on the PATH; the jobs themselves really run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from evalkit.store.running_jobs import RunningJobs

pytest.importorskip("submitit")

HELPERS = Path(__file__).parents[1] / "e2e"
CANARY = "sk-canary-0123456789"
# Runs every task of the array at once, as a cluster with room would.
SBATCH = """
import os, pathlib, re, subprocess, sys
if "--test-only" in sys.argv:
    sys.exit()
here = pathlib.Path(os.environ["STAND_IN"])
text = pathlib.Path(sys.argv[1]).read_text()
(here / "script.sh").write_text(text)
for task in range(int(re.search(r"--array=0-(\\d+)", text)[1]) + 1):
    env = {"SLURM_JOB_ID": f"90{task}", "SLURM_ARRAY_JOB_ID": "4242", "SLURM_ARRAY_TASK_ID": str(task),
           "SLURM_NTASKS": "1", "SLURM_JOB_NUM_NODES": "1", "SLURM_NODEID": "0", "SLURM_PROCID": "0",
           "SLURM_LOCALID": "0"}
    with (here / f"task{task}.log").open("w") as log:
        subprocess.Popen(["bash", here / "script.sh"], env={**os.environ, **env}, stdout=log, stderr=log)
print("Submitted batch job 4242")
"""
SRUN = """
import os, sys
words = sys.argv[1:]
start = next(place for place, word in enumerate(words) if "python" in os.path.basename(word))
os.execv(words[start], words[start:])
"""
SACCT = """
import os, pathlib
states = pathlib.Path(os.environ["STAND_IN"]) / "states"
print(states.read_text() if states.exists() else "", end="")
"""
SQUEUE = ""  # knows of no job: what runs is told by its lock


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    """A folder with programs called as Slurm's are."""
    folder = tmp_path / "slurm"
    folder.mkdir()
    for name, code in {"sbatch": SBATCH, "srun": SRUN, "sacct": SACCT, "squeue": SQUEUE}.items():
        (folder / name).write_text(f"#!{sys.executable}\n{code}")
        (folder / name).chmod(0o755)
    return folder


def _launch(root: Path, stand_in: Path, *overrides: str, **env: str) -> subprocess.CompletedProcess[str]:
    root.mkdir(exist_ok=True)
    script = "import sys, launched_job, pathlib; sys.exit(launched_job.main(pathlib.Path(sys.argv[1]), *sys.argv[2:]))"
    return subprocess.run(
        [sys.executable, "-c", script, str(root), "hydra/launcher=submitit_slurm", *overrides],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(HELPERS), os.environ.get("PYTHONPATH", "")]),
            "PATH": f"{stand_in}{os.pathsep}{os.environ['PATH']}",
            "STAND_IN": str(stand_in),
            **env,
        },
        cwd=stand_in,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _directives(stand_in: Path) -> dict[str, str]:
    lines = (stand_in / "script.sh").read_text().splitlines()
    pairs = [line.removeprefix("#SBATCH --").partition("=") for line in lines if line.startswith("#SBATCH")]
    return {key: value for key, _, value in pairs}


def test_slurm_is_handed_one_throttled_array_and_no_secret(tmp_path: Path, stand_in: Path) -> None:
    """Array, throttle, time, variables by name, absolute paths; every job runs, and the key's value is in no file."""
    root = tmp_path / "sweep"
    chosen = ("hydra.launcher.array_parallelism=2", "hydra.launcher.timeout_min=90", "hydra.launcher.partition=cpu")
    done = _launch(
        root, stand_in, "provider=openai", "hydra.launcher.environment=[EVALKIT_CACHE]", *chosen, OPENAI_API_KEY=CANARY
    )
    assert done.returncode == 0, done.stderr
    found = _directives(stand_in)
    assert found["array"] == "0-3%2"
    assert found["time"] == "90"
    assert found["partition"] == "cpu"
    assert found["export"] == "ALL,EVALKIT_CACHE,OPENAI_API_KEY"
    assert found["signal"] == "USR2@120"
    assert "--cpus-per-task=2" in (stand_in / "script.sh").read_text().partition("srun")[2]
    assert found["output"] == str(root / ".submitit" / "%A_%a" / "%A_%a_0_log.out")
    assert found["error"] == str(root / ".submitit" / "%A_%a" / "%A_%a_0_log.err")
    assert len((root / "ran.txt").read_text().splitlines()) == 4
    written = [*root.rglob("*"), stand_in / "script.sh"]
    assert [path for path in written if path.is_file() and CANARY.encode() in path.read_bytes()] == []


def test_a_job_that_slurm_ended_is_told_and_the_others_are_waited_for(tmp_path: Path, stand_in: Path) -> None:
    """The cluster says FAILED, the job left no end: exit 70, with where its last words are."""
    (stand_in / "states").write_text("4242_1|FAILED|9:0\n")
    root = tmp_path / "sweep"
    done = _launch(root, stand_in, JOB_1="die")
    assert done.returncode == 70
    assert "job 1 is lost; Slurm says FAILED, exit code 9:0; it left no word in " in done.stderr
    assert "4242_1_0_log.err" in done.stderr
    assert "Traceback" not in done.stderr
    assert [RunningJobs(root).has_begun(number) for number in range(4)] == [True] * 4
    assert "3 of 4 jobs completed" in done.stderr


def test_a_line_without_slurm_starts_nothing(tmp_path: Path) -> None:
    """Where no sbatch is, the answer comes before a folder does."""
    script = "from evalkit.cli import main; raise SystemExit(main())"
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            script,
            "-m",
            "hydra/launcher=submitit_slurm",
            "seed=1,2",
            f"output_dir={tmp_path / 'o'}",
        ],
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "there is no sbatch on the PATH" in done.stderr
    assert not (tmp_path / "o").exists()
