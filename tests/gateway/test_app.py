"""The gateway between an agent and its provider, over real sockets: what passes, what is said no to, what is noted."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from typing import Any

import httpx2
import pytest
from gateway_partner import (
    KEY,
    PROTOCOLS,
    TLS,
    WAYS,
    error_text,
    plain_answer,
    question,
    raw_provider,
    sse,
    talking,
    until,
)
from scripted_endpoint import (
    CallTool,
    Cut,
    FailInside,
    FailWith,
    Garbage,
    Hang,
    Rule,
    Say,
)

from evalkit.gateway.calls import ModelCall
from evalkit.gateway.upstream import Upstream

_TOOLS: dict[str, Any] = {
    "chat": [{"type": "function", "function": {"name": "write_file", "parameters": {}}}],
    "responses": [{"type": "function", "name": "write_file", "parameters": {}}],
    "messages": [{"name": "write_file", "input_schema": {}}],
    "gemini": [{"functionDeclarations": [{"name": "write_file"}]}],
}


@pytest.mark.parametrize(("protocol", "stream"), WAYS)
async def test_an_answer_passes_byte_for_byte_and_is_counted(protocol: str, stream: bool) -> None:
    """The agent gets what it would get without the gateway, and the call says what it was."""
    rules = [Rule("hello", [Say("I will write it. "), CallTool("write_file", {"path": "a"})])]
    path, body, headers = question(protocol, "hello", stream=stream)
    body["tools"] = _TOOLS[protocol]
    async with talking(rules, endpoint_key=None) as partner:
        straight = await partner.client.post(partner.endpoint.url + path, json=body, headers=headers)
        through = await partner.client.post(f"{partner.gateway.tcp_url}/w/s1{path}", json=body, headers=headers)
        assert through.status_code == straight.status_code == 200
        assert through.content == straight.content
        assert through.headers["content-type"] == straight.headers["content-type"]
        (call,) = partner.session.calls
    assert (call.protocol, call.model, call.answered_model, call.operation) == (protocol, "m", "m", "generate")
    assert (call.input_tokens, call.output_tokens, call.cached_tokens) == (11, 5, 4)
    assert (call.cost_usd, call.tools_called, call.streamed) == (0.16, ("write_file",), stream)
    assert (call.status, call.error_type, call.cut) == (200, "", False)
    assert call.finish in ("tool_calls", "completed", "tool_use", "STOP")
    assert call.bytes_in > 0
    assert call.bytes_out == len(through.content)
    assert call.first_byte_ms is not None
    assert 0 < call.first_byte_ms <= call.duration_ms
    assert (partner.session.tokens_in, partner.session.tokens_out, partner.session.cost_usd) == (11, 5, 0.16)
    assert partner.session.provider_errors == []
    assert partner.session.open_requests == 0


@pytest.mark.parametrize(("protocol", "stream"), WAYS)
async def test_the_real_key_goes_up_and_the_dummy_never_does(protocol: str, stream: bool) -> None:
    """The provider sees the key where its protocol has it, once, and nothing of the box's word for it."""
    async with talking() as partner:
        assert (await partner.ask(protocol, "hi", stream=stream)).status_code == 200
        (request,) = partner.endpoint.requests
    told = json.dumps([request.target, request.headers])
    assert "dummy" not in told
    assert told.count(KEY) == 1
    assert request.headers["accept-encoding"] == "identity"


_FAULTS: list[tuple[str, Any, str, int]] = [
    ("401", FailWith(401), "authentication_failed", 401),
    ("402", FailWith(402), "insufficient_quota", 402),
    ("403", FailWith(403), "authentication_failed", 403),
    ("404", FailWith(404), "not_found", 404),
    ("429", FailWith(429, headers={"retry-after": "7"}), "rate_limited", 429),
    ("500", FailWith(500), "server_error", 500),
    ("529", FailWith(529), "server_error", 529),
    ("hang", Hang(), "request_timeout", 504),
    ("no HTTP", Garbage("line"), "invalid_response", 502),
    ("a page", Garbage("page"), "invalid_response", 200),
    ("broken JSON", Garbage("json"), "invalid_response", 200),
    ("inside", FailInside(), "server_error", 200),
]


