"""Realtime clients that others wrote, each in an environment of its own.

    python tests/e2e/client_environments.py FOLDER        # makes the environments: a gigabyte, some minutes

Tests find them through $EVALKIT_TEST_CLIENTS, which names that folder, and are skipped, and say so, where one is not
there. The `openai` package is a dependency of the tests, so that its client needs no other environment.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from foreign_environment import ForeignEnvironment

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
        python = str(self.environment.python()) if self.requirements else sys.executable
        return [python, str(Path(__file__).parent / "foreign_clients" / f"{self.script}.py")]

    @property
    def environment(self) -> ForeignEnvironment:
        """Where it is installed."""
        name = self.script.replace("_", "-")
        return ForeignEnvironment(name, (self.requirements,), FOLDER_VARIABLE, "tests/e2e/client_environments.py")


CLIENTS = (
    ForeignClient("openai_sdk"),
    ForeignClient("openai_agents", ("openai-agents==0.24.0", "websockets>=15,<18")),
    ForeignClient("pipecat_ai", ("pipecat-ai[openai]==1.14.0",)),
    ForeignClient("livekit_agents", ("livekit-agents==1.8.9", "livekit-plugins-openai==1.8.9")),
)

GOOGLE_GENAI = ForeignClient("google_genai", ("google-genai==3.6.1",))


if __name__ == "__main__":
    for client in (*CLIENTS, GOOGLE_GENAI):
        if client.requirements:
            client.environment.make(Path(sys.argv[1]))
