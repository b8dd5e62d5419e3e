"""results.csv and summary.json keep the columns, the keys and the cells that their readers know.

The files in ``golden/`` were written down by hand from what is promised (``contract_*``) and once from what is
written; a change of either is a change of the product.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from layouts import layout_of

from evalkit.reports.rows import ResultTable, build_table
from evalkit.reports.summary import RunFacts, summarize
from evalkit.reports.tables import results_csv

GOLDEN = Path(__file__).parent / "golden"
MODES = ("crawl", "walk", "run")


@pytest.fixture(params=MODES)
def mode(request: Any) -> str:
    """Each harness mode."""
    return str(request.param)


@pytest.fixture
def golden(mode: str) -> dict[str, Any]:
    """What was written down for it."""
    found: dict[str, Any] = json.loads((GOLDEN / f"{mode}.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture
def records(mode: str, make_record: Any, make_turn: Any, lost: Any) -> list[Any]:
    """Two cases with two trials each (two turns where the mode has them), and one that was lost."""
    turns = (make_turn(1), make_turn(2, tool_calls=())) if mode == "run" else (make_turn(1),)
    tried = [make_record(case, trial, mode=mode, turns=turns) for case in ("case-1", "case-2") for trial in (1, 2)]
    return [*tried, lost]


@pytest.fixture
def grades(mode: str, both_grades: Any, make_grade: Any) -> list[Any]:
    """Calls and arguments, a judge's verdict at each turn, and one about the whole call where there is one."""
    given = [*both_grades("case-1", 1, 1), *both_grades("case-1.t2", 1, 0), *both_grades("case-2", 0, 1)]
    given += [make_grade(key, "polite", 1) for key in ("case-1", "case-1.t2")]
    return given + ([make_grade("case-1", "goal_reached", 0, None)] if mode == "run" else [])


@pytest.fixture
def table(mode: str, config: Any, records: Any, grades: Any) -> ResultTable:
    """The rows of that run."""
    return build_table(
        layout_of(mode),
        {**config, "mode": {**config["mode"], "name": mode}},
        records,
        grades,
        lambda path: f"/run/{path}",
    )


def test_the_promised_columns_come_first_and_in_order(golden: dict[str, Any], table: ResultTable) -> None:
    """A tool written for the Realtime evals cookbook's files reads ours."""
    promised = golden["contract_columns"]
    assert list(table.columns[: len(promised)]) == promised
    assert set(golden["contract_own_columns"]) <= set(table.columns)


def test_the_columns_are_exactly_these(golden: dict[str, Any], table: ResultTable) -> None:
    """No column comes, goes or moves unnoticed."""
    assert list(table.columns) == golden["columns"]


def test_the_cells_are_exactly_these(mode: str, table: ResultTable) -> None:
    """results.csv, byte for byte."""
    assert results_csv(table) == (GOLDEN / f"{mode}.csv").read_text(encoding="utf-8")


def test_the_summarys_keys(
    golden: dict[str, Any], table: ResultTable, config: Any, records: Any, grades: Any, mode: str
) -> None:
    """Every promised key is there, strings are never null, and the whole list is exactly the one written down."""
    config["mode"]["name"] = mode
    summary = summarize(RunFacts("nightly", config, "abc"), table, records, grades)
    assert set(golden["contract_summary"]) <= set(summary)
    assert list(summary) == golden["summary"]
    assert not [key for key in golden["contract_settings"] if summary[key] is None]
    json.dumps(summary, allow_nan=False)
