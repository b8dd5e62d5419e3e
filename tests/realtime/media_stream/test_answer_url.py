"""Where the stream is, as an application answers an incoming call over HTTP."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

import pytest

from evalkit.errors import CaseFailure
from evalkit.realtime.media_stream.answer_url import StreamAddress, ask_for_stream, incoming_call, read_answer
from evalkit.realtime.media_stream.dialect import CallIdentity
from evalkit.realtime.media_stream.signature import sign_request

CALL = CallIdentity("MZ1", "CA1", "AC1")
ANSWER = (
    b'<?xml version="1.0"?><!-- hello --><Response><Say>Hi</Say><Connect action="/end"><Stream url="wss://bot.example/ws">'
    b'<Parameter name="tenant" value="7"/><Parameter name="" value="x"/></Stream></Connect></Response>'
)


@contextmanager
def answering(body: bytes, status: int = 200, location: str = "") -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Yield the URL of what answers so, and the requests that came, with their signatures."""
    came: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            came.append({**form, "signature": self.headers.get("X-Twilio-Signature", "")})
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/call", came
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_stream_with_what_it_is_to_be_handed() -> None:
    """Other verbs, comments and nameless parameters are passed over."""
    assert read_answer(ANSWER, "here") == StreamAddress("wss://bot.example/ws", {"tenant": "7"})


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"hello", "the answer is no XML"),
        (b"", "the answer is no XML"),
        (b"<Response><Say>Hi</Say></Response>", "the answer has <Response> with Say, and connects no stream"),
        (b"<html><body/></html>", "the answer has <html> with body"),
        (
            b'<Response><Connect><Stream url="/ws"/></Connect></Response>',
            "connects a stream to '/ws'; expected an address",
        ),
        (b"<Response><Connect><Stream/></Connect></Response>", "connects a stream to ''"),
        (
            b'<Response><Connect><Stream url="wss://["/></Connect></Response>',
            "connects a stream to 'wss://['; expected",
        ),
        (b'<Response><Connect><Stream url="ws://h:0x1/"/></Connect></Response>', "connects a stream to 'ws://h:0x1/'"),
        (b'<!DOCTYPE r [<!ENTITY a "aaaa">]><Response>&a;</Response>', "declares a document type"),
        ("<?xml version='1.0'?><!DOCTYPE r []><r/>".encode("utf-16"), "the answer is no XML"),
    ],
)
def test_an_answer_that_connects_no_stream(body: bytes, sentence: str) -> None:
    """One sentence that says what was found and what was expected."""
    with pytest.raises(CaseFailure) as refused:
        read_answer(body, "http://bot.example/call")
    assert sentence in refused.value.message
    assert refused.value.message.startswith("http://bot.example/call: the answer ")
    assert (refused.value.stage, refused.value.error_type) == ("connect", "invalid_response")


async def test_an_application_is_asked_as_the_provider_asks_it() -> None:
    """With the call's ids as a form, signed over address and form."""
    with answering(ANSWER) as (url, came):
        assert (await ask_for_stream(url, CALL, "token")).url == "wss://bot.example/ws"
        await ask_for_stream(url, CALL, None)
    form = incoming_call(CALL)
    assert came == [{**form, "signature": sign_request("token", url, form)}, {**form, "signature": ""}]


@pytest.mark.parametrize(
    ("status", "body", "kind", "sentence"),
    [
        (404, b"", "handshake_rejected", "answered HTTP 404; expected 200 with <Response>"),
        (302, b"", "handshake_rejected", "answered HTTP 302"),
        (503, b"", "server_error", "answered HTTP 503"),
        (200, b"x" * 70_000, "answer_too_large", "longer than 64 KiB"),
    ],
)
async def test_an_application_that_does_not_take_the_call(status: int, body: bytes, kind: str, sentence: str) -> None:
    """A redirect would hand the call, and its signature, to another host: it is not followed."""
    with answering(body, status, "http://127.0.0.1:9/elsewhere") as (url, came):
        with pytest.raises(CaseFailure) as refused:
            await ask_for_stream(url, CALL, None)
        assert len(came) == 1
    assert (refused.value.stage, refused.value.error_type) == ("connect", kind)
    assert sentence in refused.value.message


async def test_nobody_there() -> None:
    """Nothing listens at the address."""
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    with pytest.raises(CaseFailure) as refused:
        await ask_for_stream(f"http://127.0.0.1:{port}/", CALL, None)
    assert refused.value.error_type == "connection_refused"
    assert "is the application running there?" in refused.value.message
