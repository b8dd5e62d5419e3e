"""The steps of one job, wherever a launcher runs it: prepare, see what is left, serve, run, report, conclude.

What goes wrong in a job is not raised but written to its files. In a new directory everything is left to do; in one
that a run has begun, what is finished stays and the rest is done, so that resuming is running again.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from evalkit import event_loop
from evalkit.clock import MonotonicClock
from evalkit.engine.progress import RunProgress
from evalkit.engine.quota import OwnQuota, Quota, holding
from evalkit.engine.retry import RetryPolicy
from evalkit.engine.scheduler import EngineLimits, Outcome, Stop
from evalkit.engine.throttle import Throttle
from evalkit.errors import ServiceStartError, StorageError, UserError
from evalkit.object_storage.addresses import is_address, local_folder, shown
from evalkit.peers.embedded import service_url
from evalkit.peers.loaded_models import holding_models
from evalkit.peers.peers import open_peers
from evalkit.peers.pricing import price_table
from evalkit.peers.rate_limits import pause_for_spent_limits
from evalkit.peers.served import served
from evalkit.realtime.rate_limits import RateLimit
from evalkit.records.case import CaseTrial
from evalkit.records.grade import Grade
from evalkit.records.passing import passed
from evalkit.records.record import CaseRecord
from evalkit.reports.plots.ahead import drawing_ahead
from evalkit.reports.plots.run_pictures import Draw, draw_at_last
from evalkit.runner.grader_services import open_grader_services
from evalkit.runner.interruption import Interruption
from evalkit.runner.jobs import Destination, Job
from evalkit.runner.pipeline import Advance, Controls, Remaining, Workload, expand_trials, run_workload
from evalkit.runner.prepare import Prepared, take_or_prepare
from evalkit.runner.remaining import find_remaining, spent_usd
from evalkit.runner.remote_folders import upload_job
from evalkit.runner.reporting import report_run
from evalkit.runner.run_ending import ExitCode, decide_ending
from evalkit.runner.terminal import say, stderr_console
from evalkit.runs.stored_run import open_run
from evalkit.settings.types import LimitSettings
from evalkit.store.provenance import describe_start, write_provenance
from evalkit.store.recovery import recover
from evalkit.store.run_directory import RunDirectory, RunStatus, now_utc
from evalkit.store.shared_quota import SharedQuota

_log = logging.getLogger(__name__)


def run_job(job: Job, destination: Destination, *, rerun_changed: bool = False) -> None:
    """Run one composed job into its directory, or finish what is left of it there.

    Never raises but for an interruption, a disk that takes nothing more (StorageError) and a directory that another
    process is writing (ConfigError, and nothing is touched); ``status.json`` tells the rest.
    """
    run = RunDirectory(destination.run_dir)
    with run.exclusive():
        try:
            _run_and_conclude(job, destination, run, rerun_changed=rerun_changed)
        finally:
            if destination.in_sweep:  # what else there is, whoever launched it uploads
                upload_job(run.root)


def _run_and_conclude(job: Job, destination: Destination, run: RunDirectory, *, rerun_changed: bool) -> None:
    try:
        _run_steps(job, destination, run, rerun_changed=rerun_changed)
    except UserError as error:
        _log.error("%s", error)
        say(*error.problems)
        run.conclude(RunStatus.FAILED, exit_code=ExitCode.USER, counts={})
    except KeyboardInterrupt:
        status = run.read_status()
        if status is None or status["status"] == RunStatus.RUNNING:
            run.conclude(RunStatus.INTERRUPTED, exit_code=ExitCode.INTERRUPTED, counts={})
        raise
    except StorageError as error:
        with suppress(OSError):
            run.conclude(RunStatus.FAILED, exit_code=ExitCode.INFRASTRUCTURE, counts={})
        raise StorageError(f"{error}; make room and finish the run with: evalkit resume {shown(run.root)}") from error
    except ServiceStartError as error:
        _log.error("%s", error)
        say(str(error))
        run.conclude(RunStatus.FAILED, exit_code=ExitCode.INFRASTRUCTURE, counts={})
    except BaseException as error:  # noqa: BLE001  also sys.exit: one job must not end a sweep
        _log.exception("a defect in evalkit")
        say(f"{type(error).__name__}: {error}; a defect of evalkit, please report it with {run.root / 'evalkit.log'}")
        run.conclude(RunStatus.FAILED, exit_code=ExitCode.DEFECT, counts={})


def finish_job(job: Job, destination: Destination, *, rerun_changed: bool = False) -> None:
    """Finish what a job of a sweep left undone; one that has come to its end is left alone."""
    if rerun_changed or not is_done(RunDirectory(destination.run_dir)):
        run_job(job, destination, rerun_changed=rerun_changed)


def is_done(run: RunDirectory) -> bool:
    """Tell whether a run has come to its end, and nothing of it is left to do."""
    status = run.read_status()
    return status is not None and status["status"] in (RunStatus.COMPLETED, RunStatus.GATE_FAILED)


def _run_steps(job: Job, destination: Destination, run: RunDirectory, *, rerun_changed: bool) -> None:
    prepared = take_or_prepare(job.config, destination.working_dir)
    settings = prepared.settings
    trials = _planned_trials(prepared, run, rerun_changed=rerun_changed)
    progress = recover(run)
    left = find_remaining(prepared, trials, progress, rerun_changed=rerun_changed)
    quota = _open_quota(job, destination, settings.limits, spent_usd(progress, run.read_grades()))
    provenance = _begin(run, prepared, trials, rerun_changed=rerun_changed)
    for note in prepared.data.notes:
        _log.info("%s", note)
    with _drawing(prepared.config, destination) as draw:
        with (
            closing(quota),
            served(settings, prepared.roles) as addressed,
            service_url(addressed.service, needed=prepared.uses_embedded_provider, engines=prepared.engines) as url,
        ):
            ready = replace(prepared, settings=replace(addressed, service=settings.service))  # no port is recorded
            outcome = event_loop.run(_run_cases(ready, left, run, url, quota, in_worker=destination.in_worker))
        if outcome.stopped_by is Stop.STORAGE:
            raise StorageError(f"{run.root}: {outcome.trouble}; {len(run.read_finished())} of {len(trials)} are stored")
        # A sweep closes with one table of its own.
        console = None if destination.in_sweep else stderr_console()
        _end(run, prepared, provenance, outcome, console, draw)
    if outcome.stopped_by is Stop.INTERRUPTED:
        raise KeyboardInterrupt


def _drawing(config: Mapping[str, Any], destination: Destination) -> AbstractContextManager[Draw]:
    """Return what draws: a process beside this one, so that a run that somebody waits for ends sooner.

    The jobs of a sweep load what draws once, and calls that keep time get the machine for themselves.
    """
    is_ahead = config["report"]["plots"] and not destination.in_sweep and not config.get("real_time")
    return drawing_ahead() if is_ahead else nullcontext(draw_at_last)


def _planned_trials(prepared: Prepared, run: RunDirectory, *, rerun_changed: bool) -> list[CaseTrial]:
    """Return the case-trials of a run; one that was begun keeps those it was to have, unless it takes up changes."""
    trials = expand_trials(prepared.cases, prepared.settings.trials, prepared.settings.seed)
    if rerun_changed or not run.provenance_path.exists():
        return trials
    planned = set(run.read_provenance()["case_trials"])
    return [trial for trial in trials if trial.key in planned]


def _begin(
    run: RunDirectory, prepared: Prepared, trials: Sequence[CaseTrial], *, rerun_changed: bool
) -> dict[str, Any]:
    """Write the files that precede the first case, and return the provenance; a resumed run keeps its own."""
    keys = [trial.key for trial in trials]
    provenance = describe_start(prepared.config, sys.argv, prepared.datasets, keys, now_utc())
    provenance["price_date"] = price_table(prepared.settings).as_of
    provenance["parent_run_id"] = _find_parent(sys.orig_argv)
    if run.provenance_path.exists():
        resumed = {"at": now_utc(), "argv": list(sys.argv), "config_sha256": provenance["config_sha256"]}
        earlier = run.read_provenance()
        gone = [] if rerun_changed else [key for key in earlier["case_trials"] if key not in set(keys)]
        provenance = {
            **earlier,
            "case_trials": [*keys, *gone],
            "datasets": _with_further(earlier["datasets"], provenance["datasets"]),
            "resumed": [*earlier.get("resumed", ()), resumed],
        }
    run.write_config(prepared.config)
    write_provenance(run.provenance_path, provenance)
    run.write_status(RunStatus.RUNNING, exit_code=None, counts={"planned": len(keys)})
    if "resumed" in provenance:
        run.journal_resumption(len(provenance["case_trials"]))
    else:
        run.journal_beginning(provenance["run_id"], len(keys))
    return provenance


def _find_parent(words: Sequence[str]) -> str | None:
    """Return the id of the run that ``evalkit rerun`` was given on this process's line; None for any other line."""
    if "rerun" not in words:
        return None
    folders = (_folder_of(word) for word in words[words.index("rerun") + 1 :])
    parent = next((folder for folder in folders if RunDirectory(folder).provenance_path.is_file()), None)
    return open_run(parent, "rerun").run_id if parent else None


