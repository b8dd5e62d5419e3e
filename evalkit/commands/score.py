"""``evalkit score RUN_DIR [key=value …]``: grade the stored records again; the models under test are not called.

Another judge, more votes, other rubrics or argument rules, other gates: what a line may change is what grades a
conversation, not what made it. The data that the config names is read again: a case that asks the same thing is graded
by what the data says today, one that asks something else by what its record says.

Grades are added to ``grades.jsonl`` and the newest of each question counts. One exception: where nobody answered (the
judge was down), the earlier verdict counts on. Records and config stay;
``provenance.json`` says what was scored, and how.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evalkit import event_loop
from evalkit.compose.line import CommandLine, LineParser, command_line, split_directory
from evalkit.compose.planning import plan
from evalkit.compose.stored import stored_source
from evalkit.errors import ConfigError
from evalkit.graders.apply import grade_record
from evalkit.graders.context import GraderServices
from evalkit.graders.registry import find_grader_problems
from evalkit.metrics.cost import grade_costs_usd
from evalkit.modes.mode import Mode
from evalkit.object_storage.addresses import shown
from evalkit.peers.embedded import service_url, shared_services
from evalkit.peers.peers import open_peers
from evalkit.peers.pricing import price_table
from evalkit.peers.served import served
from evalkit.records.case import Case
from evalkit.records.grade import Grade, GraderSpec
from evalkit.records.passing import passed
from evalkit.records.record import CaseRecord
from evalkit.reports.changed_verdicts import VerdictDiff, diff_lines, diff_to_json, diff_verdicts
from evalkit.runner.grader_services import open_grader_services
from evalkit.runner.prepare import find_gated_case_problems, find_service_problems, needs_of, read_settings
from evalkit.runner.reporting import RunReport, report_run
from evalkit.runner.run_ending import ExitCode
from evalkit.runs.scorings import (
    Scoring,
    asks_the_same,
    find_changes,
    overlay_of,
    with_expectations,
    with_scoring,
)
from evalkit.runs.stored_run import open_run
from evalkit.settings.names import did_you_mean
from evalkit.settings.options import list_groups
from evalkit.settings.schemas import key_at
from evalkit.settings.types import RunSettings
from evalkit.store.journal import cut_torn_line
from evalkit.store.provenance import write_provenance
from evalkit.store.run_directory import RunDirectory, RunStatus, StoredRecord, now_utc

# What a line may change: what grades a conversation, or decides about the result.
_NODES = ("judge", "gate", "report")
_KEYS = (
    "mode.graders", "mode.data_csv", "mode.tasks_dir", "provider@judge.provider", "provider.models.judge",
    "provider.models.transcription",
    "service.transcription", "service.transcription_model", "service.base_url", "service.api_key_env",
    "concurrency", "limits.response_timeout_s", "limits.max_attempts", "limits.max_cost_usd",
)  # fmt: skip


@dataclass(frozen=True)
class Regrading:
    """What is graded again, and by what.

    Attributes:
        mode: Of the run.
        settings: As the stored config and the line have them.
        stored: The records, by key.
        expectations: Case id -> what is expected now and was not when it was recorded.
        notes: What a user should know about the data.

    """

    mode: Mode[Any, Any]
    settings: RunSettings
    stored: Mapping[str, StoredRecord]
    expectations: Mapping[str, Any]
    notes: tuple[str, ...]

    def subject(self, key: str) -> CaseRecord:
        """Return a record as it is graded: with what is expected today."""
        record = self.stored[key].record
        changed = self.expectations.get(record.case.case_id)
        return replace(record, case=with_expectations(record.case, changed)) if changed else record

    def specs(self, case: Case) -> tuple[GraderSpec, ...]:
        """Return how a case is graded."""
        return tuple(self.mode.graders(self.settings, case))

    @property
    def needs(self) -> frozenset[str]:
        """The services that its graders cannot do without."""
        asked = needs_of(spec for key in self.stored for spec in self.specs(self.subject(key).case))
        return asked - self.mode.unused_services


@dataclass
class _Spending:
    """What asking has cost so far, and whether the limit was reached."""

    limit_usd: float | None
    spent_usd: float = 0.0
    stopped: bool = False

    def may_go_on(self) -> bool:
        self.stopped = self.stopped or (self.limit_usd is not None and self.spent_usd >= self.limit_usd)
        return not self.stopped


def main(args: Sequence[str]) -> int:
    """Grade the run in `args` again, print what changed, then its directory. Raises UserError before it starts."""
    parser = LineParser("evalkit score", "evalkit score outputs/DATE/RUN [key=value …] [--json]")
    parser.take_overrides(limits="score grades one run")
    parser.add_argument("--json", action="store_true")
    flags, words = parser.parse_words(args)
    directory, overrides = split_directory(words)
    if directory is None:
        parser.error("needs a run directory")
    run, line = RunDirectory(directory), command_line(flags, overrides)
    task = prepare_scoring(run, line)
    for note in task.notes:
        print(f"evalkit: {note}", file=sys.stderr)
    with run.exclusive():
        return _score(task, run, line, as_json=flags.json)


def _score(task: Regrading, run: RunDirectory, line: CommandLine, *, as_json: bool) -> ExitCode:
    prices = price_table(task.settings)
    scoring = Scoring(now_utc(), line.overrides, prices.as_of, overlay_of(task.settings.config), task.expectations)
    spending = _Spending(task.settings.limits.max_cost_usd)
    cut_torn_line(run.grades_path)
    earlier = open_run(run.root, "score").grades
    addresses = served(task.settings, task.needs) if task.needs else nullcontext(task.settings)
    with addresses as addressed, _services(replace(task, settings=addressed)) as url:
        write_provenance(run.provenance_path, with_scoring(run.read_provenance(), scoring))
        given = event_loop.run(_grade_all(replace(task, settings=addressed), run, earlier, spending, url))
    report = report_run(run)
    diff = diff_verdicts(earlier, given)
    text = json.dumps(_as_json(run, diff, report), indent=2) if as_json else "\n".join(diff_lines(diff))
    print(text if as_json else f"{text}\n{shown(run.root)}")
    return _conclude(run, diff, report, spending)


def prepare_scoring(run: RunDirectory, line: CommandLine) -> Regrading:
    """Return what `line` asks to grade in `run`. Raises ConfigError or DataError with everything that is wrong."""
    _require_finished_run(run)
    problems = [problem for override in line.overrides if (problem := _find_override_problem(override, run))]
    if problems:
        raise ConfigError(problems)
    with stored_source(run.root, line) as source:
        config = plan(line.overrides, source).jobs[0].config
    mode, settings = read_settings(config, Path.cwd())
    stored = open_run(run.root, "score").finished
    records = [item.record for item in stored.values()]
    expectations, notes = _read_expectations(mode, settings, records)
    asks_for_judge = any("judge" in override.partition("=")[0] for override in line.overrides)
    if asks_for_judge and "judge" not in needs_of(
        spec for record in records for spec in mode.graders(settings, record.case)
    ):
        notes.append(
            "no grader of this run asks a judge, so judge.* changes nothing; see mode.graders and docs/judges.md"
        )
    task = Regrading(mode, settings, stored, expectations, tuple(notes))
    problems = [
        *(
            f"{mode.where(settings, record.case)}: {problem}"
            for record in records
            for problem in find_grader_problems(mode.graders(settings, record.case))
        ),
        *find_gated_case_problems(settings.gate, [record.case.case_id for record in records]),
    ]
    problems = list(dict.fromkeys(problems)) or find_service_problems(settings, task.needs, os.environ)
    if problems:
        raise ConfigError(problems)
    return task


def _require_finished_run(run: RunDirectory) -> None:
    stored = open_run(run.root, "score")
    if stored.is_live:
        raise ConfigError(f"{run.root}: is running; wait for its end, then score it")
    if stored.read_status() in (None, RunStatus.RUNNING):
        raise ConfigError(f"{run.root}: was cut off; finish it first: evalkit resume {run.root}")


def _find_override_problem(override: str, run: RunDirectory) -> str | None:
    key = override.partition("=")[0].lstrip("+")
    is_unknown = key_at(key) is None and key.partition("@")[0] not in list_groups()
    if is_unknown or key in _KEYS or key.split(".")[0] in _NODES:
        return None  # what there is not, composing says better
    allowed = ", ".join([*(f"{node}.*" for node in _NODES), *_KEYS])
    return (
        f"{key}: cannot be changed by score, which holds no conversation; "
        f"allowed: {allowed}; for a new run: evalkit rerun {run.root} {override}"
    )


def _read_expectations(
    mode: Mode[Any, Any], settings: RunSettings, records: Iterable[CaseRecord]
) -> tuple[dict[str, Any], list[str]]:
    """Return what today's data expects otherwise, by case id, and what to tell about the data."""
    path = settings.mode.data_path
    if not path.exists():
        return {}, [f"{path}: is gone; expectations are those of the records"]
    cases: Sequence[Case] = mode.read_expectations(settings)
    today = {case.case_id: case for case in cases}
    stored = {record.case.case_id: record.case for record in records}
    found: dict[str, Any] = {}
    other: list[str] = []
    for case_id, case in stored.items():
        current = today.get(case_id)
        if current is None or not asks_the_same(case, current):
            other.append(case_id)
        elif changed := find_changes(case, current):
            found[case_id] = changed
    notes = [f"expectations of {len(found)} cases are those that {path} has today"] if found else []
    if other:
        listed = ", ".join(other[:5]) + (f" and {len(other) - 5} more" if len(other) > 5 else "")
        notes.append(f"{path} asks something else today, or nothing, in {listed}: graded as recorded")
    return found, notes


