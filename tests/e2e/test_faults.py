"""A sample of the fault matrix: one run per mode in which each case meets another fault, and one that meets none."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from harness import Cli, read_json

from evalkit.peers.embedded import shared_services
from evalkit.service.faults.plan import parse_plan
from evalkit.settings.types import ServiceSettings

ROOT = Path(__file__).parents[2]
SAMPLE = {
    "crawl": [
        "refuse/status:503",
        "close@mid_response/code:3000",
        "half_open@mid_response",
        "broken_audio/how:truncated",
        "duplicated_events",
        "http_status/status:500/role:speech/match:speech-failing",
    ],
    "walk": [
        "rate_limited/retry_after:7",
        "reset@mid_response",
        "stall@response_created",
        "malformed_json",
        "wrong_ids/field:response_id",
        "response_ends/status:incomplete",
    ],
    "run": [
        "error_event/code:rate_limit_exceeded",
        "close@response_done",
        "binary_frame",
        "big_frame/mib:20",
        "close@mid_response/source:simulator",
        "response_ends/status:failed",
    ],
}


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fault_matrix", ROOT / "benchmarks" / "fault_matrix.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


MATRIX = _load()
ROWS = {row.rule: row for row in MATRIX.ALL_ROWS}


@pytest.fixture(scope="module")
def plan() -> str:
    """Every sampled fault, each for its own case, and one that a second attempt escapes."""
    rules = [ROWS[rule].bound_rule for rules in SAMPLE.values() for rule in rules]
    return parse_plan("+".join([*rules, "close/times:1/case:flaky"])).line


@pytest.fixture(scope="module")
def faulty_env(plan: str, warm_env: dict[str, str]) -> Iterator[dict[str, str]]:
    """An environment in which jobs with that plan find a running service."""
    import os

    with shared_services([ServiceSettings("rules", plan, 0.0, speech="hibari", transcription="whisper")]):
        yield {**warm_env, "EVALKIT_SERVICES": os.environ["EVALKIT_SERVICES"]}


@pytest.mark.parametrize("mode", SAMPLE)
def test_each_case_ends_as_its_fault_says(mode: str, plan: str, faulty_env: dict[str, str], tmp_path: Path) -> None:
    """Right fault, stage and kind, no grade for the line's faults, no traceback, the untouched case graded; exit 3."""
    rows = [ROWS[rule] for rule in SAMPLE[mode]]
    words = {row.case: row.rule.partition("/match:")[2] for row in rows}
    data = MATRIX.write_cases(tmp_path / "data", mode, {"untouched": "", **words})
    graders = [] if mode == "run" else ["mode.graders=[tool_call]"]
    limits = ("limits.response_timeout_s=5", "limits.max_attempts=1", "concurrency=7", "report.plots=false")
    done = Cli(tmp_path, faulty_env)(
        f"mode={mode}", f"mode.data_csv={data}", f"service.faults={plan}", *graders, *limits, timeout_s=90
    )
    assert done.code == 3, done.err
    assert "Traceback" not in done.err
    records = {path.stem: read_json(path) for path in (done.directory / "records").glob("*.json")}
    grades = [json.loads(line) for line in (done.directory / "grades.jsonl").read_text().splitlines()]
    assert records["untouched"]["failure"] is None
    assert 1.0 in [grade["grade"] for grade in grades if grade["key"] == "untouched"]
    wrong = {row.rule: _judged(row, mode, records[row.case], grades) for row in rows}
    assert {rule: found for rule, found in wrong.items() if found} == {}


def _judged(row: Any, mode: str, record: Any, grades: list[Any]) -> list[str]:
    cell = MATRIX.Cell(row, mode)
    MATRIX.judge_hit(cell, row.endings[mode], record, [grade for grade in grades if grade["key"] == row.case])
    return list(cell.wrong)


def test_a_retry_sees_a_flaky_provider_through(plan: str, faulty_env: dict[str, str], tmp_path: Path) -> None:
    """A case that loses its connection once ends well in its second attempt, which the record tells."""
    data = MATRIX.write_cases(tmp_path / "data", "walk", {"flaky": ""})
    line = ["mode=walk", f"mode.data_csv={data}", f"service.faults={plan}", "mode.graders=[tool_call]"]
    done = Cli(tmp_path, faulty_env)(*line, "report.plots=false")
    assert done.code == 0, done.err
    record = read_json(done.directory / "records" / "flaky.json")
    first, second = record["attempts"]
    assert record["artifacts"] == {"event_log_path": "events/flaky.jsonl"}
    assert second["artifacts"] == {}
    assert first["artifacts"]["event_log_path"] == "events/flaky.attempt1.jsonl"
    lost = (done.directory / first["artifacts"]["event_log_path"]).read_text(encoding="utf-8")
    kept = (done.directory / "events" / "flaky.jsonl").read_text(encoding="utf-8")
    assert "response.done" not in lost
    assert "response.done" in kept
    assert (first["failure"]["error_type"], second["failure"]) == ("connection_closed", None)
    assert record["settings"]["service"]["faults"] == plan


def test_a_provider_that_is_asked_too_much_is_asked_less(cold_cli: Cli) -> None:
    """Every case is told 429 once: fewer run at once from then on, the summary says so, and nothing is lost."""
    done = cold_cli(
        "mode=walk", "max_examples=8", "concurrency=4", "assistant.model=local-echo", "mode.graders=[tool_call]",
        "service.faults=rate_limited/retry_after:0.3/times:1", "service.speech=pico",
        "service.transcription=pocketsphinx", "report.plots=false",
    )  # fmt: skip
    assert done.code == 0, done.err
    told = done.summary["concurrency"]
    assert told["most"] == 4
    assert told["fewest"] <= 2
    assert {change["reason"] for change in told["changes"]} >= {
        "rate_limited at connect", "rate_limited at connect: paused for 0.3 s"
    }  # fmt: skip
    records = [read_json(path) for path in (done.directory / "records").glob("*.json")]
    assert [len(record["attempts"]) for record in records] == [2] * 8


def test_a_wrong_plan_starts_nothing(cold_cli: Cli) -> None:
    """Exit 2 with the known names, from a run, from check, and from the service alone."""
    for command in (["max_examples=1"], ["check"]):
        done = cold_cli(*command, "service.faults=clos")
        assert done.code == 2
        assert done.err.count("\n") == 1
        assert "did you mean 'close'" in done.err
        assert not (cold_cli.cwd / "outputs").exists()
    done = cold_cli("service", "--faults", "clos")
    assert done.code == 2
    assert "did you mean 'close'" in done.err


def test_the_documented_table_is_the_matrix() -> None:
    """docs/faults.md shows what the benchmark demands."""
    assert MATRIX.table(MATRIX.ALL_ROWS) in (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_whole_matrix() -> None:
    """Every fault in every mode that it can hit."""
    cells = MATRIX.measure(MATRIX.ALL_ROWS, MATRIX.MODES, 3)
    assert {(cell.row.rule, cell.mode): cell.wrong for cell in cells if cell.wrong} == {}
