"""Engines behind workers and caches."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from evalkit.service.audio_engines import AudioEngines, Memo


@pytest.fixture
async def new_memo() -> AsyncIterator[Callable[..., Memo[str]]]:
    with ThreadPoolExecutor(1) as workers:
        yield lambda max_cost=10: Memo(workers, max_cost, len)


async def test_computed_once(new_memo):
    """A result is computed once, however often and however simultaneously it is asked for."""
    memo, go = new_memo(), threading.Event()

    def compute() -> str:
        go.wait(5)
        return "abc"

    asked = [asyncio.create_task(memo.get("k", compute)) for _ in range(5)]
    await asyncio.sleep(0)
    go.set()
    assert await asyncio.gather(*asked) == ["abc"] * 5
    assert await memo.get("k", compute) == "abc"
    assert (memo.counter.computed, memo.counter.cached) == (1, 5)


async def test_the_oldest_is_forgotten(new_memo):
    """The sum of costs stays within the bound; what was used last stays."""
    memo = new_memo(max_cost=9)
    for key in ("a", "b", "c", "a", "d"):
        await memo.get(key, lambda: "xxx")
    assert memo.counter.computed == 4
    await memo.get("a", lambda: "xxx")
    assert memo.counter.computed == 4
    await memo.get("b", lambda: "xxx")
    assert memo.counter.computed == 5


async def test_a_failure_is_not_kept(new_memo):
    """What failed is tried again."""
    memo = new_memo()

    def fail() -> str:
        raise ValueError("no")

    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            await memo.get("k", fail)
    assert await memo.get("k", lambda: "ok") == "ok"
    assert memo.counter.computed == 1


async def test_who_leaves_does_not_take_the_result_along(new_memo):
    """A caller that is cancelled leaves the computation to the others."""
    memo, go = new_memo(), threading.Event()

    def compute() -> str:
        go.wait(5)
        return "abc"

    leaver = asyncio.create_task(memo.get("k", compute))
    stayer = asyncio.create_task(memo.get("k", compute))
    await asyncio.sleep(0)
    leaver.cancel()
    go.set()
    assert await stayer == "abc"


async def test_audio_is_told_apart_by_content(fake_speech, fake_transcription):
    """Recognition is cached by the samples and their rate."""
    speech = AudioEngines(fake_speech, fake_transcription)
    loud, soft = np.full(100, 9000, dtype=np.int16), np.full(100, 9, dtype=np.int16)
    for pcm, rate_hz in ((loud, 8000), (loud.copy(), 8000), (soft, 8000), (loud, 16000)):
        await speech.hear(pcm, rate_hz)
    assert speech.counters["recognitions_computed"] == 3
    assert speech.counters["recognitions_cached"] == 1
    speech.close()


async def test_speech_is_told_apart_by_words_speaker_and_speed(fake_speech, fake_transcription):
    """Synthesis is cached by text, speaker and speed."""
    speech = AudioEngines(fake_speech, fake_transcription)
    for asked in (
        ("a", "marin", 1.0),
        ("a", "marin", 1.0),
        ("b", "marin", 1.0),
        ("a", "cedar", 1.0),
        ("a", "marin", 1.1),
    ):
        await speech.say(*asked)
    assert speech.counters["syntheses_computed"] == 4
    speech.close()


async def test_an_engine_is_loaded_when_it_is_first_used(fake_speech, fake_transcription):
    """What nobody asks for is never loaded, what was loaded is loaded once."""
    loads: list[str] = []
    object.__setattr__(fake_speech, "warm", lambda: loads.append("speech"))
    engines = AudioEngines(fake_speech, fake_transcription)
    assert engines.loaded == []
    await asyncio.gather(engines.say("a", "marin", 1.0), engines.say("b", "marin", 1.0))
    assert (engines.loaded, loads) == (["speech"], ["speech"])
    await engines.warm(["speech", "transcription"])
    assert (engines.loaded, loads) == (["speech", "transcription"], ["speech"])
    engines.close()


async def test_an_engine_that_would_not_load_is_tried_again(fake_speech, fake_transcription):
    """A failure is told to whoever asked, and is not the last word."""
    failures = [ValueError("no weights")]

    def load() -> None:
        if failures:
            raise failures.pop()

    object.__setattr__(fake_transcription, "warm", load)
    engines = AudioEngines(fake_speech, fake_transcription)
    with pytest.raises(ValueError, match="no weights"):
        await engines.warm(["transcription"])
    assert await engines.hear(np.zeros(160, dtype=np.int16), 16000) == "10 milliseconds"
    engines.close()
