"""The page of a run: its numbers lead to their cases, and every part is there whatever state the run is in."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import stored_runs
from labs import make_lab
from starlette.testclient import TestClient
from stored_run import StoredCase, StoredRun
from turn_taking_notes import interrupted

from evalkit.lab.index.rows import RunQuery
from evalkit.lab.lab import Lab
from evalkit.lab.launch.launches import Launches
from evalkit.lab.web.run import list_files
from evalkit.store.run_directory import RunDirectory, RunStatus

OpenClient = Callable[[Lab], TestClient]
PART = {"HX-Request": "true", "HX-Request-Type": "partial"}


def page_of(lab: Lab, **ask: str) -> str:
    (row,) = lab.index.list_runs(RunQuery(**ask)).rows  # type: ignore[arg-type]
    return f"/ui/runs/{row.id}"


@pytest.fixture
def runs(tmp_path: Path) -> dict[str, RunDirectory]:
    return stored_runs.write_samples(tmp_path / "outputs")


def test_every_mode_has_its_page_and_parts(
    tmp_path: Path, runs: dict[str, RunDirectory], open_client: OpenClient
) -> None:
    lab = make_lab(tmp_path)
    client = open_client(lab)
    for row in lab.index.list_runs(RunQuery()).rows:
        for part in ("", "/head", "/findings", "/details", "/changes", "/files"):
            answer = client.get(f"/ui/runs/{row.id}{part}")
            assert (answer.status_code, f"{row.mode}{part}") == (200, f"{row.mode}{part}")
            assert "cannot be read" not in answer.text


def test_calls_in_full_duplex_show_their_turn_taking(tmp_path: Path, open_client: OpenClient) -> None:
    """The same section as in the report."""
    cases = [StoredCase("call", notes={"turn_taking": interrupted(0.5)})]
    StoredRun(tmp_path / "outputs" / "run", cases, mode="run", sound=False).write()
    lab = make_lab(tmp_path)
    found = open_client(lab).get(f"{page_of(lab)}/findings").text
    assert "Turn-taking, over 1 call in full duplex" in found
    assert found.index(">yield rate<") < found.index(">backchannel selectivity<") < found.index("LiveKit cascade")


def test_both_ids_lead_to_it(tmp_path: Path, runs: dict[str, RunDirectory], open_client: OpenClient) -> None:
    lab = make_lab(tmp_path)
    (row,) = lab.index.list_runs(RunQuery(mode="coding")).rows
    assert open_client(lab).get(f"/ui/runs/{row.run_id}").status_code == 200


def test_an_unknown_run_is_said_to_be_unknown(lab: Lab, open_client: OpenClient) -> None:
    client = open_client(lab)
    for part in ("", "/head", "/findings", "/details", "/changes", "/files"):
        assert client.get(f"/ui/runs/absent{part}").status_code == 404


def test_the_table_narrows(tmp_path: Path, runs: dict[str, RunDirectory], open_client: OpenClient) -> None:
    lab = make_lab(tmp_path)
    page = page_of(lab, model="model-a")
    client = open_client(lab)

    def cases(query: str) -> list[str]:
        return re.findall(r'data-case="([^"]+)"', client.get(f"{page}{query}", headers=PART).text)

    assert cases("") == ["order-1", "order-2", "order-lost"]
    assert cases("?ending=passed") == ["order-1"]
    assert cases("?ending=lost") == ["order-lost"]
    assert cases("?text=nobody+listens") == ["order-lost"]
    assert cases("?ending=what") == ["order-1", "order-2", "order-lost"]
    assert "No case-trial matches" in client.get(f"{page}?text=absent").text


def test_a_budget_is_shown_beside_the_cost(tmp_path: Path, open_client: OpenClient) -> None:
    run = stored_runs.write_crawl(tmp_path / "outputs" / "run")
    config = run.config_path.read_text(encoding="utf-8").replace("max_cost_usd: null", "max_cost_usd: 2.5")
    run.config_path.write_text(config, encoding="utf-8")
    lab = make_lab(tmp_path)
    head = open_client(lab).get(f"{page_of(lab)}/head").text
    assert 'max="2.5"' in head
    assert "of at most $2.50" in head


def test_what_a_run_offers_depends_on_how_it_stands(tmp_path: Path, open_client: OpenClient) -> None:
    stored_runs.write_crawl(tmp_path / "outputs" / "run", status=RunStatus.RUNNING)
    lab = make_lab(tmp_path)
    head = open_client(lab).get(f"{page_of(lab)}/head").text
    assert "It was cut off" in head
    assert "/retry-api-errors" in head
    assert "/stop" not in head
    read_only = make_lab(tmp_path, read_only=True)
    assert "data-send=" not in open_client(read_only).get(page_of(read_only)).text


def test_a_run_that_goes_on_is_followed_and_can_be_stopped(
    tmp_path: Path, open_client: OpenClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the lab that launched it."""
    run = stored_runs.write_crawl(tmp_path / "outputs" / "run", status=RunStatus.RUNNING)
    with run.exclusive():
        run.journal_start("order-9", 1)
        lab = make_lab(tmp_path)
        client, page = open_client(lab), page_of(lab)
        text = client.get(page).text
        assert "data-live-run=" in text
        assert 'id="feed"' in text
        assert "press Ctrl-C where it was started" in text
        monkeypatch.setattr(Launches, "find_by_root", lambda *_: SimpleNamespace(is_open=True))
        assert f"/runs/{page.rpartition('/')[2]}/stop" in client.get(f"{page}/head").text


