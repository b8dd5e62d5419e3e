"""Launching over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from evalkit.lab.application import open_lab
from evalkit.lab.lab import Lab
from evalkit.lab.launch.checking import CheckedLine, Checking
from evalkit.lab.launch.launches import LaunchRequest
from evalkit.lab.settings import LabSettings

OpenClient = Callable[[Lab], TestClient]
Until = Callable[[Callable[[], object]], None]


@pytest.fixture
def all_is_well(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, ...]]:
    """Every line can run, without a child that says so; the lines that were asked about."""
    asked: list[tuple[str, ...]] = []

    def check(
        _: Checking, overrides: Any, *, multirun: bool = False, source: Any = None, asker: str = ""
    ) -> CheckedLine:
        asked.append(tuple(overrides))
        job = {"config": {"output_dir": str(tmp_path)}, "resolved": None, "says": "crawl, 2 cases", "overrides": []}
        problems = [{"key": "seed", "message": "seed: no", "job": 0}] if "seed=x" in overrides else []
        return CheckedLine(multirun, [job], problems, ["mind this"], {"cases": 2})

    monkeypatch.setattr(Checking, "check", check)
    return asked


@pytest.fixture
def held_lab(lab_settings: LabSettings) -> Lab:
    """A lab that begins nothing: one place, which something that waits for ever has."""
    return open_lab(replace(lab_settings, at_once=0))


def test_a_line_is_launched(held_lab: Lab, open_client: OpenClient, all_is_well: list[Any], tmp_path: Path) -> None:
    """It is queued, listed, found by its id, and stopped."""
    client = open_client(held_lab)
    answer = client.post("/launches", json={"overrides": ["max_examples=2"]})
    assert answer.status_code == 201
    launch = answer.json()
    assert launch["line"] == f"evalkit max_examples=2 output_dir={tmp_path}"
    assert (launch["state"], launch["kind"], launch["url"]) == ("queued", "run", None)
    assert client.get("/launches").json() == [launch]
    assert client.get(f"/launches/{launch['id']}").json() == {**launch, "output": ""}
    assert client.post(f"/launches/{launch['id']}/stop").json()["state"] == "cancelled"
    assert client.get("/launches/nobody").status_code == 404
    assert client.post("/launches/nobody/stop").status_code == 404


def test_a_typed_line_is_launched(held_lab: Lab, open_client: OpenClient, all_is_well: list[Any]) -> None:
    """As it is typed in a terminal."""
    client = open_client(held_lab)
    launch = client.post("/launches", json={"line": "evalkit -m chunk_ms=20,60 'run_name=a b'"}).json()
    assert launch["kind"] == "sweep"
    assert launch["line"].startswith("evalkit -m chunk_ms=20,60 'run_name=a b'")
    parsed = client.post("/launches/parse", json={"line": "evalkit -m chunk_ms=20,60"}).json()
    assert parsed == {"overrides": ["chunk_ms=20,60"], "multirun": True}
    for line in ("evalkit resume x", "evalkit 'a=1", "evalkit rerun outputs/x"):
        answer = client.post("/launches/parse", json={"line": line})
        assert answer.status_code == 422
        assert answer.json()["detail"]["problems"][0]["message"]


def test_problems_stand_at_their_keys(held_lab: Lab, open_client: OpenClient, all_is_well: list[Any]) -> None:
    """A check tells them, and a launch is refused with them."""
    client = open_client(held_lab)
    checked = client.post("/launches/check", json={"overrides": ["seed=x"], "asker": "me"}).json()
    assert checked["problems"] == [{"key": "seed", "message": "seed: no", "job": 0}]
    assert (checked["warnings"], checked["forecast"], checked["jobs_total"]) == (["mind this"], {"cases": 2}, 1)
    refused = client.post("/launches", json={"overrides": ["seed=x"]})
    assert refused.status_code == 422
    assert refused.json()["detail"] == {"message": "seed: no", "problems": checked["problems"]}
    assert client.get("/launches").json() == []
    assert client.post("/launches", json={"overrides": ["x" * 9_000]}).status_code == 422


def test_a_launch_ends(lab: Lab, open_client: OpenClient, tmp_path: Path, until: Until) -> None:
    """How, with the last that it said where it was not well."""
    client = open_client(lab)
    lab.launches.submit(LaunchRequest(("--version",), "run", tmp_path))
    lab.launches.submit(LaunchRequest(("no", "command"), "run", tmp_path))
    until(lambda: [launch["state"] for launch in client.get("/launches").json()] == ["ended"] * 2)
    bad, good = client.get("/launches").json()
    assert (good["exit_code"], good["ending"], good["said"]) == (0, "done", [])
    assert (bad["exit_code"], bad["ending"]) == (2, "refused: config or data are wrong")
    assert "'no' is neither a command nor key=value" in " ".join(bad["said"])


def test_the_seed_s_client_launches(held_lab: Lab, open_client: OpenClient, all_is_well: list[Any]) -> None:
    """It gets a run's id; each model is a run."""
    client = open_client(held_lab)
    answer = client.post("/runs", json={"models": ["oracle", "other"], "tasks": ["a"], "install_deps": True})
    assert answer.status_code == 201
    told = answer.json()
    assert told["run_id"] == told["run_ids"][0]
    assert {launch["run_id"] for launch in client.get("/launches").json()} == set(told["run_ids"])
    assert all_is_well[0][:3] == ("mode=coding", "mode.tasks=[a]", "assistant.model=oracle")
    client.post("/runs", json={"response_text": "an answer"})
    (named,) = (word for word in all_is_well[-1] if word.startswith("mode.responses="))
    assert Path(named.partition("=")[2].strip("'")).read_text() == "an answer"
    client.post("/runs", json={"overrides": ["max_examples=1"]})
    assert all_is_well[-1][0] == "max_examples=1"
    assert client.post("/runs", json={"samples": 0}).status_code == 422


def test_unknown_runs(lab: Lab, open_client: OpenClient) -> None:
    """Nothing goes on with a run or a sweep that is not there."""
    client = open_client(lab)
    for what in ("resume", "retry-api-errors", "rerun", "stop"):
        assert client.post(f"/runs/{'0' * 16}/{what}").status_code == 404, what
    assert client.post(f"/sweeps/{'0' * 16}/resume").status_code == 404
    assert client.post("/launches", json={"rerun": "0" * 16}).status_code == 404
    assert client.get("/ui/launch?rerun=0000000000000000").status_code == 404
    assert client.get("/ui/launch?mode=of_tomorrow").status_code == 404


def test_a_read_only_lab_launches_nothing(lab_settings: LabSettings, open_client: OpenClient) -> None:
    """Every route says so."""
    client = open_client(open_lab(replace(lab_settings, read_only=True)))
    for path in ("/launches", "/launches/x", "/ui/launch"):
        assert client.get(path).status_code == 403, path
    for path in ("/launches", "/launches/check", "/launches/parse", "/launches/x/stop", "/runs", "/runs/x/resume",
                 "/runs/x/retry-api-errors", "/runs/x/rerun", "/runs/x/stop", "/sweeps/x/resume"):  # fmt: skip
        assert client.post(path, json={}).status_code == 403, path