@pytest.mark.parametrize(("protocol", "stream"), WAYS)
async def test_every_fault_of_a_provider_is_noted_as_what_it_is(protocol: str, stream: bool) -> None:
    """The agent sees the provider's own error, or one in its protocol's form; the session knows whose it was."""
    rules = [Rule(f"^{name}$", [Say("one two three"), step]) for name, step, _, _ in _FAULTS]
    async with talking(rules, timeout_s=1.5) as partner:

        async def fail(name: str, status: int) -> tuple[str, str, int]:
            session = partner.gateway.open_session(f"of-{status}-{name.replace(' ', '-')}")
            answer = await partner.ask(protocol, name, stream=stream, session=session.session_id)
            (call,) = session.provider_errors
            assert call.status == answer.status_code
            assert call.message
            assert call.retry_after_s == (7.0 if name == "429" else None)
            assert answer.headers.get("retry-after") == ("7" if name == "429" else None)
            assert status < 400 or error_text(protocol, answer.json())
            assert name not in ("402", "429", "500") or call.cost_usd == 0.0
            return name, call.error_type, answer.status_code

        found = await asyncio.gather(*(fail(name, status) for name, _, _, status in _FAULTS))
    assert found == [(name, kind, status) for name, _, kind, status in _FAULTS]


async def test_a_dead_port_is_a_refused_connection() -> None:
    """Nobody listens: 502 in the protocol's form, and it cost nothing."""
    async with talking(upstream=Upstream("http://127.0.0.1:9", KEY)) as partner:
        for protocol in PROTOCOLS:
            answer = await partner.ask(protocol, "hi")
            assert answer.status_code == 502
            assert "nothing listens" in error_text(protocol, answer.json())
    found = [(call.protocol, call.error_type, call.cost_usd) for call in partner.session.provider_errors]
    assert found == [(protocol, "connection_refused", 0.0) for protocol in PROTOCOLS]


async def test_a_stream_that_is_cut_unnoticed_is_known_to_be_cut() -> None:
    """The provider pretends that it was the end; the protocol's own last event is missing."""
    async with talking([Rule("", [Say("one two three four"), Cut(2, unnoticed=True)])]) as partner:
        for protocol in PROTOCOLS:
            assert (await partner.ask(protocol, "hi", stream=True)).status_code == 200
    found = [(call.error_type, call.status, call.cut, call.cost_usd) for call in partner.session.provider_errors]
    assert found == [("connection_closed", 200, True, None)] * 4


@pytest.mark.parametrize(
    ("step", "stream", "kind"),
    [
        (Cut(2), True, "connection_closed"),
        (Cut(), False, "connection_closed"),
        (Hang(after_events=2), True, "request_timeout"),
        (Hang(after_events=2), False, "request_timeout"),
    ],
)
async def test_an_answer_that_breaks_off_breaks_off_for_the_agent_too(step: Any, stream: bool, kind: str) -> None:
    """The line breaks where the provider broke it, or where it fell silent for too long."""
    async with talking([Rule("", [Say("one two three four"), step])], timeout_s=0.3) as partner:
        asking = (partner.ask(protocol, "hi", stream=stream) for protocol in PROTOCOLS)
        answers = await asyncio.gather(*asking, return_exceptions=True)
        assert [type(answer) for answer in answers] == [httpx2.RemoteProtocolError] * 4
        await until(lambda: partner.session.open_requests == 0)
    found = [(call.error_type, call.status, call.cut, call.cost_usd) for call in partner.session.provider_errors]
    assert found == [(kind, 200, True, None)] * 4
    assert all(call.bytes_out > 0 for call in partner.session.calls)


