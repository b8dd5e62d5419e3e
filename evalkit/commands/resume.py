"""``evalkit resume RUN_DIR|SWEEP_DIR``: finishes what was interrupted or lost, in place, paying for nothing twice.

A run goes on from the config that it stored. What is finished stays, what was lost is tried again, what was never begun
is run. Only bounds and what is written may be changed on the line (``limits.max_cost_usd=5``, ``concurrency=2``). A
case, prompt or setting that is another today is named, and then nothing is done unless the line says what shall become
of it: ``--rerun-changed`` runs those cases again, ``--keep-changed`` leaves them as they are.

A sweep goes on from its plan: jobs that are done are left alone. Those that still run, or wait in a queue, because only
the process that launched them has gone, are joined and waited for, from any machine of a shared file system; the others
resume. While that process lives it is refused.
"""

from __future__ import annotations

import functools
import logging.config
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from evalkit.compose.line import CommandLine, LineParser, command_line, split_directory
from evalkit.compose.planning import plan
from evalkit.compose.rejoining import JobsSeen, rejoin
from evalkit.compose.stored import stored_source
from evalkit.errors import ConfigError
from evalkit.object_storage.addresses import shown
from evalkit.peers.embedded import shared_services
from evalkit.peers.served import shared_llms
from evalkit.runner.execution import exit_code_of, launch_jobs
from evalkit.runner.job import finish_job, is_done, run_job
from evalkit.runner.job_wait import WaitBounds
from evalkit.runner.jobs import Destination, Launched, Plan, packaged_source
from evalkit.runner.pipeline import expand_trials
from evalkit.runner.prepare import Prepared, handing_on, prepare, prepare_all
from evalkit.runner.remaining import find_changes, is_unchanged
from evalkit.runner.run_ending import ExitCode
from evalkit.runner.stored_plan import StoredPlan, read_plan
from evalkit.runner.sweep import finish_sweep
from evalkit.runner.terminal import say
from evalkit.runs.stored_run import open_run
from evalkit.settings.resources import resource_dir
from evalkit.store.file_system import require_sound
from evalkit.store.launching_process import launching_alone
from evalkit.store.run_directory import RunDirectory

_RERUN, _KEEP = "--rerun-changed", "--keep-changed"
_MAY_CHANGE = ("limits.", "gate.", "report.", "concurrency", "hydra/launcher", "hydra.launcher.", "hydra.sweeper.")
_MOST_NAMED = 10


@dataclass(frozen=True)
class _Asked:
    """What a line asks for: where, with which overrides, and what becomes of changed cases (None: nothing is done)."""

    root: Path
    line: CommandLine
    rerun_changed: bool | None


def main(args: Sequence[str]) -> int:
    """Finish the run or sweep that `args` name; its directory is the last line on stdout."""
    asked = _parse(args)
    code = _resume_sweep(asked) if (asked.root / "plan.json").is_file() else _resume_run(asked)
    print(shown(asked.root))
    return code


def _parse(args: Sequence[str]) -> _Asked:
    parser = LineParser("evalkit resume", f"evalkit resume outputs/DATE/RUN [limits.… …] [{_RERUN} | {_KEEP}]")
    parser.take_overrides(limits="it would make it another run")
    either = parser.add_mutually_exclusive_group()
    either.add_argument(_RERUN, action="store_true", default=None, dest="rerun_changed")
    either.add_argument(_KEEP, action="store_false", default=None, dest="rerun_changed")
    flags, words = parser.parse_words(args)
    root, overrides = split_directory(words)
    if root is None:
        parser.error("needs a run's or sweep's directory")
    if not root.is_dir():
        raise ConfigError(f"{root}: is no directory; expected one that a run or a sweep wrote")
    others = [text for text in overrides if not text.lstrip("+").startswith(_MAY_CHANGE)]
    if others:
        raise ConfigError(
            f"resume: {', '.join(others)}: would make it another run; only limits.*, gate.*, report.* and concurrency "
            f"may change. For another run write: evalkit rerun {root} {' '.join(others)}"
        )
    return _Asked(root, command_line(flags, overrides), flags.rerun_changed)


