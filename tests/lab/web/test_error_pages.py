"""People get a page that says what is wrong; programs and parts of pages get JSON."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from evalkit.errors import ConfigError
from evalkit.lab.application import make_application
from evalkit.lab.lab import Lab
from evalkit.settings.addresses import Addresses

PERSON = {"accept": "text/html,application/xhtml+xml"}


@pytest.fixture
def client(lab: Lab) -> TestClient:
    application = make_application(lab)

    @application.get("/broken")
    def broken() -> None:
        raise ZeroDivisionError("secret of the house")

    @application.get("/wrong")
    def wrong() -> None:
        raise ConfigError("config.yaml: <b>holds</b> nothing")

    return TestClient(
        application, base_url=Addresses(lab.settings.host, lab.settings.port).url, raise_server_exceptions=False
    )


def test_a_page_that_is_not_there(lab: Lab, open_client: Callable[[Lab], TestClient]) -> None:
    client = open_client(lab)
    page = client.get("/ui/nowhere", headers=PERSON)
    assert page.status_code == 404
    assert "There is no such page" in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert client.get("/ui/nowhere").json() == {"detail": "Not Found"}


def test_a_part_gets_words_that_the_page_can_show(client: TestClient) -> None:
    part = client.get("/wrong", headers={**PERSON, "HX-Request": "true", "HX-Request-Type": "partial"})
    assert (part.status_code, part.json()["detail"]) == (422, "config.yaml: <b>holds</b> nothing")


def test_a_user_s_error_is_told_and_escaped(client: TestClient) -> None:
    page = client.get("/wrong", headers=PERSON)
    assert page.status_code == 422
    assert "config.yaml: &lt;b&gt;holds" in page.text


def test_a_defect_is_told_without_its_secrets(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    for headers in (PERSON, {}):
        answer = client.get("/broken", headers=headers)
        assert answer.status_code == 500
        assert "secret of the house" not in answer.text
        assert "ZeroDivisionError" in answer.text
    assert "secret of the house" in caplog.text


def test_what_is_no_text_is_told_without_it(lab: Lab, open_client: Callable[[Lab], TestClient]) -> None:
    """Half of a surrogate pair cannot be sent back; what is wrong with it can."""
    client = open_client(lab)
    sent = {"content": '{"line": "\\ud800"}', "headers": {"content-type": "application/json"}}
    answer = client.post("/launches/parse", **sent)  # type: ignore[arg-type]
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "line"]
    assert "input" not in answer.json()["detail"][0]
    sent["headers"] = {**PERSON, "content-type": "application/json"}  # type: ignore[dict-item]
    page = client.post("/launches/parse", **sent)  # type: ignore[arg-type]
    assert (page.status_code, "That makes no sense" in page.text) == (422, True)
