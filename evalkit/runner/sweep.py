"""The files at a sweep's root (plan, index, table), and the sweep's exit code.

Before the first job starts, :func:`begin_sweep` writes two files, so that a sweep that dies anywhere can be finished:

``plan.json``
    What is to run (:mod:`evalkit.runner.stored_plan`).

``index.jsonl``
    A line per job: ``job``, ``overrides``, ``config_sha256``, ``directory`` (absolute; null when it was never made),
    ``status`` and ``exit_code``. Status is ``planned`` and the code null until :func:`finish_sweep` writes the
    file again with how each job stands: as its own ``status.json`` says, or else

    =============== ============================================================================================
    ``running``     it went on when the command ended (interrupted, or a bound of its launcher had passed)
    ``waiting``     so did its wait in a queue
    ``lost``        it began, and has neither come to an end nor lives (``vanished`` in sweeps of earlier versions)
    ``not_started`` it never began
    =============== ============================================================================================
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from evalkit.clock import MonotonicClock
from evalkit.object_storage.addresses import shown
from evalkit.reports.realism_table import realism_tables
from evalkit.reports.sweep import sweep_table
from evalkit.reports.sweep_write import write_sweep
from evalkit.runner.job_wait import WaitBounds, Waited, WaitEnd
from evalkit.runner.job_watch import JobState, JobWatch
from evalkit.runner.jobs import Job, Launched, Plan
from evalkit.runner.run_ending import ExitCode, worst
from evalkit.runner.stored_plan import write_plan
from evalkit.runner.sweep_reading import read_sweep_jobs, read_sweep_realism
from evalkit.runner.terminal import say, stderr_console
from evalkit.store.files import write_atomically
from evalkit.store.run_directory import RunDirectory, RunStatus
from evalkit.store.running_jobs import QueuedJobs, RunningJobs

PLANNED = "planned"
LOST = "lost"
NOT_STARTED = "not_started"
WAITING = "waiting"
_DONE = (RunStatus.COMPLETED, RunStatus.GATE_FAILED)
_LEFT = {LOST: "lost", RunStatus.RUNNING: "still running", WAITING: "waiting in the queue", NOT_STARTED: "not started"}
_MOST_NAMED = 20


def begin_sweep(planned: Plan, root: Path, *, working_dir: Path, config_sha256: Sequence[str]) -> None:
    """Write ``plan.json`` and an index of jobs that are all still planned. `config_sha256` has one for each job."""
    write_plan(planned, root, working_dir=working_dir, config_sha256=config_sha256)
    _write_index(
        root,
        [
            {
                "job": job.number,
                "overrides": list(job.overrides),
                "config_sha256": sha256,
                "directory": str(root / job.directory_name),
                "status": PLANNED,
                "exit_code": None,
            }
            for job, sha256 in zip(planned.jobs, config_sha256, strict=True)
        ],
    )


def finish_sweep(planned: Plan, root: Path, launched: Launched | None = None) -> ExitCode:
    """Write index and table from the jobs' files, show them, name jobs that failed; return the worst exit code.

    A job that began, has not come to an end and does not live is lost: a defect, never taken for done. A job that never
    began counts so too, unless the sweep was interrupted. One that still runs, or waits in a queue, when the command
    stops waiting is neither, and is named with what goes on.
    """
    ended = launched or Launched()
    entries = [
        entry_of(job, root, found, ended) for job, found in zip(planned.jobs, _look(planned, root, ended), strict=True)
    ]
    _write_index(root, entries)
    report = planned.jobs[0].config.get("report", {})
    configs = {job.number: job.config for job in planned.jobs}
    jobs, realism = read_sweep_jobs(entries, configs), read_sweep_realism(entries, configs)
    stderr_console().print(sweep_table(jobs), *(realism_tables(realism) if realism else ()), sep="\n")
    write_sweep(root, jobs, realism=realism, plots=report.get("plots", True), html=report.get("html", True))
    return _close(root, entries, ended)


def _close(root: Path, entries: Sequence[Mapping[str, Any]], ended: Launched) -> ExitCode:
    """Say how the jobs of a sweep ended and how to go on; return the worst exit code."""
    bad = [entry for entry in entries if entry["exit_code"] != ExitCode.OK]
    counted = Counter(entry["status"] for entry in bad)
    left = ", ".join(f"{counted[status]} {word}" for status, word in _LEFT.items() if counted[status])
    say(f"{len(entries) - len(bad)} of {len(entries)} jobs completed{f' ({left})' if left else ''}")
    queued = RunningJobs(root).find_queued()
    for entry in bad[:_MOST_NAMED]:
        where = entry["directory"] or "no directory"
        log = _find_log(root, entry, queued) if entry["status"] == LOST else None
        last_words = f"; what it said last: {log}" if log else ""
        say(f"job {entry['job']} {entry['status']} ({' '.join(entry['overrides'])}): {where}{last_words}")
    if len(bad) > _MOST_NAMED:
        say(f"and {len(bad) - _MOST_NAMED} jobs more, which {root / 'index.jsonl'} names")
    say(*ended.notes)
    codes = [entry["exit_code"] for entry in entries]
    if any(code not in (ExitCode.OK, ExitCode.GATE, ExitCode.USER) for code in codes):
        more = " limits.max_cost_usd=MORE" if ExitCode.BUDGET in codes else ""
        say(f"finish it with: evalkit resume {shown(root)}{more}")
    return worst([*codes, ExitCode.INTERRUPTED] if ended.interrupted else codes)


def _look(planned: Plan, root: Path, ended: Launched) -> list[FoundJob]:
    """Return what has become of each job: as a wait has found it, else by its files and the locks of this machine."""
    watch = JobWatch(RunningJobs(root), WaitBounds.of(planned.launcher_settings).lost_after_s, MonotonicClock())
    waited = ended.waited or Waited({})
    seen = watch.look([job.number for job in planned.jobs if job.number not in waited.states])
    states = {**seen, **waited.states}
    given = RunningJobs(root).find_queued()
    queued = waited.queued | (set(given.ids) & set(seen) if given else set())
    return [FoundJob(states[job.number], job.number in queued) for job in planned.jobs]


def _find_log(root: Path, entry: Mapping[str, Any], queued: QueuedJobs | None) -> Path | None:
    """Return the file with the last words of a job that was lost: its process's, else its own log."""
    name = queued.ids.get(entry["job"]) if queued else None
    printed = sorted((root / ".submitit" / name).glob("*.err")) if name else []
    printed += [path for path in [root / ".ray" / f"{entry['job']}.log"] if path.is_file() and path.stat().st_size]
    own = [Path(entry["directory"]) / "evalkit.log"] if entry["directory"] else []
    return next((path for path in (*printed, *own) if path.is_file()), None)


