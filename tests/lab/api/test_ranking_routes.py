"""The leaderboard over HTTP: on one set of cases, also as clients of an older dashboard read it."""

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
def client(tmp_path: Path, open_client: Callable[[Lab], TestClient]) -> TestClient:
    """A client of a lab where one model passed both cases, another one of them, and once none; and another set."""
    outputs = tmp_path / "outputs"
    write_crawl(outputs / "a", "model-a", passing=(True, True))
    write_crawl(outputs / "b", "model-b", passing=(True, False), ended_at="2026-01-02T10:00:30.000+00:00")
    write_crawl(outputs / "c", "model-b", passing=(False, False))
    write_crawl(outputs / "d", "model-a", passing=(True, True, True))
    return open_client(make_lab(tmp_path))


def test_models_stand_in_order(client: TestClient) -> None:
    """On the set that most runs ask, all tries counted; the other set is named."""
    answer = client.get("/leaderboard").json()
    assert [(found["cases"], found["runs"]) for found in answer["case_sets"]] == [(3, 3), (4, 1)]
    assert answer["case_set"] == answer["case_sets"][0]
    assert [(standing["model"], standing["runs"]) for standing in answer["models"]] == [("model-a", 1), ("model-b", 2)]
    assert [standing["score"] for standing in answer["models"]] == [1.0, 0.25]
    other = client.get("/leaderboard", params={"set": answer["case_sets"][1]["case_set"]}).json()
    assert [standing["model"] for standing in other["models"]] == ["model-a"]


def test_an_older_client_finds_the_best_run(client: TestClient) -> None:
    """Called so, beside what ranks."""
    standing = client.get("/leaderboard").json()["models"][1]
    assert (standing["model_id"], standing["thinking_level"]) == ("model-b", None)
    assert (standing["best_accuracy"], standing["duration_at_best"]) == (0.5, 30.0)
    assert standing["cost_at_best"] == pytest.approx(0.033)


def test_it_is_taken_elsewhere_as_a_table(client: TestClient) -> None:
    """With a line for each model."""
    rows = list(csv.DictReader(io.StringIO(client.get("/leaderboard?format=csv").text)))
    assert [(row["model"], row["score"]) for row in rows] == [("model-a", "1.0"), ("model-b", "0.25")]
    table = parquet.read_table(io.BytesIO(client.get("/leaderboard?format=parquet").content))
    assert table.column("tries").to_pylist() == [3, 6]


def test_an_unknown_set_is_not_found(client: TestClient) -> None:
    """It is not silently another."""
    assert client.get("/leaderboard?set=unknown").status_code == 404


def test_without_runs_it_is_empty(lab: Lab, open_client: Callable[[Lab], TestClient]) -> None:
    """Also as a table."""
    client = open_client(lab)
    answer = client.get("/leaderboard").json()
    assert (answer["models"], answer["case_set"], answer["case_sets"]) == ([], None, [])
    assert client.get("/leaderboard?format=csv").text.startswith("rank,model,")
    assert parquet.read_table(io.BytesIO(client.get("/leaderboard?format=parquet").content)).num_rows == 0
