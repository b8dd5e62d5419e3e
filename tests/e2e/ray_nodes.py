"""A real Ray cluster on this machine: each node a raylet of its own, with its own ports, as `ray start` makes it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

# Ray gives up a node, and a node its head, within seconds: by itself it takes half a minute, and a minute.
QUICK = {
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "3",
    "RAY_gcs_rpc_server_reconnect_timeout_s": "5",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_AUTO_CONNECT": "0",
    "RAY_AUTH_MODE": "disabled",  # a token in the home folder, or one that comes meanwhile, decides nothing here
}
_OBJECT_STORE_BYTES = str(80 * 1024 * 1024)
_START_S = 120


class RayNodes:
    """The nodes of one cluster; a context manager that leaves no process behind.

    Args:
        python: The interpreter of an environment with Ray.
        env: Of its processes.

    """

    def __init__(self, python: Path, env: Mapping[str, str]) -> None:
        self._ray = python.parent / "ray"
        self._env = {**env, **QUICK}
        self._folder = Path(tempfile.mkdtemp(prefix="evr", dir="/tmp"))  # a socket's path must be short
        self._port = _free_port()

    def __enter__(self) -> RayNodes:
        """Nothing runs yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """End every process of it."""
        for pid in self._find(""):
            _kill(pid)
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def address(self) -> str:
        """Where it is joined."""
        return f"127.0.0.1:{self._port}"

    @property
    def folder(self) -> Path:
        """Where Ray keeps its logs and whatever else it writes."""
        return self._folder

    def start_head(self, resources: str) -> None:
        """Start the node that the others join; `resources` are JSON."""
        own = (f"--port={self._port}", f"--temp-dir={self._folder}")
        self._start("head", resources, "--head", "--include-dashboard=false", *own)

    def start_node(self, name: str, resources: str) -> None:
        """Start a further node."""
        self._start(name, resources, f"--address={self.address}")

    def kill_node(self, name: str) -> None:
        """End a node's raylet with SIGKILL; all else on it has to notice."""
        found = self._find("raylet/raylet", f"--node-name={name}")
        assert len(found) == 1, f"{len(found)} raylets are called {name}"
        _kill(found[0])

    def kill_head(self) -> None:
        """End what holds the cluster together, and the head's own raylet, with SIGKILL."""
        for pid in self._find("gcs/gcs_server"):
            _kill(pid)
        self.kill_node("head")

    def wait_for_silence(self) -> None:
        """Wait until no process of the cluster is left but such as hold nothing."""
        until = time.monotonic() + _START_S
        while self._find("raylet/raylet") or self._find("ray::"):
            assert time.monotonic() < until, "a node does not end without its head"
            time.sleep(0.2)

    def _start(self, name: str, resources: str, *arguments: str) -> None:
        shared = (
            f"--node-name={name}", f"--resources={resources}", "--num-cpus=2", "--node-ip-address=127.0.0.1",
            f"--object-store-memory={_OBJECT_STORE_BYTES}", "--min-worker-port=0", "--max-worker-port=0",
            "--disable-usage-stats",
        )  # fmt: skip
        done = subprocess.run(
            [str(self._ray), "start", *arguments, *shared], env=self._env, capture_output=True, text=True,
            timeout=_START_S, check=False, start_new_session=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    def _find(self, *words: str) -> list[int]:
        """Return the processes of this cluster whose command line has all of `words`."""
        return [pid for pid, line in _command_lines() if str(self._folder) in line and all(w in line for w in words)]


def _command_lines() -> Iterator[tuple[int, str]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                yield int(entry.name), (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
