"""Tags and notes as a part of a run's page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from judged_run import write_judged_run
from starlette.testclient import TestClient

from evalkit.lab.index.rows import RunQuery
from evalkit.lab.lab import Lab
from evalkit.lab.people.tags import TAGS_FILE, add_tag, read_tags

OpenClient = Callable[[Lab], TestClient]
PART = {"HX-Request": "true", "HX-Request-Type": "partial"}


@pytest.fixture
def href(lab: Lab, tmp_path: Path) -> str:
    """The part's address."""
    write_judged_run(tmp_path / "run", {"a": True})
    lab.follower.catch_up()
    return f"/ui/runs/{lab.index.list_runs(RunQuery()).rows[0].id}/people"


def test_the_runs_page_asks_for_it(lab: Lab, href: str, open_client: OpenClient) -> None:
    """After everything else."""
    assert f'hx-get="{href}"' in open_client(lab).get(href.removesuffix("/people")).text


def test_tags_are_put_on_and_taken_off(lab: Lab, href: str, open_client: OpenClient, tmp_path: Path) -> None:
    """What a tag is called is escaped, and leads to the runs that have it."""
    client = open_client(lab)
    part = client.post(f"{href}/tag", data={"tag": "<b>&"}, headers=PART).text
    assert 'href="/ui/?tag=%3Cb%3E%26">&lt;b&gt;&amp;</a>' in part
    assert "<html" not in part
    assert "No tag." in client.post(f"{href}/untag", data={"tag": "<b>&"}, headers=PART).text
    assert read_tags(tmp_path / "run") == ()
    refused = client.post(f"{href}/tag", data={"tag": "a,b"}, headers=PART)
    assert refused.status_code == 422
    assert TAGS_FILE in refused.json()["detail"]


def test_a_note_stands_with_its_name_and_the_name_is_remembered(lab: Lab, href: str, open_client: OpenClient) -> None:
    """Whatever it says."""
    client = open_client(lab)
    part = client.post(f"{href}/note", data={"text": "slow\n<script>", "by": "Zoë"}, headers=PART).text
    assert "slow\n&lt;script&gt;" in part
    assert "Zoë, " in part
    assert 'value="Zoë"' in client.get(href, headers=PART).text


def test_a_read_only_lab_shows_and_takes_nothing(lab: Lab, href: str, open_client: OpenClient, tmp_path: Path) -> None:
    """Without forms."""
    add_tag(tmp_path / "run", "baseline", "ann")
    client = open_client(replace(lab, settings=replace(lab.settings, read_only=True)))
    part = client.get(href, headers=PART).text
    assert "baseline" in part
    assert "hx-post" not in part
    assert client.post(f"{href}/tag", data={"tag": "x"}, headers=PART).status_code == 403


def test_a_run_that_is_gone_is_404(lab: Lab, open_client: OpenClient) -> None:
    """It may have been deleted while its page was open."""
    assert open_client(lab).get("/ui/runs/nobody/people", headers=PART).status_code == 404
