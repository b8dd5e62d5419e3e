"""One error shape for every HTTP route."""

from __future__ import annotations

import httpx2
import pytest


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/responses", 405),
        ("POST", "/responses", 400),
        ("POST", "/audio/transcriptions", 415),
    ],
)
async def test_errors_have_one_shape(service_url, method, path, status):
    """Every refusal is JSON with the API's error object."""
    async with httpx2.AsyncClient() as http:
        answer = await http.request(method, service_url + path, content=b"{")
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"type", "code", "message", "param"}


async def test_engine_failures_are_status_500(service_url):
    """An engine that fails is the server's fault, and says so in the same shape."""
    body = {"model": "local-speech", "voice": "marin", "input": "unspeakable", "response_format": "wav"}
    async with httpx2.AsyncClient() as http:
        answer = await http.post(f"{service_url}/audio/speech", json=body)
    assert (answer.status_code, answer.json()["error"]["type"]) == (500, "server_error")
