"""A client of the older benchmark dashboard, a program that knows nothing of evalkit, gets the fields that it names."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from labs import make_lab
from starlette.testclient import TestClient
from stored_runs import write_crawl

from evalkit.lab.application import make_application
from evalkit.lab.launch.checking import CheckedLine, Checking
from evalkit.settings.addresses import Addresses


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """That client: it sends neither an Origin nor any secret. The lab has a run, and begins nothing that it queues."""

    def check(_: Checking, overrides: Any, **__: Any) -> CheckedLine:
        job = {"config": {"output_dir": str(tmp_path / "outputs")}, "resolved": None, "says": "crawl", "overrides": []}
        return CheckedLine(False, [job], [], [], {})  # noqa: FBT003

    monkeypatch.setattr(Checking, "check", check)
    root = write_crawl(tmp_path / "outputs" / "run", "model-a").root
    (root / ".hydra").mkdir()
    shutil.copy(root / "config.yaml", root / ".hydra")
    lab = make_lab(tmp_path, at_once=0)
    with TestClient(make_application(lab), base_url=Addresses(lab.settings.host, lab.settings.port).url) as client:
        yield client


def test_it_reads(client: TestClient) -> None:
    """Runs, one run, the leaderboard, models, and a file."""
    assert client.get("/health").json()["status"] == "ok"
    run = client.get("/runs?limit=5").json()["runs"][0]
    named = ("run_id", "timestamp_utc", "model_id", "accuracy", "total_cost_usd", "total_duration_seconds")
    assert [run[name] is not None for name in named] == [True] * 6
    summary = client.get(f"/runs/{run['run_id']}").json()["summary"]
    assert (summary["run_id"], len(summary["attempts"])) == (run["run_id"], 3)
    model = client.get("/leaderboard").json()["models"][0]
    assert {"model_id", "thinking_level", "best_accuracy", "cost_at_best", "duration_at_best", "runs"} <= model.keys()
    assert client.get("/models/capabilities?model_id=model-a").json()["model_id"] == "model-a"
    assert client.get("/models/lmstudio").json().keys() >= {"base_url", "models"}
    assert client.get(f"/artifacts/{run['run_id']}/provenance.json").json()["started_at"] == run["timestamp_utc"]
    assert client.get("/ui/index.html").url.path == "/ui/"


def test_it_launches(client: TestClient) -> None:
    """A run, and what of a run was lost."""
    launched = client.post("/runs", json={"models": ["model-b"], "tasks": None, "samples": 1})
    assert launched.is_success, launched.text
    assert launched.json()["run_id"]
    run_id = client.get("/runs").json()["runs"][0]["run_id"]
    assert client.post(f"/runs/{run_id}/resume").json()["run_id"] == run_id


def test_it_tries_again_what_was_lost(client: TestClient) -> None:
    """And is told how much that is."""
    run_id = client.get("/runs").json()["runs"][0]["run_id"]
    retried = client.post(f"/runs/{run_id}/retry-api-errors").json()
    assert (retried["retry_run_id"], retried["original_run_id"], retried["api_errors_found"]) == (run_id, run_id, 1)
    assert "1 lost" in retried["message"]


def test_it_listens(client: TestClient) -> None:
    """What happened is told from the beginning, each message with its type."""
    run_id = client.get("/runs").json()["runs"][0]["run_id"]
    types: list[str] = []
    with client.websocket_connect(f"{str(client.base_url).replace('http', 'ws')}/runs/{run_id}/stream") as stream:
        while "complete" not in types:
            message = stream.receive_json()
            types += [message["type"], *(event.get("type") for event in message.get("events", ()))]
    assert types[0] == "init"
    assert "attempt" in types
