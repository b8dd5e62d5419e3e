"""Realtime servers that others wrote, each in an environment of its own.

    python tests/e2e/server_environments.py FOLDER        # makes the environments: two gigabytes, ten minutes

Tests find them through $EVALKIT_TEST_SERVERS, which names that folder, and are skipped, and say so, where one is not
there. Of Hugging Face's speech-to-speech the engines that run models on a GPU are left out: the embedded service is its
recogniser, its model and its voice. Where PyPI's torch is one for a GPU, it takes several gigabytes more.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from foreign_environment import ForeignEnvironment

FOLDER_VARIABLE = "EVALKIT_TEST_SERVERS"
_MAKER = "tests/e2e/server_environments.py"
_START_S = 180

SPEECH_TO_SPEECH = ForeignEnvironment(
    "speech-to-speech",
    (
        ("--no-deps", "speech-to-speech==1.1.0", "silero-vad==6.2.3"),
        ("torch==2.13.0", "fastapi>=0.115", "httpx>=0.28", "jsonschema>=4", "nltk==3.10.3", "numpy>=1.26",
         "onnxruntime>=1.17", "openai==2.28.0", "packaging", "pillow>=10", "pydantic>=2", "PyYAML>=6,<7", "requests",
         "rich>=13", "scipy>=1.10", "soxr>=0.3.2", "transformers>=5.18,<6", "uvicorn>=0.30", "websockets>=12"),
    ),
    FOLDER_VARIABLE,
    _MAKER,
)  # fmt: skip
LITELLM = ForeignEnvironment("litellm", (("litellm[proxy]==1.106.12",),), FOLDER_VARIABLE, _MAKER)
SERVERS = (SPEECH_TO_SPEECH, LITELLM)


def free_port() -> int:
    """Return a port of the loopback address that nobody listens at now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextlib.contextmanager
def serving(command: Sequence[str], port: int, folder: Path, **environ: str) -> Iterator[None]:
    """Run `command` in `folder` until it listens at `port`, and end it behind the block; its words are in a file."""
    log = folder / "server.log"
    inherited: Mapping[str, str] = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with log.open("wb") as words:
        child = subprocess.Popen(command, cwd=folder, env={**inherited, **environ}, stdout=words, stderr=words)
    try:
        _wait_for(child, port, log)
        yield
    finally:
        child.terminate()
        try:
            child.wait(timeout=20)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _wait_for(child: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if child.poll() is not None:
            pytest.fail(f"the server ended before it listened: {log.read_text(errors='replace')[-2000:]}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.2)
    pytest.fail(f"the server did not listen within {_START_S} s: {log.read_text(errors='replace')[-2000:]}")


if __name__ == "__main__":
    for server in SERVERS:
        server.make(Path(sys.argv[1]))
