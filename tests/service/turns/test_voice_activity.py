"""One detector for all sessions."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest

from evalkit.service.turns.silero import VoiceStream
from evalkit.service.turns.voice_activity import VoiceActivity


@dataclass
class Counting:
    """A network that answers with the first sample, and remembers who was asked together and where."""

    batches: list[int] = field(default_factory=list)
    threads: set[str] = field(default_factory=set)
    fails: bool = False

    def judge(self, asked: list[tuple[VoiceStream, np.ndarray]]) -> list[np.ndarray]:
        """Return the first sample of each."""
        if self.fails:
            raise RuntimeError("no network")
        self.batches.append(len(asked))
        self.threads.add(threading.current_thread().name)
        return [pcm[:1].astype(np.float32) for _stream, pcm in asked]


@pytest.fixture
def network() -> Counting:
    return Counting()


@pytest.fixture
def voices(network: Counting) -> Iterator[VoiceActivity]:
    voices = VoiceActivity(network, gather_s=0.005)
    yield voices
    voices.close()


async def ask(voices: VoiceActivity, number: int) -> float:
    found = await voices.judge(VoiceStream(8000), np.full(256, number, dtype=np.int16))
    return float(found[0])


async def test_sessions_are_judged_together(voices, network):
    """Who asks at the same time is judged in one go, in another thread, and gets their own answer."""
    assert await asyncio.gather(*(ask(voices, n) for n in range(20))) == list(range(20))
    assert await ask(voices, 7) == 7
    assert network.batches == [20, 1]
    assert threading.current_thread().name not in network.threads


async def test_who_leaves_takes_nobody_along(voices):
    """A session that ends while it waits leaves the others their answers."""
    leaving = asyncio.create_task(ask(voices, 1))
    staying = asyncio.create_task(ask(voices, 2))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == 2
    assert leaving.cancelled()


async def test_a_failure_is_told_to_everyone(voices, network):
    """Everyone who waits is told that judging failed, and the next are judged again."""
    network.fails = True
    told = await asyncio.gather(ask(voices, 1), ask(voices, 2), return_exceptions=True)
    assert [str(error) for error in told] == ["no network"] * 2
    network.fails = False
    assert await ask(voices, 3) == 3
