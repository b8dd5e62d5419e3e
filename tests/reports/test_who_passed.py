"""One table: whatever way a case-trial ended, everything that reads a run says the same of whether it passed."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from factories import make_case, make_grade, make_record, make_turn
from layouts import layout_of
from rich.console import Console

from evalkit.engine.progress import RunProgress
from evalkit.records.faults import Failure, Fault, Stage
from evalkit.records.grade import Grade
from evalkit.records.record import CaseRecord
from evalkit.reports.compare import CompareOptions, compare_runs
from evalkit.reports.page.run_page import PageSource, run_page
from evalkit.reports.pairs import Side
from evalkit.reports.write import RunContent, derive, write_tables
from evalkit.runner.job import count_passes
from evalkit.runner.reporting import report_run
from evalkit.runner.sweep_reading import read_sweep_jobs
from evalkit.store.run_directory import RunDirectory, RunStatus

JUDGE = "polite"
REQUIRED = ("tool_call", "tool_call_args", JUDGE)
CONFIG: dict[str, Any] = {
    "mode": {"name": "run", "data_csv": "calls.csv", "graders": ["tool_call", "tool_call_args"]},
    "assistant": {"model": "m"},
    "report": {"plots": False},
    "run_name": "endings",
    "trials": 2,
    "seed": 0,
}


@dataclass(frozen=True)
class Ending:
    """A way to end: what is graded how, how it broke off, and whether that is a pass (``-``: nobody can say)."""

    name: str
    passes: str
    grades: Mapping[str, float | None]
    fault: Fault | None = None
    silent: bool = False
    trial: int = 1

    @property
    def record(self) -> CaseRecord:
        """Its record: two turns, of which a silent assistant has none."""
        case = make_case(self.name, "run", required_graders=REQUIRED, expects_no_call=True)
        failure = Failure(Stage.RESPONSE_STATUS, "incomplete", "cut short") if self.fault else None
        turns = () if self.silent else (make_turn(1), make_turn(2))
        return make_record(case, trial=self.trial, turns=turns, failure=failure, fault=self.fault)

    @property
    def given(self) -> list[Grade]:
        """Its grades: the call graders at the last turn, judges about the whole call."""
        turn = None if self.silent else 2
        return [
            make_grade(self.record, name, grade, turn if name in REQUIRED[:2] else None, unanswered=grade is None)
            for name, grade in self.grades.items()
        ]


FULL = {"tool_call": 1.0, "tool_call_args": 1.0, JUDGE: 1.0}
UNANSWERED = {**FULL, JUDGE: None}
ENDINGS = (
    Ending("all-full", "yes", FULL),
    Ending("no-arguments", "yes", {"tool_call": 1.0, JUDGE: 1.0}),
    Ending("optional-no", "yes", {**FULL, "style": 0.0}),
    Ending("wrong-tool", "no", {**FULL, "tool_call": 0.0}),
    Ending("judge-no", "no", {**FULL, JUDGE: 0.0}),
    Ending("judge-half", "no", {**FULL, JUDGE: 0.5}),
    Ending("judge-gone", "-", UNANSWERED),
    Ending("wrong-gone", "no", {**UNANSWERED, "tool_call": 0.0}),
    Ending("ungraded", "-", {}),
    Ending("only-style", "-", {"style": 1.0}),
    Ending("broke-off", "no", FULL, Fault.ASSISTANT),
    Ending("silent", "no", dict.fromkeys(FULL, 0.0), Fault.ASSISTANT, silent=True),
    *(Ending(f"lost-{fault}", "-", {}, fault) for fault in Fault if fault is not Fault.ASSISTANT),
    Ending("tried-twice", "yes", FULL),
    Ending("tried-twice", "no", {**FULL, JUDGE: 0.0}, trial=2),
)
KEYS = [ending.record.key for ending in ENDINGS]
Answers = dict[str, bool | None]


def content_of(run_dir: Path, endings: Sequence[Ending], **config: Any) -> RunContent:
    grades = [grade for ending in endings for grade in ending.given]
    return RunContent(run_dir, layout_of("run"), {**CONFIG, **config}, [one.record for one in endings], grades, "sha")


def rows(run_dir: Path) -> Answers:
    """results.csv: 1, 0 or nothing, on a call's last row."""
    write_tables(content_of(run_dir, ENDINGS))
    said: Answers = {}
    for row in csv.DictReader(io.StringIO((run_dir / "results.csv").read_text(encoding="utf-8"), newline="")):
        key = row["simulation_id"] + ("" if row["trial"] == "1" else f".t{row['trial']}")
        said[key] = {"1": True, "0": False, "": None}[row["passed"]]
    return said


def summary(run_dir: Path) -> Answers:
    """passed_mean, pass@1, the noise floor and the bounds of a run of one case."""

    def ask(ending: Ending) -> bool | None:
        found = derive(content_of(run_dir, [ending])).summary
        mean = found["passed_mean"]
        assert found["passed_n"] == (mean is not None)
        assert found["pass_at_k"] == found["pass_hat_k"] == ({} if mean is None else {"1": mean})
        assert ("passed" in found["noise_floor"]["metrics"]) == (mean is not None)
        assert mean is None or found["score_bounds"] == [mean, mean]
        return None if mean is None else mean == 1

    return {key: ask(ending) for key, ending in zip(KEYS, ENDINGS, strict=True)}


def gates(run_dir: Path) -> Answers:
    """gate.never_fail, which says why; gate.min_grade is reached by the same runs."""

    def ask(ending: Ending) -> bool | None:
        gate = {"never_fail": [ending.name], "min_grade": 1.0, "bound": "point"}
        share, never = derive(content_of(run_dir, [ending], gate=gate)).summary["gates"]
        assert share["passed"] == never["passed"]
        is_unknown = any(words in never["reason"] for words in ("was lost", "was not graded", "was not decided"))
        assert is_unknown == (share["found"] is None)
        return None if is_unknown else bool(never["passed"])

    return {key: ask(ending) for key, ending in zip(KEYS, ENDINGS, strict=True)}