@contextmanager
def _services(task: Regrading) -> Iterator[str | None]:
    """Give the address of the embedded provider where a grader asks it. Raises ConfigError for a model it has not."""
    settings, needs = task.settings, task.needs
    is_judged_here = "judge" in needs and settings.judge.provider.name == "local"
    is_heard_here = "transcribe" in needs and settings.provider.name == "local"
    with ExitStack() as stack:
        engines = ["transcription"] if is_heard_here else []
        if is_judged_here:
            models = stack.enter_context(shared_services([settings.service], engines=engines))
            if settings.judge.model not in models:
                hint = did_you_mean(str(settings.judge.model), sorted(models))
                raise ConfigError(
                    f"judge.model: {settings.judge.model!r} is not a model of the embedded provider{hint}"
                )
        yield stack.enter_context(
            service_url(settings.service, needed=is_judged_here or is_heard_here, engines=engines)
        )


async def _grade_all(
    task: Regrading, run: RunDirectory, earlier: Sequence[Grade], spending: _Spending, url: str | None
) -> list[Grade]:
    known = {grade.question for grade in earlier}
    of_key: dict[str, list[Grade]] = defaultdict(list)
    for old in earlier:
        of_key[old.key].append(old)
    lanes = asyncio.Semaphore(task.settings.concurrency)
    async with open_peers(task.settings, url) as peers:
        services = open_grader_services(peers, run)

        async def grade(key: str) -> list[Grade]:
            async with lanes:
                if not spending.may_go_on():
                    return []
                grades = [_kept(grade, known) for grade in await _grade_one(task, key, services)]
                costs = [cost for grade in grades for cost in grade_costs_usd(grade).values()]
                spending.spent_usd += sum(cost or 0.0 for cost in costs)
                run.append_grades(grades, {key: passed(task.subject(key), [*of_key[key], *grades])})
                return grades

        graded = await asyncio.gather(*(grade(key) for key in task.stored))
    return [grade for grades in graded for grade in grades]


