"""Nodes of a pretended cluster, on one machine: a name, a network, process numbers and a wall clock of their own.

Nothing but the file system is shared, and no node sees another one's file locks. Namespaces make the nodes, a library
that is loaded before the C library (``node_shim.c``) their clocks and locks. An endpoint for chat completions
(:class:`CountingEndpoint`) knows from which node a request comes, and counts how many are under way.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import Any

import pytest

PORT = 8123
"""At which every node finds the endpoint, on its own loopback."""

COST_USD = 0.25
"""Of every request."""

_HERE = Path(__file__).parent
_UNSHARE = ("unshare", "--uts", "--net", "--pid", "--mount", "--fork", "--kill-child", "--mount-proc")


def build_shim(folder: Path) -> Path:
    """Compile ``node_shim.c``; skips the test, saying so, where nothing compiles C."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler is installed, which makes another clock")
    library = folder / "node_shim.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(_HERE / "node_shim.c")], check=True)
    return library


def require_namespaces() -> None:
    """Skip the test, saying so, where this user cannot make nodes."""
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed, which makes nodes of one machine")
    done = subprocess.run([*_UNSHARE, "true"], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"namespaces cannot be made here ({done.stderr.strip()}); they need root")


@dataclass(frozen=True)
class Node:
    """A node.

    Attributes:
        name: Its host name.
        socket_path: Where its network ends.
        clock_s: How far its wall clock is ahead, in seconds.
        shim: What ``node_shim.c`` was compiled to.
        env: The environment of its processes.
        cwd: Their working directory.

    """

    name: str
    socket_path: Path
    clock_s: int
    shim: Path
    env: Mapping[str, str] = field(repr=False)
    cwd: Path

    def start(self, *what: object) -> subprocess.Popen[str]:
        """Start a process there (``node_program.py`` says which there are); killed, it takes the whole node with it."""
        program = [sys.executable, str(_HERE / "node_program.py"), self.name, str(self.socket_path), str(PORT)]
        return subprocess.Popen(
            [*_UNSHARE, *program, *map(str, what)],
            cwd=self.cwd,
            env={
                **self.env,
                "LD_PRELOAD": str(self.shim),
                "SHIM_CLOCK_S": str(self.clock_s),
                "SHIM_LOCKS": str(self._make_locks()),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _make_locks(self) -> Path:
        """Return the folder that the node's file locks are held in."""
        folder = self.socket_path.with_suffix(".locks")
        folder.mkdir(exist_ok=True)
        return folder

    def run(self, *what: object, timeout_s: float = 120) -> tuple[int, str]:
        """Run a process there to its end; return its exit code and what it said."""
        with self.start(*what) as process:
            out, err = process.communicate(timeout=timeout_s)
        return process.returncode, out + err


class CountingEndpoint:
    """Answers chat completions, each at the same price.

    Attributes:
        answer: Model and last message -> what it says.
        before: Called with the node before each answer; the request is under way meanwhile.
        asked: Node, model and last message of every request, in order.
        inside: Node -> how many are under way.
        most: Node -> the most at once since :meth:`forget_most`; ``""``: over all nodes.

    """

    def __init__(self, answer: Callable[[str, str], str], before: Callable[[str], object]) -> None:
        self.answer, self.before = answer, before
        self.asked: list[tuple[str, str, str]] = []
        self.inside: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._servers: list[_Server] = []

    def serve(self, node: str, path: Path) -> None:
        """Serve a node at the socket `path`."""
        server = _Server(self, node, path)
        self._servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Serve nobody any more."""
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def forget_most(self) -> None:
        """Count the most at once anew."""
        with self._lock:
            self.most.clear()

    def take(self, node: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the answer to a request of `node`."""
        model, question = str(body["model"]), str(body["messages"][-1]["content"])
        with self._lock:
            self.asked.append((node, model, question))
            for name, count in ((node, 1), ("", 1)):
                self.inside[name] += count
                self.most[name] = max(self.most[name], self.inside[name])
        try:
            self.before(node)
        finally:
            with self._lock:
                self.inside[node] -= 1
                self.inside[""] -= 1
        message = {"role": "assistant", "content": self.answer(model, question)}
        usage = {"prompt_tokens": 40, "completion_tokens": 12, "total_tokens": 52, "cost": COST_USD}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        return {"id": "1", "object": "chat.completion", "model": model, "choices": choices, "usage": usage}


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        raw = json.dumps(self.server.owner.take(self.server.node, body)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, owner: CountingEndpoint, node: str, path: Path) -> None:
        self.owner, self.node = owner, node
        super().__init__(str(path), _Handler)

    def handle_error(self, *_: object) -> None:
        """Say nothing of a node that was killed."""
