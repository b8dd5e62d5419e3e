"""From a run to a decision: a planted defect is found between two runs, scored again, gated, and paid for."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from harness import Cli, read_json


@pytest.fixture(scope="module")
def runs(warm_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Ten cases of the agent as it is, and of the one that gets arguments wrong."""
    cli = Cli(tmp_path_factory.mktemp("runs"), warm_env)
    done = cli("-m", "assistant.model=local-agent,local-wrong-args", "max_examples=10", "report.plots=false")
    assert done.code == 0, done.err
    first, second = sorted(done.directory.glob("[0-9]_*"))
    return first, second


def test_compare_names_the_cases_of_a_defect(cli: Cli, runs: tuple[Path, Path]) -> None:
    """Exit 1 and every case that was lost; beside itself there is nothing."""
    done = cli("compare", str(runs[0]), str(runs[1]), "--json")
    assert done.code == 1, done.err
    found = json.loads(done.out)
    assert found["regressed"] == ["passed", "grade", "tool_call_arg_correctness"]
    assert len(found["metrics"]["passed"]["lost"]) >= 6
    assert [change["key"] for change in found["config_changes"] if change["expected"]] == ["assistant.model"]
    assert cli("compare", str(runs[0]), str(runs[0])).code == 0


def test_score_listens_again_and_gates(cli: Cli, runs: tuple[Path, Path]) -> None:
    """The transcription service is started, the assistant is not asked; a gate decides, and JUnit's XML says so."""
    events = [path.read_bytes() for path in sorted((runs[1] / "events").iterdir())]
    done = cli("score", str(runs[1]), "mode.graders=[tool_call,tool_call_args,wer]", "gate.min_grade=0.9")
    assert done.code == 1, done.err
    assert "30 verdicts, 0 changed, 10 new, 0 unanswered" in done.out
    assert "gate.min_grade: passed_mean is" in done.err
    assert done.directory == runs[1]
    assert done.summary["wer_grade_n"] == 10
    assert read_json(runs[1] / "status.json")["status"] == "gate_failed"
    suites = ET.parse(runs[1] / "junit.xml").getroot()  # noqa: S314  our own document
    assert [suite.get("failures") for suite in suites] == [str(sum(row["passed"] == "0" for row in done.rows)), "1"]
    assert [path.read_bytes() for path in sorted((runs[1] / "events").iterdir())] == events


def test_the_ledger_has_every_role(runs: tuple[Path, Path]) -> None:
    """Assistant, speech and transcription of each case; the embedded provider costs nothing, and that is known."""
    with (runs[0] / "ledger.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    roles = {line["role"] for line in lines if line["scope"] == "case_trial"}
    assert roles == {"assistant", "speech", "transcription"}
    assert {(line["cost_usd"], line["priced"]) for line in lines} == {("0.0", "yes")}
    assert read_json(runs[0] / "summary.json")["price_date"] == lines[-1]["price_date"] != ""


def test_a_case_that_must_never_fail_is_checked_before_anything_starts(cli: Cli) -> None:
    """A name that is no case is exit 2, with the nearest one; nothing is left behind."""
    done = cli("max_examples=3", "gate.never_fail=[status-lmap]")
    assert done.code == 2
    assert "gate.never_fail: 'status-lmap' is not a case of this run; did you mean 'status-lamp'?" in done.err
    assert not (cli.cwd / "outputs").exists()