def _resume_run(asked: _Asked) -> int:
    run = RunDirectory(asked.root)
    with stored_source(asked.root, asked.line) as source:
        planned = plan(asked.line.overrides, source)
    prepared = prepare(planned.jobs[0].config, Path.cwd(), os.environ)
    _require_unchanged(asked, _changes(prepared, run))
    _log_into(run)
    with handing_on([prepared], planned, Path.cwd()), suppress(KeyboardInterrupt):  # its status says so
        run_job(planned.jobs[0], Destination(asked.root, Path.cwd()), rerun_changed=bool(asked.rerun_changed))
    return exit_code_of(run)


def _resume_sweep(asked: _Asked) -> int:
    stored = read_plan(asked.root)
    source = stored.plan.source
    if not source.config_dir.is_dir():  # the package has moved since
        source = packaged_source([str(folder) for folder in source.search_dirs])
    if stored.working_dir.is_dir():  # a sweep that was fetched may come from another machine
        os.chdir(stored.working_dir)
    planned = plan((*stored.plan.overrides, *asked.line.overrides), source, multirun=True)
    if len(planned.jobs) != len(stored.plan.jobs):
        raise ConfigError(f"{asked.root}: its line composes {len(planned.jobs)} jobs now, not {len(stored.plan.jobs)}")
    require_sound(asked.root)
    lost_after_s = WaitBounds.of(planned.launcher_settings).lost_after_s
    require_sound(asked.root)
    seen = JobsSeen(asked.root)
    with launching_alone(asked.root, seen.clock, lost_after_s=lost_after_s, say=say, sleep=seen.sleep):
        launched = _rejoin(asked, planned, stored, seen)
        code = finish_sweep(stored.plan, asked.root, launched)
    return ExitCode.INTERRUPTED if launched.interrupted else code


def _rejoin(asked: _Asked, planned: Plan, stored: StoredPlan, seen: JobsSeen) -> Launched:
    """Prepare every job, then join those that go on and finish the others."""
    prepared = prepare_all(planned, Path.cwd())
    runs = {job.number: RunDirectory(asked.root / job.directory_name) for job in stored.plan.jobs}
    changes = [
        f"job {number}: {change}"
        for (number, run), ready in zip(runs.items(), prepared, strict=True)
        for change in _changes(ready, run)
    ]
    _require_unchanged(asked, changes)
    reruns = bool(asked.rerun_changed)
    finish = functools.partial(finish_job, rerun_changed=reruns)
    embedded = [job for job in prepared if job.uses_embedded_provider]
    engines = {name for job in embedded for name in job.engines}
    with (
        shared_llms(model for job in prepared for model in job.llms),
        shared_services((job.service for job in embedded), engines=engines),
    ):
        rejoins = functools.partial(rejoin, planned, finish, asked.root, seen=seen)
        return launch_jobs(lambda: rejoins(lambda number: not reruns and is_done(runs[number])))


def _changes(prepared: Prepared, run: RunDirectory) -> list[str]:
    """Return what is not as it was when `run` began; nothing for one that never did."""
    if not run.provenance_path.exists():
        return []
    settings = prepared.settings
    trials = expand_trials(prepared.cases, settings.trials, settings.seed)
    with suppress(ValueError, KeyError, TypeError):  # files that are broken are named below
        if is_unchanged(prepared, trials, run.read_reuse_keys(), run.read_provenance()["case_trials"]):
            return []
    stored = open_run(run.root, "resume")
    return find_changes(prepared, trials, stored.finished, stored.planned)


def _require_unchanged(asked: _Asked, changes: Sequence[str]) -> None:
    if not changes or asked.rerun_changed is not None:
        return
    more = [f"and {len(changes) - _MOST_NAMED} more"] if len(changes) > _MOST_NAMED else []
    raise ConfigError(
        [
            *changes[:_MOST_NAMED],
            *more,
            f"resume: nothing was done; write {_RERUN} to run what changed again, or {_KEEP} to leave it as it is",
        ]
    )


def _log_into(run: RunDirectory) -> None:
    """Log as Hydra has a job log, into the same file."""
    text = (resource_dir("conf") / "hydra" / "job_logging" / "evalkit.yaml").read_text(encoding="utf-8")
    config: dict[str, Any] = yaml.safe_load(text)
    config["handlers"]["file"]["filename"] = str(run.root / "evalkit.log")
    logging.config.dictConfig(config)
