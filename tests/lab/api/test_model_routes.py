"""Models over HTTP, as clients of an older dashboard ask for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from labs import make_lab
from stand_ins import standing_in
from starlette.testclient import TestClient
from stored_runs import write_crawl

from evalkit.lab.lab import Lab


@pytest.fixture
def client(tmp_path: Path, open_client: Callable[[Lab], TestClient]) -> TestClient:
    """A client of a lab with a run of ``own-model``."""
    write_crawl(tmp_path / "outputs" / "run", "own-model")
    return open_client(make_lab(tmp_path))


def test_what_is_known_of_a_model(client: TestClient) -> None:
    """One that has run is known, whoever serves it; what only its maker knows is null."""
    answer = client.get("/models/capabilities", params={"model_id": " own-model "}).json()
    assert (answer["model_id"], answer["has_run"], answer["price_usd"]) == ("own-model", True, None)
    assert answer["supports_thinking"] is None
    named = ("supported_parameters", "suggested_levels", "thinking_variant", "supports_budget_tokens")
    assert all(name in answer for name in named)


@pytest.mark.parametrize(("query", "status"), [("", 422), ("?model_id=", 400), ("?model_id=%20", 400)])
def test_a_model_has_to_be_named(client: TestClient, query: str, status: int) -> None:
    """It is said what is missing."""
    answer = client.get(f"/models/capabilities{query}")
    assert answer.status_code == status
    assert "model_id" in answer.text


def test_an_unknown_model_is_not_found(client: TestClient) -> None:
    """In a sentence."""
    answer = client.get("/models/capabilities?model_id=nobody/knows-this")
    assert answer.status_code == 404
    assert "not found" in answer.json()["detail"]


def test_a_model_that_only_lm_studio_has_is_known(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what it says of it."""
    with standing_in() as studio:
        monkeypatch.setattr("evalkit.lab.api.model_routes.studio_url", lambda _: studio.url)
        studio.models = {"maker/coder": ["maker/coder"]}
        answer = client.get("/models/capabilities?model_id=maker/coder").json()
        assert (answer["model_id"], answer["providers"], answer["is_loaded"]) == ("maker/coder", ["lmstudio"], True)
        assert [model["id"] for model in client.get("/models/lmstudio").json()["models"]] == ["maker/coder"]


def test_where_no_lm_studio_is_that_is_said(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list is empty, and its address and the reason stand beside it."""
    monkeypatch.setattr("evalkit.lab.api.model_routes.studio_url", lambda _: "http://127.0.0.1:9/v1")
    answer = client.get("/models/lmstudio").json()
    assert answer["base_url"] == "http://127.0.0.1:9/v1"
    assert answer["models"] == []
    assert answer["trouble"]
