"""What sweeps of 100, 1,000 and 10,000 jobs cost beside their jobs: time and memory of planning, index, report, resume.

Jobs are simulated: their run directories are written as runs leave them, and nobody is called. Each step is a process
of its own, and does what the command does:

plan      ``evalkit check -m``: every job composed, validated, its data read, and a forecast of all
begin     the sweep before its first job: the same, then ``plan.json`` and ``index.jsonl``
finish    the sweep after its last job: index, closing table, ``sweep.csv``, ``sweep.html``, pictures
report    ``evalkit report SWEEP_DIR``
resume    ``evalkit resume SWEEP_DIR`` after ten jobs were lost, which are simulated too

    python benchmarks/sweep_scale.py [--jobs 100 1000 10000] [--keep DIR] [--json FILE]

Exits 1 when a step of the largest sweep takes 60 s or 1 GB, or time or memory grow faster than the jobs: more than
12 times from one size to the next one, which is ten times as large.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

from installed import missing_packages_named

with missing_packages_named():
    import orjson
    import psutil
    import yaml

    from evalkit.cli import main as evalkit_main
    from evalkit.commands import resume
    from evalkit.compose.planning import plan
    from evalkit.records.case import Case, CaseTrial
    from evalkit.records.grade import Grade, grade_to_json
    from evalkit.records.record import Attempt, CaseRecord, ToolCall, Turn, Usage, Words, to_json
    from evalkit.records.reuse import reuse_key
    from evalkit.reports.write import TABLES
    from evalkit.runner import execution
    from evalkit.runner.jobs import Destination, Job, Plan, RunJob, packaged_source
    from evalkit.runner.pipeline import expand_trials
    from evalkit.runner.prepare import Prepared, take_or_prepare
    from evalkit.runner.reporting import report_run
    from evalkit.runner.stored_plan import read_plan
    from evalkit.runner.sweep import finish_sweep
    from evalkit.store.provenance import config_sha256, describe_start
    from evalkit.store.run_directory import RunDirectory, RunStatus
    from evalkit.store.running_jobs import RunningJobs

MOST_S, MOST_BYTES, MOST_GROWTH = 60.0, 10**9, 12.0
MODELS, LOST, OUTCOMES = 10, 10, 16
STEPS = ("plan", "begin", "finish", "report", "resume")
LINE = (
    "provider=compatible", "provider.base_url=http://127.0.0.1:9/v1", "provider.models.transcription=hears",
    "speech.model=speaks", "judge.model=judges", "report.plots=false", "report.html=false", "max_examples=8",
    f"assistant.model={','.join(f'model-{number}' for number in range(MODELS))}",
)  # fmt: skip
BEGUN = "2026-01-01T00:00:00.000+00:00"


@dataclass(frozen=True)
class Cost:
    """What a step took: by the clock, of the CPU (less, where others work beside it), and of memory at most."""

    seconds: float
    cpu_s: float
    peak_bytes: int


def main() -> int:
    """Measure every size, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--keep", type=Path, help="write the sweeps here, and leave them")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--step", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        return _STEP[options.step](options.keep, options.jobs[0])
    found: dict[int, dict[str, Cost]] = {}
    for jobs in options.jobs:
        with _folder(options.keep, jobs) as folder:
            found[jobs] = {
                step: cost for step in (*STEPS[:2], "simulate", *STEPS[2:]) if (cost := _take(step, folder, jobs))
            }
        print(f"{jobs} jobs done", file=sys.stderr)
    _show(found)
    misses = list(_find_misses(found))
    for miss in misses:
        print(f"NOT AS IT SHOULD BE: {miss}")
    if options.json:
        told = {jobs: {step: asdict(cost) for step, cost in costs.items()} for jobs, costs in found.items()}
        options.json.write_text(json.dumps(told, indent=2) + "\n")
    return int(bool(misses))


@contextmanager
def _folder(keep: Path | None, jobs: int) -> Iterator[Path]:
    if keep is not None:
        folder = keep.resolve() / str(jobs)
        folder.mkdir(parents=True)
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="sweep-scale-") as folder:
        yield Path(folder)