async def _grade_one(task: Regrading, key: str, services: GraderServices) -> list[Grade]:
    record = task.subject(key)
    return await grade_record(record, task.stored[key].sha256, task.specs(record.case), services, now_utc)


def _kept(grade: Grade, known: set[tuple[str, int | None, str]]) -> Grade:
    """Return `grade`, out of force where nobody answered and there is an earlier one to count on."""
    return replace(grade, in_force=False) if grade.unanswered and grade.question in known else grade


def _conclude(run: RunDirectory, diff: VerdictDiff, report: RunReport, spending: _Spending) -> ExitCode:
    """Say why it did not end well, bring the run's status in line with its gates, and return the exit code."""
    status = run.read_status() or {}
    if status.get("status") in (RunStatus.COMPLETED, RunStatus.GATE_FAILED):
        now = RunStatus.GATE_FAILED if report.missed_gates else RunStatus.COMPLETED
        code = ExitCode.GATE if report.missed_gates else ExitCode.OK
        run.conclude(now, exit_code=code, counts=status["counts"])
    if diff.unanswered:
        first = diff.unanswered[0].rationale
        print(f"evalkit: {len(diff.unanswered)} questions were not answered, the first: {first}", file=sys.stderr)
        return ExitCode.INFRASTRUCTURE
    if spending.stopped:
        print("evalkit: limits.max_cost_usd is spent, not everything was graded again", file=sys.stderr)
        return ExitCode.BUDGET
    for reason in report.missed_gates:
        print(f"evalkit: {reason}", file=sys.stderr)
    return ExitCode.GATE if report.missed_gates else ExitCode.OK


def _as_json(run: RunDirectory, diff: VerdictDiff, report: RunReport) -> dict[str, Any]:
    return {
        "directory": shown(run.root),
        **diff_to_json(diff),
        "gates": report.summary["gates"],
        "passed_mean": report.summary["passed_mean"],
        "grade_mean": report.summary.get("grade_mean"),
    }
