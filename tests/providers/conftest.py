"""A tiny real HTTP server that plays an OpenAI-compatible endpoint, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


@dataclass
class Reply:
    """What the server says. `body` None closes the connection without an answer."""

    status: int = 200
    body: bytes | None = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0


@dataclass
class Asked:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class FakeEndpoint:
    """Answers every POST with `reply`, or where `answer` is set with the (status, JSON) it makes of the request."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.reply = Reply()
        self.answer: Callable[[Any], tuple[int, Any]] | None = None
        self.release = threading.Event()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", "0"))
                names = {name.lower(): value for name, value in self.headers.items()}
                owner.asked.append(Asked(self.path, names, self.rfile.read(length)))
                reply = owner.reply
                if owner.answer is not None:
                    status, made = owner.answer(owner.asked[-1].json)
                    reply = Reply(status, json.dumps(made).encode())
                if reply.delay_s:
                    owner.release.wait(reply.delay_s)
                if reply.body is None:
                    self.close_connection = True
                    return
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", reply.content_type)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def base_url(self) -> str:
        return f"{self.root}/v1"

    def say(self, status: int, body: bytes | None, content_type: str, *, delay_s: float = 0.0, **headers: str) -> None:
        self.reply = Reply(status, body, content_type, headers, delay_s)

    def say_json(self, value: Any, status: int = 200, **headers: str) -> None:
        self.reply = Reply(status, json.dumps(value).encode(), headers=headers)

    def say_audio(self, body: bytes, content_type: str = "audio/pcm") -> None:
        self.reply = Reply(body=body, content_type=content_type)

    def close(self) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[FakeEndpoint]:
    endpoint = FakeEndpoint()
    yield endpoint
    endpoint.close()