def _take(step: str, folder: Path, jobs: int) -> Cost:
    """Take one step in a process of its own and return what it cost. Exits with its words where it fails."""
    line = [sys.executable, __file__, "--step", step, "--jobs", str(jobs), "--keep", str(folder)]
    begun_s = time.perf_counter()
    with (folder / f"{step}.out").open("wb") as out, (folder / f"{step}.err").open("wb") as err:
        process = psutil.Popen(line, cwd=folder, stdout=out, stderr=err)
        _, status, used = os.wait4(process.pid, 0)
    if code := os.waitstatus_to_exitcode(status):
        sys.exit(f"{step} of {jobs} jobs: exit code {code}: {(folder / f'{step}.err').read_text()[-2000:]}")
    return Cost(time.perf_counter() - begun_s, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)


def _show(found: Mapping[int, Mapping[str, Cost]]) -> None:
    print("| jobs |" + "".join(f" {step}, s | CPU, s | CPU, ms a job | MB |" for step in STEPS))
    print("|---" * (1 + 4 * len(STEPS)) + "|")
    for jobs, costs in found.items():
        cells = [
            f" {cost.seconds:.1f} | {cost.cpu_s:.1f} | {cost.cpu_s * 1000 / jobs:.1f} | {cost.peak_bytes / 1e6:.0f} |"
            for cost in (costs[step] for step in STEPS)
        ]
        print(f"| {jobs:,} |" + "".join(cells))


def _find_misses(found: Mapping[int, Mapping[str, Cost]]) -> Iterator[str]:
    sizes = sorted(found)
    for step in STEPS:
        largest = found[sizes[-1]][step]
        if largest.seconds > MOST_S or largest.peak_bytes > MOST_BYTES:
            yield f"{step} of {sizes[-1]} jobs: {largest.seconds:.1f} s, {largest.peak_bytes / 1e6:.0f} MB"
        for before, after in pairwise(sizes):
            small, large = found[before][step], found[after][step]
            most = MOST_GROWTH / 10 * after / before
            if large.cpu_s > most * small.cpu_s or large.peak_bytes > most * small.peak_bytes:
                yield f"{step} grows faster than the jobs from {before} to {after}"


# --- the steps, each in a process of its own ---


def _line(jobs: int) -> list[str]:
    return [*LINE, f"seed=range({jobs // MODELS})"]


def _plan(_: Path, jobs: int) -> int:
    return evalkit_main(["check", "-m", "--unproved", *_line(jobs)])


def _begin(folder: Path, jobs: int) -> int:
    """Do what a sweep does until its first job would start."""

    def launch(_: Plan, __: RunJob, directory: Path) -> Any:
        (folder / "root.txt").write_text(str(directory))
        raise KeyboardInterrupt

    execution.finish_sweep = lambda *_, **__: 0  # type: ignore[assignment]  # that is measured by itself
    execution.execute(plan(_line(jobs), packaged_source(), multirun=True), launch)
    return 0


