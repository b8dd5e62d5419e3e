"""Telephone bots with frameworks of others, each in an environment of its own.

    python tests/e2e/bot_environments.py FOLDER        # makes the environments: 1.2 gigabytes, some minutes

Tests find them through $EVALKIT_TEST_BOTS, which names that folder, and are skipped, and say so, where one is not
there.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from foreign_environment import ForeignEnvironment

FOLDER_VARIABLE = "EVALKIT_TEST_BOTS"


@dataclass(frozen=True)
class ForeignBot:
    """A bot: the script in `telephone_bots/` that answers with it, and what must be installed."""

    script: str
    requirements: tuple[str, ...]

    def __str__(self) -> str:
        return self.script

    @property
    def environment(self) -> ForeignEnvironment:
        """Where it is installed."""
        name = self.script.replace("_", "-")
        return ForeignEnvironment(name, (self.requirements,), FOLDER_VARIABLE, "tests/e2e/bot_environments.py")

    @contextlib.contextmanager
    def answering(self, *arguments: str, log: Path) -> Iterator[str]:
        """Yield the address at which it is ready for calls; its words go to `log`.

        Skips the test where its environment does not exist.
        """
        script = Path(__file__).parent / "telephone_bots" / f"{self.script}.py"
        with log.open("w") as words:
            bot = subprocess.Popen(
                [str(self.environment.python()), str(script), *arguments],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=words, text=True, env={"PYTHONUNBUFFERED": "1"},
            )  # fmt: skip
        assert bot.stdin is not None
        assert bot.stdout is not None
        with bot:
            try:
                address = bot.stdout.readline().strip()
                assert address, f"the bot did not start: {log.read_text()[-2000:]}"
                yield address
            finally:
                bot.stdin.close()
                bot.wait(20)


PIPECAT_BOT = ForeignBot("pipecat_bot", ("pipecat-ai[silero,websocket,openai,runner,mcp]==1.14.0",))
OPENAI_AGENTS_BOT = ForeignBot("openai_agents_bot", ("openai-agents==0.24.0", "websockets>=15,<18"))
LIVEKIT_AGENTS_BOT = ForeignBot(
    "livekit_agents_bot",
    ("livekit-agents[mcp]==1.8.9", "livekit-plugins-openai==1.8.9", "websockets>=15,<18"),
)
BOTS = (PIPECAT_BOT, OPENAI_AGENTS_BOT, LIVEKIT_AGENTS_BOT)


if __name__ == "__main__":
    for bot in BOTS:
        bot.environment.make(Path(sys.argv[1]))
