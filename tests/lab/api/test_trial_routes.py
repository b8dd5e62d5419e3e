"""Case-trials and grades over HTTP: those that count, and what is wrong where something is."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from labs import make_lab
from pyarrow import parquet
from starlette.testclient import TestClient
from stored_runs import write_crawl

from evalkit.lab.index.rows import RunQuery
from evalkit.lab.lab import Lab


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The directory of a run: one case-trial passed, one failed, one lost."""
    return write_crawl(tmp_path / "outputs" / "run").root


@pytest.fixture
def client(tmp_path: Path, root: Path, open_client: Callable[[Lab], TestClient]) -> TestClient:
    """A client of a lab over it; addresses begin at the run."""
    lab = make_lab(tmp_path)
    client = open_client(lab)
    client.base_url = client.base_url.join(f"/runs/{lab.index.list_runs(RunQuery()).rows[0].id}/")
    return client


def test_case_trials_stand_in_the_runs_order(client: TestClient) -> None:
    """Paged, and filtered by how they ended and by words."""
    answer = client.get("cases").json()
    assert [case["key"] for case in answer["cases"]] == ["order-1", "order-2", "order-lost"]
    assert answer["cases"][1]["grades"] == {"tool_call": 1.0, "tool_call_args": 0.0}
    assert [case["key"] for case in client.get("cases?ending=failed").json()["cases"]] == ["order-2"]
    assert [case["key"] for case in client.get("cases?text=lost").json()["cases"]] == ["order-lost"]
    assert [case["key"] for case in client.get("cases?page=2&size=2").json()["cases"]] == ["order-lost"]


def test_in_a_table_each_grader_has_a_column(client: TestClient) -> None:
    """A case-trial that it did not grade has an empty cell."""
    rows = list(csv.DictReader(io.StringIO(client.get("cases?format=csv").text)))
    assert [row["grades.tool_call_args"] for row in rows] == ["1.0", "0.0", ""]
    table = parquet.read_table(io.BytesIO(client.get("cases?format=parquet").content))
    assert table.column("grades.tool_call_args").to_pylist() == [1.0, 0.0, None]


def test_a_case_trial_has_all_that_was_stored_of_it(client: TestClient, root: Path) -> None:
    """Its grades, and its record as it lies on disk."""
    answer = client.get("cases/order-2").json()
    assert answer["case"]["ending"] == "failed"
    assert {grade["grader_id"]: grade["grade"] for grade in answer["grades"]} == {"tool_call": 1, "tool_call_args": 0}
    assert answer["record"] == json.loads((root / "records" / "order-2.json").read_bytes())
    assert answer["trouble"] == ""
    assert client.get("cases/unknown").json() == {"detail": "Case-trial not found"}


@pytest.mark.parametrize(
    ("content", "trouble"),
    [(b"{", "cannot be read"), (b"[]", "holds no record"), (b"\xff", "cannot be read"), (b"[" * 100_000, "cannot be")],
)
def test_a_broken_record_is_said(client: TestClient, root: Path, content: bytes, trouble: str) -> None:
    """What else is known of the case-trial is there."""
    (root / "records" / "order-2.json").write_bytes(content)
    answer = client.get("cases/order-2").json()
    assert answer["record"] is None
    assert trouble in answer["trouble"]
    assert answer["case"]["key"] == "order-2"


def test_a_record_that_leads_elsewhere_is_not_read(client: TestClient, root: Path, tmp_path: Path) -> None:
    """A run that was copied in may have a link where a record should be."""
    (tmp_path / "secret.json").write_text('{"secret": 1}', encoding="utf-8")
    (root / "records" / "order-2.json").unlink()
    (root / "records" / "order-2.json").symlink_to(tmp_path / "secret.json")
    assert client.get("cases/order-2").json()["record"] is None


def test_grades_that_count(client: TestClient, root: Path) -> None:
    """Not those of a record that was replaced, nor out of force, nor a damaged line."""
    line = json.loads((root / "grades.jsonl").read_text(encoding="utf-8").splitlines()[0])
    with (root / "grades.jsonl").open("a", encoding="utf-8") as file:
        for other in ({**line, "record_sha256": "other"}, {**line, "in_force": False}, {"key": 1}, [], {"a": None}):
            file.write(json.dumps(other) + "\n")
    assert client.get("grades").json()["total"] == 4
    assert [grade["grader_id"] for grade in client.get("grades?page=2&size=3").json()["grades"]] == ["tool_call_args"]
    rows = list(csv.DictReader(io.StringIO(client.get("grades?format=csv").text)))
    assert [(row["key"], row["grade"]) for row in rows] == [
        ("order-1", "1.0"), ("order-1", "1.0"), ("order-2", "1.0"), ("order-2", "0.0"),
    ]  # fmt: skip