def _simulate(folder: Path, jobs: int) -> int:
    """Leave what the jobs would leave, but for some that were lost."""
    root = _root(folder)
    for job in read_plan(root).plan.jobs:
        if job.number % (jobs // LOST) != 1:
            with RunningJobs(root).running(job.number):
                write_job(job, Destination(root / job.directory_name, folder, in_sweep=True))
    return 0


def _finish(folder: Path, _: int) -> int:
    root = _root(folder)
    finish_sweep(read_plan(root).plan, root)
    return 0


def _report(folder: Path, _: int) -> int:
    return evalkit_main(["report", str(_root(folder))])


def _resume(folder: Path, _: int) -> int:
    resume.finish_job = write_job
    return evalkit_main(["resume", str(_root(folder))])


_STEP = {
    "plan": _plan, "begin": _begin, "simulate": _simulate, "finish": _finish, "report": _report, "resume": _resume,
}  # fmt: skip


def _root(folder: Path) -> Path:
    return Path((folder / "root.txt").read_text())


# --- simulated jobs ---


def write_job(job: Job, destination: Destination, *, rerun_changed: bool = False) -> None:  # noqa: ARG001
    """Leave in its folder what a job leaves that ended well."""
    run = RunDirectory(destination.run_dir)
    if run.status_path.exists():
        return
    prepared = take_or_prepare(job.config, destination.working_dir)
    trials = expand_trials(prepared.cases, prepared.settings.trials, prepared.settings.seed)
    (run.root / "records").mkdir(parents=True)
    outcome = job.number % OUTCOMES
    _write_results(run, prepared, trials, outcome)
    _write_facts(run, prepared, trials)
    for name, content in _tables(outcome, destination).items():
        (run.root / name).write_bytes(content)
    run.conclude(RunStatus.COMPLETED, exit_code=0, counts={"planned": len(trials), "finished": len(trials)})


def _write_results(run: RunDirectory, prepared: Prepared, trials: Sequence[CaseTrial], outcome: int) -> None:
    journal, grades = [], []
    fingerprint = prepared.fingerprint(trials[0].case)
    for place, trial in enumerate(trials):
        key = reuse_key(trial, fingerprint)
        record = {**_record(trial.case), "seed": trial.seed, "reuse_key": key, "settings": fingerprint}
        content = orjson.dumps(record, option=orjson.OPT_INDENT_2)
        digest = sha256(content).hexdigest()
        run.record_path(trial.key).write_bytes(content)
        passes = float(place != outcome % len(trials) or outcome < OUTCOMES // 2)
        grades += [
            grade_to_json(Grade(trial.key, 1, name, name, "1", value, "", digest, BEGUN))
            for name, value in (("tool_call", 1.0), ("tool_call_args", passes))
        ]
        journal += [
            {"event": "started", "key": trial.key, "attempt": 1, "at": BEGUN},
            {
                "event": "finished", "key": trial.key, "record_sha256": digest, "reuse_key": key, "fault": None,
                "cost_usd": {"assistant": None}, "at": BEGUN,
            },
            {
                "event": "graded", "key": trial.key, "graders": ["tool_call", "tool_call_args"], "passed": passes == 1,
                "at": BEGUN,
            },
        ]  # fmt: skip
    run.journal_path.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in journal))
    run.grades_path.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in grades))


def _write_facts(run: RunDirectory, prepared: Prepared, trials: Sequence[CaseTrial]) -> None:
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    run.config_path.write_text(yaml.dump(dict(prepared.config), Dumper=dumper, sort_keys=False))
    keys = [trial.key for trial in trials]
    own = {"config_sha256": config_sha256(prepared.config, prepared.datasets), "case_trials": keys}
    run.provenance_path.write_bytes(orjson.dumps({**_provenance(), **own, "datasets": list(prepared.datasets)}))


@cache
def _provenance() -> dict[str, Any]:
    return describe_start({}, sys.argv, [], [], BEGUN)


_records: dict[str, dict[str, Any]] = {}


def _record(case: Case) -> dict[str, Any]:
    if case.sha256 not in _records:
        calls = tuple(
            ToolCall(call.name, call.arguments, json.dumps(call.arguments), "c") for call in case.expected_calls
        )
        said = str(case.inputs["user_text"])
        turn = Turn(
            1, said, (Words("One moment."), *calls),
            latencies={"latency_first_audio_ms": 600.0, "latency_response_done_ms": 900.0},
            measures={"input_audio_ms": 1000.0, "output_audio_ms": 1000.0}, usage=Usage(50, 20),
        )  # fmt: skip
        made = CaseRecord(
            case, 1, 0, "", {}, (turn,), None, (Attempt(1, 900.0),), {"assistant": None}, "m", BEGUN, 900.0
        )
        _records[case.sha256] = to_json(made)
    return _records[case.sha256]


_tables_of: dict[int, dict[str, bytes]] = {}


def _tables(outcome: int, destination: Destination) -> dict[str, bytes]:
    """Return the tables of a job: those of the first job that passed the same cases."""
    if outcome not in _tables_of:
        run = RunDirectory(destination.run_dir)
        report_run(run)
        _tables_of[outcome] = {name: (run.root / name).read_bytes() for name in TABLES}
    return _tables_of[outcome]


if __name__ == "__main__":
    with missing_packages_named():
        sys.exit(main())
