"""What every foreign client is given, whatever environment it lives in: two clips, an open line, a way to tell.

A client is a script: ``python CLIENT.py URL QUESTION OBJECTION``, the clips being raw PCM16 at 24 kHz. It puts the
question, answers the tool, says the objection as soon as the agent tells the outcome, and ends when the objection has
been answered. What the client's own library told it goes to stdout, one JSON object in a line: ``tool``,
``interrupted``, ``answer``, ``error``. Standard library only.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path

RATE_HZ = 24_000
CHUNK_BYTES = RATE_HZ * 2 * 20 // 1000
INSTRUCTIONS = (
    "You work for a furniture shop on the phone. Use check_stock when a caller asks whether we have something."
)
TOOL_NAME = "check_stock"
TOOL_DESCRIPTION = "Say whether the shop has a product in stock."
ANSWER = (
    "There are twelve of them in stock, in the warehouse on the other side of the river, and they can be sent today."
)
DEADLINE_S = 120


def tell(kind: str, value: object = None) -> None:
    """Say that something happened."""
    sys.stdout.write(json.dumps({kind: value}) + "\n")
    sys.stdout.flush()


class OpenLine:
    """An uplink that never stops: what is to be said, else silence, 20 ms at a time."""

    def __init__(self) -> None:
        self.url = sys.argv[1]
        self.question = Path(sys.argv[2]).read_bytes()
        self.objection = Path(sys.argv[3]).read_bytes()
        self._chunks: deque[bytes] = deque()

    def say(self, pcm: bytes) -> None:
        """Say a clip from now on."""
        self._chunks.extend(pcm[at : at + CHUNK_BYTES] for at in range(0, len(pcm), CHUNK_BYTES))

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield 20 ms every 20 ms, for as long as a client may take."""
        begun = due = time.monotonic()
        while due - begun < DEADLINE_S:
            yield (self._chunks.popleft() if self._chunks else b"").ljust(CHUNK_BYTES, b"\0")
            due += 0.02
            await asyncio.sleep(due - time.monotonic())
        tell("error", f"not done within {DEADLINE_S} s")