@pytest.mark.parametrize("after_events", [0, 2])
async def test_a_request_that_the_agent_gave_up_is_cancelled_upstream(after_events: int) -> None:
    """Before the answer or within it: the provider is left as well, and it is nobody's error."""
    async with talking([Rule("", [Say("one two three"), Hang(after_events)])]) as partner:

        async def give_up(protocol: str) -> None:
            path, body, headers = question(protocol, "hi", stream=True)
            url = f"{partner.gateway.tcp_url}/w/s1{path}"
            with pytest.raises(httpx2.ReadTimeout):
                await partner.client.post(url, json=body, headers=headers, timeout=0.5)

        await asyncio.gather(*map(give_up, PROTOCOLS))
        await until(lambda: partner.session.open_requests == 0)
        await until(lambda: all(request.was_abandoned for request in partner.endpoint.requests))
    found = [(call.error_type, call.cut, call.status) for call in partner.session.calls]
    assert found == [("gave_up", True, 200 if after_events else 0)] * 4
    assert partner.session.provider_errors == []


async def test_a_client_that_leaves_with_the_last_event_has_not_given_up() -> None:
    """Some stop reading at [DONE]; what they have is the whole answer."""
    done = sse({"choices": [{"delta": {"content": "x"}, "finish_reason": "stop"}]}, "[DONE]")
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    pieces = [head, b"%x\r\n%s\r\n" % (len(done), done)]
    async with raw_provider(pieces, closes=False) as url, talking(upstream=Upstream(url)) as partner:
        path, body, _ = question("chat", "hi", stream=True)
        async with partner.client.stream("POST", f"{partner.gateway.tcp_url}/w/s1{path}", json=body) as answer:
            async for line in answer.aiter_lines():
                if line == "data: [DONE]":
                    break
        await until(lambda: partner.session.open_requests == 0)
        (call,) = partner.session.calls
    assert (call.error_type, call.cut, call.finish) == ("", False, "stop")


async def test_a_stream_passes_as_it_comes() -> None:
    """The first event is there long before the last one is written."""
    first, second = sse({"choices": [{"delta": {"content": "a"}}]}), sse("[DONE]")
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    pieces = [head, b"%x\r\n%s\r\n" % (len(first), first)]
    async with raw_provider(pieces, closes=False) as url, talking(upstream=Upstream(url)) as partner:
        path, body, _ = question("chat", "hi", stream=True)
        async with partner.client.stream("POST", f"{partner.gateway.tcp_url}/w/s1{path}", json=body) as answer:
            chunks = answer.aiter_raw()
            assert await asyncio.wait_for(anext(chunks), 5) == first
            assert partner.session.open_requests == 1
    assert second not in first


@pytest.mark.parametrize("status", ["301 Moved Permanently", "307 Temporary Redirect"])
async def test_redirects_are_not_followed(status: str) -> None:
    """Neither by the gateway, with the key in hand, nor by the agent, which could not."""
    answer = plain_answer(b"", extra=b"location: http://127.0.0.1:1/v1/elsewhere\r\n", status=status)
    async with raw_provider([answer]) as url, talking(upstream=Upstream(url, KEY)) as partner:
        given = await partner.ask("chat", "hi")
        (call,) = partner.session.provider_errors
    assert given.status_code == 502
    assert "location" not in given.headers
    assert call.error_type == "redirected"
    assert "http://127.0.0.1:1/v1/elsewhere" in call.message


@pytest.mark.parametrize("coding", ["gzip", "deflate", "raw deflate"])
async def test_what_is_packed_although_we_ask_for_plain_is_unpacked(coding: str) -> None:
    """The agent gets it plain, and it is read and cleaned of keys like any other."""
    said = json.dumps({"choices": [{"message": {"content": f"it is {KEY}"}, "finish_reason": "stop"}]}).encode()
    raw = zlib.compressobj(wbits=-15)
    packed = {
        "gzip": gzip.compress(said),
        "deflate": zlib.compress(said),
        "raw deflate": raw.compress(said) + raw.flush(),
    }
    answer = plain_answer(packed[coding], extra=f"content-encoding: {coding.rsplit(maxsplit=1)[-1]}\r\n".encode())
    async with raw_provider([answer[:-20], answer[-20:]]) as url, talking(upstream=Upstream(url, KEY)) as partner:
        given = await partner.ask("chat", "hi")
        (call,) = partner.session.calls
    assert given.json()["choices"][0]["message"]["content"] == "it is [key]"
    assert "content-encoding" not in given.headers
    assert (call.error_type, call.finish) == ("", "stop")


