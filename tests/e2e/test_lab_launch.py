"""The installed lab launches a crawl and is killed in its middle: the run never noticed, and is found again."""

from __future__ import annotations

import json
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from lab_process import LabProcess, lab_process

from evalkit.lab.launch.processes import signal_process


def _client(lab: LabProcess) -> httpx2.Client:
    page = httpx2.get(f"{lab.url}/ui/launch").text
    found = re.search(r'name="csrf" content="([^"]+)"', page)
    assert found
    return httpx2.Client(base_url=lab.url, headers={"X-Evalkit-Token": found[1], "Origin": lab.url}, timeout=90)


def _until(holds: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 120
    while not (found := holds()):
        assert time.monotonic() < deadline, "it never came to be so"
        time.sleep(0.1)
    return found


def _only(client: httpx2.Client, index: int = 0) -> dict[str, Any]:
    launch: dict[str, Any] = client.get("/launches").json()[index]
    return launch


def _finished(root: Path) -> list[str]:
    lines = [json.loads(line) for line in (root / "journal.jsonl").read_text(encoding="utf-8").splitlines()]
    return [line["key"] for line in lines if line["event"] == "finished"]


@pytest.fixture
def outputs(tmp_path: Path) -> Iterator[Path]:
    """A folder for runs, none of which outlives the test."""
    (tmp_path / "outputs").mkdir()
    yield tmp_path / "outputs"
    for identity in (tmp_path / "outputs" / ".lab" / "launches").glob("*/process.json"):
        signal_process(identity.parent, signal.SIGKILL)


def test_a_killed_lab_finds_its_run_again(outputs: Path) -> None:
    """It stops it and resumes it then; every case was finished once."""
    wish = ["max_examples=8", "concurrency=1", "report.plots=false", "report.html=false", "service.speech=pico"]
    wish += ["service.transcription=pocketsphinx"]
    with lab_process(outputs.parent, str(outputs)) as lab:
        with _client(lab) as client:
            answer = client.post("/launches", json={"overrides": wish})
            assert answer.status_code == 201, answer.text
            launched = answer.json()
            root = Path(_until(lambda: _only(client)["directory"]))
            _until(lambda: (root / "journal.jsonl").exists() and len(_finished(root)) >= 2)
        lab.process.send_signal(signal.SIGKILL)
        lab.process.wait()
    before = len(_finished(root))
    with lab_process(outputs.parent, str(outputs), port=lab.port) as lab, _client(lab) as client:
        found = _only(client)
        assert (found["id"], found["state"], found["directory"]) == (launched["id"], "running", str(root))
        _until(lambda: len(_finished(root)) > before)
        assert client.post(f"/launches/{launched['id']}/stop").json()["stops"] == 1
        ended = _until(lambda: (one := _only(client))["state"] == "ended" and one)
        assert (ended["exit_code"], ended["ending"]) == (130, "interrupted")
        _until(lambda: client.get(f"/runs/{launched['run_id']}").status_code == 200)
        resumed = _until(
            lambda: (
                (one := client.post(f"/runs/{launched['run_id']}/resume", json={"overrides": ["concurrency=8"]}))
                and one.status_code == 201
                and one.json()
            )
        )
        assert resumed["kind"] == "resume"
        done = _until(lambda: (one := _only(client))["state"] == "ended" and one)
        assert (done["exit_code"], done["directory"]) == (0, str(root))
    assert Counter(_finished(root)).most_common(1)[0][1] == 1
    assert len(_finished(root)) == 8
    stored = json.loads((root / "provenance.json").read_text())
    assert stored["run_id"].startswith(launched["run_id"])