def test_what_differs_from_its_parent(tmp_path: Path, open_client: OpenClient) -> None:
    parent = stored_runs.write_crawl(tmp_path / "outputs" / "parent", run_id="a" * 32)
    stored_runs.write_crawl(tmp_path / "outputs" / "child", "model-b", run_id="b" * 32, parent_run_id="a" * 32)
    lab = make_lab(tmp_path)
    client = open_client(lab)
    changes = client.get(f"/ui/runs/{'b' * 16}/changes").text
    assert "assistant.model" in changes
    assert re.search(r"<del>model-a</del>.*<ins>model-b</ins>", changes)
    assert f"/ui/compare?a={'a' * 16}&amp;b={'b' * 16}" in client.get(f"/ui/runs/{'b' * 16}").text
    parent.config_path.unlink()
    assert "cannot be read" in client.get(f"/ui/runs/{'b' * 16}/changes").text


def test_a_parent_that_is_elsewhere(tmp_path: Path, open_client: OpenClient) -> None:
    stored_runs.write_crawl(tmp_path / "outputs" / "child", run_id="b" * 32, parent_run_id="a" * 32)
    changes = open_client(make_lab(tmp_path)).get(f"/ui/runs/{'b' * 16}/changes").text
    assert "is not in the folders" in changes


def test_a_damaged_run_has_a_page_that_says_what_is_wrong(tmp_path: Path, open_client: OpenClient) -> None:
    run = stored_runs.write_crawl(tmp_path / "outputs" / "run")
    run.config_path.write_text(": : :", encoding="utf-8")
    os.utime(run.root, (0, 0))  # one that has just begun is waited for
    lab = make_lab(tmp_path)
    page, client = page_of(lab), open_client(lab)
    assert "Something is wrong with its files" in client.get(page).text
    assert "cannot be read" in client.get(f"{page}/findings").text
    assert client.get(f"{page}/details").status_code == 200


def test_files_are_listed_without_what_leads_out(tmp_path: Path) -> None:
    run = stored_runs.write_crawl(tmp_path / "run")
    (run.root / "secret").symlink_to("/etc/passwd")
    (run.root / "folder").symlink_to("/etc")
    folders = {folder.name: [file.path for file in folder.files] for folder in list_files(run.root)}
    assert "config.yaml" in folders[""]
    assert "secret" not in folders[""]
    assert "folder" not in folders
    assert folders["records"] == [f"records/order-{name}.json" for name in ("1", "2", "lost")]
    assert folders["audio"][0] == "audio/order-1/input.wav"


def test_very_many_files_are_counted(tmp_path: Path) -> None:
    for number in range(250):
        (tmp_path / f"{number:03}.txt").touch()
    (folder,) = list_files(tmp_path)
    assert (len(folder.files), folder.more) == (200, 50)


def test_a_long_run_is_followed_from_near_its_end(tmp_path: Path, open_client: OpenClient) -> None:
    """Of what happened before, as much is told as people want to see, and then what happens."""
    run = stored_runs.write_crawl(tmp_path / "outputs" / "run", status=RunStatus.RUNNING)
    with run.exclusive():
        for number in range(1_000):
            run.journal_start(f"order-{number}", 1)
        lab = make_lab(tmp_path)
        client, page = open_client(lab), page_of(lab)
        cursor, generation = re.findall(
            r'data-live-cursor="(\d+)" data-live-generation="(\w+)"', client.get(page).text
        )[0]
        run.journal_start("order-new", 1)
        address = f"ws://{client.base_url.netloc.decode()}{page.removeprefix('/ui')}/stream"
        with client.websocket_connect(f"{address}?cursor={cursor}&generation={generation}&attempts=false") as stream:
            init = stream.receive_json()
            events = []
            while not events or events[-1]["key"] != "order-new":
                events += stream.receive_json().get("events", ())
    assert (init["reset"], init["cursor"]) == (False, int(cursor))
    assert [event["key"] for event in events[:-1]] == [
        f"order-{number}" for number in range(1_001 - len(events), 1_000)
    ]
    assert 200 < len(events) < 500