@pytest.mark.parametrize(
    ("coding", "body", "status"),
    [("br", b"xx", 502), ("gzip", b"this is no gzip", 200), ("gzip", gzip.compress(b"x" * 999, mtime=0)[:20], 200)],
)
async def test_what_cannot_be_unpacked_is_an_invalid_answer(coding: str, body: bytes, status: int) -> None:
    """It is the provider's defect, said as such."""
    answer = plain_answer(body, extra=f"content-encoding: {coding}\r\n".encode())
    async with raw_provider([answer]) as url, talking(upstream=Upstream(url)) as partner:
        if status == 502:
            assert (await partner.ask("chat", "hi")).status_code == 502
        else:
            with pytest.raises(httpx2.RemoteProtocolError):
                await partner.ask("chat", "hi")
        await until(lambda: partner.session.open_requests == 0)
        (call,) = partner.session.provider_errors
    assert call.error_type == "invalid_response"


async def test_a_packed_request_is_unpacked_before_it_goes_up() -> None:
    """So that it can be read, and held to the limit by what it really is."""
    path, body, headers = question("chat", "packed hello")
    async with talking() as partner:
        url = f"{partner.gateway.tcp_url}/w/s1{path}"
        packed = gzip.compress(json.dumps(body).encode())
        answer = await partner.client.post(url, content=packed, headers={**headers, "content-encoding": "gzip"})
        assert answer.status_code == 200
        assert partner.endpoint.requests[0].user_text == "packed hello"
        bomb = gzip.compress(b" " * 2_000_000)
        answer = await partner.client.post(url, content=bomb, headers={**headers, "content-encoding": "gzip"})
        assert answer.status_code == 413
        answer = await partner.client.post(url, content=b"x", headers={**headers, "content-encoding": "zstd"})
        assert answer.status_code == 415
        assert len(partner.endpoint.requests) == 1
    assert [call.error_type for call in partner.session.calls] == ["", "request_too_large", "unreadable_request"]
    assert partner.session.provider_errors == []


async def test_a_request_beyond_the_limit_is_refused() -> None:
    """Nothing of it goes up."""
    async with talking(request_limit_bytes=1000) as partner:
        for protocol in PROTOCOLS:
            answer = await partner.ask(protocol, "x" * 5000)
            assert answer.status_code == 413
            assert "1000 bytes" in error_text(protocol, answer.json())
            assert (await partner.ask(protocol, "short")).status_code == 200
        assert len(partner.endpoint.requests) == 4


async def test_what_is_no_json_is_refused() -> None:
    """A body that nobody can read would be a call of which nothing is known."""
    async with talking() as partner:
        url = f"{partner.gateway.tcp_url}/w/s1/v1/chat/completions"
        for content in (b"{", b"[1]", b'"x"', b"[" * 100_000):
            assert (await partner.client.post(url, content=content)).status_code == 400
        assert partner.endpoint.requests == []


_OTHER_PATHS = [
    ("GET", "/v1/files"),
    ("POST", "/v1/files"),
    ("POST", "/v1/models"),
    ("GET", "/v1/chat/completions"),
    ("DELETE", "/v1/models/m"),
    ("POST", "/v1/responses/x/cancel"),
    ("POST", "/v1/../admin/v1/messages"),
    ("POST", "/v1/models/%2e%2e/%2e%2e/x:generateContent"),
    ("GET", "/"),
    ("GET", ""),
]


async def test_nothing_but_the_four_protocols_is_let_through() -> None:
    """404 with words that say what would be, and the session remembers what was tried."""
    async with talking() as partner:
        host, port = partner.gateway.tcp_url.removeprefix("http://").split(":")
        for method, path in _OTHER_PATHS:
            reader, writer = await asyncio.open_connection(host, int(port))
            head = f"{method} /w/s1{path} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}"
            writer.write(head.encode())
            answer = await reader.read()
            writer.close()
            assert answer.startswith(b"HTTP/1.1 404"), path
            assert b"is not let through" in answer
        assert partner.endpoint.requests == []
        assert partner.session.all_calls == []
        assert sum(partner.session.other_paths.values()) == len(_OTHER_PATHS)


