"""Wall-clock of one sweep of paced audio: its jobs one after the other, and four processes at once.

::

    python benchmarks/launchers.py                # 8 jobs, basic against joblib with 4 processes
    python benchmarks/launchers.py --launchers basic joblib submitit_local ray

Each job plays recordings at the speed of speech to ``local-echo``, one after the other, so a job waits far more than it
computes, as it does with a hosted model. One embedded provider serves all; it is started before the clock. The same
command runs under each launcher; the ratio is of wall-clock times measured in one run of this script.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from installed import missing_packages_named

with missing_packages_named():
    from evalkit.peers.embedded import shared_services
    from evalkit.settings.types import ServiceSettings

SERVICE = ServiceSettings(brain="rules", faults=None, keep_alive_s=0.0, speech="hibari", transcription="whisper")
LINE = (
    "mode=walk", "assistant.model=local-echo", "real_time=true", "concurrency=1", "mode.graders=[tool_call]",
    "report.plots=false",
)  # fmt: skip
TARGET = 3.0


def main() -> int:
    """Print a line per launcher; return 1 when joblib is not three times as fast as basic."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--launchers", nargs="+", default=["basic", "joblib"])
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--cases", type=int, default=6, help="recordings that each job plays, about 7 s each")
    parser.add_argument("--json", type=Path, metavar="FILE")
    asked = parser.parse_args()
    print(f"{asked.jobs} jobs, {asked.cases} recordings each, at the speed of speech; {os.cpu_count()} cores")
    print(f"{'launcher':16} {'processes':>9} {'seconds':>8} {'ratio':>6}")
    seconds: dict[str, float] = {}
    with shared_services([SERVICE]), tempfile.TemporaryDirectory() as folder:
        for launcher in asked.launchers:
            seconds[launcher] = _measure(launcher, asked, Path(folder))
            ratio = seconds[asked.launchers[0]] / seconds[launcher]
            processes = 1 if launcher == "basic" else asked.processes
            print(f"{launcher:16} {processes:9} {seconds[launcher]:8.1f} {ratio:6.2f}", flush=True)
    if asked.json:
        asked.json.write_text(json.dumps({"seconds": seconds}, indent=2) + "\n")
    if {"basic", "joblib"} <= set(seconds):
        return int(seconds["basic"] / seconds["joblib"] < TARGET)
    return 0


def _measure(launcher: str, asked: argparse.Namespace, folder: Path) -> float:
    """Return the wall-clock of the whole command, in seconds."""
    script = shutil.which("evalkit", path=str(Path(sys.executable).parent)) or "evalkit"
    processes = [] if launcher == "basic" else [f"hydra.launcher.n_jobs={asked.processes}"]
    line = [f"hydra/launcher={launcher}", *processes, *LINE, f"seed=range({asked.jobs})", f"max_examples={asked.cases}"]
    began = time.perf_counter()
    done = subprocess.run([script, "-m", *line], cwd=folder, capture_output=True, text=True, check=False)
    took_s = time.perf_counter() - began
    done.check_returncode()
    assert f"{asked.jobs} of {asked.jobs} jobs completed" in done.stderr
    return took_s


if __name__ == "__main__":
    with missing_packages_named():
        sys.exit(main())
