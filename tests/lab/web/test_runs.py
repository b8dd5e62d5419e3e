"""The page of all runs: what is asked is what is shown, and what a run is called stays text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import stored_runs
from labs import make_lab
from starlette.testclient import TestClient

from evalkit.lab.application import open_lab
from evalkit.lab.index.follower import Follower
from evalkit.lab.lab import Lab
from evalkit.lab.launch.launches import Launches, LaunchRequest
from evalkit.lab.settings import LabSettings
from evalkit.lab.web.runs import read_query
from evalkit.store.run_directory import RunStatus

HOSTILE = "<img src=x onerror=alert(1)>"
PART = {"HX-Request": "true", "HX-Request-Type": "partial"}


@pytest.fixture
def client(tmp_path: Path, open_client: Callable[[Lab], TestClient]) -> TestClient:
    stored_runs.write_samples(tmp_path / "outputs")
    stored_runs.write_crawl(tmp_path / "outputs" / "hostile", name=HOSTILE)
    return open_client(make_lab(tmp_path))


def shown(page: str) -> list[str]:
    return re.findall(r'<th scope="row" class="col-name"><a href="/ui/runs/[0-9a-f]{16}">([^<]*)</a>', page)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ("started_at", True, 1)),
        ({"sort": "name"}, ("name", False, 1)),
        ({"sort": "score", "order": "asc"}, ("score", False, 1)),
        ({"sort": "stamps; --", "order": "up"}, ("started_at", True, 1)),
        ({"page": "3"}, ("started_at", True, 3)),
        ({"page": "0"}, ("started_at", True, 1)),
        ({"page": "-1"}, ("started_at", True, 1)),
        ({"page": "\u0663"}, ("started_at", True, 1)),
        ({"page": "9" * 4000}, ("started_at", True, 1)),
    ],
)
def test_what_makes_no_sense_is_not_asked(given: dict[str, str], expected: tuple[str, bool, int]) -> None:
    query = read_query(given)
    assert (query.sort, query.descending, query.page) == expected


def test_all_runs_newest_first_with_their_filters(client: TestClient) -> None:
    page = client.get("/ui/")
    assert page.status_code == 200
    assert len(shown(page.text)) == 5
    assert shown(page.text)[0].endswith("terminal_demo")
    for mode in ("coding", "crawl", "terminal"):
        assert f'<option value="{mode}">' in page.text


def test_a_part_has_no_frame(client: TestClient) -> None:
    part = client.get("/ui/?mode=coding", headers=PART).text
    assert part.lstrip().startswith('<div id="runs"')
    assert len(shown(part)) == 1


def test_a_name_stays_text(client: TestClient) -> None:
    page = client.get("/ui/").text
    assert HOSTILE not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


def test_what_is_asked_stays_text_and_can_be_taken_back(client: TestClient) -> None:
    page = client.get("/ui/", params={"text": HOSTILE + '"'}).text
    assert HOSTILE not in page
    assert client.get("/ui/", params={"text": "no such run"}).text.count('href="/ui/">Show all runs') == 1


def test_the_heads_sort_and_turn_round(client: TestClient) -> None:
    page = client.get("/ui/?mode=crawl&sort=score&page=1").text
    assert 'aria-sort="descending"' in page
    assert 'href="/ui/?mode=crawl&amp;sort=score&amp;order=asc"' in page
    turned = client.get("/ui/?mode=crawl&sort=score&order=asc").text
    assert shown(turned) == list(reversed(shown(page))) or 'aria-sort="ascending"' in turned


def test_a_page_too_far_says_so(client: TestClient) -> None:
    assert "There are no more runs" in client.get("/ui/?page=7").text


def test_an_empty_lab_says_how_to_begin(lab: Lab, open_client: Callable[[Lab], TestClient]) -> None:
    lab.follower.catch_up()
    page = open_client(lab).get("/ui/").text
    assert "No runs yet" in page
    assert "/ui/launch" in page


def test_what_is_not_read_yet_is_not_said_to_be_nothing(
    tmp_path: Path, lab_settings: LabSettings, monkeypatch: pytest.MonkeyPatch, open_client: Callable[[Lab], TestClient]
) -> None:
    monkeypatch.setattr(Follower, "start", lambda _: None)
    monkeypatch.setattr(Follower, "stop", lambda _: None)
    lab = open_lab(lab_settings)
    page = open_client(lab).get("/ui/").text
    assert "are being read" in page
    assert "No runs yet" not in page
    lab.follower.catch_up()
    assert "No runs yet" in open_client(lab).get("/ui/").text


def test_nothing_runs_and_nothing_is_said_of_it(client: TestClient) -> None:
    running = client.get("/ui/running").text
    assert re.search(r'<section id="running"[^>]* hidden>', running)


def test_what_runs_is_on_top(tmp_path: Path, open_client: Callable[[Lab], TestClient]) -> None:
    run = stored_runs.write_crawl(tmp_path / "outputs" / "now", status=RunStatus.RUNNING)
    with run.exclusive():
        client = open_client(make_lab(tmp_path))
        running = client.get("/ui/running").text
    assert "now" in running
    assert not re.search(r'<section id="running"[^>]* hidden>', running)


def test_what_is_wrong_with_a_run_stands_beside_it(tmp_path: Path, open_client: Callable[[Lab], TestClient]) -> None:
    run = stored_runs.write_crawl(tmp_path / "outputs" / "torn")
    with run.journal_path.open("ab") as journal:
        journal.write(b"not json\n")
    page = open_client(make_lab(tmp_path)).get("/ui/").text
    assert re.search(r'class="sub trouble"[^>]*>⚠ journal\.jsonl: line \d+', page)


def test_the_picture_has_the_runs_that_the_list_has(client: TestClient) -> None:
    """By model; each point leads to its run; what has no score is not drawn."""
    part = client.get("/ui/over-time?mode=crawl").text
    found = re.search(r'<script type="application/json">(.*?)</script>', part)
    assert found is not None
    picture = json.loads(found[1])
    assert {group["name"]: len(group["points"]) for group in picture["groups"]} == {"model-a": 2, "model-b": 1}
    assert all(point[5].startswith("/ui/runs/") for group in picture["groups"] for point in group["points"])
    assert "None of these runs has a score" in client.get("/ui/over-time?text=absent").text


def test_what_waits_for_its_turn_can_be_cancelled(
    tmp_path: Path, open_client: Callable[[Lab], TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = make_lab(tmp_path)
    monkeypatch.setattr(Launches, "advance", lambda *_: None)  # nothing is started
    client = open_client(lab)
    entry = lab.launches.submit(LaunchRequest(("mode=crawl", "run_name=<b>"), "run", tmp_path / "outputs"))
    page = client.get("/ui/").text
    assert "Waiting for their turn" in page
    assert f"/launches/{entry.launch_id}/stop" in page
    assert "run_name=&lt;b&gt;" in page
