"""Run directories as a run leaves them, without running anything."""

from __future__ import annotations

import copy
import csv
import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import yaml

from evalkit.compose.planning import plan
from evalkit.datasets.cases import load_crawl_cases
from evalkit.records.grade import Grade
from evalkit.records.record import CaseRecord, ToolCall, Turn, Words
from evalkit.runner.jobs import packaged_source
from evalkit.settings.resolution import resolve
from evalkit.store.run_directory import RunDirectory, RunStatus

MakeRun: TypeAlias = Callable[..., RunDirectory]
ORDERS = {f"order-{number}": f"{number:04}" for number in range(1, 13)}


def write_cases(path: Path, orders: Mapping[str, str], **columns: str) -> None:
    """Write a crawl CSV that asks for each order; `columns` replace cells of every row."""
    with path.open("w", encoding="utf-8", newline="") as file:
        names = ("example_id", "user_text", "gt_tool_call", "gt_tool_call_arg", "gt_tool_call_match")
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        for case_id, order in orders.items():
            arguments = json.dumps({"order_id": order})
            row = dict(zip(names, (case_id, f"Where is {case_id}?", "get_order_status", arguments, ""), strict=True))
            writer.writerow({**row, **columns})


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Build the directory of a finished crawl over `ORDERS`; `heard` says which order the assistant looked up."""

    def make(name: str, *overrides: str, heard: Mapping[str, str] | None = None) -> RunDirectory:
        data_csv = tmp_path / "cases.csv"
        if not data_csv.exists():
            write_cases(data_csv, ORDERS)
        composed = copy.deepcopy(_composed(overrides))
        composed["mode"]["data_csv"] = str(data_csv)
        run = RunDirectory(tmp_path / name)
        (run.root / ".hydra").mkdir(parents=True)
        (run.root / ".hydra" / "config.yaml").write_text(yaml.safe_dump(composed), encoding="utf-8")
        runtime = {"hydra": {"runtime": {"cwd": str(tmp_path), "choices": {"assistant": "support"}}}}
        (run.root / ".hydra" / "hydra.yaml").write_text(yaml.safe_dump(runtime), encoding="utf-8")
        run.write_config(resolve(composed, tmp_path))
        (run.root / "said.wav").write_bytes(b"RIFF")
        cases = load_crawl_cases(data_csv, None)
        looked_up = {**ORDERS, **(heard or {})}
        for case in cases:
            arguments = {"order_id": looked_up[case.case_id]}
            call = ToolCall("get_order_status", arguments, json.dumps(arguments), "c")
            turn = Turn(
                1,
                str(case.inputs["user_text"]),
                (Words("One moment."), call),
                latencies={"latency_first_audio_ms": 900.0},
                artifacts={"output_audio_path": "said.wav"},
            )
            record_sha256 = run.store_record(
                CaseRecord(case, 1, 0, "k", {}, (turn,), None, (), {"assistant": 0.0}, "m", "2026-01-01T00:00:00Z", 1.0)
            )
            right = float(looked_up[case.case_id] == ORDERS[case.case_id])
            run.append_grades(
                [
                    _grade(case.case_id, "tool_call", 1.0, record_sha256),
                    _grade(case.case_id, "tool_call_args", right, record_sha256),
                ]
            )
        provenance = {
            "config_sha256": "abc",
            "case_trials": [case.case_id for case in cases],
            "datasets": [],
            "started_at": "2026-01-01T00:00:00Z",
        }
        run.provenance_path.write_text(json.dumps(provenance), encoding="utf-8")
        run.write_status(RunStatus.COMPLETED, exit_code=0, counts={"planned": len(cases)})
        return run

    return make


@cache
def _composed(overrides: tuple[str, ...]) -> dict[str, Any]:
    line = ["mode.graders=[tool_call,tool_call_args]", "report.plots=false", *overrides]
    return dict(plan(line, packaged_source()).jobs[0].config)


def _grade(key: str, grader: str, value: float, record_sha256: str) -> Grade:
    return Grade(key, 1, grader, grader, "1", value, "", record_sha256, "2026-01-01T00:00:00Z")
