"""A chat completions server that answers as it was told to, byte by byte: every way in which endpoints differ or fail.

::

    with serving_scripts(stream(words("Hello."), finish())) as server:
        ...                     # requests to server.url get the scripts in order, the last one over and over
        server.asked            # what they asked
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Piece = bytes | float | Callable[[], object]
"""Sent as it stands; a number of seconds to wait; or called, for example to wait for somebody."""


@dataclass(frozen=True)
class Script:
    """One answer."""

    pieces: Sequence[Piece]
    status: int = 200
    content_type: str = "text/event-stream"
    headers: dict[str, str] = field(default_factory=dict)
    breaks: bool = False
    """End without the last chunk of the body."""


@dataclass
class ScriptedChat:
    """The server, as tests see it."""

    scripts: list[Script]
    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    was_left: threading.Event = field(default_factory=threading.Event)
    """Set when a client closed its connection before its answer was over."""

    def next_script(self) -> Script:
        """Return the script of the next request."""
        return self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]


def chunk(delta: dict[str, Any] | None = None, finish_reason: str | None = None, **more: Any) -> bytes:
    """Return one event of a stream."""
    choices = [{"index": 0, "delta": delta or {}, "finish_reason": finish_reason}]
    return event({"id": "c1", "object": "chat.completion.chunk", "model": "m-1", "choices": choices, **more})


def event(payload: Any) -> bytes:
    """Return an event that holds `payload`."""
    return b"data: " + json.dumps(payload).encode() + b"\n\n"


def words(*pieces: str) -> list[Piece]:
    """Return chunks with a piece of text each, behind the one that names the role."""
    return [chunk({"role": "assistant", "content": None}), *(chunk({"content": piece}) for piece in pieces)]


def call(index: int | None, call_id: str | None, name: str | None, arguments: Any = None) -> bytes:
    """Return a chunk with a piece of a tool call; what is None is left out."""
    function = {"name": name, "arguments": arguments}
    function = {key: value for key, value in function.items() if value is not None}
    told = {"index": index, "id": call_id, "type": "function", "function": function}
    return chunk({"tool_calls": [{key: value for key, value in told.items() if value is not None}]})


def finish(reason: str = "stop", usage: dict[str, Any] | None = None) -> list[Piece]:
    """Return the end of a stream."""
    counted: list[Piece] = [event({"choices": [], "usage": usage})] if usage else []
    return [chunk({}, reason), *counted, b"data: [DONE]\n\n"]


def stream(*parts: Piece | Sequence[Piece], **options: Any) -> Script:
    """Return the answer that is made of `parts`."""
    pieces = [piece for part in parts for piece in (part if isinstance(part, list) else [part])]
    return Script(pieces, **options)  # type: ignore[arg-type]


def refusal(status: int, body: Any, **headers: str) -> Script:
    """Return an error."""
    return Script([json.dumps(body).encode()], status, "application/json", headers)


def whole(message: dict[str, Any], finish_reason: str = "stop") -> Script:
    """Return the answer of a server that does not stream."""
    choices = [{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish_reason}]
    usage = {"prompt_tokens": 7, "completion_tokens": 3}
    return Script([json.dumps({"choices": choices, "usage": usage}).encode()], content_type="application/json")


class _Server(ThreadingHTTPServer):
    """Says nothing of clients that hang up, which they are to do."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serving_scripts(*scripts: Script) -> Iterator[ScriptedChat]:
    """Serve `scripts` on a free port of this machine."""
    told = ScriptedChat(list(scripts))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            told.asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            told.keys.append(self.headers.get("authorization"))
            script = told.next_script()
            self.send_response(script.status)
            for name, value in {"Content-Type": script.content_type, **script.headers}.items():
                self.send_header(name, value)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            try:
                for piece in script.pieces:
                    self._send(piece)
                if not script.breaks:
                    self.wfile.write(b"0\r\n\r\n")
                    self.wfile.flush()
            except OSError:
                told.was_left.set()
            if script.breaks:
                self.close_connection = True

        def _send(self, piece: Piece) -> None:
            if isinstance(piece, bytes):
                self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                self.wfile.flush()
            elif callable(piece):
                piece()
            else:
                time.sleep(piece)

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    server = _Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