async def test_an_unknown_session_is_refused() -> None:
    """Another one's, or one that is closed: nothing goes up."""
    async with talking() as partner:
        for protocol in PROTOCOLS:
            answer = await partner.ask(protocol, "hi", session="other")
            assert answer.status_code == 404
            assert "no such session" in error_text(protocol, answer.json())
        partner.session.close()
        assert (await partner.ask("chat", "hi")).status_code == 404
        assert (await partner.client.get(partner.gateway.tcp_url)).status_code == 404
        assert partner.endpoint.requests == []


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_no_call_begins_beyond_max_calls(protocol: str) -> None:
    """429 that names the limit, tells clients not to try again, and is nobody's error."""
    async with talking(max_calls=2) as partner:
        answers = [await partner.ask(protocol, f"hi {number}") for number in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
        assert "max_calls" in error_text(protocol, answers[2].json())
        assert answers[2].headers["x-should-retry"] == "false"
        assert len(partner.endpoint.requests) == 2
    assert [call.error_type for call in partner.session.calls] == ["", "", "budget", "budget"]
    assert partner.session.provider_errors == []


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_no_call_begins_once_the_budget_is_spent(protocol: str) -> None:
    """Each call costs 0.16 USD here: two fit before 0.30 are spent."""
    async with talking(budget_usd=0.30) as partner:
        answers = [await partner.ask(protocol, f"hi {number}") for number in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert "budget_usd" in error_text(protocol, answers[2].json())
        assert partner.session.cost_usd == pytest.approx(0.32)


async def test_counting_tokens_and_listing_models_are_calls_apart() -> None:
    """They are let through and noted, count for no limit, and cost nothing."""
    async with talking(max_calls=0) as partner:
        base = f"{partner.gateway.tcp_url}/w/s1"
        counted = await partner.client.post(f"{base}/v1/messages/count_tokens", json={"model": "m", "messages": []})
        assert counted.json() == {"input_tokens": 11}
        counted = await partner.client.post(f"{base}/v1beta/models/m:countTokens", json={"contents": []})
        assert counted.json() == {"totalTokens": 11}
        assert (await partner.client.get(f"{base}/v1/models")).json()["data"][0]["id"] == "scripted-model"
        assert (await partner.client.get(f"{base}/v1beta/models")).status_code == 200
        assert (await partner.client.get(f"{base}/v1/models/m?limit=2")).status_code == 200
    assert partner.session.calls == []
    operations = [call.operation for call in partner.session.all_calls]
    assert operations == ["count_tokens"] * 2 + ["list_models"] * 3
    assert partner.session.cost_usd == 0.0
    assert partner.session.provider_errors == []


@pytest.mark.parametrize("form", [KEY, json.dumps(KEY)[1:-1].replace("/", r"\/"), "sk-the-real-key%2F0123456789"])
async def test_a_key_that_the_provider_echoes_never_reaches_the_agent(form: str, tmp_path: Any) -> None:
    """Not in bodies however they are cut, not in headers, not in errors, not in the log."""
    said = json.dumps({"error": {"message": "wrong key ", "code": "x"}}).replace(
        "wrong key ", f"wrong key {form} or {form}"
    )
    answer = plain_answer(
        said.encode(), extra=f"x-echo: {KEY}\r\nset-cookie: {KEY}\r\n".encode(), status="400 Bad Request"
    )
    pieces = [bytes([byte]) for byte in answer]
    async with raw_provider(pieces) as url, talking(upstream=Upstream(url, KEY), log_path=tmp_path / "log") as partner:
        given = await partner.ask("chat", "hi")
        (call,) = partner.session.provider_errors
    assert given.json()["error"]["message"] == "wrong key [key] or [key]"
    assert given.headers["x-echo"] == "[key]"
    assert "[key]" in call.message
    told = given.text + str(given.headers) + repr(call) + (tmp_path / "log").read_text()
    for secret in (KEY, form, "the-real-key"):
        assert secret not in told


async def test_a_key_in_the_target_of_a_redirect_is_not_told() -> None:
    """The words of the failure are cleaned like those of an answer."""
    answer = plain_answer(b"", extra=f"location: http://x/{KEY}\r\n".encode(), status="302 Found")
    async with raw_provider([answer]) as url, talking(upstream=Upstream(url, KEY)) as partner:
        given = await partner.ask("messages", "hi")
        (call,) = partner.session.provider_errors
    assert "[key]" in call.message
    assert "the-real-key" not in call.message + given.text


async def test_headers_of_the_account_stay_outside() -> None:
    """Limits and request ids go in; cookies and the organisation's name do not."""
    extra = {
        "x-request-id": "r1",
        "set-cookie": "a=b",
        "openai-organization": "acme",
        "connection": "x-hop",
        "x-hop": "1",
    }
    async with talking(extra_headers=extra) as partner:
        answer = await partner.ask("chat", "hi")
    assert answer.headers["x-request-id"] == "r1"
    assert not {"set-cookie", "openai-organization", "x-hop"} & set(answer.headers)


async def test_two_hundred_calls_at_once_are_all_answered() -> None:
    """None is lost, none is mixed up with another's, and each is counted in its own session."""
    async with talking() as partner:
        sessions = [partner.gateway.open_session(f"many-{number}") for number in range(20)]

        async def ask(session: str, client: httpx2.AsyncClient, number: int) -> bool:
            protocol, stream = WAYS[number % len(WAYS)]
            path, body, headers = question(protocol, f"number {number}.", stream=stream)
            answer = await client.post(f"{partner.gateway.tcp_url}/w/{session}{path}", json=body, headers=headers)
            return answer.status_code == 200 and f"{number}." in answer.text

        async def ask_all(session: str, first: int) -> list[bool]:
            async with httpx2.AsyncClient(timeout=30, trust_env=False, verify=TLS) as client:
                return await asyncio.gather(*(ask(session, client, first + number) for number in range(10)))

        asking = (ask_all(session.session_id, 10 * place) for place, session in enumerate(sessions))
        assert await asyncio.gather(*asking) == [[True] * 10] * 20
    assert [len(session.calls) for session in sessions] == [10] * 20
    assert all(call.error_type == "" for session in sessions for call in session.calls)


async def test_closing_a_session_ends_what_is_under_way() -> None:
    """The provider is left, the agent is cut off, and the call is noted at once."""
    async with talking([Rule("", [Hang()])]) as partner:
        asking = asyncio.ensure_future(partner.ask("chat", "hi"))
        await until(lambda: len(partner.endpoint.requests) == 1)
        assert partner.session.open_requests == 1
        partner.session.close()
        calls: list[ModelCall] = partner.session.calls
        assert [(call.error_type, call.cut) for call in calls] == [("session_closed", True)]
        assert partner.session.open_requests == 0
        answer = await asking
        assert answer.status_code == 503
        assert "session ended" in error_text("chat", answer.json())
        await until(lambda: partner.endpoint.requests[0].was_abandoned)


async def test_a_provider_that_reports_its_cost_is_believed() -> None:
    """Aggregators know better than a table; a price that nobody knows is None, and then so is the sum."""
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "cost": 0.5}
    body = {"model": "x", "choices": [{"message": {}, "finish_reason": "stop"}], "usage": usage}
    body_bytes = json.dumps(body).encode()
    unpriced = {"price": lambda *_: None}
    async with raw_provider([plain_answer(body_bytes)]) as url, talking(upstream=Upstream(url), **unpriced) as partner:
        await partner.ask("chat", "hi")
        assert partner.session.cost_usd == 0.5
    async with talking(**unpriced) as partner:
        await partner.ask("chat", "hi")
        assert partner.session.cost_usd is None
        assert partner.session.known_cost_usd == 0.0
