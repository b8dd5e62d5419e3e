"""What Slurm says of the jobs of a sweep, asked of its own programs; nobody's answer is taken for another's.

============ =============== =========================================================================================
program      who answers     what it is asked
============ =============== =========================================================================================
``squeue``   the controller  the state of every job in one call: those that wait, that run, and that ended minutes ago
``sacct``    accounting, if  the same, while the controller does not answer: believed where every job has ended. How a
             there is one    job ended, at any time later
``scontrol`` the controller  how a job ended, where there is no accounting; it forgets within minutes (``MinJobAge``).
                             Whether the job that asks has been put back into the queue
============ =============== =========================================================================================

A job of an array is called ``123_4``; jobs that wait together are one line of ``sacct``: ``123_[4-7,9%2]``.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from evalkit.runner.job_watch import QueueState
from evalkit.store.running_jobs import QueuedJobs

ANSWER_WITHIN_S = 30.0
"""How long a program of Slurm's is waited for; by itself each tries for a while where the controller is away."""

SLURM = "submitit_slurm"
"""The launcher's name, which is the queue's."""

_ARRAY_LIMIT = 1001
_NO_TASK = "4294967294"  # of those that were cancelled before they began
_WAITING = frozenset(("PENDING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "RESV_DEL_HOLD", "SPECIAL_EXIT"))
_ENDED = frozenset(
    (
        "BOOT_FAIL",
        "CANCELLED",
        "COMPLETED",
        "DEADLINE",
        "FAILED",
        "LAUNCH_FAILED",
        "NODE_FAIL",
        "OUT_OF_MEMORY",
        "PREEMPTED",
        "RECONFIG_FAIL",
        "TIMEOUT",
    )
)
# In what a program says when it knows none of the jobs that it was asked for: an answer like any other.
_NONE_OF_THEM = "Invalid job id specified"
# A user's own settings of these programs must not filter or shorten what they say here.
_THEIR_SETTINGS = ("SQUEUE_", "SACCT_")
_ARRAY = re.compile(r"(?P<array>\d+)_\[(?P<tasks>[\d,:-]+)(%\d+)?\]")
_TASKS = re.compile(r"(?P<first>\d+)(-(?P<last>\d+)(:(?P<step>\d+))?)?")
_FIELD = re.compile(r"(?:^| )(JobId|ArrayJobId|ArrayTaskId|JobState|Restarts|ExitCode|PreemptTime)=(\S+)")


class ToldJob(NamedTuple):
    """A line of ``scontrol --oneliner show job``.

    Attributes:
        ids: The job, or those that wait together; those of an array that never began, by the array's name.
        raw_id: What only Slurm calls it: its ``SLURM_JOB_ID``.
        state: In Slurm's word.
        exit_code: Of its program and the signal that ended it: ``0:9``.
        restarts: How often it was put back into the queue.
        is_preempted: Whether another job takes its place, which it has a while to leave.

    """

    ids: tuple[str, ...]
    raw_id: str
    state: str
    exit_code: str
    restarts: int
    is_preempted: bool


class SlurmQueue:
    """The jobs that Slurm was given.

    Args:
        ids: Number of a job in its sweep -> what Slurm calls it: ``123_4``, or ``123`` where it is in no array.
        answer_within_s: A program that takes longer has not answered.

    """

    def __init__(self, ids: Mapping[int, str], *, answer_within_s: float = ANSWER_WITHIN_S) -> None:
        self._ids = dict(ids)
        self._answer_within_s = answer_within_s

    def ask(self, numbers: Iterable[int]) -> Mapping[int, QueueState] | None:
        """Return what Slurm says of these jobs, every one of them; None when it does not answer.

        One that it never heard of, or has forgotten, is gone.
        """
        asked = {number: self._ids.get(number, "") for number in numbers}
        arrays = _arrays(asked.values())
        states = self._ask_squeue(arrays) if arrays else {}
        if states is not None:
            return {number: _queue_state(states.get(name)) for number, name in asked.items()}
        ended = self._ask_sacct(arrays) or {}
        if all(_is_end(ended.get(name)) for name in asked.values()):
            return dict.fromkeys(asked, QueueState.GONE)
        return None

    def explain(self, numbers: Iterable[int]) -> dict[int, str]:
        """Return how each of these jobs ended, in Slurm's words (``FAILED, exit code 9:0``); "" if it cannot."""
        asked = {number: self._ids.get(number, "") for number in numbers}
        arrays = _arrays(asked.values())
        told = self._ask_sacct(arrays) or self._ask_scontrol(arrays)
        return {number: told.get(name) or told.get(_array_of(name), "") for number, name in asked.items()}

    def _ask_squeue(self, arrays: Sequence[str]) -> dict[str, str] | None:
        words = ["squeue", "--noheader", "--array", "--states=all", "--format=%i %T", f"--jobs={','.join(arrays)}"]
        text = self._call(*words)
        return None if text is None else dict(line.split() for line in text.splitlines() if line.strip())

    def _ask_sacct(self, arrays: Sequence[str]) -> dict[str, str] | None:
        if not arrays:
            return None
        words = ["sacct", "--allocations", "--noheader", "--parsable2", "--format=JobID,State,ExitCode"]
        text = self._call(*words, f"--jobs={','.join(arrays)}")
        if text is None:
            return None
        told = {}
        for line in text.splitlines():
            name, state, exit_code = line.split("|")
            told.update(dict.fromkeys(expand_ids(name), f"{state}, exit code {exit_code}"))
        return told

    def _ask_scontrol(self, arrays: Sequence[str]) -> dict[str, str]:
        told = {}
        for array in arrays:
            for job in _read_jobs(self._call("scontrol", "--oneliner", "show", "job", array) or ""):
                told.update(dict.fromkeys(job.ids, f"{job.state}, exit code {job.exit_code}"))
        return told

    def _call(self, *words: str) -> str | None:
        return call_slurm(words, self._answer_within_s)


def open_queue(_: Path, queued: QueuedJobs) -> SlurmQueue | None:
    """Return the queue that jobs of a sweep were given to; None where Slurm cannot be asked."""
    return SlurmQueue(queued.ids) if shutil.which("squeue") else None


def signal_jobs(ids: Iterable[str]) -> None:
    """Interrupt the jobs that run, as Ctrl-C would; a controller that does not answer is left alone."""
    call_slurm(["scancel", "--quiet", "--signal=INT", *ids], ANSWER_WITHIN_S)


def find_array_limit() -> int:
    """Return how many jobs an array may have here; as many as Slurm allows by itself where it does not say."""
    text = call_slurm(["scontrol", "show", "config"], ANSWER_WITHIN_S) or ""
    found = re.search(r"^MaxArraySize\s*=\s*(\d+)", text, re.MULTILINE)
    return max(1, int(found[1])) if found else _ARRAY_LIMIT


def read_own_job(job_id: str) -> ToldJob | None:
    """Return what the controller says of the job of this process (``SLURM_JOB_ID``); None when it does not answer."""
    text = call_slurm(["scontrol", "--oneliner", "show", "job", job_id], ANSWER_WITHIN_S)
    return next((job for job in _read_jobs(text or "") if job.raw_id == job_id), None)  # an array's first names it all


def call_slurm(words: Sequence[str], answer_within_s: float) -> str | None:
    """Return what a program of Slurm's prints; None where it is not there, fails, or takes longer.

    Knowing none of the jobs that it was asked for is no failure: nothing is printed then.
    """
    try:
        done = run_slurm(words, answer_within_s)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode == 0:
        return done.stdout
    return "" if _NONE_OF_THEM in done.stderr else None


def run_slurm(words: Sequence[str], answer_within_s: float) -> subprocess.CompletedProcess[str]:
    """Run a program of Slurm's, without a user's own settings of it. Raises OSError and subprocess.TimeoutExpired."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(_THEIR_SETTINGS)}
    return subprocess.run(
        words,
        env={**environ, "SLURM_BITSTR_LEN": "0"},  # ids of arrays in full
        capture_output=True,
        text=True,
        timeout=answer_within_s,
        check=False,
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # the terminal's Ctrl-C is not for it
    )


def expand_ids(name: str) -> Iterator[str]:
    """Yield every job that `name` stands for: ``123_[4-6,9%2]`` for four of an array, ``123_4`` and ``123`` for one.

    Raises ValueError for what is no name of Slurm's.
    """
    if name.replace("_", "", 1).isdigit():
        yield name
        return
    found = _ARRAY.fullmatch(name)
    if found is None:
        raise ValueError(f"{name!r} is not a job's id")
    for part in found["tasks"].split(","):
        tasks = _TASKS.fullmatch(part)
        if tasks is None:
            raise ValueError(f"{name!r} is not a job's id")
        last = int(tasks["last"] or tasks["first"])
        for task in range(int(tasks["first"]), last + 1, int(tasks["step"] or 1)):
            yield f"{found['array']}_{task}"


def _read_jobs(text: str) -> Iterator[ToldJob]:
    for line in text.splitlines():
        found = dict(_FIELD.findall(line))
        if "JobState" not in found:
            continue
        name = found["JobId"]
        tasks = found.get("ArrayTaskId", _NO_TASK)
        if tasks != _NO_TASK:
            name = f"{found['ArrayJobId']}_{tasks}" if tasks.isdigit() else f"{found['ArrayJobId']}_[{tasks}]"
        ids = tuple(expand_ids(name))
        is_preempted = found.get("PreemptTime", "None") != "None"
        restarts = int(found.get("Restarts", 0))
        yield ToldJob(ids, found["JobId"], found["JobState"], found.get("ExitCode", ""), restarts, is_preempted)


def _arrays(names: Iterable[str]) -> list[str]:
    return sorted({_array_of(name) for name in names if name})


def _array_of(name: str) -> str:
    return name.partition("_")[0]


def _queue_state(state: str | None) -> QueueState:
    """Read one of Slurm's words; one that is none of those known is of a job that it has not done with."""
    if state is None or _is_end(state):
        return QueueState.GONE
    return QueueState.WAITING if state in _WAITING else QueueState.RUNNING


def _is_end(told: str | None) -> bool:
    return bool(told) and re.split(r"[ ,]", str(told))[0] in _ENDED