def compare(run_dir: Path) -> Answers:
    """Beside a run in which it passed: a case that was lost there has failed, one that is no pair is unknown."""

    def ask(ending: Ending) -> bool | None:
        good = replace(ending, grades=FULL, fault=None, silent=False)
        contents = [content_of(run_dir, [one]) for one in (good, ending)]
        sides = [Side("r", "", layout_of("run"), CONFIG, {}, 1, one.records, one.grades) for one in contents]
        found = compare_runs(sides[0], sides[1], CompareOptions())
        passed = next((change for change in found.metrics if change.metric == "passed"), None)
        return None if passed is None else not passed.lost

    return {key: ask(ending) for key, ending in zip(KEYS, ENDINGS, strict=True)}


def junit(run_dir: Path) -> Answers:
    """junit.xml: nothing is a pass, a failure a failure, an error or a skipped test unknown."""
    write_tables(content_of(run_dir, ENDINGS))
    cases = ET.fromstring((run_dir / "junit.xml").read_bytes())[0].findall("testcase")  # noqa: S314
    kinds = {"failure": False, "error": None, "skipped": None}
    return {case.attrib["name"]: kinds[case[0].tag] if len(case) else True for case in cases}


def page(run_dir: Path) -> Answers:
    """The ending of each line in report.html."""
    content = content_of(run_dir, ENDINGS)
    derived = derive(content)
    source = PageSource(run_dir, content.config, derived.summary, derived.table)
    html = "".join(run_page(source, content.records, content.grades))
    index = json.loads(re.findall(r'id="index">(.*?)</script>', html)[0])
    kinds = {"passed": True, "not passed": False, "fault: assistant": False}
    return {line["key"]: kinds.get(line["ending"]) for line in index["cases"]}


def sweep(run_dir: Path) -> Answers:
    """What is compared between the jobs of a sweep, by the content of each case."""
    run = store(run_dir / "job")
    [job] = read_sweep_jobs([{"job": 0, "overrides": [], "directory": str(run.root)}])
    passes = job.read_passes()
    found = {key: passes.get((one.record.case.sha256, one.trial)) for key, one in zip(KEYS, ENDINGS, strict=True)}
    decided = [pass_ for pass_ in found.values() if pass_]
    assert job.cells["passed_mean"] == sum(pass_.passed for pass_ in decided) / len(decided)
    return {key: None if pass_ is None else pass_.passed for key, pass_ in found.items()}


def progress(_: Path) -> Answers:
    """The line that is shown while a run goes on."""
    said: Answers = {}

    class Line(RunProgress):
        def advance(self, *, passed: bool | None) -> None:
            said[KEYS[len(said)]] = passed
            super().advance(passed=passed)

    advance = count_passes(Line(Console(file=io.StringIO()), "endings", len(KEYS)))
    for ending in ENDINGS:
        advance(ending.record, ending.given)
    return said


def store(root: Path) -> RunDirectory:
    run = RunDirectory(root)
    root.mkdir()
    run.write_config(CONFIG)
    provenance = {"case_trials": KEYS, "config_sha256": "sha", "datasets": []}
    run.provenance_path.write_text(json.dumps(provenance), encoding="utf-8")
    for ending in ENDINGS:
        sha256 = run.store_record(ending.record)
        run.append_grades([replace(grade, record_sha256=sha256) for grade in ending.given])
    run.write_status(RunStatus.COMPLETED, exit_code=0, counts={})
    report_run(run)
    return run


READERS = (rows, summary, gates, compare, junit, page, sweep, progress)

TABLE = """\
case-trial           rows  summary  gates  compare  junit  page  sweep  progress
all-full             yes   yes      yes    yes      yes    yes   yes    yes
no-arguments         yes   yes      yes    yes      yes    yes   yes    yes
optional-no          yes   yes      yes    yes      yes    yes   yes    yes
wrong-tool           no    no       no     no       no     no    no     no
judge-no             no    no       no     no       no     no    no     no
judge-half           no    no       no     no       no     no    no     no
judge-gone           -     -        -      -        -      -     -      -
wrong-gone           no    no       no     no       no     no    no     no
ungraded             -     -        -      -        -      -     -      -
only-style           -     -        -      -        -      -     -      -
broke-off            no    no       no     no       no     no    no     no
silent               no    no       no     no       no     no    no     no
lost-simulator       -     -        -      -        -      -     -      -
lost-judge           -     -        -      -        -      -     -      -
lost-tool_mock       -     -        -      -        -      -     -      -
lost-infrastructure  -     -        -      -        -      -     -      -
lost-data            -     -        -      -        -      -     -      -
tried-twice          yes   yes      yes    yes      yes    yes   yes    yes
tried-twice.t2       no    no       no     no       no     no    no     no
"""


def test_all_readers_agree_on_who_passed(tmp_path: Path) -> None:
    """Rows, summary, gates, comparison, JUnit, page, sweep and progress, over every kind of ending."""
    said = {reader.__name__: reader(tmp_path) for reader in READERS}
    lines = [["case-trial", *said]]
    lines += [[key, *({True: "yes", False: "no", None: "-"}[said[name][key]] for name in said)] for key in KEYS]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    table = "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n" for line in lines
    )
    print(table)  # noqa: T201  shown by pytest -s, and where it differs
    assert table == TABLE
    assert [line[1] for line in lines[1:]] == [ending.passes for ending in ENDINGS]
