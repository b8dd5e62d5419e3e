"""The page of models, and its part that LM Studio is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from labs import make_lab
from stand_ins import standing_in
from starlette.testclient import TestClient
from stored_runs import write_coding

from evalkit.lab.lab import Lab
from evalkit.lab.models import ProviderPreset


def _lmstudio(url: str) -> list[ProviderPreset]:
    return [ProviderPreset("lmstudio", "", url, None, has_key=False, text_api="chat", models={})]


def test_models_prices_and_keys_are_shown(
    lab: Lab, open_client: Callable[[Lab], TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a key is, is shown nowhere; LM Studio is asked afterwards, so that nobody waits for it."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-0123456789")
    monkeypatch.delenv("OPENROUTER_API_KEY", raising=False)
    page = open_client(lab).get("/ui/models")
    assert page.status_code == 200
    assert "gpt-realtime" in page.text
    assert "$32.00" in page.text
    assert "sk-canary" not in page.text
    rows = {row.partition("</code>")[0]: row for row in page.text.split("<code>provider=")[2:]}
    assert "set</span> <code>OPENAI_API_KEY" in rows["openai"]
    assert "not set</span> <code>OPENROUTER_API_KEY" in rows["openrouter"]
    assert 'hx-get="/ui/models/lmstudio"' in page.text


def test_lm_studios_models_are_a_part_of_it(
    lab: Lab, open_client: Callable[[Lab], TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever they are called; and where it is not there, what to do."""
    client = open_client(lab)
    with standing_in() as server:
        monkeypatch.setattr("evalkit.lab.web.models.list_providers", lambda _: _lmstudio(server.url))
        server.models = {"maker/<img src=x onerror=alert(1)>": ["one", "two"], "b": []}
        part = client.get("/ui/models/lmstudio").text
        assert "<html" not in part
        assert "1 of 2 loaded" in part
        assert "maker/&lt;img" in part
        assert "one, two" in part
        assert "/ui/launch?mode=coding&amp;set=provider%3Dlmstudio&amp;set=assistant.model%3Db" in part
        server.models = {}
        assert "lms get" in client.get("/ui/models/lmstudio").text
        server.models, server.older_models = None, {"c": "loaded"}
        assert "cannot load by its REST API" in client.get("/ui/models/lmstudio").text
    assert "no server listens there" in client.get("/ui/models/lmstudio").text


def test_a_read_only_lab_shows_it_too(lab: Lab, open_client: Callable[[Lab], TestClient]) -> None:
    still = replace(lab, settings=replace(lab.settings, read_only=True))
    assert open_client(still).get("/ui/models").status_code == 200


def test_models_that_ran_lead_to_their_runs(tmp_path: Path, open_client: Callable[[Lab], TestClient]) -> None:
    """And stand first."""
    write_coding(tmp_path / "outputs" / "one")
    lab = make_lab(tmp_path)
    model = "coder-a"
    page = open_client(lab).get("/ui/models").text
    assert f'<a href="/ui/?model={quote(model)}">' in page
    first = page.partition("<tbody>")[2].partition("</tr>")[0]
    assert f'<span class="mono">{model}</span>' in first
