"""How the jobs of a sweep stand now, for whoever comes while it goes on, or after it was left."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from evalkit.clock import MonotonicClock
from evalkit.compose.queues import open_queue
from evalkit.runner.job_wait import LOOK_EVERY_S, WaitBounds, shorten
from evalkit.runner.job_watch import JobState, JobWatch
from evalkit.runner.sweep import LOST, NOT_STARTED, PLANNED, WAITING, FoundJob, judge_job
from evalkit.runner.terminal import say
from evalkit.store.launching_process import has_been_closed, is_being_launched
from evalkit.store.run_directory import RunDirectory, RunStatus
from evalkit.store.running_jobs import RunningJobs

_VANISHED = "vanished"  # what is lost now, in the words of earlier versions


def find_states(root: Path, numbers: Collection[int], lost_after_s: float, watch: JobWatch) -> dict[int, JobState]:
    """Return what has become of jobs, after as much time as it takes to know it: `lost_after_s` at most."""
    states = watch.look(numbers)
    unsure = watch.find_unsure(states)
    if unsure:
        say(f"{root}: looking for up to {lost_after_s:g} s for signs of life of {describe_jobs(unsure)}")
    while watch.find_unsure(states):
        time.sleep(LOOK_EVERY_S)
        states = watch.look(numbers)
    return states


def describe_jobs(numbers: Sequence[int]) -> str:
    """Return jobs by their numbers, the first ten of them."""
    return f"{'job' if len(numbers) == 1 else 'jobs'} {shorten([str(number) for number in sorted(numbers)])}"


def judge_entries(
    root: Path, entries: Sequence[Mapping[str, Any]], folders: Mapping[int, str | None]
) -> list[dict[str, Any]]:
    """Return the lines of the index of the sweep in `root` with how each job stands now.

    What its launching process has found when it closed the sweep holds until it is launched again; only jobs that were
    open then, or are now, are looked at. `folders` has where each job lies, or lay before the sweep was moved.
    """
    jobs, clock, lost_after_s = RunningJobs(root), MonotonicClock(), WaitBounds().lost_after_s
    queued = jobs.find_queued()
    given = queued.ids if queued else {}
    is_launched, is_closed = is_being_launched(root, clock), has_been_closed(root)
    own = {number: _own_status(root, folder) for number, folder in folders.items()}
    asked = [
        entry["job"]
        for entry in entries
        if not (is_closed and _was_open_no_more(entry)) and _may_go_on(own[entry["job"]], entry["job"], given, jobs)
    ]
    watch = JobWatch(jobs, lost_after_s, clock, open_queue(root))
    states = find_states(root, asked, lost_after_s, watch)
    own |= {number: _own_status(root, folders[number]) for number in states}  # which took its time
    judged = []
    for entry in entries:
        number = entry["job"]
        if number not in states:
            said = own[number]
            judged.append({**entry, **(said if said and said["exit_code"] is not None else {})})
            continue
        is_queued = watch.may_be_queued(number) if number in given else is_launched
        stands = judge_job(own[number], FoundJob(states[number], is_queued), has_begun=jobs.has_begun(number))
        judged.append({**entry, "status": stands.status, "exit_code": stands.exit_code})
    return judged


def describe_standing(entries: Sequence[Mapping[str, Any]]) -> str:
    """Return how many jobs wait, run, have ended and are lost; empty when all have ended by themselves."""
    counted = Counter(str(entry["status"]) for entry in entries)
    lost, idle = counted[LOST] + counted[_VANISHED], counted[NOT_STARTED]
    waiting, running = counted[WAITING] + counted[PLANNED], counted[RunStatus.RUNNING]
    ended = len(entries) - lost - idle - waiting - running
    never = f", {idle} not started" if idle else ""
    return "" if ended == len(entries) else f"{waiting} wait, {running} run, {ended} ended, {lost} lost{never}"


def _may_go_on(own: Mapping[str, Any] | None, number: int, given: Mapping[int, str], jobs: RunningJobs) -> bool:
    """Tell whether a job may run or wait now: it says no end, or was put into a queue since and has not ended."""
    return own is None or own["exit_code"] is None or (number in given and not jobs.has_ended(number))


def _was_open_no_more(entry: Mapping[str, Any]) -> bool:
    return entry["exit_code"] is not None and entry["status"] not in (RunStatus.RUNNING, WAITING)


def _own_status(root: Path, stored: str | None) -> dict[str, Any] | None:
    """Return status and exit code as the job in folder `stored` says them itself; None where it says nothing."""
    folder = root / Path(stored).name if stored else None
    status = RunDirectory(folder).read_status() if folder and folder.is_dir() else None
    return None if status is None else {key: status[key] for key in ("status", "exit_code")}
