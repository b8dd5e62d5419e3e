"""A real language model thinks for the voice agent, where its weights are installed."""

from __future__ import annotations

import http.client
import importlib.util
import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from openai import AsyncOpenAI

from evalkit.errors import ConfigError
from evalkit.service import child
from evalkit.service.child import ServiceOptions, launch
from evalkit.service.llm.weights import WEIGHTS

_MODEL = "qwen2.5-coder-0.5b"
_QUESTION = "Tell me in five short sentences what can be seen in Paris."


@pytest.fixture
def model_url(tmp_path: Path) -> Iterator[str]:
    """The base URL of the model; skips where its weights, or what serves them, are not installed."""
    if importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("xllamacpp is not installed: pip install '.[local-coder]'")
    try:
        WEIGHTS[_MODEL].find_parts()
    except ConfigError as error:
        pytest.skip(str(error))
    command = [sys.executable, "-m", "evalkit.service.llm", "--model", _MODEL, "--weights", str(tmp_path)]
    with launch(command, timeout_s=180) as served:
        yield served.url


@contextmanager
def _watched(url: str, written_at: list[float]) -> Iterator[str]:
    """Pass requests on to the model at `url`, and note when each piece of its answers comes."""
    place = urlsplit(url)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["content-length"]))
            with closing(http.client.HTTPConnection(str(place.hostname), place.port or 80, timeout=280)) as model:
                model.request("POST", self.path, asked, {"Content-Type": "application/json"})
                answer = model.getresponse()
                self.send_response(answer.status)
                self.send_header("Content-Type", str(answer.headers["content-type"]))
                self.end_headers()
                while piece := answer.read1():
                    written_at.append(time.monotonic())
                    self.wfile.write(piece)
                    self.wfile.flush()

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{place.path}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def test_the_first_sentence_is_heard_before_the_last_word_is_written(model_url: str) -> None:
    """By one clock: sound reaches the client while the model writes, and its transcript is what the model wrote."""
    written_at: list[float] = []
    heard_at: list[float] = []
    with _watched(model_url, written_at) as url:
        options = ServiceOptions(brain="chat", brain_url=url, brain_options={"temperature": 0, "max_tokens": 160})
        with child.start(options) as service:
            async with (
                AsyncOpenAI(base_url=service.url, api_key="none") as client,
                client.realtime.connect(model=_MODEL) as connection,
            ):
                said: Any = {"type": "input_text", "text": _QUESTION}
                await connection.conversation.item.create(item={"type": "message", "role": "user", "content": [said]})
                await connection.response.create()
                while (event := json.loads(await connection.recv_bytes()))["type"] != "response.done":
                    if event["type"] == "response.output_audio.delta":
                        heard_at.append(time.monotonic())
    response = event["response"]
    assert response["status"] == "completed", response["status_details"]
    assert response["metadata"] == {"tool_mode": "none"}
    assert "Paris" in response["output"][0]["content"][0]["transcript"]
    assert heard_at[0] < written_at[-1]
