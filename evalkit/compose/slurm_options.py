"""What a job asks Slurm for, tried out before anything starts: Slurm's own answer is the one that counts.

Only the cluster knows its partitions, accounts and limits, so ``sbatch --test-only`` is asked whether it would take one
job of the sweep. It queues nothing.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

from evalkit.compose.slurm_queue import ANSWER_WITHIN_S, run_slurm

# Key of the launcher -> option of sbatch, as submitit writes it into a job's script.
_OPTIONS = {
    "timeout_min": "time",
    "cpus_per_task": "cpus-per-task",
    "gpus_per_node": "gpus-per-node",
    "mem_gb": "mem",
    "partition": "partition",
    "qos": "qos",
    "account": "account",
    "constraint": "constraint",
    "exclude": "exclude",
    "nodelist": "nodelist",
    "gres": "gres",
}
_NO_REASON = "sbatch refuses it and does not say why"
# How sbatch begins its lines.
_BEFORE = ("sbatch: error: ", "sbatch: fatal: ", "sbatch: ", "allocation failure: ", "Batch job submission failed: ")


def find_slurm_problems(settings: Mapping[str, Any]) -> Iterator[str]:
    """Yield a message where jobs with these settings of the launcher would end as they begin, or not be taken."""
    warned_s, limit_min = settings["signal_delay_s"] or 0, settings["timeout_min"]
    if limit_min is not None and warned_s >= limit_min * 60:
        yield (
            f"hydra.launcher.signal_delay_s: {warned_s} is not allowed; expected less than timeout_min, which is "
            f"{limit_min * 60} s: a job would be told to end as it begins"
        )
    elif refusal := find_refusal(settings):
        yield f"hydra/launcher=submitit_slurm: Slurm would not take a job: {refusal}; see hydra.launcher.*"


def find_refusal(settings: Mapping[str, Any]) -> str | None:
    """Return why Slurm would not take a job with these settings of the launcher; None where it would."""
    further = dict(settings.get("additional_parameters") or {})
    asked = {option: settings[key] for key, option in _OPTIONS.items() if settings.get(key) is not None}
    if "mem" in asked:
        asked["mem"] = f"{asked['mem']}GB"
    options = {**asked, **{str(key).replace("_", "-"): value for key, value in further.items()}}
    words = [f"--{key}" if value is True else f"--{key}={value}" for key, value in options.items()]
    try:
        done = run_slurm(["sbatch", "--test-only", *words, "--wrap=true"], ANSWER_WITHIN_S)
    except subprocess.TimeoutExpired:
        return f"sbatch did not answer within {ANSWER_WITHIN_S:g} s; is the controller up (scontrol ping)?"
    except OSError as error:
        return str(error)
    return None if done.returncode == 0 else _reason(done.stderr)


def _reason(told: str) -> str:
    """Return the first line in which sbatch says why, and its last words, without what it puts before each."""
    lines = [_without_beginning(line) for line in told.strip().splitlines()] or [_NO_REASON]
    return lines[0] if len(lines) == 1 else f"{lines[0]} ({lines[-1]})"


def _without_beginning(line: str) -> str:
    for words in _BEFORE:
        line = line.removeprefix(words)
    return line
