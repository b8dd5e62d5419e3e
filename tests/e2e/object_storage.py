"""A real S3 server in a process of its own, behind a line that a test can cut."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any


class CutLine:
    """Forwards connections to a port of this machine, until it is cut."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._ends: list[socket.socket] = []
        self._listener = self._listen(0)
        self.port: int = self._listener.getsockname()[1]

    def cut(self) -> None:
        """Refuse every connection, and break those that there are."""
        for end in (self._listener, *self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._ends.clear()

    def mend(self) -> None:
        """Forward again."""
        self._listener = self._listen(self.port)

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return listener

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target_port))
                self._ends += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=_pump, args=(source, sink), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65536):
            sink.sendall(piece)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


class S3Server:
    """Moto as a server: S3 over HTTP, all in memory. `port` is where it is reached without the line."""

    def __init__(self, log: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        line = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        with log.open("wb") as file:
            self._process = subprocess.Popen(line, stdout=file, stderr=subprocess.STDOUT)
        self._wait()
        self.line = CutLine(self.port)

    def environment(self, key: str, secret: str) -> dict[str, str]:
        """Return the variables by which a command reaches it."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.line.port}",
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1",
        }

    def make_bucket(self, name: str) -> None:
        """Make a bucket."""
        self._ask("PUT", f"/{name}")

    def read(self, address: str) -> bytes:
        """Return an object's content."""
        return bytes(self._files.cat_file(address.removeprefix("s3://")))

    def objects(self, address: str) -> dict[str, Any]:
        """Return what lies below an address: name, relative to it -> what is told of it."""
        root = address.removeprefix("s3://")
        return {name.removeprefix(f"{root}/"): told for name, told in self._files.find(root, detail=True).items()}

    @cached_property
    def _files(self) -> Any:
        """A client of its own, past the line."""
        import fsspec

        return fsspec.filesystem(
            "s3", endpoint_url=f"http://127.0.0.1:{self.port}", key="test", secret="test",
            client_kwargs={"region_name": "us-east-1"}, skip_instance_cache=True, use_listings_cache=False,
        )  # fmt: skip

    def demand_keys(self, *, demanded: bool) -> None:
        """Refuse keys that it does not know, or no longer."""
        self._ask("POST", "/moto-api/reset-auth", b"0" if demanded else b"1e12")

    def close(self) -> None:
        """End it."""
        self.line.cut()
        self._process.kill()
        self._process.wait()

    def _ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", data=body, method=method, headers={"Content-Type": "text/plain"}
        )
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
            return bytes(answer.read())

    def _wait(self) -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until and self._process.poll() is None:
            with suppress(OSError):
                self._ask("GET", "/moto-api/data.json")
                return
            time.sleep(0.1)
        raise AssertionError("the S3 server did not start")
