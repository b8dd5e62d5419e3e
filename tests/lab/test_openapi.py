"""What the OpenAPI document promises holds, whatever is asked: no answer is a defect of the lab's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
from lab_process import LabProcess, lab_process
from stored_runs import write_crawl

RUN = "a" * 16
# What is known in the lab that is asked, so that not every question ends with "not found".
KNOWN = {"run_id": RUN, "key": "order-1", "case_id": "order-1", "path": "records/order-1.json", "model_id": "model-a"}
# What is granted: a run that asks nobody, and is over at once.
GRANTED = ["mode=coding", "max_examples=1", "mode.dry_run=true", "report.plots=false", "report.html=false"]
HOOKS = Path(__file__).with_name("granted_orders.py")
NO_DEFECT = "not_a_server_error"
AS_DOCUMENTED = f"{NO_DEFECT},response_schema_conformance,content_type_conformance"


def _ask_everything(folder: Path, checks: str, *options: str, read_only: bool) -> subprocess.CompletedProcess[str]:
    """Ask a lab over a run all that its document offers, with what fits and with what does not."""
    write_crawl(folder / "outputs" / "run", "model-a", run_id="a" * 32)
    known = "\n".join(f'{name} = "{value}"' for name, value in KNOWN.items())
    (folder / "schemathesis.toml").write_text(f"[parameters]\n{known}\n", encoding="utf-8")
    with lab_process(folder, *(["--read-only"] if read_only else [])) as lab:
        with lab.client() as client:
            while client.get(f"/runs/{RUN}").status_code != 200:
                pass
        return _ask(lab, folder, checks, *options)


def _ask(lab: LabProcess, folder: Path, checks: str, *options: str) -> subprocess.CompletedProcess[str]:
    line = [
        "-m",
        "schemathesis.cli",
        "run",
        f"{lab.url}/openapi.json",
        "--checks",
        checks,
        "--seed",
        "1",
        "--request-timeout",
        "90",
    ]
    return subprocess.run(
        [sys.executable, *line, "--request-timeout", "90", "--no-color", *options],
        cwd=folder,
        env={**os.environ, "ASKED_LAB": lab.url, "GRANTED_OVERRIDES": json.dumps(GRANTED)},
        capture_output=True,
        text=True,
        check=False,
        timeout=1000,
    )


def _order_everything(folder: Path, *options: str) -> tuple[subprocess.CompletedProcess[str], list[dict[str, Any]]]:
    """Order of a lab that launches all that it may be ordered; return its launches too, once they are over."""
    (folder / "schemathesis.toml").write_text(f'hooks = "{HOOKS}"\n', encoding="utf-8")
    with lab_process(folder) as lab, lab.client() as client:
        client.timeout = httpx2.Timeout(90)  # each line is checked by a process
        first = client.post("/launches", json={"overrides": GRANTED})
        assert first.status_code == 201, first.text
        sweep = {"overrides": [*GRANTED, "seed=1,2"], "multirun": True}
        assert client.post("/launches", json=sweep).status_code == 201
        _until_none_is_open(client)
        orders = "launches|^/runs$|resume|retry-api-errors|rerun|stop|tags|notes|reviews"
        posts = ["--include-method", "POST", "--include-path-regex", orders]
        try:
            found = _ask(lab, folder, NO_DEFECT, "--phases", "fuzzing", *posts, *options)
        finally:
            for _ in range(3):  # the third time, what still runs is killed
                for launch in client.get("/launches").json():
                    client.post(f"/launches/{launch['id']}/stop")
            launches = _until_none_is_open(client)
    return found, launches


def _until_none_is_open(client: httpx2.Client) -> list[dict[str, Any]]:
    deadline = time.monotonic() + 60
    while True:
        launches: list[dict[str, Any]] = client.get("/launches").json()
        if not any(launch["state"] in ("queued", "running") for launch in launches):
            return launches
        assert time.monotonic() < deadline, launches
        time.sleep(0.1)


def test_no_question_is_answered_by_a_defect(tmp_path: Path) -> None:
    """Of a lab that launches nothing: what would be launched here is anything."""
    found = _ask_everything(tmp_path, AS_DOCUMENTED, "--phases", "fuzzing", "--max-examples", "10", read_only=True)
    assert found.returncode == 0, found.stdout[-4000:] + found.stderr[-2000:]


def test_nothing_that_people_add_is_answered_by_a_defect(tmp_path: Path) -> None:
    """Tags, notes and reviews of any form."""
    found = _ask_everything(
        tmp_path, NO_DEFECT, "--max-examples", "10", "--include-path-regex", "tags|notes|reviews", read_only=False
    )
    assert found.returncode == 0, found.stdout[-4000:] + found.stderr[-2000:]


@pytest.mark.slow
def test_no_question_is_answered_by_a_defect_of_many(tmp_path: Path) -> None:
    """The same, with many more questions."""
    found = _ask_everything(tmp_path, AS_DOCUMENTED, "--max-examples", "200", read_only=True)
    assert found.returncode == 0, found.stdout[-4000:] + found.stderr[-2000:]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_no_order_is_answered_by_a_defect(tmp_path: Path) -> None:
    """Of a lab that launches, with real processes; orders of every kind were granted, and none of them goes on."""
    found, launches = _order_everything(tmp_path, "--max-examples", "10")
    assert found.returncode == 0, found.stdout[-4000:] + found.stderr[-2000:]
    assert {launch["kind"] for launch in launches} == {"run", "sweep", "rerun", "resume"}
    assert {launch["state"] for launch in launches} == {"ended", "cancelled"}
    assert 70 not in {launch["exit_code"] for launch in launches}
