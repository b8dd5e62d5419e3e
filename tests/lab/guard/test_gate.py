"""The gate: what comes from where it may goes through, everything else ends before a room sees it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from evalkit.lab.guard.access import Access
from evalkit.lab.guard.failed_logins import ALLOWED, FailedLogins
from evalkit.lab.guard.gate import BODY_BYTES, SELF_ONLY, Gate
from evalkit.lab.settings import LabSettings
from evalkit.settings.addresses import Addresses

HOST = "127.0.0.1:8321"
OWN = f"http://{HOST}"
FOREIGN = "http://evil.test"


async def _echo(request: Request) -> Response:
    body = await request.body()
    headers = {"content-security-policy": "sandbox"} if request.url.path == "/sandboxed" else None
    return JSONResponse({"length": len(body)}, headers=headers)


async def _greet(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("hello")
    await socket.close()


ROOM = Starlette(
    routes=[
        WebSocketRoute("/stream", _greet),
        Route("/{path:path}", _echo, methods=["GET", "POST", "DELETE", "PUT"]),
    ]
)


def _open(settings: LabSettings, *, demanded: bool = False) -> tuple[TestClient, Access]:
    access = Access(settings.home, demanded=demanded)
    gate = Gate(ROOM, Addresses(settings.host, settings.port), access, FailedLogins())
    return TestClient(gate, base_url=OWN, follow_redirects=False), access


@pytest.fixture
def client(lab_settings: LabSettings) -> TestClient:
    """A client of a lab that demands no token."""
    return _open(lab_settings)[0]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"host": "evil.test:8321"}, 400),
        ({"host": "127.0.0.1"}, 400),
        ({"origin": OWN}, 200),
        ({"origin": FOREIGN}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:8322"}, 403),
        ({"origin": f"{OWN}.evil.test"}, 403),
        ({"origin": f"https://{HOST}"}, 403),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}, 200),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}, 403),
    ],
)
def test_who_may_look(client: TestClient, headers: dict[str, str], status: int) -> None:
    """A link from elsewhere may be followed to a page; nothing else of another site's reaches the lab."""
    assert client.get("/ui/runs/x", headers=headers).status_code == status


def test_a_link_from_elsewhere_leads_to_pages_only(client: TestClient) -> None:
    """Neither to the data nor to an artifact, and it changes nothing."""
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert client.get("/", headers=link).status_code == 200
    assert client.get("/artifacts/r/page.html", headers=link).status_code == 403
    assert client.post("/ui/runs", headers=link).status_code == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": OWN, "x-evalkit-token": "CSRF"}, 200),
        ({"origin": OWN}, 403),
        ({"origin": OWN, "x-evalkit-token": "guess"}, 403),
        ({"origin": OWN, "x-evalkit-token": "gu\xe9ss"}, 403),
        ({"origin": FOREIGN, "x-evalkit-token": "CSRF"}, 403),
        ({"cookie": "a=b"}, 403),
        ({"sec-fetch-mode": "no-cors"}, 403),
        ({}, 200),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
        ({"content-type": "application/json; charset=utf-8"}, 200),
        ({"content-encoding": "gzip"}, 415),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_who_may_change(lab_settings: LabSettings, method: str, headers: dict[str, str], status: int) -> None:
    """A browser needs our page's secret; a program, which has neither Origin nor cookie, sends JSON."""
    client, access = _open(lab_settings)
    sent = {name: access.csrf if value == "CSRF" else value.encode("latin-1") for name, value in headers.items()}
    assert client.request(method, "/runs", headers=sent).status_code == status  # type: ignore[arg-type]


