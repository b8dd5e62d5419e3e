"""A chat endpoint and every way in which one differs or fails, over a real socket."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

import pytest
from scripted_chat import Script, chunk, event, finish, refusal, serving_scripts, stream, whole, words

from evalkit.errors import ConfigError
from evalkit.service.brain.chat.endpoint import MAX_ANSWER_BYTES, ChatEndpoint, chat_endpoint
from evalkit.service.brain.chat.failures import BrainFailure

BODY = {"model": "m", "messages": [{"role": "user", "content": "Hi."}]}
KEY = "sk-very-secret"


async def _read(endpoint: ChatEndpoint) -> list[Mapping[str, Any]]:
    try:
        return [part async for part in endpoint.complete(BODY)]
    finally:
        await endpoint.aclose()


def _said(chunks: list[Mapping[str, Any]]) -> str:
    deltas = [choice.get("delta") or choice.get("message") or {} for part in chunks for choice in part["choices"]]
    return "".join(delta.get("content") or "" for delta in deltas)


async def test_a_stream() -> None:
    """Chunk by chunk, comments, empty lines and events without data passed over; the usage is asked for."""
    comments = [b": OPENROUTER PROCESSING\n\n", b"\n", b"retry: 500\n\n", b"event: message\r\n"]
    script = stream(comments, words("Hel", "lo."), b": ping\n\n", finish(usage={"prompt_tokens": 3}))
    with serving_scripts(script) as server:
        chunks = await _read(ChatEndpoint(server.url, KEY))
    assert _said(chunks) == "Hello."
    assert chunks[-1]["usage"] == {"prompt_tokens": 3}
    assert server.asked == [{**BODY, "stream": True, "stream_options": {"include_usage": True}}]
    assert server.keys == [f"Bearer {KEY}"]


async def test_options_go_with_every_request() -> None:
    """As the endpoint names them; what is null does not, and what a brain asks by itself is no option."""
    told = chat_endpoint("http://h/v1", None, '{"temperature": 0, "seed": null, "chat_template_kwargs": {"a": false}}')
    assert told.options == {"temperature": 0, "chat_template_kwargs": {"a": False}}
    with serving_scripts(stream(words("Hi."), finish())) as server:
        endpoint = ChatEndpoint(server.url, options=told.options)
        await _read(endpoint)
    (asked,) = server.asked
    assert {name: asked[name] for name in told.options} == told.options
    assert {name: asked[name] for name in BODY} == BODY
    for wrong in ("temperature=0", "[1]", '"x"', "7", '{"tools": []}', '{"model": "m", "temperature": 0}', ""):
        if wrong:
            with pytest.raises(ConfigError, match=r"service\.brain_options \(--brain-options\): "):
                chat_endpoint("http://h/v1", None, wrong)


async def test_without_a_key_none_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even one that the environment holds for somebody else."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving_scripts(stream(words("Hi."), finish())) as server:
        await _read(ChatEndpoint(server.url))
    assert server.keys == [None]


async def test_one_that_does_not_stream_is_read_whole() -> None:
    """And one that does not know `stream_options` is asked without them."""
    refused = refusal(400, {"error": {"message": "Unknown field: stream_options"}})
    with serving_scripts(refused, whole({"content": "Hello."})) as server:
        assert _said(await _read(ChatEndpoint(server.url))) == "Hello."
    assert ["stream_options" in asked for asked in server.asked] == [True, False]


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (refusal(401, {"error": {"message": f"bad key {KEY}"}}), "invalid_api_key"),
        (refusal(429, {"error": {"message": "slow down"}}), "rate_limit_exceeded"),
        (refusal(503, {"error": {"message": "busy"}}), "server_error"),
        (refusal(307, {}, Location="http://elsewhere.invalid/v1"), "not_found"),
        (stream(words("Hel")), "connection_closed"),
        (stream(words("Hel"), breaks=True), "connection_closed"),
        (stream(words("Hel"), event({"error": {"message": "CUDA out of memory"}})), "server_error"),
        (stream(words("Hel"), event({"error": {"code": 429, "message": "slow"}})), "rate_limit_exceeded"),
        (stream(words("Hel"), chunk({}, "error")), "server_error"),
        (stream(b"data: {not json}\n\n"), "invalid_response"),
        (Script([b"<html>"], content_type="text/html"), "invalid_response"),
        (Script([b'{"hello": 1}'], content_type="application/json"), "invalid_response"),
        (stream([chunk({"content": "x" * 100_000})] * 100, finish()), "answer_too_large"),
        (stream([b"data: " + b"x" * 100_000] + [b"x" * 100_000] * 100), "answer_too_large"),
        (Script([b"[" + b"1," * (MAX_ANSWER_BYTES // 2) + b"1]"], content_type="application/json"), "answer_too_large"),
    ],
)
async def test_failures(script: Script, code: str) -> None:
    """Each in the protocol's words, without the key."""
    with serving_scripts(script) as server, pytest.raises(BrainFailure) as failed:
        await _read(ChatEndpoint(server.url, KEY, "MY_KEY"))
    assert failed.value.code == code
    assert KEY not in failed.value.message


async def test_one_that_falls_silent() -> None:
    """Before its answer, or in the middle of it."""
    may_end = threading.Event()
    for parts in ([may_end.wait], [words("Hel"), may_end.wait]):
        with serving_scripts(stream(*parts, finish())) as server:
            with pytest.raises(BrainFailure) as failed:
                await _read(ChatEndpoint(server.url, silence_timeout_s=0.3))
            may_end.set()
        may_end.clear()
        assert failed.value.code == "request_timeout"
        assert "0.3 s" in failed.value.message


async def test_nobody_there() -> None:
    """Says so, and what to look at."""
    with serving_scripts(stream()) as server:
        url = server.url
    with pytest.raises(BrainFailure, match="is the server running") as failed:
        await _read(ChatEndpoint(url))
    assert failed.value.code == "connection_refused"


async def test_who_reads_no_further_hangs_up() -> None:
    """Closing the generator closes the connection, while the model is still writing."""
    may_end = threading.Event()
    script = stream(words("Hel"), may_end.wait, [chunk({"content": "lo " * 1000})] * 2000, finish())
    with serving_scripts(script) as server:
        endpoint = ChatEndpoint(server.url)
        async with aclosing(endpoint.complete(BODY)) as chunks:
            async for part in chunks:
                if _said([part]) == "Hel":
                    break
        may_end.set()
        assert server.was_left.wait(10)
        await endpoint.aclose()


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The URL, the variable; a value that cannot be a key is not shown."""
    with pytest.raises(ConfigError, match=r"service\.brain_url \(--brain-url\): needed"):
        chat_endpoint(None, None)
    monkeypatch.delenv("MY_KEY", raising=False)
    with pytest.raises(ConfigError, match="MY_KEY is not set"):
        chat_endpoint("http://h/v1", "MY_KEY")
    monkeypatch.setenv("MY_KEY", "two words")
    with pytest.raises(ConfigError, match="cannot be a key") as refused:
        chat_endpoint("http://h/v1", "MY_KEY")
    assert "two words" not in str(refused.value)
    monkeypatch.setenv("MY_KEY", f" {KEY}\n")
    endpoint = chat_endpoint("http://h/v1", "MY_KEY")
    assert endpoint.key == KEY
    assert KEY not in repr(endpoint)
