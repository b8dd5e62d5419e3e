"""The API's routes for tags, notes and reviews: what was added is in the run's files, and in the index at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from judged_run import POLITE, write_judged_run
from starlette.testclient import TestClient

from evalkit.lab.index.rows import RunQuery
from evalkit.lab.lab import Lab
from evalkit.lab.people.reviews import read_reviews

OpenClient = Callable[[Lab], TestClient]
QUESTION = {"grader_id": POLITE, "turn_index": 1}


@pytest.fixture
def root(lab: Lab, tmp_path: Path) -> Path:
    """A run of two cases, one of which a judge was asked about."""
    run = write_judged_run(tmp_path / "run", {"a": True, "b": False}, verdicts={"a": 1.0})
    lab.follower.catch_up()
    return run.root


def _id(lab: Lab) -> str:
    return lab.index.list_runs(RunQuery()).rows[0].id


def test_tags_are_found_at_once(lab: Lab, root: Path, open_client: OpenClient) -> None:
    """Without waiting for the follower."""
    client, run_id = open_client(lab), _id(lab)
    added = client.post(f"/runs/{run_id}/tags", json={"add": ["release 2", "baseline"], "by": "ann"})
    assert (added.status_code, added.json()) == (200, {"tags": ["baseline", "release 2"]})
    assert [run.id for run in lab.index.list_runs(RunQuery(tag="release 2")).rows] == [run_id]
    taken = client.post(f"/runs/{run_id}/tags", json={"remove": ["release 2"]})
    assert taken.json() == {"tags": ["baseline"]}
    assert lab.index.list_runs(RunQuery(tag="release 2")).rows == ()


def test_notes_are_kept(lab: Lab, root: Path, open_client: OpenClient) -> None:
    """On the run, or on a case-trial."""
    client, run_id = open_client(lab), _id(lab)
    made = client.post(f"/runs/{run_id}/notes", json={"text": "<img src=x>", "by": "ann", "key": "a"})
    assert made.status_code == 201
    assert client.get(f"/runs/{run_id}/notes").json() == [made.json()]
    assert made.json()["text"] == "<img src=x>"
    run = lab.index.get_run(run_id)
    assert run is not None
    assert run.notes == 1


@pytest.mark.parametrize(
    ("review", "answer"),
    [
        ({"label": "pass", **QUESTION}, {"verdict": "pass", "agrees": True}),
        ({"label": "fail", **QUESTION, "blind": True}, {"verdict": "pass", "agrees": False}),
        ({"label": "unsure", **QUESTION}, {"verdict": "pass", "agrees": None}),
        ({"label": "pass"}, {"verdict": "pass", "agrees": True}),
    ],
)
def test_a_review_says_what_the_grader_says(
    lab: Lab, root: Path, open_client: OpenClient, review: dict[str, Any], answer: dict[str, Any]
) -> None:
    """The case as a whole is a question too."""
    client, run_id = open_client(lab), _id(lab)
    made = client.post(f"/runs/{run_id}/cases/a/reviews", json={**review, "by": "ann"})
    assert (made.status_code, made.json()) == (201, answer)
    (kept,) = read_reviews(root)
    assert (kept.by, kept.label, kept.blind, kept.verdict) == ("ann", review["label"], "blind" in review, "pass")
    assert client.get(f"/runs/{run_id}/reviews").json()[0]["key"] == "a"
    run = lab.index.get_run(run_id)
    assert run is not None
    assert run.reviews == 1


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/runs/nobody/tags", {"add": ["x"]}, 404),
        ("/runs/{}/tags", {"add": ["a,b"]}, 422),
        ("/runs/{}/tags", {"add": "x"}, 422),
        ("/runs/{}/notes", {"text": "  "}, 422),
        ("/runs/{}/notes", {"text": "x", "by": "a\nb"}, 422),
        ("/runs/{}/cases/nobody/reviews", {"label": "pass"}, 422),
        ("/runs/{}/cases/b/reviews", {"label": "pass", **QUESTION}, 422),
        ("/runs/{}/cases/a/reviews", {"label": "perhaps"}, 422),
        ("/runs/{}/cases/%2e%2e%2fetc/reviews", {"label": "pass"}, 404),
    ],
)
def test_what_cannot_be_kept_is_refused(
    lab: Lab, root: Path, open_client: OpenClient, path: str, body: dict[str, Any], status: int
) -> None:
    """With the reason; nothing is written."""
    before = sorted(file.name for file in root.iterdir())
    answer = open_client(lab).post(path.format(_id(lab)), json=body)
    assert answer.status_code == status
    assert answer.json()["detail"]
    assert sorted(file.name for file in root.iterdir()) == before


def test_a_read_only_lab_takes_nothing(lab: Lab, root: Path, open_client: OpenClient) -> None:
    """It shows all the same."""
    still = replace(lab, settings=replace(lab.settings, read_only=True))
    client, run_id = open_client(still), _id(lab)
    for path, body in (("tags", {"add": ["x"]}), ("notes", {"text": "x"}), ("cases/a/reviews", {"label": "pass"})):
        assert client.post(f"/runs/{run_id}/{path}", json=body).status_code == 403
    assert client.get(f"/runs/{run_id}/notes").json() == []


def test_grades_that_cannot_be_read_are_said(lab: Lab, root: Path, open_client: OpenClient) -> None:
    """A damaged run cannot be reviewed."""
    run_id = _id(lab)
    (root / "provenance.json").write_text("[")
    answer = open_client(lab).post(f"/runs/{run_id}/cases/a/reviews", json={"label": "pass"})
    assert answer.status_code in (404, 422)
