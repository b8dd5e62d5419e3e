"""A lab as its own process, and requests to it byte by byte, as no library would send them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from urllib.parse import urlsplit

import httpx2

_PATIENCE_S = 30


@dataclass(frozen=True)
class LabProcess:
    """A lab that is up.

    Attributes:
        process: The process.
        url: Where it is, without a path.
        token: What it printed to log in with; empty where none is needed.
        said: What it printed so far, a line each.

    """

    process: subprocess.Popen[str]
    url: str
    token: str
    said: list[str] = field(default_factory=list)

    @property
    def host(self) -> str:
        """What a Host header has to say."""
        return urlsplit(self.url).netloc

    @property
    def port(self) -> int:
        """Its port."""
        return int(self.host.rpartition(":")[2])

    def client(self) -> httpx2.Client:
        """Return a client of it that follows no redirects."""
        return httpx2.Client(base_url=self.url, trust_env=False, timeout=20)

    def send(self, request: bytes) -> bytes:
        """Return all that it answers to the bytes of `request`, until it closes the connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall(request)
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
            return answer


@contextmanager
def lab_process(
    working_dir: Path,
    *args: str,
    environ: Mapping[str, str] | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    told: int = 0,
) -> Iterator[LabProcess]:
    """Start ``evalkit lab`` in `working_dir`, at a free port unless one is given; interrupt it at the end.

    It is up when it has printed `told` lines: its address, and at an address that others reach a new token. What it
    says on stderr is kept in a file, since a pipe that nobody reads would hold it up; it is told where the lab fails.
    """
    line = [sys.executable, "-m", "evalkit", "lab", *args, "--port", str(port), "--host", host, "--no-browser"]
    with (
        TemporaryFile("w+", encoding="utf-8") as errors,
        subprocess.Popen(
            line,
            cwd=working_dir,
            env={**os.environ, **(environ or {})},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout
            lines = told or (1 if host in ("127.0.0.1", "localhost", "::1") else 2)
            said = [process.stdout.readline() for _ in range(lines)]
            if not said[0].rstrip().endswith("/ui/"):
                process.wait(_PATIENCE_S)
                errors.seek(0)
                raise AssertionError(f"the lab did not say where it is; it said: {errors.read()}")
            url = said[0].strip().removesuffix("/ui/")
            token = said[1].strip().removeprefix("token: ") if len(said) > 1 else ""
            yield LabProcess(process, url, token, said)
            process.terminate()
            process.wait(_PATIENCE_S)
        finally:
            process.kill()
