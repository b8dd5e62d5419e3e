"""A peer that quotes the key back at us, in every place it can, and words that would steer a terminal."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from harness import Cli

CANARY = "sk-canary-0123456789abcdefghijklmnop"
WORDS = "\x1b[2J\x1b]0;owned\x07[bold]{0} %s %(message)s"


class _Parrot(BaseHTTPRequestHandler):
    """Refuses whatever is asked, handshakes included, and says with which credentials it was asked."""

    protocol_version = "HTTP/1.1"

    def _refuse(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        shown = {name: value for name, value in self.headers.items() if name.lower() in ("authorization", "api-key")}
        error = {"message": f"you sent {shown} {WORDS}", "code": f"bad {shown}", "type": f"bad {shown}"}
        body = json.dumps({"error": error}).encode()
        self.send_response(400)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-You-Sent", str(shown))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self._refuse()

    def do_POST(self) -> None:
        self._refuse()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def parrot_url() -> Iterator[str]:
    """The base URL of the parrot."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Parrot)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("mode", "further", "in_file"),
    [
        ("crawl", ["speech"], False), ("walk", [], False), ("walk", [], True),
        ("run", ["speech", "simulator"], False),
    ],
)  # fmt: skip
def test_a_key_that_a_peer_quotes_reaches_no_file_and_no_terminal(
    cold_cli: Cli, parrot_url: str, mode: str, further: list[str], *, in_file: bool
) -> None:
    """Neither config, log, trace, record, status, provenance, Hydra's own files nor messages hold it, in any mode.

    Nor where the key comes from .env. What the peer said is kept, printable, and nothing in it is taken for markup or a
    format.
    """
    if in_file:
        (cold_cli.cwd / ".env").write_text(f'export MY_KEY="{CANARY}"  # mine\n', encoding="utf-8")
    done = cold_cli(
        f"mode={mode}", "provider=compatible", f"provider.base_url={parrot_url}", "provider.api_key_env=MY_KEY",
        "assistant.model=m", "judge.model=m", *(f"{role}.model=m" for role in further),
        "provider.models.transcription=m", "max_examples=1", "report.plots=false",
        **({} if in_file else {"MY_KEY": CANARY}),
    )  # fmt: skip
    assert done.code == 3, done.err
    files = [path for path in done.directory.rglob("*") if path.is_file()]
    assert {"provenance.json", "status.json", "config.yaml", "overrides.yaml", "evalkit.log"} <= {p.name for p in files}
    for path in files:
        assert CANARY.encode() not in path.read_bytes(), path
        assert b"\x1b" not in path.read_bytes(), path
    assert CANARY not in done.out + done.err
    assert "\x1b" not in done.out + done.err
    assert "[bold]{0} %s %(message)s" in done.err
    assert "MY_KEY" in (done.directory / "config.yaml").read_text()


def test_a_key_in_place_of_its_variables_name_is_shown_nowhere(cold_cli: Cli) -> None:
    """Whoever writes the key itself on the line is told so, without the key, before anything is written."""
    done = cold_cli("provider=openai", f"provider.api_key_env={CANARY}", "assistant.model=m", "speech.model=m")
    assert done.code == 2
    assert CANARY not in done.out + done.err
    assert not (Path(cold_cli.cwd) / "outputs").exists()
