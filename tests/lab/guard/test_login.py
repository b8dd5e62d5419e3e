"""The login: the token once, then a session that a browser sends to this lab only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from evalkit.lab.application import open_lab
from evalkit.lab.guard.failed_logins import ALLOWED
from evalkit.lab.lab import Lab
from evalkit.lab.settings import LabSettings


@pytest.fixture
def far_lab(lab_settings: LabSettings) -> Lab:
    """A lab that others reach."""
    return open_lab(replace(lab_settings, host="lab.example"))


def test_the_token_opens_a_session(far_lab: Lab, open_client: Callable[[Lab], TestClient]) -> None:
    """Its cookie is out of reach of scripts and of other sites; logged out, it is worth nothing any more."""
    client = open_client(far_lab)
    answer = client.post("/login", data={"token": far_lab.access.make_token()}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/ui/")
    cookie = answer.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=strict", "Path=/"))
    kept = client.cookies["evalkit_session"]
    assert client.get("/nothing").status_code == 404
    assert client.post("/logout").headers["hx-redirect"] == "/login"
    assert client.get("/nothing").status_code == 401
    assert client.get("/nothing", headers={"cookie": f"evalkit_session={kept}"}).status_code == 401


def test_a_wrong_token_opens_nothing(far_lab: Lab, open_client: Callable[[Lab], TestClient]) -> None:
    """And is said on the page; after a few, even the right one waits."""
    client = open_client(far_lab)
    token = far_lab.access.make_token()
    for _ in range(ALLOWED):
        answer = client.post("/login", data={"token": "<b>guess</b>"})
        assert answer.status_code == 401
        assert "That is not the token" in answer.text
        assert "guess" not in answer.text
        assert "set-cookie" not in answer.headers
    assert client.post("/login", data={"token": token}).status_code == 429


def test_another_site_cannot_log_a_browser_in(far_lab: Lab, open_client: Callable[[Lab], TestClient]) -> None:
    """The form is taken from our own page only."""
    sent = {"origin": "http://evil.test", "sec-fetch-site": "cross-site"}
    token = far_lab.access.make_token()
    assert open_client(far_lab).post("/login", data={"token": token}, headers=sent).status_code == 403


def test_a_lab_without_a_token_needs_no_login(lab: Lab, open_client: Callable[[Lab], TestClient]) -> None:
    """Whoever comes there all the same is led on."""
    assert open_client(lab).get("/login", follow_redirects=False).headers["location"] == "/ui/"
