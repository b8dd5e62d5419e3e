"""Runs over HTTP: filtered, paged, exported, and told apart from what has not changed."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from labs import make_lab
from pyarrow import parquet
from starlette.testclient import TestClient
from stored_runs import write_crawl

from evalkit.lab.lab import Lab


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    """A folder with three runs of two models."""
    for number, model in enumerate(("model-a", "model-a", "model-b")):
        started = f"2026-01-0{number + 1}T10:00:00.000+00:00"
        write_crawl(tmp_path / "outputs" / f"run-{number}", model, name=f"run {number}", started_at=started)
    return tmp_path / "outputs"


@pytest.fixture
def lab(tmp_path: Path, outputs: Path) -> Lab:
    """A lab over them."""
    return make_lab(tmp_path)


@pytest.fixture
def client(lab: Lab, open_client: Callable[[Lab], TestClient]) -> TestClient:
    """A client of it."""
    return open_client(lab)


def _names(client: TestClient, query: str) -> list[str]:
    return [run["name"] for run in client.get(f"/runs{query}").json()["runs"]]


def test_the_lab_is_well(client: TestClient) -> None:
    """As monitors ask."""
    assert client.get("/health").json() == {"status": "ok"}


def test_the_newest_come_first(client: TestClient) -> None:
    """As many as are asked for."""
    assert _names(client, "") == ["run 2", "run 1", "run 0"]
    assert _names(client, "?limit=2") == ["run 2", "run 1"]
    assert _names(client, "?limit=100000") == ["run 2", "run 1", "run 0"]
    assert _names(client, "?page=2&size=2") == ["run 0"]
    assert _names(client, "?model=model-a&descending=false") == ["run 0", "run 1"]
    assert _names(client, "?text=RUN+model-b") == ["run 2"]
    answer = client.get("/runs?size=1").json()
    assert (answer["total"], answer["page"], answer["size"]) == (3, 1, 1)


@pytest.mark.parametrize(
    "query", ["?page=0", "?size=0", "?size=1001", "?limit=0", "?page=x", "?format=xml", "?text=" + "x" * 201]
)
def test_what_makes_no_sense_is_told(client: TestClient, query: str) -> None:
    """With where it is."""
    answer = client.get(f"/runs{query}")
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][1] == query[1:].partition("=")[0]


def test_an_export_has_all_rows(client: TestClient) -> None:
    """As a file with a name; a page of it when one is named."""
    answer = client.get("/runs?format=csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="runs.csv"'
    assert [row["name"] for row in csv.DictReader(io.StringIO(answer.text))] == ["run 2", "run 1", "run 0"]
    table = parquet.read_table(io.BytesIO(client.get("/runs?format=parquet&size=2").content))
    assert table.column("name").to_pylist() == ["run 2", "run 1"]


def test_an_export_is_not_cut_at_a_page(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many pages it takes."""
    monkeypatch.setattr("evalkit.lab.api.answering.LARGEST_PAGE", 2)
    assert len(list(csv.DictReader(io.StringIO(client.get("/runs?format=csv").text)))) == 3


def test_nothing_is_sent_twice(client: TestClient, lab: Lab, outputs: Path) -> None:
    """Until something changes."""
    first = client.get("/runs")
    again = {"if-none-match": first.headers["etag"]}
    assert (client.get("/runs", headers=again).status_code, client.get("/runs").status_code) == (304, 200)
    write_crawl(outputs / "run-new", "model-c", name="new")
    lab.follower.catch_up()
    after = client.get("/runs", headers=again)
    assert after.status_code == 200
    assert after.json()["total"] == 4


def test_a_tag_of_another_lab_says_nothing(
    client: TestClient, lab: Lab, open_client: Callable[[Lab], TestClient]
) -> None:
    """Its index may have been made again since, with the same numbers for other runs."""
    tag = client.get("/runs").headers["etag"]
    assert open_client(lab).get("/runs", headers={"if-none-match": tag}).status_code == 200


def test_a_run_is_found_by_either_id(client: TestClient) -> None:
    """With how its case-trials stand."""
    listed = client.get("/runs").json()["runs"][0]
    by_id, by_stored = (client.get(f"/runs/{listed[name]}").json() for name in ("id", "stored_run_id"))
    assert by_id == by_stored
    assert by_id["run"] == listed
    assert by_id["endings"] == {"passed": 1, "failed": 1, "lost": 1}
    assert by_id["summary"]["run_id"] == listed["id"]
    assert len(by_id["summary"]["attempts"]) == 3


@pytest.mark.parametrize("path", ["", "/cases", "/cases/order-1", "/grades"])
def test_an_unknown_run_is_not_found(client: TestClient, path: str) -> None:
    """As older clients expect it to be said."""
    answer = client.get(f"/runs/0000000000000000{path}")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Run not found"})


def test_the_history_of_a_case(client: TestClient) -> None:
    """Over all runs, newest first; as a table with the run's columns beside the case's."""
    answer = client.get("/cases/order-1/history").json()
    assert answer["total"] == 3
    assert {row["run"]["name"] for row in answer["history"]} == {"run 2", "run 1", "run 0"}
    assert {row["case"]["ending"] for row in answer["history"]} == {"passed"}
    rows = list(csv.DictReader(io.StringIO(client.get("/cases/order-1/history?format=csv").text)))
    assert {(row["run.name"], row["key"]) for row in rows} == {(f"run {n}", "order-1") for n in (2, 1, 0)}
    assert client.get("/cases/unknown/history").json()["history"] == []
    assert client.get("/cases/order-1/history?mode=coding").json()["total"] == 0
