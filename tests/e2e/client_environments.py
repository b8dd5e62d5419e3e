"""Realtime clients that others wrote, each in an environment of its own: they pin what evalkit must not depend on.

    python tests/e2e/client_environments.py FOLDER        # makes the environments: half a gigabyte, a minute

Tests find them through $EVALKIT_TEST_CLIENTS, which names that folder, and are skipped, and say so, where one is not
there. The `openai` package is a dependency of evalkit, so that its client needs no other environment.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

FOLDER_VARIABLE = "EVALKIT_TEST_CLIENTS"


@dataclass(frozen=True)
class ForeignClient:
    """A client: the script in `foreign_clients/` that calls with it, and what must be installed."""

    script: str
    requirements: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.script

    @property
    def command(self) -> list[str]:
        """What starts it; skips the test where its environment does not exist."""
        script = str(Path(__file__).parent / "foreign_clients" / f"{self.script}.py")
        if not self.requirements:
            return [sys.executable, script]
        folder = os.environ.get(FOLDER_VARIABLE)
        if not folder:
            pytest.skip(f"{self.script} needs ${FOLDER_VARIABLE}; tests/e2e/client_environments.py makes it")
        python = self.environment(Path(folder)) / "bin" / "python"
        if not python.exists():
            pytest.skip(f"{python} does not exist; tests/e2e/client_environments.py makes it")
        return [str(python), script]

    def environment(self, folder: Path) -> Path:
        """Return where its environment is among those in `folder`."""
        return folder / self.script.replace("_", "-")


CLIENTS = (
    ForeignClient("openai_sdk"),
    ForeignClient("openai_agents", ("openai-agents==0.24.0", "websockets>=15,<18")),
    ForeignClient("pipecat_ai", ("pipecat-ai[openai]==1.14.0",)),
    ForeignClient("livekit_agents", ("livekit-agents==1.8.9", "livekit-plugins-openai==1.8.9")),
)


def make_environments(folder: Path) -> None:
    """Install every client, one after the other; raises CalledProcessError where one cannot be had."""
    for client in CLIENTS:
        if client.requirements:
            place = client.environment(folder)
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True)
            subprocess.run([str(place / "bin" / "pip"), "install", "-q", *client.requirements], check=True)


if __name__ == "__main__":
    make_environments(Path(sys.argv[1]))
