"""The routes, and what they have in common."""

from __future__ import annotations

import httpx2
import pytest
from openai import AsyncOpenAI, NotFoundError


async def test_models(client: AsyncOpenAI):
    """All models are listed, the thinking ones and those of the audio routes."""
    names = [model.id async for model in client.models.list()]
    assert names == ["parrot", "caller", "unsure", "local-echo", "local-speech", "local-transcription"]


async def test_unknown_models(client: AsyncOpenAI):
    """A model that is not there is status 404 with the code clients look for."""
    with pytest.raises(NotFoundError) as refusal:
        await client.responses.create(model="gpt-7", input="Hi.")
    assert refusal.value.code == "model_not_found"
    with pytest.raises(NotFoundError):
        await client.audio.speech.create(model="tts-9", voice="marin", input="Hi.")


async def test_health_counts_what_was_paid(service_url, client: AsyncOpenAI):
    """The counters tell computed from cached."""

    async def counters() -> dict[str, int]:
        async with httpx2.AsyncClient() as http:
            answer = (await http.get(service_url.removesuffix("/v1") + "/healthz")).json()
        assert answer["status"] == "ready"
        return answer["counters"]

    before = await counters()
    for _ in range(3):
        await client.audio.speech.create(model="local-speech", voice="cedar", input="Count me.", response_format="pcm")
    after = await counters()
    assert after["syntheses_computed"] - before["syntheses_computed"] == 1
    assert after["syntheses_cached"] - before["syntheses_cached"] == 2


async def test_azures_shape_over_http(guarded_url):
    """The HTTP routes answer under Azure's path too, with its header; without a key they are refused."""
    azure = guarded_url.replace("/v1", "/openai/v1")
    async with httpx2.AsyncClient() as http:
        assert (await http.get(f"{azure}/models", headers={"api-key": "sesame"})).status_code == 200
        refused = await http.get(f"{azure}/models")
        health = await http.get(guarded_url.removesuffix("/v1") + "/healthz")
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "invalid_api_key")
    assert health.status_code == 200


async def test_engines_are_loaded_when_asked_for(guarded_url):
    """Whoever has the key may have engines loaded; one that does not exist is refused."""
    root, key = guarded_url.removesuffix("/v1"), {"api-key": "sesame"}
    async with httpx2.AsyncClient() as http:
        assert (await http.post(f"{root}/warm", json={"engines": ["speech"]})).status_code == 401
        loaded = (await http.post(f"{root}/warm", json={"engines": ["speech"]}, headers=key)).json()
        assert loaded == {"loaded": ["speech"]}
        refused = await http.post(f"{root}/warm", json={"engines": ["ears"]}, headers=key)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "engines[0]")