def _write_index(root: Path, entries: Sequence[Mapping[str, Any]]) -> None:
    lines = [json.dumps(entry, ensure_ascii=False) for entry in entries]
    write_atomically(root / "index.jsonl", "\n".join(lines) + "\n")


def entry_of(job: Job, root: Path, found: FoundJob, ended: Launched) -> dict[str, Any]:
    """Return the line of ``index.jsonl`` for a job: what it was given, where it lies, and how it stands."""
    directory = root / job.directory_name
    run = RunDirectory(directory) if directory.is_dir() else None
    provenance = json.loads(run.provenance_path.read_text()) if run and run.provenance_path.exists() else {}
    stands = judge_job(run.read_status() if run else None, found, has_begun=RunningJobs(root).has_begun(job.number))
    return {
        "job": job.number,
        "overrides": list(job.overrides),
        "config_sha256": provenance.get("config_sha256"),
        "directory": str(directory) if run else None,
        "status": stands.status,
        "exit_code": _exit_code_of(stands, ended),
    }


@dataclass(frozen=True)
class FoundJob:
    """What a look at a job has found: its state, and whether a queue may still have it."""

    state: JobState
    is_queued: bool = False


class JobStanding(NamedTuple):
    """How a job stands: its status, and the exit code where it has come to an end."""

    status: str
    exit_code: int | None


def judge_job(status: Mapping[str, Any] | None, found: FoundJob, *, has_begun: bool) -> JobStanding:
    """Return how a job stands, by `status` (its ``status.json``), by what a look has found, and whether it has begun.

    What it says itself counts, but for one that goes on: then it is what it was before.
    """
    has_final = status is not None and status["exit_code"] is not None
    is_done = has_final and status is not None and status["status"] in _DONE
    if not is_done and found.state is JobState.RUNNING:
        return JobStanding(RunStatus.RUNNING, None)
    if not is_done and found.state is JobState.WAITING and found.is_queued:
        return JobStanding(WAITING, None)
    if has_final and status is not None:
        return JobStanding(str(status["status"]), int(status["exit_code"]))
    return JobStanding(LOST if has_begun or status is not None else NOT_STARTED, None)


def _exit_code_of(stands: JobStanding, ended: Launched) -> int:
    if stands.exit_code is not None:
        return stands.exit_code
    if stands.status == LOST:
        return ExitCode.DEFECT
    if ended.interrupted:
        return ExitCode.INTERRUPTED
    is_left = stands.status != NOT_STARTED or (ended.waited and ended.waited.ended_by is not WaitEnd.DECIDED)
    return ExitCode.INFRASTRUCTURE if is_left else ExitCode.DEFECT