def test_no_body_is_larger_than_any_that_means_well(client: TestClient) -> None:
    """Announced or not, it is not read to its end."""
    assert client.post("/runs", content=b"x" * BODY_BYTES).json() == {"length": BODY_BYTES}
    assert client.post("/runs", content=b"x" * (BODY_BYTES + 1)).status_code == 413

    def unannounced() -> Iterator[bytes]:
        for _ in range(BODY_BYTES // 65536 + 1):
            yield b"x" * 65536

    assert client.post("/runs", content=unannounced()).status_code == 413
    assert client.post("/runs", headers={"content-length": "-1"}).status_code == 413


def test_no_address_is_longer_than_any_that_means_well(client: TestClient) -> None:
    """Neither the path nor the query."""
    assert client.get("/runs?text=" + "x" * 8000).status_code == 200
    assert client.get("/runs?text=" + "x" * 9000).status_code == 414
    assert client.get("/" + "x" * 9000).status_code == 414


def test_no_address_has_a_nul(client: TestClient) -> None:
    """Databases stumble over it."""
    assert client.get("/runs/a%00b").status_code == 400
    assert client.get("/runs?text=a%00b").status_code == 400


def test_every_answer_says_what_a_browser_may_do_with_it(client: TestClient) -> None:
    """Also a refusal; what a room says itself about its content stands."""
    for headers in ({}, {"host": "evil.test"}):
        answer = client.get("/runs", headers=headers)
        assert answer.headers["content-security-policy"] == SELF_ONLY
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
    assert client.get("/sandboxed").headers["content-security-policy"] == "sandbox"


def _say_hello(client: TestClient, headers: dict[str, str]) -> str:
    with client.websocket_connect(f"ws://{HOST}/stream", headers=headers) as socket:
        return str(socket.receive_text())


@pytest.mark.parametrize("headers", [{"origin": OWN}, {"origin": OWN, "cookie": "a=b"}, {}])
def test_a_page_of_ours_and_a_program_may_listen(client: TestClient, headers: dict[str, str]) -> None:
    """Browsers always send an Origin with a WebSocket."""
    assert _say_hello(client, headers) == "hello"


@pytest.mark.parametrize(
    "headers",
    [{"origin": FOREIGN}, {"origin": "null"}, {"cookie": "a=b"}, {"host": "evil.test:8321"}],
)
def test_nobody_else_may_listen(client: TestClient, headers: dict[str, str]) -> None:
    """It is refused before it is opened."""
    with pytest.raises(WebSocketDisconnect):
        _say_hello(client, headers)


def test_without_the_token_nobody_comes_in_where_it_is_demanded(lab_settings: LabSettings) -> None:
    """A program is told, a person led to the login; what the login needs is open."""
    client, access = _open(replace(lab_settings, host="127.0.0.1"), demanded=True)
    token = access.make_token()
    refused = client.get("/runs")
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    page = client.get("/ui/", headers={"accept": "text/html"})
    assert (page.status_code, page.headers["location"]) == (303, "/login")
    for path in ("/login", "/health", "/ui/assets/lab.css"):
        assert client.get(path).status_code == 200
    assert client.get("/ui/assetsx").status_code == 401
    with pytest.raises(WebSocketDisconnect):
        _say_hello(client, {})
    bearer = {"authorization": f"Bearer {token}"}
    assert client.get("/runs", headers=bearer).status_code == 200
    assert client.post("/runs", headers=bearer).status_code == 200
    assert _say_hello(client, bearer) == "hello"


def test_a_session_stands_for_the_token(lab_settings: LabSettings) -> None:
    """A forged one does not; with a session a change needs our page's secret as well."""
    client, access = _open(lab_settings, demanded=True)
    access.make_token()
    cookie = {"cookie": f"other=1; evalkit_session={access.open_session()}"}
    forged = {"cookie": "evalkit_session=" + "A" * 43}
    assert client.get("/runs", headers=cookie).status_code == 200
    assert client.get("/runs", headers=forged).status_code == 401
    assert client.post("/runs", headers={**cookie, "origin": OWN}).status_code == 403
    own: dict[str, Any] = {**cookie, "origin": OWN, "x-evalkit-token": access.csrf}
    assert client.post("/runs", headers=own).status_code == 200


def test_a_program_that_guesses_has_to_wait(lab_settings: LabSettings) -> None:
    """Also with the right token then: otherwise its wait would tell."""
    client, access = _open(lab_settings, demanded=True)
    token = access.make_token()
    for _ in range(ALLOWED):
        assert client.get("/runs", headers={"authorization": "Bearer guess"}).status_code == 401
    answer = client.get("/runs", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 61
