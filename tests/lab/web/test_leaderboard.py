"""The leaderboard's pages: what is ranked, what is apart, and where every number leads."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from judged_run import write_judged_run
from starlette.testclient import TestClient

from evalkit.lab.lab import Lab

OpenClient = Callable[[Lab], TestClient]
CASES = [f"case-{number}" for number in range(8)]
HOSTILE = "maker/<img src=x onerror=alert(1)>"


def _break_off(root: Path, after: int) -> None:
    """Take the last cases of a run away, as if it had been broken off."""
    journal = root / "journal.jsonl"
    kept = set(CASES[:after])
    lines = [line for line in journal.read_text().splitlines() if json.loads(line).get("key") in kept]
    journal.write_text("".join(f"{line}\n" for line in lines))


@pytest.fixture
def client(lab: Lab, open_client: OpenClient, tmp_path: Path) -> TestClient:
    """A model that passes all, one that passes none, and one that was broken off."""
    write_judged_run(tmp_path / "all", dict.fromkeys(CASES, True), model="good")
    write_judged_run(tmp_path / "none", dict.fromkeys(CASES, False), model=HOSTILE)
    write_judged_run(tmp_path / "some", dict.fromkeys(CASES, True), model="hasty")
    _break_off(tmp_path / "some", 3)
    lab.follower.catch_up()
    return open_client(lab)


def _rows(page: str, title: str) -> list[str]:
    """Return the words of each row of the table that is called so."""
    table = page.partition(f'aria-labelledby="{title}"')[2].partition("</table>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", table.partition("<tbody>")[2], re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in rows]


def test_models_are_ranked_on_the_set(client: TestClient) -> None:
    """Eight of eight against none: exact McNemar says surely."""
    page = client.get("/ui/leaderboard").text
    good, bad = _rows(page, "ranked-title")
    assert good.startswith("1 good 1 run")
    assert "100 %" in good
    assert "all others" in good
    assert "$0.0100" in good
    assert bad.startswith("2 maker/&lt;img src=x onerror=alert(1)&gt; 1 run")
    assert "no pass" in bad


def test_what_has_not_run_the_whole_set_is_apart(client: TestClient) -> None:
    """Though it passed all that it tried."""
    (row,) = _rows(client.get("/ui/leaderboard").text, "apart-title")
    assert row.startswith("hasty")
    assert "5 of 8 cases not tried" in row
    assert "case-3, case-4, case-5, …" in row


def test_every_two_are_told_apart(client: TestClient) -> None:
    """With the difference in points and its p-value."""
    rows = _rows(client.get("/ui/leaderboard").text, "pairs-title")
    assert rows[0] == "good · +100.0 p 0.008"
    assert rows[1].endswith("\N{MINUS SIGN}100.0 p 0.008 ·")


def test_a_models_place_opens_what_it_was_computed_from(client: TestClient) -> None:
    """Its cases, and from there their histories and its runs."""
    page = client.get("/ui/leaderboard").text
    case_set = re.findall(r"set=([0-9a-f]{16})&amp;model=good", page)[0]
    assert f'href="/ui/?case_set={case_set}&amp;model=good"' in page
    shown = client.get("/ui/leaderboard/model", params={"set": case_set, "model": HOSTILE})
    assert shown.status_code == 200
    assert "<img" not in shown.text
    assert len(re.findall(r'href="/ui/cases/case-\d\?mode=crawl"', shown.text)) == 8
    assert client.get("/ui/leaderboard", params={"set": case_set}).text.count(" selected>") == 1


@pytest.mark.parametrize("query", [{}, {"set": "nobody", "model": "good"}])
def test_a_model_that_is_not_there_is_404(client: TestClient, query: dict[str, str]) -> None:
    """Whatever was typed."""
    assert client.get("/ui/leaderboard/model", params=query).status_code == 404


def test_an_unknown_set_says_so(client: TestClient) -> None:
    """It may have been there when the address was kept."""
    assert "Nobody has run this set" in client.get("/ui/leaderboard?set=ffffffffffffffff").text


def test_a_lab_without_runs_has_a_leaderboard(lab: Lab, open_client: OpenClient) -> None:
    """It says what will stand there."""
    assert "No model has run a set of cases yet" in open_client(lab).get("/ui/leaderboard").text


def test_the_best_of_several_tries_stands_in_a_column_that_says_so(
    lab: Lab, open_client: OpenClient, tmp_path: Path
) -> None:
    """Only where there are several."""
    write_judged_run(tmp_path / "once", dict.fromkeys(CASES, True), model="good")
    lab.follower.catch_up()
    client = open_client(lab)
    assert "Best of its tries" not in client.get("/ui/leaderboard").text
    write_judged_run(tmp_path / "twice", dict.fromkeys(CASES, True), model="good", trials=2)
    lab.follower.catch_up()
    assert "Best of its tries" in client.get("/ui/leaderboard").text
