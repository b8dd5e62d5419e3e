"""Faults of the HTTP routes, as a client meets them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import orjson
import pytest

from evalkit.service.app import create_app
from evalkit.service.audio_engines import AudioEngines
from evalkit.service.brain.rules.brain import RulesBrain
from evalkit.service.faults.plan import parse_plan

JUDGED = {"model": "local-judge", "input": "Did it?"}
CALLED = {"model": "local-caller", "input": "Hello."}
SPOKEN = {"model": "local-speech", "input": "a lamp", "voice": "marin", "response_format": "pcm"}


@pytest.fixture
async def open_client(fake_speech, fake_transcription) -> AsyncIterator[object]:
    """Open a client of a service with a plan."""
    clients: list[httpx2.AsyncClient] = []

    def opened(plan: str) -> httpx2.AsyncClient:
        engines = AudioEngines(fake_speech, fake_transcription)
        app = create_app(brain=RulesBrain({}), engines=engines, faults=parse_plan(plan))
        clients.append(httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://service/v1"))
        return clients[-1]

    yield opened
    for client in clients:
        await client.aclose()


async def test_a_status_with_retry_after_for_one_role(open_client) -> None:
    """The judge is limited, a caller by text on the same route and the voice are not; it is counted."""
    client = open_client("http_status/role:judge/status:429/retry_after:3")
    limited = await client.post("/responses", json=JUDGED)
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "3")
    assert limited.json()["error"]["code"] == "rate_limit_exceeded"
    assert (await client.post("/responses", json=CALLED)).status_code == 404  # there is no such model here
    assert (await client.post("/audio/speech", json=SPOKEN)).status_code == 200
    assert (await client.get("http://service/healthz")).json()["counters"]["fault_http_status"] == 1


async def test_the_caller_by_text(open_client) -> None:
    """Told from the judge by its model."""
    client = open_client("http_status/role:caller/status:500")
    assert (await client.post("/responses", json=CALLED)).status_code == 500
    assert (await client.post("/responses", json=JUDGED)).status_code == 404


async def test_garbage_is_a_success_that_nobody_can_read(open_client) -> None:
    """Status 200, the right type, and no JSON."""
    answer = await open_client("http_garbage/role:judge").post("/responses", json=JUDGED)
    assert answer.status_code == 200
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(answer.content)


async def test_times_counts_the_same_request(open_client) -> None:
    """A second request with the same body is the second attempt; another body is a first one."""
    client = open_client("http_status/role:speech/times:1")
    statuses = [(await client.post("/audio/speech", json=SPOKEN)).status_code for _ in range(2)]
    assert statuses == [503, 200]
    assert (await client.post("/audio/speech", json={**SPOKEN, "input": "a vase"})).status_code == 503


async def test_a_sound_is_the_same_in_every_form(open_client, silence_wav: bytes) -> None:
    """A form's boundary is random and says nothing about the request."""
    client = open_client("http_status/role:transcription/times:1")

    async def post() -> int:
        form = {"model": (None, "local-transcription"), "file": ("a.wav", silence_wav)}
        return (await client.post("/audio/transcriptions", files=form)).status_code

    assert [await post(), await post()] == [503, 200]
