"""A text-only kind of case, defined here, runs through engine, journal, grading and report: later modes fit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from evalkit.clock import MonotonicClock
from evalkit.engine.quota import OwnQuota
from evalkit.engine.retry import RetryPolicy
from evalkit.engine.scheduler import EngineLimits
from evalkit.engine.throttle import Throttle
from evalkit.graders.context import GraderServices
from evalkit.records.case import Case, CaseTrial
from evalkit.records.grade import GraderSpec
from evalkit.records.record import CaseRecord, Turn, Words
from evalkit.runner.pipeline import Controls, Remaining, Workload, expand_trials, run_workload
from evalkit.store.run_directory import RunDirectory, StoredRecord

TEXT_ONLY_RUN = """
import asyncio, json, sys
from pathlib import Path

from evalkit.clock import MonotonicClock
from evalkit.runner.pipeline import Controls, Remaining, Workload, expand_trials, run_workload
from evalkit.engine.quota import OwnQuota
from evalkit.engine.retry import RetryPolicy
from evalkit.engine.scheduler import EngineLimits
from evalkit.engine.throttle import Throttle
from evalkit.graders.context import GraderServices
from evalkit.records.case import Case, ExpectedCall
from evalkit.records.grade import GraderSpec
from evalkit.records.record import CaseRecord, ToolCall, Turn, Words
from evalkit.records.layout import ResultLayout
from evalkit.reports.write import RunContent, write_tables
from evalkit.store.run_directory import RunDirectory

run = RunDirectory(Path(sys.argv[1]))
cases = [
    Case(f"shell-{n}", "terminal", {"user_text": f"list folder {n}"}, (ExpectedCall("ls", {"path": str(n)}),))
    for n in range(4)
]

async def work(trial, attempt):
    said = trial.case.inputs["user_text"].split()[-1]
    wrong = trial.case.case_id == "shell-3"
    call = ToolCall("ls", {"path": "nowhere" if wrong else said}, "{}", "c1")
    return CaseRecord(
        case=trial.case, trial=trial.trial, seed=trial.seed, reuse_key="", settings={}, failure=None, attempts=(),
        turns=(Turn(1, trial.case.inputs["user_text"], (call, Words("done"))),), cost_usd={}, served_model="sh",
        started_at="", duration_ms=0.0,
    )

specs = [GraderSpec("tool_call", "tool_call"), GraderSpec("tool_call_args", "tool_call_args")]
workload = Workload(work, lambda case: specs, GraderServices())
trials = expand_trials(cases, 2, 0)
clock = MonotonicClock()
controls = Controls(EngineLimits(3), RetryPolicy(1), clock, Throttle(3, clock), OwnQuota())
asyncio.run(run_workload(workload, Remaining(trials), run, controls, advance=lambda r, g: None))
finished = run.read_finished()
config = {"mode": {"name": "terminal"}, "trials": 2, "seed": 0}
records = [finished[trial.key].record for trial in trials]
layout = ResultLayout("terminal", ("case_id", "user_text", "assistant_text", "tool_call_correctness", "status"))
report = write_tables(RunContent(run.root, layout, config, records, run.read_grades(), "0"))
voice = ("evalkit.audio", "evalkit.realtime", "evalkit.providers", "soundfile", "websockets", "openai")
heavy = [name for name in sys.modules if name.startswith(voice)]
print(json.dumps({"summary": report.summary, "heavy": heavy}))
"""


def test_a_text_only_kind_of_case_needs_neither_audio_nor_sockets(tmp_path: Path) -> None:
    """Eight case-trials are run, journaled, graded and reported, one case of four failing; no voice is imported."""
    done = subprocess.run(
        [sys.executable, "-c", TEXT_ONLY_RUN, str(tmp_path)], capture_output=True, text=True, check=True
    )
    answer = json.loads(done.stdout)
    assert answer["heavy"] == []
    assert answer["summary"]["n"] == 8
    assert answer["summary"]["grade_mean"] == 0.75
    assert answer["summary"]["tool_call_correctness_mean"] == 1.0
    assert len((tmp_path / "journal.jsonl").read_text().splitlines()) == 24
    assert len((tmp_path / "results.csv").read_text().splitlines()) == 9


def test_trials_keep_their_seeds_whatever_else_runs() -> None:
    """A case's seed depends on the run's seed, its id and its trial, not on its neighbours."""
    one, two = Case("one", "text", {}), Case("two", "text", {})
    alone = {trial.key: trial.seed for trial in expand_trials([two], 2, 7)}
    together = {trial.key: trial.seed for trial in expand_trials([one, two], 2, 7)}
    assert alone.items() <= together.items()
    assert len(set(together.values())) == 4
    assert {trial.key: trial.seed for trial in expand_trials([two], 2, 8)} != alone


async def test_a_kept_record_gets_the_grades_it_lacks_and_no_other(tmp_path: Path) -> None:
    """Killed between a record and its grades: what is missing is given once, what is there is not asked for again."""
    run = RunDirectory(tmp_path)
    case = Case("c1", "text", {"user_text": "hi"}, expects_no_call=True)
    record = CaseRecord(
        case=case, trial=1, seed=0, reuse_key="", settings={}, turns=(Turn(1, "hi", (Words("hello"),)),), failure=None,
        attempts=(), cost_usd={}, served_model="", started_at="", duration_ms=0.0,
    )  # fmt: skip
    stored = StoredRecord(record, run.store_record(record))
    specs = [GraderSpec("tool_call", "tool_call"), GraderSpec("says_hello", "contains", {"texts": ["hello"]})]

    async def work(trial: CaseTrial, attempt: int) -> CaseRecord:
        raise AssertionError

    clock = MonotonicClock()
    controls = Controls(EngineLimits(1), RetryPolicy(1), clock, Throttle(1, clock), OwnQuota())
    told: list[int] = []
    for graders, expected in ((specs[:1], ["tool_call"]), (specs, ["tool_call", "says_hello"]), (specs, None)):
        workload = Workload(work, lambda _, graders=graders: graders, GraderServices())
        await run_workload(
            workload, Remaining([], kept=[stored]), run, controls, lambda _, grades: told.append(len(grades))
        )
        assert [grade.grader_id for grade in run.read_grades()] == (expected or ["tool_call", "says_hello"])
    assert told == [1, 2, 2]


async def test_what_nobody_answered_is_asked_again(tmp_path: Path) -> None:
    """A judge that was down during the run is asked once more when the run is resumed."""
    run = RunDirectory(tmp_path)
    record = CaseRecord(
        case=Case("c1", "text", {}), trial=1, seed=0, reuse_key="", settings={},
        turns=(Turn(1, "hi", (Words("hello"),)),),
        failure=None, attempts=(), cost_usd={}, served_model="", started_at="", duration_ms=0.0,
    )  # fmt: skip
    stored = StoredRecord(record, run.store_record(record))
    heard = GraderSpec("heard", "audio_text_mismatch")

    async def work(trial: CaseTrial, attempt: int) -> CaseRecord:
        raise AssertionError

    clock = MonotonicClock()
    controls = Controls(EngineLimits(1), RetryPolicy(1), clock, Throttle(1, clock), OwnQuota())
    workload = Workload(work, lambda _: [heard], GraderServices())
    for _ in range(2):
        await run_workload(workload, Remaining([], kept=[stored]), run, controls, lambda *_: None)
    assert [grade.unanswered for grade in run.read_grades()] == [True, True]