def _folder_of(word: str) -> Path:
    if is_address(word):
        return local_folder(word.rstrip("/"), Path.cwd())
    return Path(os.path.expanduser(word))  # noqa: PTH111  never raises


def _with_further(known: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the files that a run has read so far: those of before, and those that lie elsewhere by now."""
    paths = {entry["path"] for entry in known}
    return [*known, *(entry for entry in now if entry["path"] not in paths)]


def _end(
    run: RunDirectory,
    prepared: Prepared,
    provenance: Mapping[str, Any],
    outcome: Outcome,
    console: Console | None,
    draw: Draw,
) -> None:
    """Write the reports and the final status of the run."""
    planned_keys = set(provenance["case_trials"])
    records = [stored.record for key, stored in run.read_finished().items() if key in planned_keys]
    served = sorted({record.served_model for record in records if record.served_model})
    write_provenance(run.provenance_path, {**provenance, "models_served": served, "ended_at": now_utc()})
    report = report_run(run, console, draw)
    planned = len(provenance["case_trials"])
    ending = decide_ending(
        records,
        planned=planned,
        stopped_by=outcome.stopped_by,
        max_infrastructure_share=prepared.settings.limits.max_infrastructure_share,
        missed_gates=report.missed_gates,
    )
    counts = {
        "planned": planned,
        "finished": len(records),
        "not_scored": sum(not record.scored for record in records),
    }
    run.conclude(ending.status, exit_code=ending.exit_code, counts=counts)
    for oddity in prepared.data.oddities if console is not None else ():
        say(oddity)
    if ending.reason:
        say(ending.reason)
    if ending.is_resumable and console is not None:
        more = " limits.max_cost_usd=MORE" if outcome.stopped_by is Stop.BUDGET else ""
        say(f"finish it with: evalkit resume {shown(run.root)}{more}")


def _open_quota(job: Job, destination: Destination, limits: LimitSettings, spent_before_usd: float) -> Quota:
    """Return what the run shares: nothing, or with the jobs of its sweep, whose ledgers have all that was spent.

    A number of slots that nobody named stands for a model that each machine has to itself.
    """
    if destination.in_sweep:
        return SharedQuota(
            destination.run_dir.parent,
            destination.run_dir.name,
            limits.requests_in_flight,
            each_machine=job.config["limits"]["requests_in_flight"] is None,
            lost_after_s=destination.lost_after_s,
        )
    return OwnQuota(spent_before_usd, limits.requests_in_flight)


async def _run_cases(
    prepared: Prepared, left: Remaining, run: RunDirectory, url: str | None, quota: Quota, *, in_worker: bool
) -> Outcome:
    settings, limits = prepared.settings, prepared.settings.limits
    concurrency = min(settings.concurrency, limits.requests_in_flight or settings.concurrency)
    label = settings.run_name or f"{prepared.mode.name} {prepared.mode.subject(settings)}"
    clock = MonotonicClock()
    throttle = Throttle(concurrency, clock, lambda change: run.journal_concurrency(**asdict(change)))
    controls = Controls(
        limits=EngineLimits(concurrency, limits.max_cost_usd, limits.run_timeout_s),
        retry=RetryPolicy(limits.max_attempts),
        clock=clock,
        throttle=throttle,
        quota=quota,
        watch=Interruption(limits.grace_s, say).watch,
    )

    asked = {name: role for name, role in prepared.roles.items() if left.trials or name == "judge"}

    def on_rate_limits(told: Sequence[RateLimit]) -> None:
        pause_for_spent_limits(told, throttle)

    async with (
        open_peers(settings, url, on_rate_limits=on_rate_limits, slot=lambda: holding(quota.slot())) as peers,
        holding_models(asked, peers.clients, run.root, say),
        prepared.mode.open(settings, prepared.data, peers, run, clock) as work,
    ):
        workload = Workload(work, prepared.graders, open_grader_services(peers, run))
        with RunProgress(stderr_console(quiet=in_worker), label, len(left.trials) + len(left.kept)) as progress:
            return await run_workload(workload, left, run, controls, count_passes(progress))


def count_passes(progress: RunProgress) -> Advance:
    """Return what shows on `progress`, of each case-trial that is done, whether it passed."""

    def advance(record: CaseRecord, grades: Sequence[Grade]) -> None:
        progress.advance(passed=passed(record, grades))

    return advance
